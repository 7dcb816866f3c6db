"""The headline experiment: one random bid each against negotiation.

A consumer and the generator each draw one uniform price inside their band; they trade if the bid is not below the ask,
at the price halfway between. The same two bands are then negotiated: the consumer's ceiling and the generator's floor
are their reservation prices. Every unit traded is worth ceiling minus floor to both together, whatever its price.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setm.agents.negotiator import Negotiator, negotiate
from setm.agents.types import Band
from setm.agents.zero_intelligence import draw_prices
from setm.errors import ConfigError
from setm.types import Side
from setm.units import PRICE_PER_EUR_PER_MWH, Price, Wh

MAX_NEGOTIATIONS = 1000
_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """An agent of the experiment: a name for the table and its band."""

    name: str
    band: Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One consumer against the generator.

    Rates are shares of encounters that end in a trade, with 95 % Wilson intervals. Welfare is EUR/MWh per unit that
    could be traded, gained by both sides together; the gain is the consumer's part of it.
    """

    agent: str
    closed_form: float
    one_shot_rate: float
    one_shot_low: float
    one_shot_high: float
    negotiated_rate: float
    negotiated_low: float
    negotiated_high: float
    one_shot_welfare_eur_per_mwh: float
    negotiated_welfare_eur_per_mwh: float
    one_shot_gain_eur_per_mwh: float
    negotiated_gain_eur_per_mwh: float


def crossing_probability(consumer: Band, generator: Band) -> float:
    """Return the probability that a uniform bid is not below a uniform ask.

    With the bid uniform on [lo, hi] and the ask on [glo, ghi], P = E[(bid - glo)+ - (bid - ghi)+] / (ghi - glo), and
    the integral of (x - a)+ is (x - a)+^2 / 2, so ::

        P = [(hi - glo)+^2 - (lo - glo)+^2 - (hi - ghi)+^2 + (lo - ghi)+^2] / (2 (hi - lo) (ghi - glo))

    For lo <= glo <= hi <= ghi and a generator of 40 to 52 EUR/MWh this is (hi - 40)^2 / (24 (hi - lo)). A band of one
    price is the limit of narrow ones, and two equal single prices do trade.

    >>> generator = Band(min_bid=Price(40_000), max_bid=Price(52_000))
    >>> crossing_probability(Band(min_bid=Price(34_000), max_bid=Price(46_000)), generator)
    0.125
    """
    lo, hi = consumer.min_bid, consumer.max_bid
    glo, ghi = generator.min_bid, generator.max_bid
    if lo == hi and glo == ghi:
        return float(hi >= glo)
    if lo == hi:
        return _clip((hi - glo) / (ghi - glo))
    if glo == ghi:
        return _clip((hi - glo) / (hi - lo))
    area = _square(hi - glo) - _square(lo - glo) - _square(hi - ghi) + _square(lo - ghi)
    return area / (2 * (hi - lo) * (ghi - glo))


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

    >>> [round(edge, 4) for edge in wilson_interval(125, 1000)]
    [0.1059, 0.1469]
    """
    share = successes / trials
    scale = 1 + _Z95**2 / trials
    centre = (share + _Z95**2 / (2 * trials)) / scale
    half = _Z95 * math.sqrt(share * (1 - share) / trials + _Z95**2 / (4 * trials**2)) / scale
    return _clip(centre - half), _clip(centre + half)


def run(consumers: Sequence[Trader], generator: Trader, draws: int, seed: int) -> list[Row]:
    """Return one row for each consumer, in order; the same seed gives the same rows.

    ``draws`` is the number of one-shot encounters; negotiated are as many, at most ``MAX_NEGOTIATIONS``.
    """
    if draws < 1:
        raise ConfigError(f"draws {draws}: expected at least 1")
    seeds = np.random.SeedSequence(seed).spawn(len(consumers))
    return [
        _row(consumer, generator, draws, np.random.default_rng(one))
        for consumer, one in zip(consumers, seeds, strict=True)
    ]


def _row(consumer: Trader, generator: Trader, draws: int, rng: np.random.Generator) -> Row:
    ceiling, floor = consumer.band.max_bid, generator.band.min_bid
    bids = draw_prices(consumer.band, draws, rng)
    asks = draw_prices(generator.band, draws, rng)
    trades = bids >= asks
    prices = (bids[trades] + asks[trades]) / 2
    traded = int(trades.sum())
    negotiations = min(draws, MAX_NEGOTIATIONS)
    agreed = _negotiated_prices(consumer.band, generator.band, negotiations, rng)
    one_shot = wilson_interval(traded, draws)
    negotiated = wilson_interval(len(agreed), negotiations)
    worth = (ceiling - floor) / PRICE_PER_EUR_PER_MWH
    return Row(
        agent=consumer.name,
        closed_form=crossing_probability(consumer.band, generator.band),
        one_shot_rate=traded / draws,
        one_shot_low=one_shot[0],
        one_shot_high=one_shot[1],
        negotiated_rate=len(agreed) / negotiations,
        negotiated_low=negotiated[0],
        negotiated_high=negotiated[1],
        one_shot_welfare_eur_per_mwh=worth * traded / draws,
        negotiated_welfare_eur_per_mwh=worth * len(agreed) / negotiations,
        one_shot_gain_eur_per_mwh=float((ceiling - prices).sum()) / draws / PRICE_PER_EUR_PER_MWH,
        negotiated_gain_eur_per_mwh=sum(ceiling - price for price in agreed)
        / negotiations
        / PRICE_PER_EUR_PER_MWH,
    )


def _negotiated_prices(
    consumer: Band, generator: Band, count: int, rng: np.random.Generator
) -> list[Price]:
    prices = []
    for _ in range(count):
        buyer = _drawn_policy(Side.BID, consumer, consumer.max_bid, rng)
        seller = _drawn_policy(Side.ASK, generator, generator.min_bid, rng)
        dialogue = negotiate(buyer, seller, buyer_opens=bool(rng.integers(2)))
        if dialogue.agreed is not None:
            prices.append(dialogue.agreed.price)
    return prices


def _drawn_policy(
    side: Side, band: Band, reservation_price: Price, rng: np.random.Generator
) -> Negotiator:
    """Return a negotiator with a drawn temper: from Boulware to Conceder, more or less imitating."""
    return Negotiator(
        side=side,
        band=band,
        reservation_price=reservation_price,
        energy_wh=Wh(1),
        opening_share=float(rng.uniform(0, 0.2)),
        beta=float(np.exp(rng.uniform(-1.5, 1.5))),
        time_weight=float(rng.uniform(0.3, 1)),
    )


def _square(length: int) -> int:
    return length * length if length > 0 else 0


def _clip(probability: float) -> float:
    return min(1.0, max(0.0, probability))
