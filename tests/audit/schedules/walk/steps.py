"""What stands in the steps of the walk beside plain values: schedules, who signed them, batches of a book.

Everything is plain data with names for keys, so that a list of steps that a failing run prints can be done again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Key = tuple[int, int, str]
"""A book: span, zone, collector."""


class By(NamedTuple):
    """A signature by ``signer`` over its own schedule, with some of what it says changed, in one of ``signing.FORMS``.

    ``changed`` may name span, who, collector, words, chain and contract.
    """

    signer: str
    form: str = "good"
    changed: tuple[tuple[str, Any], ...] = ()


class Line(NamedTuple):
    """One participant's schedule in a book; one that was forced in may stand instead of one that was signed."""

    source: int
    who: int
    words: tuple[int, ...]
    sig: By | None = None
    instead: Line | None = None


class Digest(NamedTuple):
    """What a collector commits to."""

    lines: tuple[Line, ...]


class Batch(NamedTuple):
    """A part of a book; ``odd_bytes`` is how many bytes too many its entries have."""

    margins: tuple[int, ...]
    sums: tuple[int, ...]
    lines: tuple[Line, ...]
    is_last: bool
    odd_bytes: int = 0


class Day(NamedTuple):
    """A day's reading, signed by ``signer``: the words of import, then those of export."""

    meter: int
    day: int
    values: tuple[int, ...]
    signer: str


class Member(NamedTuple):
    """One of a group: what it binds and its fills' words; one that is passed over shows its leaf."""

    who: int
    payment: int
    cover: int
    revenue: int
    fills: tuple[int, ...]
    is_hidden: bool = False
