"""What neighbours say to each other: quotes, bids and answers, each about one slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from setm.units import Price, Wh


class Phase(Enum):
    """Which way prices move."""

    RAISING = "raising"
    LOWERING = "lowering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a seller tells its neighbours: the next ``energy_wh`` cost ``ask``; what it holds for them costs ``price``.

    ``number`` counts its quotes: only the newest one can be bid on.
    """

    seller: str
    number: int
    price: Price
    ask: Price
    energy_wh: Wh

    @property
    def is_free(self) -> bool:
        """Whether the energy is unsold, so that nobody loses it to the bidder."""
        return self.ask == self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """What a buyer answers: it takes ``energy_wh`` at the ask of quote ``number``."""

    buyer: str
    seller: str
    number: int
    price: Price
    energy_wh: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a seller says to a bid: how much the buyer gets, from whom it is taken, and the quote that holds now."""

    taken_wh: Wh
    released: Mapping[str, Wh]
    quote: Quote
