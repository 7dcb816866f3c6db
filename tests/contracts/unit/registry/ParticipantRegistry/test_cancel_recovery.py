"""ParticipantRegistry.cancelRecovery"""

import brownie


def test_refuses_who_owns_no_participant(registry, recovery, mallory, low):
    for caller in (mallory, recovery):
        with brownie.reverts(f"NotSecured: {low(caller)}"):
            registry.cancelRecovery({"from": caller})


def test_refuses_when_none_was_started(registry, alice, people):
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.cancelRecovery({"from": alice})


def test_stops_the_recovery(registry, config, recovery, alice, new_key, people, wait_until):
    registry.startRecovery(people.alice, new_key, {"from": recovery})
    receipt = registry.cancelRecovery({"from": alice})
    wait_until(receipt.timestamp + config["recovery_delay"])
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.completeRecovery(people.alice, {"from": new_key})


def test_tells_so(registry, recovery, alice, new_key, people):
    registry.startRecovery(people.alice, new_key, {"from": recovery})
    cancelled = registry.cancelRecovery({"from": alice})
    assert cancelled.events["RecoveryCancelled"] == {"participantId": people.alice}
