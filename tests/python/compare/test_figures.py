"""The figures of a comparison: their identities and bounds, on random days and on one that can be followed by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm.compare.figures import Figures, figures
from setm.compare.inequality import gini
from setm.compare.measures import measures
from setm.compare.optimum import optimum_of
from setm.compare.workload import Delivered, Participant, Workload
from setm.report.comparison import MEASURES
from setm.slots import Slot
from setm.types import Side, Trade
from setm.units import Money, Price, Wh
from tests.python.compare.books import (
    FIRST_SLOT,
    TARIFF,
    days,
    patient,
    reordered,
    workloads,
)

SPARE = TARIFF.retail_price - TARIFF.feed_in_price


def figures_of(day) -> Figures:
    workload, outcome = day
    return figures(workload, outcome, optimum_of(workload))


@patient
@given(days())
def test_surpluses_and_pool_less_the_imbalance_are_the_welfare(day):
    found = figures_of(day)
    gains = found.buyers_nano + found.sellers_nano + found.pool_nano
    assert gains - found.imbalance_nano == found.welfare_nano


@patient
@given(days())
def test_no_outcome_is_worth_more_than_the_optimum(day):
    found = figures_of(day)
    assert found.welfare_nano <= found.optimum_nano


@patient
@given(days())
def test_the_saving_and_the_pool_are_what_the_grids_two_prices_leave_up_to_rounding(day):
    """Retail for everything consumed less feed-in for everything supplied; a unit of rounding a payment at most."""
    workload, _ = day
    found = figures_of(day)
    unused, missing = found.bought_wh - found.consumed_wh, found.sold_wh - found.supplied_wh
    left = TARIFF.retail_price * (found.consumed_wh - missing)
    left -= TARIFF.feed_in_price * (found.supplied_wh - unused)
    bills = 2 * len(workload.participants) * len(workload.readings)
    assert abs(1000 * (found.saving_micro) + found.pool_nano - left) <= 1000 * bills


@patient
@given(days())
def test_the_order_of_participants_and_slots_does_not_matter(day):
    found, turned = figures_of(day), figures_of(reordered(*day))
    assert measures(found, SPARE) == pytest.approx(measures(turned, SPARE))


@patient
@given(workloads())
def test_without_trade_everything_is_zero_and_prices_are_not_known(workload):
    found = measures(figures(workload, {}, optimum_of(workload)), SPARE)
    unknown = {"buyers_price_eur_per_mwh", "sellers_price_eur_per_mwh", "spread_eur_per_mwh"}
    assert {name for name, value in found.items() if value} == set()
    assert {name for name, value in found.items() if value is None} >= {*unknown, "savings_gini"}


@patient
@given(days())
def test_shares_lie_between_nothing_and_all(day):
    found = measures(figures_of(day), SPARE)
    for name in ("slots_percent", "self_sufficiency_percent", "self_consumption_percent"):
        assert found[name] is None or 0 <= found[name] <= 100


@patient
@given(st.lists(st.integers(-(10**9), 10**9), min_size=2, max_size=8))
def test_inequality_lies_between_none_and_all(amounts):
    """The definition: differences of all pairs, over n - 1 times all sizes."""
    found, size = gini(amounts), sum(map(abs, amounts))
    if size == 0:
        assert found is None
        return
    apart = sum(abs(one - other) for one, other in combinations(amounts, 2))
    assert found == Fraction(apart, (len(amounts) - 1) * size)
    assert 0 <= found <= 1


@patient
@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=8), st.integers(1, 1000))
def test_inequality_knows_neither_order_nor_unit(amounts, factor):
    assert gini(amounts) == gini(amounts[::-1]) == gini([factor * one for one in amounts])


def test_inequality_of_one_who_has_everything_is_one_and_of_equals_none():
    assert gini([0, 0, 0, 7]) == 1
    assert gini([7, 7, 7]) == 0
    assert gini([-5, 5]) == 1


@pytest.mark.parametrize("amounts", [[], [3], [0, 0]])
def test_inequality_needs_two_and_something_to_spread(amounts):
    assert gini(amounts) is None


ALICE = Participant(
    name="alice", sides=frozenset({Side.BID}), floor=Price(34_000), ceiling=Price(46_000)
)
BOB = Participant(
    name="bob", sides=frozenset({Side.ASK}), floor=Price(40_000), ceiling=Price(52_000)
)


def one_slot(used_wh: int, delivered_wh: int) -> Figures:
    """alice buys 1000 Wh from bob at 43 EUR/MWh; then so much flows."""
    slot = Slot(FIRST_SLOT)
    readings = {
        slot: {
            "alice": Delivered(import_wh=Wh(used_wh)),
            "bob": Delivered(export_wh=Wh(delivered_wh)),
        }
    }
    workload = Workload(participants=(ALICE, BOB), tariff=TARIFF, readings=readings)
    outcome = {
        slot: {
            "alice": Trade(bought_wh=Wh(1000), payment=Money(43_000)),
            "bob": Trade(sold_wh=Wh(1000), revenue=Money(43_000)),
        }
    }
    return figures(workload, outcome, optimum_of(workload))


def test_a_trade_that_flows_as_agreed_is_worth_ceiling_less_floor():
    found = one_slot(1000, 1000)
    assert found.welfare_nano == found.optimum_nano == 1000 * (46_000 - 40_000)
    assert (found.buyers_nano, found.sellers_nano) == (3_000_000, 3_000_000)
    assert (found.pool_nano, found.imbalance_nano) == (0, 0)
    assert found.savings_micro == {"alice": 12_500, "bob": 13_000}
    assert found.savings_gini == Fraction(500, 25_500)


def test_what_is_bought_and_not_used_costs_price_less_feed_in():
    found = one_slot(600, 1000)
    assert found.imbalance_nano == 400 * (43_000 - 30_000)
    assert found.buyers_nano == 600 * (46_000 - 43_000)
    assert found.welfare_nano == 600 * 46_000 + 400 * 30_000 - 1000 * 40_000
    assert (found.consumed_wh, found.local_wh) == (600, 600)


def test_what_is_sold_and_not_delivered_costs_retail_less_price():
    found = one_slot(1000, 0)
    assert found.imbalance_nano == 1000 * (55_500 - 43_000)
    assert found.sellers_nano == 0
    assert found.welfare_nano == 1000 * (46_000 - 55_500)
    assert found.optimum_nano == 0
    assert measures(found, SPARE)["welfare_share_percent"] is None


def test_equal_prices_have_no_spread():
    assert one_slot(1000, 1000).price_spread == 0


def test_measures_are_the_columns_of_the_table_in_their_order():
    assert list(measures(one_slot(1, 1), SPARE)) == [column.name for column in MEASURES]
