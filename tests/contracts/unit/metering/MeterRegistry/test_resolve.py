"""MeterRegistry.resolve"""

import brownie
import pytest


@pytest.mark.parametrize("who", ["alice", "operator", "governance", "mallory"])
def test_refuses_everybody_but_the_authority(meters, bound, disputed, actors, who, low):
    caller = getattr(actors, who)
    with brownie.reverts(f"NotEntitled: {low(caller)}"):
        meters.resolve(bound.alice, disputed, 1, 2, {"from": caller})


def test_refuses_an_authority_whose_accreditation_ended(
    meters, registry, bound, disputed, governance, authority, wait_until, low
):
    registry.removeAuthority(authority, {"from": governance})
    wait_until(brownie.chain.time() + registry.GOVERNANCE_DELAY())
    with brownie.reverts(f"NotEntitled: {low(authority)}"):
        meters.resolve(bound.alice, disputed, 1, 2, {"from": authority})


def test_refuses_an_unknown_meter(meters, disputed, authority):
    with brownie.reverts("UnknownMeter: 3"):
        meters.resolve(3, disputed, 1, 2, {"from": authority})


def test_refuses_what_nobody_disputes(meters, bound, posted, authority):
    with brownie.reverts(f"ReadingStateMismatch: {bound.alice}, {posted}, 1"):
        meters.resolve(bound.alice, posted, 1, 2, {"from": authority})


def test_refuses_to_resolve_twice(meters, bound, disputed, authority):
    meters.resolve(bound.alice, disputed, 1, 2, {"from": authority})
    with brownie.reverts(f"ReadingStateMismatch: {bound.alice}, {disputed}, 3"):
        meters.resolve(bound.alice, disputed, 3, 4, {"from": authority})


def test_refuses_a_late_end(meters, bound, disputed, authority, windows, wait_until):
    closed_at = brownie.chain[-1].timestamp + windows.resolve_window
    wait_until(closed_at)
    with brownie.reverts(revert_pattern=rf"WindowClosed: {closed_at}, \d+"):
        meters.resolve(bound.alice, disputed, 1, 2, {"from": authority})


@pytest.mark.parametrize("values", [(5_001, 0), (0, 5_001)])
def test_refuses_more_than_the_meter_can_measure(meters, bound, disputed, authority, values):
    with brownie.reverts(f"CapacityExceeded: {bound.alice}, 5001, 5000"):
        meters.resolve(bound.alice, disputed, *values, {"from": authority})


def test_ends_a_dispute_with_new_values_that_are_final_at_once(
    meters, bound, disputed, authority, ids
):
    sent = meters.resolve(bound.alice, disputed, 1, 2, {"from": authority})
    expected = {"meter": bound.alice, "slot": disputed, "importWh": 1, "exportWh": 2}
    assert sent.events["ReadingResolved"] == expected
    assert meters.readingOf(ids.alice, disputed) == (3, 1, 2, True, True, False, 5_000)
