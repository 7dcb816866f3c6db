"""ParticipantRegistry.revoke and payoutAddress"""

import brownie


def test_refuses_an_unknown_participant(registry, authority):
    with brownie.reverts("UnknownParticipant: 3"):
        registry.revoke(3, {"from": authority})


def test_refuses_anybody_but_the_issuing_authority(
    registry, governance, alice, mallory, authority, people, low
):
    for caller in (governance, alice, mallory):
        with brownie.reverts(f"NotAllowed: {low(caller)}, {low(authority)}"):
            registry.revoke(people.alice, {"from": caller})


def test_refuses_an_authority_whose_accreditation_ended(
    registry, config, governance, authority, people, wait_until, low
):
    receipt = registry.removeAuthority(authority, {"from": governance})
    wait_until(receipt.timestamp + config["governance_delay"])
    with brownie.reverts(f"NotAccredited: {low(authority)}"):
        registry.revoke(people.alice, {"from": authority})


def test_refuses_to_revoke_twice(registry, authority, people):
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.revoke(people.alice, {"from": authority})


def test_ends_every_key_at_once(
    registry, authority, rotate, open_session, alice, agent, new_key, people, wait_until, low
):
    open_session(alice)
    pending = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    revoked = registry.revoke(people.alice, {"from": authority})
    for _ in range(2):
        for key in (alice, agent, new_key):
            assert not registry.isSecured(key)
            with brownie.reverts(f"NotSecured: {low(key)}"):
                registry.ownerOf(key)
        wait_until(pending)
    assert not registry.isActive(people.alice)
    assert registry.participant(people.alice)[0] == alice
    assert registry.participant(people.alice)[8] == revoked.timestamp


def test_a_key_that_had_already_changed_stays_the_account(
    registry, config, authority, rotate, bob, new_key, people, wait_until
):
    wait_until(rotate(people.bob, bob, new_key).events["KeyRotated"]["activeFrom"])
    receipt = registry.revoke(people.bob, {"from": authority})
    assert registry.participant(people.bob)[0] == new_key
    wait_until(receipt.timestamp + config["recovery_delay"])
    assert registry.payoutAddress(people.bob) == new_key


def test_the_money_goes_to_the_recovery_address_after_the_delay(
    registry, config, authority, alice, recovery, people, wait_until
):
    assert registry.payoutAddress(people.alice) == alice
    possible_from = (
        registry.revoke(people.alice, {"from": authority}).timestamp + config["recovery_delay"]
    )
    with brownie.reverts(revert_pattern=rf"TooEarly: {possible_from}, \d+"):
        registry.payoutAddress(people.alice)
    wait_until(possible_from)
    assert registry.payoutAddress(people.alice) == recovery


def test_the_money_goes_to_the_account_if_no_recovery_address_was_set(
    registry, config, authority, bob, people, wait_until
):
    receipt = registry.revoke(people.bob, {"from": authority})
    wait_until(receipt.timestamp + config["recovery_delay"])
    assert registry.payoutAddress(people.bob) == bob


def test_whoever_stole_the_key_cannot_redirect_the_money(
    registry, config, authority, alice, mallory, recovery, people, wait_until
):
    registry.setRecovery(mallory, {"from": alice})
    receipt = registry.revoke(people.alice, {"from": authority})
    wait_until(receipt.timestamp + 2 * config["recovery_delay"])
    assert registry.participant(people.alice)[9] == recovery
    assert registry.payoutAddress(people.alice) == recovery


def test_a_recovery_address_that_came_before_the_revocation_counts(
    registry, config, authority, alice, carol, people, wait_until
):
    wait_until(registry.setRecovery(carol, {"from": alice}).events["RecoverySet"]["activeFrom"])
    receipt = registry.revoke(people.alice, {"from": authority})
    wait_until(receipt.timestamp + config["recovery_delay"])
    assert registry.payoutAddress(people.alice) == carol


def test_refuses_to_say_where_an_unknown_participants_money_goes(registry):
    with brownie.reverts("UnknownParticipant: 3"):
        registry.payoutAddress(3)


def test_tells_who_was_revoked_and_by_whom(registry, authority, people):
    revoked = registry.revoke(people.alice, {"from": authority})
    expected = {"participantId": people.alice, "authority": authority}
    assert revoked.events["ParticipantRevoked"] == expected
