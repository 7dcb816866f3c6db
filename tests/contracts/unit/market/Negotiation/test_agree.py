"""Negotiation.agree"""

import brownie
import pytest
from eth_account import Account

from setm import messages
from setm.types import Terms


def test_refuses_a_signature_over_other_values(agreement, bring, key_of, alice, bob):
    signed, brought = agreement(), agreement(salt=2)
    signatures = signed.sign(key_of(alice)), brought.sign(key_of(bob))
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        bring(brought, signatures=signatures)
    with brownie.reverts(f"ForgedSignature: {bob.address.lower()}"):
        bring(signed, signatures=signatures)


@pytest.mark.parametrize(
    "change",
    ["buyerId", "sellerId", "firstSlot", "slotCount", "energyWh", "price", "salt", "deadline"],
)
def test_refuses_any_single_field_changed_after_signing(
    venue, agreement, key_of, alice, bob, mallory, change
):
    message = agreement()
    signatures = message.sign(key_of(alice)), message.sign(key_of(bob))
    forged = tuple({**message.values, change: message.values[change] + 1}.values())
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        venue.agree(forged, alice, signatures[0], bob, signatures[1], {"from": mallory})


def test_refuses_a_signature_for_another_chain_or_contract(
    system, agreement, bring, key_of, alice, bob
):
    message = agreement()
    for domain in (
        messages.Domain(chain_id=brownie.chain.id + 1, contract=message.domain.contract),
        messages.Domain(chain_id=brownie.chain.id, contract=system.auction.address),
    ):
        other = messages.Message(
            domain_name=message.domain_name,
            domain=domain,
            primary_type=message.primary_type,
            fields=message.fields,
            values=message.values,
        )
        signatures = other.sign(key_of(alice)), other.sign(key_of(bob))
        with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
            bring(message, signatures=signatures)


def test_refuses_malleable_and_compact_signatures(agreement, bring, key_of, alice, bob):
    message = agreement()
    good = message.sign(key_of(alice)), message.sign(key_of(bob))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    r, s, v = good[0][:32], int.from_bytes(good[0][32:64], "big"), good[0][64]
    high_s = r + (order - s).to_bytes(32, "big") + bytes([55 - v])
    for forged in (high_s, good[0][:64], b"".join(message.sign_compact(key_of(alice))), b""):
        with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
            bring(message, signatures=(forged, good[1]))


