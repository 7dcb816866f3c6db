"""Random books of orders: each follows from its number and the market alone, so that a failing one can be named."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

from setm.pricing import MAX_TICK_WH
from setm.types import Side

PEOPLE = 256
# How an order comes in: with exactly its cover, with more, with too little, never opened, cancelled, or committed again
# after a cancelled first try.
SEALED_KINDS = ("exact", "more", "less", "unopened", "cancelled", "changed")
KIND_WEIGHTS = (
    (1, 0, 0, 0, 0, 0),
    (50, 20, 10, 10, 5, 5),
    (30, 10, 5, 50, 0, 5),
    (0, 1, 1, 1, 1, 1),
    (0, 0, 1, 1, 0, 0),
)
# (share of the books, least orders, most orders)
SIZES = ((20, 0, 4), (35, 5, 16), (28, 17, 64), (11, 65, 255), (6, PEOPLE, PEOPLE))
VOID_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Entry:
    """One person's order."""

    person: int
    side: int
    tick: int
    energy_wh: int
    kind: str = "exact"


@dataclass(frozen=True, slots=True)
class Book:
    """Orders as they are committed; ``chance`` decides in what order, batches and by whom the rest is done."""

    entries: tuple[Entry, ...]
    chance: int
    is_cleared: bool = True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> Book:
        entries = tuple(Entry(**entry) for entry in found["entries"])
        return Book(entries, found["chance"], found["is_cleared"])


def random_book(
    market_name: str, number: int, *, tick_count: int, max_order_wh: int, is_sealed: bool
) -> Book:
    """Return book ``number`` of a market; the shapes below take turns, so that each comes often."""
    dice = random.Random(f"{market_name} {number}")
    (_, least, most) = dice.choices(SIZES, [share for share, _, _ in SIZES])[0]
    people = dice.sample(range(PEOPLE), dice.randint(least, most))
    balance = dice.choices([0.5, 0.2, 0.8, 0.0, 1.0], [60, 15, 15, 5, 5])[0]
    ticks, energies = _ticks(dice, tick_count), _energies(dice, max_order_wh)
    kinds = (
        list(dice.choices(KIND_WEIGHTS, [30, 50, 10, 5, 5])[0]) if is_sealed else KIND_WEIGHTS[0]
    )
    if least == PEOPLE:
        # Everybody stands in a full book.
        kinds = [
            0 if kind == "cancelled" else w for kind, w in zip(SEALED_KINDS, kinds, strict=True)
        ]
    entries = []
    for person in people:
        side = Side.BID if dice.random() < balance else Side.ASK
        (kind,) = dice.choices(SEALED_KINDS, kinds)
        entries.append(Entry(person, int(side), ticks(side), energies(), kind))
    return Book(tuple(entries), dice.getrandbits(64), dice.random() >= VOID_SHARE)


def _ticks(dice: random.Random, count: int) -> Any:
    """Return a function from side to tick."""
    top, middle = count - 1, dice.randrange(count)
    style = dice.choice(
        ["anywhere", "anywhere", "narrow", "one tick", "edges", "apart", "crossed", "words"]
    )

    def near(center: int, spread: int) -> int:
        return min(max(center + dice.randint(-spread, spread), 0), top)

    def tick(side: Side) -> int:
        is_bid = side is Side.BID
        if style == "narrow":
            return near(middle, 2)
        if style == "one tick":
            return middle
        if style == "edges":
            return dice.choice([0, 0, top, top, middle])
        if style == "apart":
            # No bid reaches an ask, unless both stand at the very middle.
            return dice.randint(0, middle) if is_bid else dice.randint(middle, top)
        if style == "crossed":
            return dice.randint(middle, top) if is_bid else dice.randint(0, middle)
        if style == "words":
            # First and last tick of a word of the ladder.
            return min(8 * dice.randrange(32) + dice.choice([0, 7]), top)
        return dice.randrange(count)

    return tick


def _energies(dice: random.Random, most: int) -> Any:
    """Return a function to an energy, Wh."""
    most = min(most, MAX_TICK_WH)
    style = dice.choice(["tiny", "usual", "usual", "large", "extreme", "equal", "mixed"])
    same = dice.randint(1, most)

    def energy() -> int:
        chosen = dice.choice(["tiny", "usual", "extreme"]) if style == "mixed" else style
        if chosen == "tiny":
            return dice.randint(1, 5)
        if chosen == "usual":
            return dice.randint(1, min(5_000, most))
        if chosen == "large":
            # A few of these fill a tick.
            return dice.randint(1, most // 4 or 1)
        if chosen == "equal":
            return same
        return dice.choice([1, most - 1 or 1, most])

    return energy
