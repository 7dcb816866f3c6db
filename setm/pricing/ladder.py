"""Ladders of quantities at ticks, and what a clearing means for one order: how much fills, and at which price."""

from __future__ import annotations

from collections.abc import Sequence

from setm.errors import OrderRefused
from setm.types import Clearing, Grid, Side
from setm.units import Price, Wh

LADDER_TICKS = 256
LADDER_WORDS = 32
TICKS_PER_WORD = 8
TICK_BITS = 30
MAX_TICK_WH = Wh((1 << TICK_BITS) - 1)


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


def price_of(clearing: Clearing, grid: Grid, side: Side, tick: int) -> Price:
    """Return what a filled order pays or gets: its side's price, or its own where the rule says so.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> price_of(Clearing(bid_price=Price(41_000), at_own_price=True), grid, Side.BID, 20)
    42000
    """
    if clearing.at_own_price:
        return grid.price(tick)
    return clearing.bid_price if side is Side.BID else clearing.ask_price


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
