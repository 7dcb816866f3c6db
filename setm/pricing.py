"""The reference of pricing rules: from quantities at ticks to a clearing, and from a clearing to each order's fill.

Pure integers. The rules here go over cumulated supply and demand, the contracts walk tick by tick; property tests
demand that both agree to the unit. Energy is Wh, prices are 0.001 EUR/MWh.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from setm.errors import OrderRefused
from setm.types import Clearing, Grid, Side
from setm.units import Price, Wh

LADDER_TICKS = 256
LADDER_WORDS = 32
TICKS_PER_WORD = 8
TICK_BITS = 30
MAX_TICK_WH = Wh((1 << TICK_BITS) - 1)


def uniform_price(grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
    """Return the clearing with the largest volume at one price, halfway between the marginal bid and ask.

    ``bids[t]`` and ``asks[t]`` are the quantities at tick t; both sides have the same number of ticks. Half a unit of
    price is rounded down. All zero if nothing crosses.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> found = uniform_price(grid, bids=[0, 0, 70, 50], asks=[60, 40, 30, 0])
    >>> found.volume_wh, found.bid_price, found.bid_margin_filled_wh, found.ask_margin_filled_wh
    (120, 40200, 70, 20)
    """
    if len(bids) != len(asks):
        raise OrderRefused(
            f"ladders of {len(bids)} and {len(asks)} ticks: expected the same number of both"
        )
    # demand[t]: what is bid at tick t or higher; supply[t]: what is asked at tick t or lower.
    demand = list(accumulate(reversed(bids)))[::-1]
    supply = list(accumulate(asks))
    volume = max(map(min, demand, supply), default=0)
    if volume == 0:
        return Clearing()
    bid_tick = max(tick for tick, held in enumerate(demand) if held >= volume)
    ask_tick = min(tick for tick, held in enumerate(supply) if held >= volume)
    price = Price((grid.price(bid_tick) + grid.price(ask_tick)) // 2)
    return Clearing(
        bid_price=price,
        ask_price=price,
        volume_wh=Wh(volume),
        bid_margin_tick=bid_tick,
        bid_margin_wh=Wh(bids[bid_tick]),
        bid_margin_filled_wh=Wh(volume - (demand[bid_tick] - bids[bid_tick])),
        ask_margin_tick=ask_tick,
        ask_margin_wh=Wh(asks[ask_tick]),
        ask_margin_filled_wh=Wh(volume - (supply[ask_tick] - asks[ask_tick])),
    )


def fill_of(clearing: Clearing, side: Side, tick: int, energy_wh: int, ahead_wh: int) -> Wh:
    """Return how much of an order fills: whole if better than its margin, nothing if worse, else its share.

    ``ahead_wh`` is what came to the same tick before. Shares of the rationed quantity R among T are rounded
    cumulatively, ``floor((ahead + q) R / T) - floor(ahead R / T)``: they sum to R exactly, in any order of arrival.

    >>> clearing = Clearing(volume_wh=Wh(10), bid_margin_tick=5, bid_margin_wh=Wh(3), bid_margin_filled_wh=Wh(2))
    >>> [fill_of(clearing, Side.BID, 5, 1, ahead) for ahead in range(3)]
    [0, 1, 1]
    """
    if clearing.volume_wh == 0:
        return Wh(0)
    if side is Side.BID:
        margin, held, filled = (
            clearing.bid_margin_tick,
            clearing.bid_margin_wh,
            clearing.bid_margin_filled_wh,
        )
        is_better = tick > margin
    else:
        margin, held, filled = (
            clearing.ask_margin_tick,
            clearing.ask_margin_wh,
            clearing.ask_margin_filled_wh,
        )
        is_better = tick < margin
    if tick != margin:
        return Wh(energy_wh if is_better else 0)
    return Wh((ahead_wh + energy_wh) * filled // held - ahead_wh * filled // held)


def pack_ladder(quantities: Sequence[int]) -> list[int]:
    """Return the 32 words of a ladder, as IPricingRule takes them; missing ticks hold nothing.

    >>> pack_ladder([1, 2])[0] == 1 + (2 << 30)
    True
    """
    if len(quantities) > LADDER_TICKS:
        raise OrderRefused(f"{len(quantities)} ticks: expected at most {LADDER_TICKS}")
    words = [0] * LADDER_WORDS
    for tick, energy_wh in enumerate(quantities):
        if not 0 <= energy_wh <= MAX_TICK_WH:
            raise OrderRefused(f"tick {tick} with {energy_wh} Wh: expected 0 to {MAX_TICK_WH}")
        words[tick // TICKS_PER_WORD] |= energy_wh << TICK_BITS * (tick % TICKS_PER_WORD)
    return words


def unpack_ladder(words: Sequence[int]) -> list[Wh]:
    """Return the quantity at each of 256 ticks.

    >>> unpack_ladder(pack_ladder([1, 2]))[:3]
    [1, 2, 0]
    """
    if len(words) != LADDER_WORDS:
        raise OrderRefused(f"{len(words)} words: expected {LADDER_WORDS}")
    return [
        Wh(words[tick // TICKS_PER_WORD] >> TICK_BITS * (tick % TICKS_PER_WORD) & MAX_TICK_WH)
        for tick in range(LADDER_TICKS)
    ]
