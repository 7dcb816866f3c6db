"""A trader: what it wants in each slot, known to itself alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from setm.agents.types import Band, Bidder, QuantityForecast
from setm.slots import Slot
from setm.tags import Source
from setm.types import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a trader negotiates (see ``setm.agents.negotiator.Negotiator``)."""

    beta: float = 1.0
    time_weight: float = 1.0
    memory: int = 1
    opening_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """What an authority certified about a trader: its device, its grid zone, and where its energy comes from."""

    device_class: int = 0
    zone: int = 1
    source: Source = Source.GRID


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One agent's private view: its side, band, strategy, forecasts and source of chance.

    ``sides`` names the slots in which it stands on the other side, as somebody with a solar plant does in the sun. A
    slot's forecast is of what it trades on the side on which it stands.
    """

    name: str
    side: Side
    band: Band
    strategy: Strategy
    forecasts: Mapping[Slot, QuantityForecast]
    seed: int
    bidder: Bidder = "forecast"
    sides: Mapping[Slot, Side] = field(default_factory=dict)
    certified: Certified = Certified()

    def side_in(self, slot: Slot) -> Side:
        """Return the side on which it stands in a slot."""
        return self.sides.get(slot, self.side)

    def rng(self, purpose: str) -> np.random.Generator:
        """Return the trader's own source of chance for one purpose; equal seeds repeat equal draws."""
        entropy = [self.seed, *self.name.encode(), *purpose.encode()]
        return np.random.default_rng(entropy)
