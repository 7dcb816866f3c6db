"""The whole day, played once for each module that asks for it."""

import pytest

from tests.contracts.integration.day import play


@pytest.fixture(scope="module")
def day(system, config, ids):
    return play(system, config, ids)
