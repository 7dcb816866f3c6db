"""The agent that contracts the quantity of least expected cost under its forecast.

Contracting too much is sold to the grid operator at the feed-in price, too little is bought at retail. For a buyer at
price ``p`` with uncertain consumption D the expected cost ``p q + retail E[(D - q)+] - feed_in E[(q - D)+]`` is least
where ``P(D <= q) = (retail - p) / (retail - feed_in)``; for a seller with uncertain generation where
``P(G <= q) = (p - feed_in) / (retail - feed_in)``.
Sources: Arrow, Harris & Marschak 1951, Optimal Inventory Policy, Econometrica 19(3), 250-272 (the newsvendor's critical
ratio); Pinson, Chevallier & Kariniotakis 2007, Trading Wind Generation From Short-Term Probabilistic Forecasts of Wind
Power, IEEE Transactions on Power Systems 22(3), 1148-1156 (the same with two imbalance prices).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from setm.agents.types import Band, Decision, QuantityForecast
from setm.agents.zero_intelligence import ZeroIntelligence, draw_tick
from setm.errors import ConfigError
from setm.types import Grid, GridTariff, Side
from setm.units import Price, Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastBidder:
    """Which side, inside which band, against which grid tariff, in which venue's ticks."""

    side: Side
    band: Band
    grid: Grid
    tick_count: int
    tariff: GridTariff

    def __post_init__(self) -> None:
        if self.tariff.retail_price <= self.tariff.feed_in_price:
            raise ConfigError(
                f"tariff {self.tariff.retail_price}/{self.tariff.feed_in_price}: expected the retail price above the "
                "feed-in price; without a spread there is no best quantity"
            )


def decide(
    policy: ForecastBidder, forecast: QuantityForecast, rng: np.random.Generator
) -> Decision:
    """Return an order: a uniform price inside the band and the best quantity at that price."""
    pricing = ZeroIntelligence(band=policy.band, grid=policy.grid, tick_count=policy.tick_count)
    tick = draw_tick(pricing, rng)
    price = policy.grid.price(tick)
    energy_wh = best_quantity(policy.side, price, policy.tariff, forecast)
    return Decision(tick=tick, energy_wh=energy_wh)


def critical_ratio(side: Side, price: Price, tariff: GridTariff) -> float:
    """Return the probability that the best contract covers; outside 0..1 if the grid's own price is better.

    >>> critical_ratio(Side.BID, Price(35_000), GridTariff(retail_price=Price(55_000), feed_in_price=Price(30_000)))
    0.8
    """
    spread = tariff.retail_price - tariff.feed_in_price
    gain = tariff.retail_price - price if side is Side.BID else price - tariff.feed_in_price
    return gain / spread


def best_quantity(side: Side, price: Price, tariff: GridTariff, forecast: QuantityForecast) -> Wh:
    """Return the quantity of least expected cost, Wh: nothing where the grid is better, else inside the interval.

    >>> best_quantity(Side.BID, Price(42_500), GridTariff(retail_price=Price(55_000), feed_in_price=Price(30_000)),
    ...               QuantityForecast(mean_wh=500.0, lower_wh=400.0, upper_wh=650.0))
    500
    """
    ratio = critical_ratio(side, price, tariff)
    if ratio <= 0:
        return Wh(0)
    if ratio >= 1:
        return Wh(round(forecast.upper_wh))
    return Wh(round(quantile(forecast, ratio)))


def quantile(forecast: QuantityForecast, probability: float) -> float:
    """Return the quantity that is not exceeded with ``probability``, Wh, at most the interval's ends.

    The mean is taken for the median, with half a normal distribution on each side, as wide as the interval says: beyond
    the interval the forecast knows nothing.
    """
    standard = NormalDist()
    edge = standard.inv_cdf(0.5 + forecast.coverage / 2)
    share = standard.inv_cdf(probability) / edge
    width = (
        forecast.upper_wh - forecast.mean_wh if share > 0 else forecast.mean_wh - forecast.lower_wh
    )
    return forecast.mean_wh + max(-1.0, min(1.0, share)) * width
