"""ParticipantRegistry.setRecovery"""

import brownie

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_who_owns_no_participant(registry, open_session, alice, agent, mallory, low):
    open_session(alice)
    for caller in (mallory, agent):
        with brownie.reverts(f"NotSecured: {low(caller)}"):
            registry.setRecovery(mallory, {"from": caller})


def test_the_first_one_counts_at_once(registry, bob, carol, people):
    changed = registry.setRecovery(carol, {"from": bob})
    assert registry.participant(people.bob)[9] == carol
    assert changed.events["RecoverySet"]["activeFrom"] == changed.timestamp


def test_a_change_counts_after_the_delay(
    registry, config, alice, carol, people, recovery, wait_until
):
    changed = registry.setRecovery(carol, {"from": alice})
    active_from = changed.timestamp + config["recovery_delay"]
    assert registry.participant(people.alice)[9] == recovery
    wait_until(active_from)
    assert registry.participant(people.alice)[9] == carol


def test_a_later_change_replaces_a_pending_one(registry, alice, bob, carol, people, wait_until):
    registry.setRecovery(carol, {"from": alice})
    later = registry.setRecovery(bob, {"from": alice}).events["RecoverySet"]["activeFrom"]
    wait_until(later)
    assert registry.participant(people.alice)[9] == bob


def test_one_can_be_taken_away_after_the_delay(registry, alice, people, recovery, wait_until):
    gone = registry.setRecovery(ZERO_ADDRESS, {"from": alice}).events["RecoverySet"]["activeFrom"]
    assert registry.participant(people.alice)[9] == recovery
    wait_until(gone)
    assert registry.participant(people.alice)[9] == ZERO_ADDRESS


def test_tells_the_address_and_from_when(registry, config, alice, carol, people):
    changed = registry.setRecovery(carol, {"from": alice})
    assert changed.events["RecoverySet"] == {
        "participantId": people.alice,
        "recovery": carol,
        "activeFrom": changed.timestamp + config["recovery_delay"],
    }
