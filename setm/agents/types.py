"""What agents are told: a price band and a forecast of one slot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from setm.errors import ConfigError
from setm.types import Grid
from setm.units import Price, Wh

Bidder = Literal["forecast", "zero intelligence"]
"""How an order's quantity is found: least expected cost under the forecast's interval, or simply its mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """An agent's own lowest and highest price, 0.001 EUR/MWh, both inside the band."""

    min_bid: Price
    max_bid: Price

    def __post_init__(self) -> None:
        if not 0 <= self.min_bid <= self.max_bid:
            raise ConfigError(
                f"band {self.min_bid}..{self.max_bid}: expected 0 <= min_bid <= max_bid; swap the two prices"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantityForecast:
    """Energy of one slot, Wh, with a central interval that holds it with probability ``coverage``."""

    mean_wh: float
    lower_wh: float
    upper_wh: float
    coverage: float = 0.8

    def __post_init__(self) -> None:
        values = (self.lower_wh, self.mean_wh, self.upper_wh)
        if not all(map(math.isfinite, values)) or not 0 <= values[0] <= values[1] <= values[2]:
            raise ConfigError(
                f"forecast {values} Wh: expected 0 <= lower_wh <= mean_wh <= upper_wh; clip it first"
            )
        if not 0 < self.coverage < 1:
            raise ConfigError(f"coverage {self.coverage}: expected between 0 and 1, such as 0.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An order to enter; ``energy_wh`` 0 means none."""

    tick: int
    energy_wh: Wh


def ticks_inside(band: Band, grid: Grid, tick_count: int) -> range:
    """Return the ticks of the venue whose prices lie inside the band; never empty.

    >>> ticks_inside(Band(min_bid=Price(30_050), max_bid=Price(30_300)),
    ...              Grid(floor_price=Price(30_000), tick_size=Price(100)), 256)
    range(1, 4)
    """
    first = max(0, -(-(band.min_bid - grid.floor_price) // grid.tick_size))
    last = min(tick_count - 1, (band.max_bid - grid.floor_price) // grid.tick_size)
    if first > last:
        raise ConfigError(
            f"band {band.min_bid}..{band.max_bid}: expected a tick of the venue inside it "
            f"({grid.floor_price}, every {grid.tick_size}, {tick_count} ticks); widen the band"
        )
    return range(first, last + 1)
