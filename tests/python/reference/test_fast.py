"""The fast path against the reference: the same clearing and the same fill of every order, on any book."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.errors import OrderRefused
from setm.pricing import (
    LADDER_TICKS,
    McAfee,
    PayAsBid,
    PricingRule,
    SupplyDemand,
    UniformPrice,
    Vickrey,
    fill_of,
)
from setm.pricing.fast import MAX_ORDER_WH, MAX_ORDERS, clear_day, clear_orders, sides_of
from setm.types import Clearing, Grid, Side
from setm.units import Price

GRID = Grid(floor_price=Price(40_000), tick_size=Price(100))
RULES: tuple[PricingRule, ...] = (
    UniformPrice(),
    UniformPrice(k=300),
    Vickrey(reserve_price=Price(40_200)),
    PayAsBid(),
    McAfee(),
    SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(41_000)),
)
Row = tuple[int, int, int]

energies = st.one_of(
    st.integers(0, 5), st.integers(0, 5_000), st.integers(MAX_ORDER_WH - 5, MAX_ORDER_WH)
)


def books(tick_count: int) -> st.SearchStrategy[list[Row]]:
    """Orders as (side, tick, energy): few ticks make ties, many make one order a tick."""
    return st.lists(st.tuples(st.integers(0, 1), st.integers(0, tick_count - 1), energies))


def reference(rule: PricingRule, rows: list[Row], tick_count: int) -> tuple[Clearing, list[int]]:
    """Clear a book by the pure functions alone, order by order."""
    ladders = [[0] * tick_count for _ in Side]
    ahead = []
    for side, tick, energy_wh in rows:
        ahead.append(ladders[side][tick])
        ladders[side][tick] += energy_wh
    clearing = rule.clear(GRID, *ladders)
    fills = [
        int(fill_of(clearing, Side(side), tick, energy_wh, before))
        for (side, tick, energy_wh), before in zip(rows, ahead, strict=True)
    ]
    return clearing, fills


def fast(rule, rows, tick_count, energy_type=np.int64):
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return clear_orders(
        rule,
        GRID,
        side=columns[:, 0].astype(np.uint8),
        tick=columns[:, 1].astype(np.uint8),
        energy_wh=columns[:, 2].astype(energy_type),
        tick_count=tick_count,
    )


def assert_equal(rule: PricingRule, rows: list[Row], tick_count: int) -> None:
    clearing, fills = reference(rule, rows, tick_count)
    outcome = fast(rule, rows, tick_count)
    assert outcome.clearing == clearing
    assert outcome.fills_wh.dtype == np.int64
    assert outcome.fills_wh.tolist() == fills


# One slot


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("tick_count", [1, 2, 7, LADDER_TICKS])
def test_any_book_clears_and_fills_as_the_reference_does(rule, tick_count):
    @settings(max_examples=60, deadline=None)
    @given(books(tick_count))
    def check(rows):
        assert_equal(rule, rows, tick_count)

    check()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(0, 5, 100)],
        [(1, 5, 100)],
        [(0, 5, 100), (0, 6, 100)],
        [(1, 5, 100), (1, 6, 100)],
        [(0, 3, 100), (1, 4, 100)],
        [(0, 5, 0), (1, 5, 0)],
        [(0, 5, 10), (1, 5, 7), (0, 5, 1), (0, 5, 0), (1, 5, 2), (0, 5, 3)],
        [(0, 255, 10), (1, 0, 3)],
        [(side, tick, 10 + tick) for tick in range(256) for side in (0, 1)],
    ],
    ids=[
        "empty",
        "one bid",
        "one ask",
        "bids only",
        "asks only",
        "no crossing",
        "nothing in the orders",
        "all at one tick",
        "at both ends",
        "every tick",
    ],
)
def test_special_books_clear_as_the_reference_does(rows):
    assert_equal(UniformPrice(), rows, LADDER_TICKS)


def test_shares_are_exact_where_products_exceed_64_bits():
    rng = np.random.default_rng(4)
    rows = [(0, 9, int(wh)) for wh in rng.integers(MAX_ORDER_WH // 2, MAX_ORDER_WH, 20_000)]
    rows.append((1, 9, MAX_ORDER_WH))
    rows += [(1, 9, int(wh)) for wh in rng.integers(0, MAX_ORDER_WH, 10_000)]
    clearing, _ = reference(UniformPrice(), rows, LADDER_TICKS)
    assert clearing.bid_margin_wh * clearing.bid_margin_filled_wh >= 1 << 64
    assert_equal(UniformPrice(), rows, LADDER_TICKS)


def test_a_book_of_many_chunks_clears_as_the_reference_does():
    rng = np.random.default_rng(5)
    count = 200_000
    columns = (rng.integers(0, high, count) for high in (2, LADDER_TICKS, 5_000))
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert_equal(UniformPrice(), rows, LADDER_TICKS)


@pytest.mark.parametrize("energy_type", [np.int32, np.uint32, np.int64, np.uint64])
def test_the_type_of_the_energies_does_not_matter(energy_type):
    rows = [(0, 5, 10), (1, 5, 7), (0, 5, 1), (0, 6, 2**31 - 1), (1, 4, 2**31 - 2)]
    outcome = fast(UniformPrice(), rows, LADDER_TICKS, energy_type)
    assert outcome.fills_wh.tolist() == reference(UniformPrice(), rows, LADDER_TICKS)[1]


# A day


@pytest.mark.parametrize("participants", [0, 1, 2, 50, 400])
@pytest.mark.parametrize("ticks", [1, 3, 256])
def test_a_day_clears_as_its_slots_do(participants, ticks):
    rng = np.random.default_rng(participants + ticks)
    shape = (participants, 96)
    side = rng.integers(0, 2, shape, dtype=np.uint8)
    # Slots without an order, with one side only, and small and large ones.
    side[:, 3] = 0
    energy_wh = rng.integers(0, 5_000, shape)
    energy_wh[:, 2] = 0
    energy_wh[:, 5] *= 800_000
    tick = rng.integers(0, ticks, shape, dtype=np.uint8)
    for rule in RULES:
        day = clear_day(rule, GRID, side=side, tick=tick, energy_wh=energy_wh)
        assert day.fills_wh.shape == shape
        for slot, clearing in enumerate(day.clearings):
            columns = {
                "side": side[:, slot],
                "tick": tick[:, slot],
                "energy_wh": energy_wh[:, slot],
            }
            alone = clear_orders(rule, GRID, **columns)
            assert clearing == alone.clearing
            assert day.fills_wh[:, slot].tolist() == alone.fills_wh.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 7), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_a_small_day_clears_as_the_reference_does(participants, slots, ticks, seed):
    rng = np.random.default_rng(seed)
    shape = (participants, slots)
    side, tick = rng.integers(0, 2, shape), rng.integers(0, ticks, shape)
    energy_wh = rng.integers(0, 9, shape)
    day = clear_day(UniformPrice(), GRID, side=side, tick=tick, energy_wh=energy_wh)
    for slot in range(slots):
        columns = (side[:, slot], tick[:, slot], energy_wh[:, slot])
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        clearing, fills = reference(UniformPrice(), rows, LADDER_TICKS)
        assert day.clearings[slot] == clearing
        assert day.fills_wh[:, slot].tolist() == fills


def test_signed_quantities_become_sides():
    side, energy_wh = sides_of(np.array([[5, -3], [0, -(2**31)]], dtype=np.int32))
    assert side.tolist() == [[0, 1], [0, 1]]
    assert energy_wh.tolist() == [[5, 3], [0, 2**31]]


# What is no book


def columns_of(side=0, tick=0, energy_wh=1, count=1):
    return {
        "side": np.full(count, side),
        "tick": np.full(count, tick),
        "energy_wh": np.full(count, energy_wh),
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (columns_of(side=2), "side from 2 to 2: expected 0 to 1"),
        (columns_of(side=-1), "side from -1 to -1: expected 0 to 1"),
        (columns_of(tick=256), "tick from 256 to 256: expected 0 to 255"),
        (columns_of(energy_wh=-1), "energy in Wh from -1 to -1"),
        (columns_of(energy_wh=MAX_ORDER_WH + 1), "expected 0 to 4294967295"),
        (columns_of(energy_wh=1.5), "energy in Wh as float64: expected whole numbers"),
        (columns_of() | {"tick": np.zeros(2, dtype=np.int64)}, "expected one shape"),
        (columns_of(count=MAX_ORDERS + 1), "2097153 orders in a slot: expected at most 2097152"),
    ],
)
def test_refuses_what_is_no_book(columns, said):
    with pytest.raises(OrderRefused, match=said):
        clear_orders(UniformPrice(), GRID, **columns)


def test_refuses_a_band_of_no_or_too_many_ticks():
    for tick_count in (0, LADDER_TICKS + 1):
        with pytest.raises(OrderRefused, match=f"{tick_count} ticks: expected 1 to 256"):
            clear_orders(UniformPrice(), GRID, **columns_of(), tick_count=tick_count)


def test_refuses_a_day_as_orders_and_orders_as_a_day():
    day = {name: values[:, None] for name, values in columns_of().items()}
    with pytest.raises(OrderRefused, match="expected one dimension"):
        clear_orders(UniformPrice(), GRID, **day)
    with pytest.raises(OrderRefused, match=r"expected \(participants, slots\)"):
        clear_day(UniformPrice(), GRID, **columns_of())
