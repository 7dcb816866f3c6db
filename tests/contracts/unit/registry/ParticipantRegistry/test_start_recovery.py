"""ParticipantRegistry.startRecovery"""

import brownie

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_an_unknown_participant(registry, recovery, new_key):
    for unknown in (0, 3):
        with brownie.reverts(f"UnknownParticipant: {unknown}"):
            registry.startRecovery(unknown, new_key, {"from": recovery})


def test_refuses_anybody_but_the_recovery_address(
    registry, alice, bob, new_key, people, recovery, mallory, low
):
    for caller in (mallory, alice):
        with brownie.reverts(f"NotAllowed: {low(caller)}, {low(recovery)}"):
            registry.startRecovery(people.alice, new_key, {"from": caller})
    with brownie.reverts(f"NotAllowed: {low(bob)}, {ZERO_ADDRESS}"):
        registry.startRecovery(people.bob, new_key, {"from": bob})


def test_refuses_a_revoked_participant(registry, authority, recovery, alice, new_key, people, low):
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        registry.startRecovery(people.alice, new_key, {"from": recovery})


def test_refuses_nobody_and_a_key_that_is_taken(registry, recovery, bob, people, low):
    with brownie.reverts("ZeroField: account"):
        registry.startRecovery(people.alice, ZERO_ADDRESS, {"from": recovery})
    with brownie.reverts(f"KeyTaken: {low(bob)}, {people.bob}"):
        registry.startRecovery(people.alice, bob, {"from": recovery})


def test_changes_no_key_yet(registry, recovery, alice, new_key, people):
    registry.startRecovery(people.alice, new_key, {"from": recovery})
    assert registry.ownerOf(alice) == people.alice
    assert not registry.isSecured(new_key)


def test_tells_the_account_and_from_when(registry, config, recovery, new_key, people):
    started = registry.startRecovery(people.alice, new_key, {"from": recovery})
    assert started.events["RecoveryStarted"] == {
        "participantId": people.alice,
        "account": new_key,
        "completableAt": started.timestamp + config["recovery_delay"],
    }
