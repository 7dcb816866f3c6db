"""MeterRegistry.dispute"""

import brownie
import pytest


def test_refuses_a_stranger(meters, bound, posted, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        meters.dispute(bound.alice, posted, {"from": mallory})


def test_refuses_another_participant(meters, bound, posted, bob, low):
    with brownie.reverts(f"NotEntitled: {low(bob)}"):
        meters.dispute(bound.alice, posted, {"from": bob})


def test_refuses_an_unknown_meter(meters, posted, operator):
    with brownie.reverts("UnknownMeter: 3"):
        meters.dispute(3, posted, {"from": operator})


def test_refuses_a_slot_without_a_reading(meters, bound, over, alice):
    with brownie.reverts(f"ReadingStateMismatch: {bound.alice}, {over}, 0"):
        meters.dispute(bound.alice, over, {"from": alice})


def test_refuses_a_second_dispute(meters, bound, disputed, operator):
    with brownie.reverts(f"ReadingStateMismatch: {bound.alice}, {disputed}, 2"):
        meters.dispute(bound.alice, disputed, {"from": operator})


def test_refuses_a_late_dispute(meters, bound, posted, alice, windows, wait_until):
    closed_at = brownie.chain[-1].timestamp + windows.dispute_window
    wait_until(closed_at)
    with brownie.reverts(revert_pattern=rf"WindowClosed: {closed_at}, \d+"):
        meters.dispute(bound.alice, posted, {"from": alice})


@pytest.mark.parametrize("who", ["alice", "operator"])
def test_lets_the_participant_and_the_operator_dispute(meters, bound, posted, actors, ids, who):
    sent = meters.dispute(bound.alice, posted, {"from": getattr(actors, who)})
    expected = {"meter": bound.alice, "slot": posted, "byParticipantId": getattr(ids, who)}
    assert sent.events["ReadingDisputed"] == expected
    assert meters.readingOf(ids.alice, posted) == (2, 300, 20, True, False, False, 5_000)


def test_keeps_a_disputed_reading_that_nobody_resolves(meters, disputed, ids, windows, wait_until):
    wait_until(brownie.chain[-1].timestamp + windows.resolve_window)
    assert meters.readingOf(ids.alice, disputed) == (2, 300, 20, True, True, False, 5_000)
