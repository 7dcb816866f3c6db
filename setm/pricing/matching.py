"""What all pricing rules share: the largest volume that crosses, and the best orders that it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from setm.errors import OrderRefused
from setm.types import Clearing
from setm.units import Wh


def matched(bids: Sequence[int], asks: Sequence[int]) -> Clearing:
    """Return volume and margins of the largest volume that crosses, without prices; all zero if nothing does.

    ``bids[t]`` and ``asks[t]`` are the quantities at tick t, Wh. Raises ``OrderRefused`` unless both sides have the
    same number of ticks.
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
    return Clearing(
        volume_wh=Wh(volume),
        bid_margin_tick=bid_tick,
        bid_margin_wh=Wh(bids[bid_tick]),
        bid_margin_filled_wh=Wh(volume - (demand[bid_tick] - bids[bid_tick])),
        ask_margin_tick=ask_tick,
        ask_margin_wh=Wh(asks[ask_tick]),
        ask_margin_filled_wh=Wh(volume - (supply[ask_tick] - asks[ask_tick])),
    )


def best_losing_bid(found: Clearing, bids: Sequence[int]) -> int:
    """Return the tick of the best bid that does not fill, or not whole; -1 if all fill.

    >>> best_losing_bid(matched([4, 0, 9], [6, 0, 0]), [4, 0, 9])
    2
    """
    if found.bid_margin_filled_wh < found.bid_margin_wh:
        return found.bid_margin_tick
    return max((tick for tick in range(found.bid_margin_tick) if bids[tick]), default=-1)


def best_losing_ask(found: Clearing, asks: Sequence[int]) -> int:
    """Return the tick of the best ask that does not fill, or not whole; the number of ticks if all fill.

    >>> best_losing_ask(matched([0, 0, 6], [6, 0, 5]), [6, 0, 5])
    2
    """
    if found.ask_margin_filled_wh < found.ask_margin_wh:
        return found.ask_margin_tick
    worse = range(found.ask_margin_tick + 1, len(asks))
    return min((tick for tick in worse if asks[tick]), default=len(asks))
