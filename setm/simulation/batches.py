"""Batches: what is too much for one transaction is sent in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in order, at most ``size`` at a time.

    >>> list(batched([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for first in range(0, len(items), size):
        yield items[first : first + size]
