"""ParticipantRegistry.join"""

import brownie
import pytest

from setm import messages

ZERO_ADDRESS = "0x" + "00" * 20
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def carols(credential, carol):
    return credential(carol)


def test_refuses_an_authority_that_is_not_accredited(join, carols, carol, mallory, low):
    with brownie.reverts(f"NotAccredited: {low(mallory)}"):
        join(carols, carol, authority=mallory, sender=mallory)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account": ZERO_ADDRESS}, "account"),
        ({"kind": 0}, "kind"),
        ({"commitment": bytes(32)}, "identityCommitment"),
        ({"serial": 0}, "serial"),
    ],
)
def test_refuses_a_zero(join, credential, carol, mallory, change, field):
    with brownie.reverts(f"ZeroField: {field}"):
        join(credential(carol, **change), carol, sender=mallory)


def test_refuses_a_credential_that_has_ended(join, credential, carol, mallory):
    ended = brownie.chain.time()
    with brownie.reverts(revert_pattern=rf"CredentialExpired: {ended}, \d+"):
        join(credential(carol, valid_until=ended), carol, sender=mallory)


def test_refuses_a_credential_beyond_the_end_of_time(join, credential, carol, mallory):
    beyond = 2**40 - 1
    with brownie.reverts(revert_pattern=rf"ExpiryOutOfRange: {beyond}, \d+, {beyond - 1}"):
        join(credential(carol, valid_until=beyond), carol, sender=mallory)


def test_refuses_what_the_authority_did_not_sign(
    join, carols, carol, mallory, signed, low, authority
):
    forged = signed(carols, mallory)
    with brownie.reverts(f"SignatureMismatch: {low(authority)}"):
        join(carols, carol, authority_signature=forged, sender=mallory)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": 2},
        {"device_class": 4},
        {"zone": 8},
        {"commitment": b"\x01" * 32},
        {"valid_until": 2**39},
        {"serial": 2},
    ],
)
def test_refuses_a_credential_changed_after_signing(
    join, credential, carols, carol, mallory, signed, low, authority, change
):
    original = signed(carols, authority)
    with brownie.reverts(f"SignatureMismatch: {low(authority)}"):
        join(credential(carol, **change), carol, authority_signature=original, sender=mallory)


def test_refuses_a_credential_for_another_registry_or_chain(
    join, credential, carols, carol, mallory, signed, low, authority, domain
):
    for elsewhere in (
        messages.Domain(chain_id=domain.chain_id + 1, contract=domain.contract),
        messages.Domain(chain_id=domain.chain_id, contract=mallory.address),
    ):
        values = dict(zip(messages_arguments(), carols.values.values(), strict=True))
        other = messages.credential(elsewhere, **values)
        with brownie.reverts(f"SignatureMismatch: {low(authority)}"):
            join(carols, carol, authority_signature=signed(other, authority), sender=mallory)


def messages_arguments():
    return ("account", "kind", "device_class", "zone", "commitment", "valid_until", "serial")


def test_refuses_what_the_account_did_not_sign(join, carols, mallory, low, carol):
    with brownie.reverts(f"SignatureMismatch: {low(carol)}"):
        join(carols, mallory, sender=mallory)


def test_refuses_another_recovery_address_than_the_account_signed(
    registry, carols, carol, mallory, signed, low, authority, domain
):
    deadline = brownie.chain.time() + 600
    consent = messages.join(
        domain, credential_hash=carols.struct_hash(), recovery=carol.address, deadline=deadline
    )
    with brownie.reverts(f"SignatureMismatch: {low(carol)}"):
        registry.join(
            tuple(carols.values.values()),
            authority,
            signed(carols, authority),
            mallory,
            deadline,
            signed(consent, carol),
            {"from": mallory},
        )


def test_refuses_a_consent_after_its_deadline(join, carols, carol, mallory):
    deadline = brownie.chain.time() - 10
    with brownie.reverts(revert_pattern=rf"DeadlinePassed: {deadline}, \d+"):
        join(carols, carol, deadline=deadline, sender=mallory)


def test_refuses_anybody_else_without_a_signature(join, carols, carol, mallory, low):
    with brownie.reverts(f"NotAllowed: {low(mallory)}, {low(carol)}"):
        join(carols, None, sender=mallory)


