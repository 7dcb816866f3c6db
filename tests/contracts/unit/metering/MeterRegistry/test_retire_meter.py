"""MeterRegistry.retireMeter"""

import brownie
import pytest


def test_refuses_an_unknown_meter(meters, alice):
    for meter in (0, 3):
        with brownie.reverts(f"UnknownMeter: {meter}"):
            meters.retireMeter(meter, {"from": alice})


def test_refuses_a_stranger(meters, bound, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        meters.retireMeter(bound.alice, {"from": mallory})


def test_refuses_somebody_else(meters, bound, bob, low):
    with brownie.reverts(f"NotEntitled: {low(bob)}"):
        meters.retireMeter(bound.alice, {"from": bob})


def test_refuses_an_authority_whose_accreditation_ended(
    meters, registry, bound, governance, authority, wait_until, low
):
    registry.removeAuthority(authority, {"from": governance})
    wait_until(brownie.chain.time() + registry.GOVERNANCE_DELAY())
    with brownie.reverts(f"NotSecured: {low(authority)}"):
        meters.retireMeter(bound.alice, {"from": authority})


@pytest.mark.parametrize("who", ["alice", "authority"])
def test_ends_a_meter_from_the_next_slot_on(meters, bound, actors, who):
    sent = meters.retireMeter(bound.alice, {"from": getattr(actors, who)})
    expected = {"meter": bound.alice, "fromSlot": sent.timestamp // 900 + 1}
    assert sent.events["MeterRetired"] == expected


def test_says_nothing_if_it_has_ended_already(meters, bound, alice, windows, wait_until):
    meters.retireMeter(bound.alice, {"from": alice})
    wait_until(brownie.chain.time() + windows.slot_seconds)
    sent = meters.retireMeter(bound.alice, {"from": alice})
    assert "MeterRetired" not in sent.events