def test_refuses_a_key_without_user_security(agreement, bring, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        bring(agreement(), buyer=mallory)


def test_refuses_keys_of_other_participants_than_the_agreement_names(
    agreement, bring, ids, alice, bob, carol
):
    with brownie.reverts(f"PartyMismatch: {ids.alice}, {ids.carol}"):
        bring(agreement(), buyer=carol)
    with brownie.reverts(f"PartyMismatch: {ids.bob}, {ids.carol}"):
        bring(agreement(), seller=carol)
    with brownie.reverts(f"PartyMismatch: {ids.alice}, {ids.bob}"):
        bring(agreement(), buyer=bob, seller=alice)


def test_refuses_a_revoked_participant(system, agreement, bring, ids, authority, bob):
    system.registry.revoke(ids.bob, {"from": authority})
    with brownie.reverts(f"NotSecured: {bob.address.lower()}"):
        bring(agreement())


def test_refuses_an_agreement_after_its_deadline(agreement, bring, wait_until):
    deadline = brownie.chain.time() + 100
    message = agreement(deadline=deadline)
    wait_until(deadline + 1)
    with brownie.reverts(revert_pattern=rf"OfferExpired: {deadline}, \d+"):
        bring(message)


def test_refuses_the_same_agreement_a_second_time(venue, agreement, bring, carol):
    message = agreement()
    bring(message)
    with brownie.reverts(f"AgreementUsed: {message.digest()!r}"):
        bring(message, sender=carol)


def test_refuses_to_trade_with_oneself(agreement, bring, ids, alice):
    with brownie.reverts(f"SelfTrade: {ids.alice}"):
        bring(agreement(seller_id=ids.alice), seller=alice)


def test_refuses_terms_out_of_range(agreement, bring, slot):
    def changed(**changes):
        values = {"first_slot": slot, "slot_count": 1, "energy_wh": 1, "price": 46_000, **changes}
        return agreement(terms=Terms(**values))

    with brownie.reverts("SlotCountOutOfRange: 97, 96"):
        bring(changed(slot_count=97))
    with brownie.reverts(revert_pattern=rf"GateClosed: {slot - 5}, \d+, \d+"):
        bring(changed(first_slot=slot - 5))
    with brownie.reverts(revert_pattern=rf"BeyondHorizon: {slot + 300}, \d+"):
        bring(changed(first_slot=slot + 300))
    with brownie.reverts("EnergyOutOfRange: 0, 1000000000"):
        bring(changed(energy_wh=0))
    with brownie.reverts("PriceOutOfBand: 29999, 30000, 55500"):
        bring(changed(price=29_999))


def test_refuses_what_a_side_cannot_cover_and_binds_nothing(
    venue, agreement, bring, ids, bob, money
):
    venue.releaseMargin(money.margin - 2 * money.cover + 1, {"from": bob})
    expected = f"NotCovered: {ids.bob}, {2 * money.cover}, {2 * money.cover - 1}"
    with brownie.reverts(expected):
        bring(agreement())
    assert venue.marginOf(ids.alice) == money.margin
    assert not venue.isUsed(agreement().digest())


def test_holds_session_keys_to_their_limit_per_slot(
    system, venue, agreement, bring, actors, alice, money
):
    key = actors.others[0]
    expires_at = brownie.chain.time() + 3600
    system.registry.openSession((key, venue, money.payment - 1, expires_at), {"from": alice})
    with brownie.reverts(f"SessionLimitExceeded: {money.payment - 1}, {money.payment}"):
        bring(agreement(), buyer=key)


def test_takes_session_keys_of_both_sides(
    system, venue, agreement, bring, ids, actors, alice, bob, slot, money
):
    keys = actors.others[:2]
    expires_at = brownie.chain.time() + 3600
    for key, owner, limit in zip(keys, (alice, bob), (money.payment, money.cover), strict=True):
        system.registry.openSession((key, venue, limit, expires_at), {"from": owner})
    bring(agreement(), buyer=keys[0], seller=keys[1])
    assert venue.boundOf(slot, ids.alice) == money.payment


def test_asks_an_account_that_is_a_contract(
    system, venue, agreement, bring, authority, alice, bob, actors, money, key_of
):
    project = brownie.project.get_loaded_projects()[0]
    signer = actors.others[0]
    wallet = project.RegistryWallet.deploy(signer, 0, {"from": alice})
    wallet_id = _enrol(system, authority, wallet, signer, key_of)
    _fund(system, venue, wallet, wallet_id, signer, money)
    message = agreement(buyer_id=wallet_id)
    signatures = message.sign(key_of(signer)), message.sign(key_of(bob))
    forged = message.sign(key_of(alice))
    with brownie.reverts(f"ForgedSignature: {wallet.address.lower()}"):
        bring(message, buyer=wallet, signatures=(forged, signatures[1]))
    bring(message, buyer=wallet, signatures=signatures)
    assert venue.marginOf(wallet_id) == money.margin - 2 * money.payment


def _enrol(system, authority, wallet, signer, key_of):
    domain = messages.Domain(chain_id=brownie.chain.id, contract=system.registry.address)
    credential = messages.credential(
        domain,
        account=wallet.address,
        kind=1,
        device_class=0,
        zone=1,
        commitment=b"\x07" * 32,
        valid_until=brownie.chain.time() + 10**7,
    )
    deadline, nobody = brownie.chain.time() + 3600, "0x" + "00" * 20
    join = messages.join(
        domain, credential_hash=credential.struct_hash(), recovery=nobody, deadline=deadline
    )
    joined = system.registry.join(
        tuple(credential.values.values()),
        authority,
        credential.sign(key_of(authority)),
        nobody,
        deadline,
        join.sign(key_of(signer)),
        {"from": signer},
    )
    return joined.return_value


def _fund(system, venue, wallet, wallet_id, signer, money):
    sent = {"from": signer}
    system.token.mint(signer, money.margin, sent)
    system.token.approve(system.clearinghouse, money.margin, sent)
    system.clearinghouse.deposit(wallet_id, money.margin, sent)
    lock = system.clearinghouse.lock.encode_input(venue, money.margin)
    wallet.execute(system.clearinghouse, lock, sent)


def test_can_be_brought_until_its_deadline_by_anybody(venue, agreement, bring, mallory):
    bring(agreement(), sender=mallory)
    assert venue.isUsed(agreement().digest())


def test_adds_up_agreements_each_rounded_by_itself(venue, agreement, bring, ids, slot, money):
    for salt in range(3):
        bring(agreement(salt=salt))
    assert venue.boundOf(slot, ids.alice) == 3 * money.payment
    assert venue.boundOf(slot + 1, ids.bob) == 3 * money.cover
    assert venue.marginOf(ids.alice) == money.margin - 6 * money.payment
    assert venue.marginOf(ids.bob) == money.margin - 6 * money.cover


def test_binds_a_participant_that_buys_and_sells_on_both_sides(
    venue, agreement, bring, ids, alice, carol, slot, money
):
    bring(agreement())
    bring(agreement(buyer_id=ids.carol, seller_id=ids.alice), buyer=carol, seller=alice)
    assert venue.boundOf(slot, ids.alice) == money.payment + money.cover


def test_says_who_is_bound_to_what_by_which_digest(agreement, bring, ids, terms):
    message = agreement()
    sent = bring(message)
    assert dict(sent.events["AgreementReached"]) == {
        "negotiationId": 0,
        "buyerId": ids.alice,
        "sellerId": ids.bob,
        "firstSlot": terms[0],
        "slotCount": terms[1],
        "energyWh": terms[2],
        "price": terms[3],
        "digest": "0x" + message.digest().hex(),
    }


def test_recovers_the_signer_that_the_chain_recovers(agreement, key_of, alice):
    message = agreement()
    signature = message.sign(key_of(alice))
    assert message.signer(signature) == Account.from_key(alice.private_key).address
