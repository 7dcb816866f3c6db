"""MeterRegistry.proveEquivocation"""

import brownie
import pytest


@pytest.fixture
def pair(signed, bound):
    """Return two readings of alice's meter for one slot."""
    return lambda slot: (signed(bound.alice, slot, 1), signed(bound.alice, slot, 2))


def test_refuses_the_same_reading_twice(meters, signed, bound, over, mallory):
    reading = signed(bound.alice, over)
    with brownie.reverts("NoEquivocation: "):
        meters.proveEquivocation(reading, reading, {"from": mallory})


def test_refuses_readings_of_two_slots_or_two_meters(meters, signed, bound, over, mallory):
    first = signed(bound.alice, over, 1)
    for second in (signed(bound.alice, over + 1, 2), signed(bound.bob, over, 2)):
        with brownie.reverts("NoEquivocation: "):
            meters.proveEquivocation(first, second, {"from": mallory})


def test_refuses_a_forged_half(meters, signed, bound, over, devices, mallory):
    true = signed(bound.alice, over, 1)
    for forged in (
        signed(bound.alice, over, 2, key=devices[1]),
        (signed(bound.alice, over, 2)[0], bytes(32), bytes(32)),
    ):
        for halves in ((true, forged), (forged, true)):
            with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
                meters.proveEquivocation(*halves, {"from": mallory})


def test_refuses_an_unknown_meter(meters, signed, over, devices, mallory):
    halves = [signed(3, over, value, key=devices[0]) for value in (1, 2)]
    with brownie.reverts("UnknownMeter: 3"):
        meters.proveEquivocation(*halves, {"from": mallory})


def test_refuses_a_proof_a_second_time(meters, pair, over, mallory):
    meters.proveEquivocation(*pair(over), {"from": mallory})
    with brownie.reverts("NoEquivocation: "):
        meters.proveEquivocation(*reversed(pair(over)), {"from": mallory})


def test_ends_the_meter_and_keeps_the_first_reading_with_a_mark(
    meters, pair, bound, posted, mallory, ids
):
    sent = meters.proveEquivocation(*pair(posted), {"from": mallory})
    expected = {"meter": bound.alice, "slot": posted, "prover": mallory}
    assert sent.events["EquivocationProved"] == expected
    assert sent.events["MeterRetired"]["fromSlot"] == sent.timestamp // 900 + 1
    assert meters.readingOf(ids.alice, posted) == (1, 300, 20, True, False, True, 5_000)


def test_takes_no_further_reading_of_that_key(
    meters, signed, pair, bound, over, mallory, windows, wait_until
):
    meters.proveEquivocation(*pair(over), {"from": mallory})
    wait_until((over + 2) * windows.slot_seconds)
    for slot in (over, over + 1):
        with brownie.reverts(f"ForgedReading: {bound.alice}, {slot}"):
            meters.postReading(signed(bound.alice, slot), {"from": mallory})
        with brownie.reverts(f"ForgedReading: {bound.alice}, {slot}"):
            word = signed(bound.alice, slot)[0]
            meters.postReading((word, bytes(32), bytes(32)), {"from": mallory})


def test_marks_a_slot_without_a_reading(meters, pair, over, mallory, ids):
    meters.proveEquivocation(*pair(over), {"from": mallory})
    assert meters.readingOf(ids.alice, over) == (0, 0, 0, False, False, True, 5_000)


def test_marks_no_final_reading_and_no_slot_to_come_but_ends_the_meter(
    meters, pair, bound, posted, mallory, ids, windows, wait_until
):
    """A slot a turn of the ring ahead has the same place; the reading there must stay."""
    wait_until(brownie.chain[-1].timestamp + windows.dispute_window)
    before = meters.readingOf(ids.alice, posted)
    meters.proveEquivocation(*pair(posted + 1024), {"from": mallory})
    with brownie.reverts("NoEquivocation: "):
        meters.proveEquivocation(*pair(posted), {"from": mallory})
    assert meters.readingOf(ids.alice, posted) == before == (1, 300, 20, True, True, False, 5_000)


def test_proves_a_second_slot_of_a_meter_that_has_ended(
    meters, pair, over, mallory, ids, windows, wait_until
):
    meters.proveEquivocation(*pair(over), {"from": mallory})
    wait_until((over + 2) * windows.slot_seconds)
    sent = meters.proveEquivocation(*pair(over + 1), {"from": mallory})
    assert "MeterRetired" not in sent.events
    assert meters.readingOf(ids.alice, over + 1)[5]
