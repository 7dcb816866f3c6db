"""The agent that knows nothing but its band: a uniform price in it.

Source: Gode & Sunder 1993, Allocative Efficiency of Markets with Zero-Intelligence Traders, Journal of Political
Economy 101(1), 119-137: traders "with constraint" draw uniformly among the prices that cannot lose them money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from setm.agents.types import Band, Decision, QuantityForecast, ticks_inside
from setm.types import Grid
from setm.units import Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroIntelligence:
    """A band and the ticks of the venue in which it bids."""

    band: Band
    grid: Grid
    tick_count: int


def draw_tick(policy: ZeroIntelligence, rng: np.random.Generator) -> int:
    """Return a tick, each tick inside the band equally likely."""
    ticks = ticks_inside(policy.band, policy.grid, policy.tick_count)
    return int(rng.integers(ticks.start, ticks.stop))


def decide(
    policy: ZeroIntelligence, forecast: QuantityForecast, rng: np.random.Generator
) -> Decision:
    """Return an order: a uniform price inside the band and what is expected, whatever the price."""
    return Decision(tick=draw_tick(policy, rng), energy_wh=Wh(round(forecast.mean_wh)))


def draw_prices(band: Band, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return ``count`` prices, 0.001 EUR/MWh, each price inside the band equally likely."""
    return rng.integers(band.min_bid, band.max_bid, size=count, endpoint=True, dtype=np.int64)
