"""Each call of a reading's life a second before, at and after its edges; each bound belongs to the later phase."""

import pytest

from setm.evm import Reverted
from tests.contracts.common.refusal import refuses
from tests.contracts.invariant.metered import CAPACITY_WH, deploy_metered

METER = 1
EDGES = (-1, 0, 1)
ACCEPTED, DISPUTED, RESOLVED = 1, 2, 3


@pytest.fixture(scope="module")
def deployed():
    return deploy_metered()


@pytest.fixture
def metered(deployed):
    deployed.reset()
    return deployed


@pytest.fixture
def meters(metered):
    return metered.system.meters


@pytest.fixture
def alice(metered):
    return metered.people["alice"]


@pytest.fixture
def slot(metered):
    """A slot that is just over."""
    slot = metered.evm.now // 900 + 1
    metered.evm.now = metered.windows.end_of(slot)
    return slot


def post(metered, slot):
    metered.system.meters.send("postReading", metered.signed(METER, slot, 5, 6))


def refuses_or_not(is_open, name, call):
    if is_open:
        call()
        return
    with pytest.raises(Reverted) as caught:
        call()
    assert caught.value.name == name


@pytest.mark.parametrize("second", EDGES)
def test_opens_for_readings_with_the_end_of_the_slot(metered, slot, second):
    metered.evm.now += second
    is_open = second >= 0
    refuses_or_not(is_open, "OutsideReadingWindow", lambda: post(metered, slot))


@pytest.mark.parametrize("second", EDGES)
def test_closes_for_readings_with_the_reading_window_and_is_final_then(
    metered, meters, alice, slot, second
):
    metered.evm.now += metered.windows.reading_window + second
    assert meters.readingOf(alice.id, slot).isFinal == (second >= 0)
    refuses_or_not(second < 0, "OutsideReadingWindow", lambda: post(metered, slot))


@pytest.mark.parametrize("second", EDGES)
def test_closes_for_disputes_with_the_dispute_window_and_is_final_then(
    metered, meters, alice, slot, second
):
    metered.evm.now += 100
    post(metered, slot)
    metered.evm.now += metered.windows.dispute_window + second
    assert meters.readingOf(alice.id, slot).isFinal == (second >= 0)
    refuses_or_not(
        second < 0, "WindowClosed", lambda: meters.send("dispute", METER, slot, sender=alice)
    )


@pytest.mark.parametrize("second", EDGES)
def test_closes_for_the_authority_with_the_resolve_window_and_is_final_then(
    metered, meters, alice, slot, second
):
    post(metered, slot)
    meters.send("dispute", METER, slot, sender=alice)
    metered.evm.now += metered.windows.resolve_window + second
    assert meters.readingOf(alice.id, slot).isFinal == (second >= 0)
    resolve = ("resolve", METER, slot, 1, 2)
    authority = metered.system.authority
    refuses_or_not(second < 0, "WindowClosed", lambda: meters.send(*resolve, sender=authority))


@pytest.mark.parametrize("second", EDGES)
@pytest.mark.parametrize("has_reading", [True, False])
def test_marks_a_fraud_until_the_reading_is_final(
    metered, meters, alice, slot, second, has_reading
):
    if has_reading:
        post(metered, slot)
    window = metered.windows.dispute_window if has_reading else metered.windows.reading_window
    metered.evm.now += window + second
    pair = [metered.signed(METER, slot, value, 0) for value in (1, 2)]
    meters.send("proveEquivocation", *pair)
    assert meters.readingOf(alice.id, slot).isFraud == (second < 0)


@pytest.mark.parametrize("second", EDGES)
def test_marks_no_fraud_before_the_slot_is_over(metered, meters, alice, slot, second):
    metered.evm.now += second
    pair = [metered.signed(METER, slot, value, 0) for value in (1, 2)]
    meters.send("proveEquivocation", *pair)
    assert meters.readingOf(alice.id, slot).isFraud == (second >= 0)


def test_takes_the_place_of_the_slot_a_turn_of_the_ring_before(metered, meters, alice, slot):
    post(metered, slot)
    metered.evm.now = metered.windows.end_of(slot + 1024)
    assert meters.readingOf(alice.id, slot).isMeasured
    post(metered, slot + 1024)
    assert tuple(meters.readingOf(alice.id, slot)) == (0, 0, 0, False, True, False, CAPACITY_WH)
    assert meters.readingOf(alice.id, slot + 1024).isMeasured


def test_finds_the_meter_of_every_slot_however_many_followed(metered, meters, alice, slot):
    """A meter for each of twenty slots, each read by its own; two that came and went in one slot."""
    meters.send("retireMeter", METER, sender=alice)
    number = 4
    for ahead in range(20):
        for capacity_wh in (900, 100 + ahead):
            number += 1
            metered.bind(alice, number, capacity_wh=capacity_wh)
            metered.evm.now += 1
            if capacity_wh == 900:
                meters.send("retireMeter", number, sender=alice)
        metered.evm.now = metered.windows.end_of(slot + 1 + ahead)
        meters.send("retireMeter", number, sender=alice)
        metered.evm.now += 1
    metered.evm.now += 900
    found = [meters.readingOf(alice.id, slot + 1 + ahead).capacityWh for ahead in range(-1, 21)]
    assert found[1] == CAPACITY_WH
    assert found[2:] == [100 + ahead for ahead in range(20)]
    assert meters.meterOf(alice.id) == number


def test_refuses_a_reading_of_a_participant_without_a_meter(metered, slot):
    with refuses("UnknownMeter", meter=99):
        metered.system.meters.send("postReading", metered.signed(99, slot, 1, 1))
