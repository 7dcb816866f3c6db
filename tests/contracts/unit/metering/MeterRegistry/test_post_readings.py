"""MeterRegistry.postReadings"""

import brownie
import pytest


def test_refuses_the_whole_batch_if_one_is_forged(meters, signed, bound, over, devices, ids):
    batch = [signed(bound.alice, over), signed(bound.bob, over, key=devices[0])]
    with brownie.reverts(f"ForgedReading: {bound.bob}, {over}"):
        meters.postReadings(batch, {"from": devices[3]})
    assert not meters.readingOf(ids.alice, over)[3]


@pytest.mark.parametrize("place", [0, 1])
def test_refuses_the_whole_batch_if_one_is_early(
    meters, signed, bound, over, windows, mallory, place
):
    batch = [signed(bound.alice, over)]
    batch.insert(place, signed(bound.bob, over + 1))
    expected = rf"OutsideReadingWindow: {over + 1}, {(over + 2) * windows.slot_seconds}, \d+, \d+"
    with brownie.reverts(revert_pattern=expected):
        meters.postReadings(batch, {"from": mallory})


def test_passes_over_what_stands_already_and_takes_the_rest(
    meters, signed, bound, posted, mallory, ids
):
    other, late = signed(bound.alice, posted, 1), signed(bound.bob, posted, 2)
    sent = meters.postReadings([other, late, late], {"from": mallory})
    passed = [(one["meter"], one["slot"]) for one in sent.events["ReadingPassedOver"]]
    assert passed == [(bound.alice, posted), (bound.bob, posted)]
    assert sent.events["ReadingsPosted"]["readings"] == (late[0],)
    assert meters.readingOf(ids.alice, posted)[1] == 300
    assert meters.readingOf(ids.bob, posted)[1] == 2


def test_passes_over_a_meter_that_lost_its_key_while_the_batch_was_under_way(
    meters, signed, bound, over, mallory, ids
):
    """Else whoever holds a meter could spoil a batch of all others by a fraud of its own."""
    batch = [signed(bound.alice, over, 1), signed(bound.bob, over, 2)]
    meters.proveEquivocation(
        signed(bound.alice, over, 3), signed(bound.alice, over, 4), {"from": mallory}
    )
    sent = meters.postReadings(batch, {"from": mallory})
    assert dict(sent.events["ReadingPassedOver"]) == {"meter": bound.alice, "slot": over}
    assert not meters.readingOf(ids.alice, over)[3]
    assert meters.readingOf(ids.bob, over)[1] == 2
    with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
        meters.postReading(batch[0], {"from": mallory})


def test_takes_several_slots_at_once_and_tells_them_in_one_event(
    meters, signed, bound, over, windows, wait_until, mallory
):
    wait_until((over + 2) * windows.slot_seconds)
    batch = [signed(meter, slot) for slot in (over, over + 1) for meter in (1, 2)]
    sent = meters.postReadings(batch, {"from": mallory})
    assert len(sent.events) == 1
    assert sent.events["ReadingsPosted"]["readings"] == tuple(word for word, _, _ in batch)


def test_says_nothing_if_nothing_is_new(meters, signed, bound, posted, mallory):
    assert len(meters.postReadings([], {"from": mallory}).events) == 0
    again = meters.postReadings([signed(bound.alice, posted)], {"from": mallory})
    assert "ReadingsPosted" not in again.events
