"""What all mechanisms trade alike: traders, slots, prices of the grid, and what may be ordered or offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from setm.slots import Slot
from setm.trading.traders import Trader
from setm.types import Grid, GridTariff
from setm.units import Money, Price, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What holds for every slot of an auction; times in seconds, money 1e-6 EUR."""

    grid: Grid
    tick_count: int
    tariff: GridTariff
    cover_price: Price
    bond: Money
    max_order_wh: Wh
    gate_lead: int
    reveal_window: int
    slot_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for every negotiation of the day; times in seconds."""

    tariff: GridTariff
    cover_price: Price
    tick_size: Price
    max_rounds: int
    offer_seconds: int
    gate_lead: int
    slot_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadTerms:
    """What holds for the day-ahead auction of signed schedules; times in seconds, ``k`` per mille.

    ``is_posted`` is False where the collector commits and is gone when it should post; ``ignored`` are the traders,
    by name, whose schedules it does not take.
    """

    gate_lead: int = 7_200
    force_window: int = 1_800
    post_window: int = 1_800
    lease_seconds: int = 300
    k: int = 500
    is_posted: bool = True
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day to be traded, the same for each mechanism; traders stand in the order in which they enrol."""

    seed: int
    slots: Sequence[Slot]
    slot_seconds: int
    traders: Sequence[Trader]
    market: Market
    rules: Rules
    day_ahead: DayAheadTerms = field(default_factory=DayAheadTerms)

    def rng(self) -> np.random.Generator:
        """Return the source of chance that belongs to nobody, such as who speaks with whom first."""
        return np.random.default_rng([self.seed, len(self.slots)])
