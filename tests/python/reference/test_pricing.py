"""The uniform price rule: the largest volume, one price, everybody's limit kept, shares that sum exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.errors import OrderRefused
from setm.pricing import (
    LADDER_TICKS,
    MAX_TICK_WH,
    UniformPrice,
    fill_of,
    pack_ladder,
    unpack_ladder,
)
from setm.types import Clearing, Grid, Side
from setm.units import Price, Wh

GRID = Grid(floor_price=Price(34_000), tick_size=Price(75))
QUANTITY = st.one_of(st.just(0), st.integers(1, 9), st.integers(0, MAX_TICK_WH))
LADDERS = st.integers(1, 12).flatmap(
    lambda ticks: st.tuples(
        st.lists(QUANTITY, min_size=ticks, max_size=ticks),
        st.lists(QUANTITY, min_size=ticks, max_size=ticks),
    )
)


def walked_volume(bids, asks):
    """The largest volume, found the long way: match the best bid with the best ask, Wh by Wh's worth of ticks."""
    bids, asks = list(bids), list(asks)
    bid, ask, volume = len(bids) - 1, 0, 0
    while bid >= ask:
        matched = min(bids[bid], asks[ask])
        volume += matched
        bids[bid] -= matched
        asks[ask] -= matched
        if bids[bid] == 0:
            bid -= 1
        elif asks[ask] == 0:
            ask += 1
    return volume


def test_refuses_ladders_of_different_length():
    with pytest.raises(OrderRefused, match="ladders of 1 and 2 ticks"):
        UniformPrice().clear(GRID, [1], [1, 1])


def test_refuses_to_pack_more_ticks_than_a_ladder_has():
    with pytest.raises(OrderRefused, match="257 ticks"):
        pack_ladder([0] * 257)


@pytest.mark.parametrize("energy_wh", [-1, MAX_TICK_WH + 1])
def test_refuses_to_pack_what_a_tick_cannot_hold(energy_wh):
    with pytest.raises(OrderRefused, match=f"tick 1 with {energy_wh} Wh"):
        pack_ladder([0, energy_wh])


def test_refuses_to_unpack_another_number_of_words():
    with pytest.raises(OrderRefused, match="31 words"):
        unpack_ladder([0] * 31)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [([], []), ([0, 0], [0, 0]), ([5, 5], [0, 0]), ([0, 0], [5, 5]), ([5, 0], [0, 5])],
)
def test_trades_nothing_without_a_crossing(bids, asks):
    assert UniformPrice().clear(GRID, bids, asks) == Clearing()


def test_rounds_half_a_unit_of_price_down():
    found = UniformPrice().clear(GRID, [0, 4], [4, 0])
    assert (found.bid_price, found.ask_price) == (34_037, 34_037)


def test_takes_the_margin_of_the_last_unit_matched():
    found = UniformPrice().clear(GRID, bids=[0, 0, 5, 5], asks=[5, 0, 0, 0])
    assert (found.bid_margin_tick, found.bid_margin_filled_wh) == (3, 5)
    assert (found.ask_margin_tick, found.ask_margin_filled_wh) == (0, 5)


@given(ladders=LADDERS)
def test_finds_the_largest_volume(ladders):
    assert UniformPrice().clear(GRID, *ladders).volume_wh == walked_volume(*ladders)


@given(ladders=LADDERS)
def test_matches_as_much_on_both_sides_and_keeps_every_limit(ladders):
    bids, asks = ladders
    found = UniformPrice().clear(GRID, bids, asks)
    if found.volume_wh == 0:
        return
    bid_tick, ask_tick = found.bid_margin_tick, found.ask_margin_tick
    assert sum(bids[bid_tick + 1 :]) + found.bid_margin_filled_wh == found.volume_wh
    assert sum(asks[:ask_tick]) + found.ask_margin_filled_wh == found.volume_wh
    assert 0 < found.bid_margin_filled_wh <= found.bid_margin_wh == bids[bid_tick]
    assert 0 < found.ask_margin_filled_wh <= found.ask_margin_wh == asks[ask_tick]
    assert GRID.price(ask_tick) <= found.ask_price <= found.bid_price <= GRID.price(bid_tick)


@pytest.mark.parametrize("side", Side)
def test_fills_nothing_without_a_clearing(side):
    assert fill_of(Clearing(), side, 0, 5, 0) == 0


@pytest.mark.parametrize(
    ("side", "tick", "filled"),
    [(Side.BID, 6, 7), (Side.BID, 4, 0), (Side.ASK, 1, 7), (Side.ASK, 3, 0)],
)
def test_fills_whole_what_is_better_than_the_margin_and_nothing_of_what_is_worse(
    side, tick, filled
):
    clearing = Clearing(volume_wh=Wh(50), bid_margin_tick=5, ask_margin_tick=2)
    assert fill_of(clearing, side, tick, 7, 0) == filled


@pytest.mark.parametrize("side", Side)
@given(
    quantities=st.lists(st.integers(1, MAX_TICK_WH // 40), min_size=1, max_size=40), data=st.data()
)
@settings(max_examples=50)
def test_shares_at_the_margin_sum_exactly_and_miss_by_less_than_one(side, quantities, data):
    held = sum(quantities)
    rationed = data.draw(st.integers(1, held))
    margin = {
        "bid_margin_tick": 3,
        "bid_margin_wh": Wh(held),
        "bid_margin_filled_wh": Wh(rationed),
        "ask_margin_tick": 3,
        "ask_margin_wh": Wh(held),
        "ask_margin_filled_wh": Wh(rationed),
    }
    clearing = Clearing(volume_wh=Wh(rationed), **margin)
    fills = []
    for place, energy_wh in enumerate(quantities):
        fills.append(fill_of(clearing, side, 3, energy_wh, sum(quantities[:place])))
        assert abs(fills[-1] * held - energy_wh * rationed) < held
        assert 0 <= fills[-1] <= energy_wh
    assert sum(fills) == rationed


@given(st.lists(st.integers(0, MAX_TICK_WH), max_size=LADDER_TICKS))
def test_unpacks_what_it_packed(quantities):
    padded = quantities + [0] * (LADDER_TICKS - len(quantities))
    assert unpack_ladder(pack_ladder(quantities)) == padded
