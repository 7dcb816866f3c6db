"""ParticipantRegistry.completeRecovery"""

import brownie
import pytest


@pytest.fixture
def started(registry, recovery, new_key, people):
    """When the recovery of alice to the new key can be completed."""
    receipt = registry.startRecovery(people.alice, new_key, {"from": recovery})
    return receipt.events["RecoveryStarted"]["completableAt"]


def test_refuses_when_none_was_started(registry, new_key, people):
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_refuses_an_unknown_participant(registry, new_key):
    with brownie.reverts("UnknownParticipant: 3"):
        registry.completeRecovery(3, {"from": new_key})


def test_refuses_before_the_delay_has_passed(registry, started, new_key, people):
    with brownie.reverts(revert_pattern=rf"TooEarly: {started}, \d+"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_refuses_anybody_but_the_new_key(
    registry, started, new_key, recovery, people, wait_until, low
):
    wait_until(started)
    with brownie.reverts(f"NotAllowed: {low(recovery)}, {low(new_key)}"):
        registry.completeRecovery(people.alice, {"from": recovery})


def test_refuses_a_key_that_was_taken_meanwhile(
    registry, started, join, credential, new_key, mallory, people, wait_until, low
):
    join(credential(new_key), new_key, sender=mallory)
    wait_until(started)
    with brownie.reverts(f"KeyTaken: {low(new_key)}, 3"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_refuses_after_a_revocation(registry, started, authority, new_key, people, wait_until):
    registry.revoke(people.alice, {"from": authority})
    wait_until(started)
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_hands_the_participant_over_at_once(
    registry, started, alice, new_key, people, wait_until, low
):
    wait_until(started)
    registry.completeRecovery(people.alice, {"from": new_key})
    assert registry.ownerOf(new_key) == people.alice
    assert registry.participant(people.alice)[0] == new_key
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        registry.ownerOf(alice)
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_ends_sessions_and_a_pending_change_of_key(
    registry, started, rotate, open_session, alice, bob, new_key, agent, actors, people, wait_until
):
    thief = actors.others[5]
    wait_until(started)
    open_session(alice)
    pending = rotate(people.alice, alice, thief).events["KeyRotated"]["activeFrom"]
    registry.completeRecovery(people.alice, {"from": new_key})
    assert not registry.isSecured(agent)
    wait_until(pending)
    assert not registry.isSecured(thief)
    assert registry.ownerOf(new_key) == people.alice
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.closeSession(agent, {"from": new_key})


def test_a_suspension_stays(registry, started, authority, new_key, people, wait_until):
    registry.suspend(people.alice, {"from": authority})
    wait_until(started)
    registry.completeRecovery(people.alice, {"from": new_key})
    assert registry.ownerOf(new_key) == people.alice
    assert not registry.isSecured(new_key)


def test_tells_the_new_account(registry, started, new_key, people, wait_until):
    wait_until(started)
    completed = registry.completeRecovery(people.alice, {"from": new_key})
    assert completed.events["KeyRotated"] == {
        "participantId": people.alice,
        "account": new_key,
        "activeFrom": completed.timestamp,
    }
