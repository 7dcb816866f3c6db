"""AnnouncementLib and RatioLib: every field keeps to its place, every price and share equals the reference"""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.evm import Evm
from setm.pricing import SupplyDemand
from setm.tariff import State, share
from setm.types import Side


def up_to(top):
    return st.one_of(st.integers(0, top), st.integers(0, 3), st.integers(max(0, top - 3), top))


SIDES = st.sampled_from(list(Side))
EPOCHS, AMOUNTS = up_to(2**16 - 1), up_to(2**48 - 1)
ENERGIES, SUMS = up_to(2**32 - 1), up_to(2**64 - 1)
PRICES = up_to(2**32 - 1)
lib = cache(lambda: Evm().deploy("TariffWords"))


def ratio_price(supply, demand, feed_in, retail):
    return SupplyDemand(feed_in_price=feed_in, retail_price=retail).price(supply, demand)


def fields(word):
    return tuple(lib().fieldsOf(word))


quick = settings(max_examples=300, deadline=None)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@given(side=SIDES, epoch=EPOCHS, bound=AMOUNTS, energy_wh=ENERGIES)
@quick
def test_keeps_the_fields_of_an_announcement(side, epoch, bound, energy_wh):
    word = lib().announced(side, epoch, bound, energy_wh)
    assert fields(word) == (State.ANNOUNCED, side, epoch, bound, energy_wh, 0, 0)


@given(
    side=SIDES,
    epoch=EPOCHS,
    bounds=st.tuples(AMOUNTS, AMOUNTS, AMOUNTS),
    energies=st.tuples(ENERGIES, ENERGIES),
    ahead=SUMS,
    state=st.sampled_from(list(State)),
)
@quick
def test_keeps_the_fields_of_a_taking_and_of_what_follows(
    side, epoch, bounds, energies, ahead, state
):
    announced, taken = energies
    word = lib().taking(lib().announced(side, epoch, bounds[0], announced), bounds[1], taken, ahead)
    tail = (announced, taken, ahead)
    assert fields(word) == (State.TAKEN, side, epoch, bounds[1], *tail)
    later = lib().advanced(word, state, bounds[2])
    assert fields(later) == (state, side, epoch, bounds[2], *tail)


@given(energies=st.tuples(SUMS, SUMS, SUMS, SUMS))
@quick
def test_keeps_the_sums_of_a_slot_apart(energies):
    assert tuple(lib().summed(energies)) == energies


@given(supply=SUMS, demand=SUMS, prices=st.tuples(PRICES, PRICES))
@quick
def test_prices_as_the_reference_does_up_to_the_ends_of_every_field(supply, demand, prices):
    feed_in, retail = sorted(prices)
    price = lib().priceOf(supply, demand, feed_in, retail)
    assert price == ratio_price(supply, demand, feed_in, retail)
    assert feed_in <= price <= retail


@given(supply=SUMS, demand=SUMS, more=SUMS, prices=st.tuples(PRICES, PRICES))
@quick
def test_more_supply_never_makes_it_dearer_and_more_demand_never_cheaper(
    supply, demand, more, prices
):
    feed_in, retail = sorted(prices)
    price = ratio_price(supply, demand, feed_in, retail)
    assert ratio_price(supply + more, demand, feed_in, retail) <= price
    assert ratio_price(supply, demand + more, feed_in, retail) >= price


@given(taken=ENERGIES, ahead=up_to(2**63), behind=up_to(2**63), other=SUMS)
@quick
def test_shares_as_the_reference_does_up_to_the_ends_of_every_field(taken, ahead, behind, other):
    side = min(ahead + taken + behind, 2**64 - 1)
    ahead = min(ahead, side - taken)
    expected = share(taken, ahead, side, min(side, other))
    assert lib().filledBid(taken, ahead, side, other) == expected
    assert expected <= taken
