"""ParticipantRegistry.suspend and reinstate"""

import brownie
import pytest

NEVER = 2**40 - 1


@pytest.mark.parametrize("verdict", ["suspend", "reinstate"])
def test_refuses_an_unknown_participant(registry, authority, verdict):
    with brownie.reverts("UnknownParticipant: 0"):
        getattr(registry, verdict)(0, {"from": authority})


@pytest.mark.parametrize("verdict", ["suspend", "reinstate"])
def test_refuses_anybody_but_governance_and_the_issuing_authority(
    registry, alice, mallory, authority, people, verdict, low
):
    for caller in (alice, mallory):
        with brownie.reverts(f"NotAllowed: {low(caller)}, {low(authority)}"):
            getattr(registry, verdict)(people.alice, {"from": caller})


@pytest.mark.parametrize("verdict", ["suspend", "reinstate"])
def test_refuses_an_authority_whose_accreditation_ended(
    registry, config, governance, authority, people, wait_until, verdict, low
):
    receipt = registry.removeAuthority(authority, {"from": governance})
    wait_until(receipt.timestamp + config["governance_delay"])
    with brownie.reverts(f"NotAccredited: {low(authority)}"):
        getattr(registry, verdict)(people.alice, {"from": authority})


def test_refuses_to_reinstate_who_is_not_suspended(registry, governance, people):
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.reinstate(people.alice, {"from": governance})


def test_suspends_from_the_next_slot_on_but_leaves_the_money_to_its_owner(
    registry, governance, open_session, alice, agent, venue, people, wait_until, low
):
    open_session(alice)
    suspended = registry.suspend(people.alice, {"from": governance})
    assert registry.authorize.transact(alice, 1, {"from": venue}).return_value == people.alice
    wait_until(suspended.events["ParticipantSuspended"]["from"])
    for key in (alice, agent):
        with brownie.reverts(f"NotSecured: {low(key)}"):
            registry.authorize.transact(key, 1, {"from": venue})
    assert not registry.isActive(people.alice)
    assert registry.ownerOf(alice) == people.alice
    assert registry.payoutAddress(people.alice) == alice


def test_a_pending_key_is_suspended_too(
    registry, governance, rotate, alice, new_key, people, wait_until
):
    pending = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    registry.suspend(people.alice, {"from": governance})
    wait_until(pending)
    assert registry.ownerOf(new_key) == people.alice
    assert not registry.isSecured(new_key)


def test_a_second_suspension_does_not_postpone_the_first(
    registry, governance, authority, people, wait_until
):
    first = registry.suspend(people.alice, {"from": governance}).events["ParticipantSuspended"]
    wait_until(first["from"])
    second = registry.suspend(people.alice, {"from": authority}).events["ParticipantSuspended"]
    assert second["from"] == first["from"] == registry.participant(people.alice)[7]


def test_reinstates_at_once(registry, governance, authority, alice, venue, people, wait_until):
    wait_until(registry.suspend(people.alice, {"from": governance}).events[0]["from"])
    registry.reinstate(people.alice, {"from": authority})
    assert registry.authorize.transact(alice, 1, {"from": venue}).return_value == people.alice
    assert registry.participant(people.alice)[7] == NEVER


def test_tells_from_when_and_when_no_longer(registry, governance, people, next_slot):
    suspended = registry.suspend(people.alice, {"from": governance})
    expected = {"participantId": people.alice, "from": next_slot(suspended.timestamp)}
    assert suspended.events["ParticipantSuspended"] == expected
    lifted = registry.reinstate(people.alice, {"from": governance})
    assert lifted.events["ParticipantReinstated"] == {"participantId": people.alice}
