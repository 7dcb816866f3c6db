"""What a refused call says."""

from contextlib import contextmanager
from typing import Any

import pytest

from setm.evm import Reverted


@contextmanager
def refuses(name: str, **arguments: Any):  # type: ignore[no-untyped-def]
    """Demand that the block reverts with this custom error and these values."""
    with pytest.raises(Reverted) as caught:
        yield
    assert (caught.value.name, caught.value.arguments) == (name, arguments)
