"""ParticipantRegistry.renew"""

import brownie
import pytest

from setm import messages

DAY = 86_400


@pytest.fixture
def renew(registry, authority, signed, mallory):
    def send(message, by=authority, signature=None, sender=mallory):
        proof = signature or signed(message, by)
        return registry.renew(tuple(message.values.values()), by, proof, {"from": sender})

    return send


@pytest.fixture
def newer(credential, alice):
    def build(**changes):
        ends = brownie.chain.time() + 500 * DAY
        return credential(alice, **{"serial": 2, "valid_until": ends, **changes})

    return build


def test_refuses_an_authority_that_is_not_accredited(renew, newer, mallory, low):
    with brownie.reverts(f"NotAccredited: {low(mallory)}"):
        renew(newer(), by=mallory)


def test_refuses_what_the_authority_did_not_sign(renew, newer, signed, mallory, authority, low):
    with brownie.reverts(f"SignatureMismatch: {low(authority)}"):
        renew(newer(), signature=signed(newer(), mallory))


def test_refuses_a_credential_that_has_ended(renew, newer):
    ended = brownie.chain.time()
    with brownie.reverts(revert_pattern=rf"CredentialExpired: {ended}, \d+"):
        renew(newer(valid_until=ended))


def test_refuses_an_unknown_identity(renew, newer):
    with brownie.reverts("UnknownParticipant: 0"):
        renew(newer(commitment=b"\x01" * 32))


def test_refuses_another_account(renew, credential, alice, carol, low):
    other = credential(
        carol, serial=2, commitment=messages.identity_commitment(alice.address, bytes(32))
    )
    with brownie.reverts(f"NotAllowed: {low(carol)}, {low(alice)}"):
        renew(other)


def test_refuses_a_serial_that_is_not_above_the_last(renew, newer):
    with brownie.reverts("CredentialUsed: 1, 1"):
        renew(newer(serial=1))
    renew(newer(serial=5))
    with brownie.reverts("CredentialUsed: 5, 4"):
        renew(newer(serial=4))


def test_refuses_a_revoked_participant(registry, renew, newer, authority, alice, people, low):
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        renew(newer())


def test_takes_the_credential_of_another_authority_from_the_account_alone(
    registry,
    renew,
    newer,
    governance,
    authority,
    second_authority,
    alice,
    mallory,
    people,
    config,
    wait_until,
    low,
):
    """Else an authority that hostile governance added could make itself the issuer of anybody, and revoke all."""
    added = registry.addAuthority(second_authority, {"from": governance})
    wait_until(added.events["AuthorityScheduled"]["activeFrom"])
    for stranger in (mallory, second_authority, governance):
        with brownie.reverts(f"NotAllowed: {low(stranger)}, {low(alice)}"):
            renew(newer(), by=second_authority, sender=stranger)
    with brownie.reverts(f"NotAllowed: {low(second_authority)}, {low(authority)}"):
        registry.revoke(people.alice, {"from": second_authority})
    renew(newer(), by=second_authority, sender=alice)
    assert registry.participant(people.alice)[5] == second_authority
    renew(newer(serial=3), by=second_authority)


def test_renews_an_expired_credential(
    registry, join, credential, renew, carol, mallory, wait_until, venue
):
    ends = brownie.chain.time() + DAY
    join(credential(carol, valid_until=ends), carol, sender=mallory)
    wait_until(ends)
    assert not registry.isActive(3)
    assert registry.ownerOf(carol) == 3
    renew(credential(carol, serial=2, valid_until=ends + DAY))
    assert registry.isActive(3)
    assert registry.authorize.transact(carol, 0, {"from": venue}).return_value == 3


def test_does_not_lift_a_suspension(registry, renew, newer, authority, people, wait_until):
    suspended = registry.suspend(people.alice, {"from": authority})
    wait_until(suspended.events["ParticipantSuspended"]["from"])
    renew(newer())
    assert not registry.isActive(people.alice)


def test_a_pending_key_takes_the_new_expiry_with_it(
    registry, renew, newer, rotate, people, alice, new_key, wait_until, venue
):
    rotate(people.alice, alice, new_key)
    renew(newer())
    wait_until(brownie.chain.time() + 499 * DAY)
    assert registry.authorize.transact(new_key, 0, {"from": venue}).return_value == people.alice


def test_a_rotated_participant_renews_with_its_new_account(
    renew, newer, rotate, people, alice, new_key, wait_until, low
):
    active_from = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    wait_until(active_from)
    with brownie.reverts(f"NotAllowed: {low(alice)}, {low(new_key)}"):
        renew(newer())
    commitment = messages.identity_commitment(alice.address, bytes(32))
    renew(newer(account=new_key.address, commitment=commitment))


def test_keeps_and_tells_what_the_newer_credential_says(
    registry, renew, newer, authority, people, alice
):
    message = newer(kind=3, device_class=9, zone=11, serial=7)
    renewed = renew(message)
    ends = message.values["validUntil"]
    assert registry.participant(people.alice)[:7] == (alice, 3, 9, 11, 7, authority, ends)
    assert renewed.events["CredentialRenewed"] == {
        "participantId": people.alice,
        "authority": authority,
        "kind": 3,
        "deviceClass": 9,
        "zone": 11,
        "validUntil": ends,
        "serial": 7,
    }