def twisted(signature, form):
    """Return another encoding of the same signature."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    high = (ORDER - s).to_bytes(32, "big")
    compact = (s | (v - 27) << 255).to_bytes(32, "big")
    return {
        "high s": r + high + bytes([27 + 28 - v]),
        "v of 0 or 1": signature[:64] + bytes([v - 27]),
        "v of 29": signature[:64] + bytes([29]),
        "compact (ERC-2098)": r + compact,
        "one byte short": signature[:64],
        "all zero": bytes(65),
    }[form]


FORMS = ["high s", "v of 0 or 1", "v of 29", "compact (ERC-2098)", "one byte short", "all zero"]


@pytest.mark.parametrize("form", FORMS)
def test_refuses_another_form_of_the_authoritys_signature(
    join, carols, carol, mallory, signed, low, authority, form
):
    other = twisted(signed(carols, authority), form)
    with brownie.reverts(f"SignatureMismatch: {low(authority)}"):
        join(carols, carol, authority_signature=other, sender=mallory)


@pytest.mark.parametrize("form", FORMS)
def test_refuses_another_form_of_the_accounts_signature(
    join, carols, carol, mallory, signed, low, domain, form
):
    deadline = brownie.chain.time() + 600
    consent = messages.join(
        domain, credential_hash=carols.struct_hash(), recovery=ZERO_ADDRESS, deadline=deadline
    )
    other = twisted(signed(consent, carol), form)
    with brownie.reverts(f"SignatureMismatch: {low(carol)}"):
        join(carols, carol, account_signature=other, deadline=deadline, sender=mallory)


def test_refuses_a_second_participant_for_one_identity(
    registry, join, credential, carol, alice, authority, mallory, people
):
    commitment = messages.identity_commitment(alice.address, bytes(32))
    again = credential(carol, commitment=commitment, serial=2)
    with brownie.reverts(f"IdentityTaken: {people.alice}"):
        join(again, carol, sender=mallory)
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"IdentityTaken: {people.alice}"):
        join(again, carol, sender=mallory)


def test_refuses_the_same_signatures_twice(join, carols, carol, mallory):
    join(carols, carol, sender=mallory)
    with brownie.reverts("IdentityTaken: 3"):
        join(carols, carol, sender=mallory)


def test_refuses_a_second_participant_for_one_key(join, credential, alice, mallory, people, low):
    other = credential(alice, commitment=b"\x01" * 32)
    with brownie.reverts(f"KeyTaken: {low(alice)}, {people.alice}"):
        join(other, alice, sender=mallory)


def test_refuses_a_key_that_another_participant_gave_up(
    rotate, join, credential, people, alice, new_key, mallory, wait_until, low
):
    active_from = rotate(people.alice, alice, new_key).events["KeyRotated"]["activeFrom"]
    wait_until(active_from)
    other = credential(alice, commitment=b"\x01" * 32)
    with brownie.reverts(f"KeyTaken: {low(alice)}, {people.alice}"):
        join(other, alice, sender=mallory)


def test_counts_participants_upwards_and_keeps_what_the_credential_says(
    registry, join, carols, carol, mallory, recovery, authority
):
    joined = join(carols, carol, recovery=recovery, sender=mallory)
    assert joined.return_value == registry.participantCount() == 3
    account, kind, device_class, zone, *_, valid_until, serial = carols.values.values()
    expected = (account, kind, device_class, zone, serial, authority, valid_until)
    assert registry.participant(3) == (*expected, 2**40 - 1, 0, recovery)
    assert registry.ownerOf(carol) == 3
    assert registry.isActive(3)
    assert registry.isSecured(carol)


def test_an_account_that_calls_itself_needs_no_signature(registry, join, carols, carol):
    join(carols, None, sender=carol)
    assert registry.ownerOf(carol) == 3


def test_takes_over_a_key_that_was_only_a_session_of_somebody_else(
    registry, join, carols, open_session, alice, carol, mallory, venue
):
    open_session(alice, key=carol)
    join(carols, carol, sender=mallory)
    assert registry.ownerOf(carol) == 3
    assert registry.authorize.transact(carol, 2**200, {"from": mallory}).return_value == 3


def test_costs_at_most_180000_gas(join, credential, carol, mallory, recovery):
    for place, (who, to) in enumerate(((carol, ZERO_ADDRESS), (mallory, recovery))):
        one = credential(
            who, commitment=bytes([place + 1]) * 32, device_class=65_535, zone=2**32 - 1
        )
        assert join(one, who, recovery=to, sender=mallory).gas_used <= 180_000


def test_tells_who_joined_and_where_its_money_may_go(
    join, carols, carol, mallory, recovery, authority
):
    joined = join(carols, carol, recovery=recovery, sender=mallory)
    values = carols.values
    assert joined.events["ParticipantJoined"] == {
        "participantId": 3,
        "account": carol,
        "authority": authority,
        "kind": values["kind"],
        "deviceClass": values["deviceClass"],
        "zone": values["zone"],
        "identityCommitment": "0x" + values["identityCommitment"].hex(),
        "validUntil": values["validUntil"],
    }
    assert joined.events["RecoverySet"] == {
        "participantId": 3,
        "recovery": recovery,
        "activeFrom": joined.timestamp,
    }


def test_says_nothing_of_a_recovery_address_that_was_not_set(join, carols, carol, mallory):
    assert "RecoverySet" not in join(carols, carol, sender=mallory).events


# Accounts that are contracts (ERC-1271)

HONEST = 0


@pytest.fixture
def wallet(project, carol):
    return lambda answer: project.RegistryWallet.deploy(carol, answer, {"from": carol})


def test_accepts_a_contract_that_says_yes(
    registry, wallet, join, credential, signed, carol, mallory
):
    account = wallet(HONEST)
    message = credential(account)
    joined = join(message, carol, sender=mallory)
    assert registry.ownerOf(account) == joined.return_value


def test_refuses_a_signature_by_a_stranger_for_an_honest_contract(
    wallet, join, credential, mallory, low
):
    account = wallet(HONEST)
    with brownie.reverts(f"SignatureMismatch: {low(account)}"):
        join(credential(account), mallory, sender=mallory)


@pytest.mark.parametrize("answer", [1, 2, 3, 4, 5])
def test_refuses_a_contract_that_answers_anything_but_the_magic_word(
    wallet, join, credential, carol, mallory, low, answer
):
    account = wallet(answer)
    with brownie.reverts(f"SignatureMismatch: {low(account)}"):
        join(credential(account), carol, sender=mallory)


def test_accepts_an_authority_that_is_a_contract(
    registry, wallet, join, carols, carol, mallory, governance, signed, config, wait_until
):
    office = wallet(HONEST)
    receipt = registry.addAuthority(office, {"from": governance})
    wait_until(receipt.timestamp + config["governance_delay"])
    join(carols, carol, authority=office, authority_signature=signed(carols, carol), sender=mallory)
    assert registry.participant(3)[5] == office
