"""A promise is printed where something was measured that it speaks of, and nowhere else."""

import pytest

from setm.bench.growth import gas_growth
from setm.bench.headlines import Headline, headlines
from setm.bench.measured import SIGNED_ORDERS
from setm.bench.same_gas import SameGas
from tests.python.bench.examples import measured


def by_name(venues, same=()):
    return {one.name: one for one in headlines(venues, gas_growth(venues), same)}


def test_shares_of_a_day_add_up():
    one = measured(post=400, clear=50, settle=300)
    assert one.placed_per_order == 400
    assert one.cleared_per_order == 50
    assert one.traded_per_order == 450
    assert one.metered_per_order == 100
    assert one.paid_per_order == 300
    assert one.gas_per_order == 850
    assert one.metering_per_slot == 400
    assert one.gas_per_participant_day == 850 * 96
    assert one.transactions == 5
    assert one.largest_gas == 400 * 9600


def test_the_day_ahead_promises_take_the_worst_day_from_a_hundred_participants_on():
    found = by_name([measured(participants=size, post=size) for size in (10, 100, 400)])
    slot_order = found["gas per slot-order, placed and cleared, from 100 × 96 on"]
    assert (slot_order.value, slot_order.bound, slot_order.is_met) == (450, 500, True)
    day = found["gas per participant-day: schedule, readings, payment"]
    assert (day.value, day.is_met) == (850 * 96, True)
    assert found["gas per slot for a reading, settled"].value == 400


def test_a_promise_that_is_broken_says_so():
    found = by_name([measured(post=451)])
    assert not found["gas per slot-order, placed and cleared, from 100 × 96 on"].is_met


def test_nothing_is_said_of_what_was_not_measured():
    assert by_name([]) == {}
    names = by_name([measured(venue="sealed auction", participants=1000, slots=1)])
    assert [name.split(":")[0] for name in names] == ["gas of the largest transaction"]
    assert len(by_name([measured(participants=10)])) == 1


def test_single_signed_orders_have_a_promise_of_their_own():
    found = by_name([measured(venue=SIGNED_ORDERS, slots=1, post=6_000)])
    name = "gas per single-slot signed order, placed and cleared, from N = 100 on"
    assert (found[name].value, found[name].bound) == (6_050, 7_000)


def test_the_difference_to_a_chain_is_counted_a_transaction():
    row = SameGas(
        venue="tariff",
        network="anvil",
        participants=10,
        slots=1,
        stage="post",
        transactions=10,
        gas=1_000,
        chain_gas=1_200,
    )
    found = by_name([], [row])["difference between a chain's gas and ours, a transaction"]
    assert (found.value, found.is_met) == (20, False)


@pytest.mark.parametrize(("value", "is_met"), [(14_999, False), (15_000, True)])
def test_a_floor_is_met_from_its_bound_on(value, is_met):
    assert (
        Headline(name="speed", value=value, bound=15_000, unit="1/s", is_floor=True).is_met
        is is_met
    )
