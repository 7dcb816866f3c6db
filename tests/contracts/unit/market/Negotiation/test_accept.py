"""Negotiation.accept"""

import brownie


def test_refuses_a_caller_without_user_security(venue, offered, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.accept(offered, 1, {"from": mallory})


def test_refuses_a_negotiation_that_does_not_exist(venue, alice):
    with brownie.reverts("NotOpen: 7, 0"):
        venue.accept(7, 1, {"from": alice})


def test_refuses_to_accept_the_own_offer_or_that_of_others(venue, ids, offered, alice, carol):
    for person, number in ((alice, ids.alice), (carol, ids.carol)):
        with brownie.reverts(f"NotYourTurn: {offered}, {number}"):
            venue.accept(offered, 1, {"from": person})


def test_refuses_an_offer_that_has_expired(venue, ids, alice, bob, terms, wait_until):
    expires_at = brownie.chain.time() + 100
    venue.offer(ids.bob, True, terms, expires_at, {"from": alice})
    wait_until(expires_at)
    with brownie.reverts(revert_pattern=rf"OfferExpired: {expires_at}, \d+"):
        venue.accept(1, 1, {"from": bob})


def test_refuses_another_round_than_the_last(venue, offered, alice, bob, gate_at):
    with brownie.reverts("RoundMismatch: 2, 1"):
        venue.accept(offered, 2, {"from": bob})
    venue.counter(offered, 300, 50_000, gate_at, {"from": bob})
    with brownie.reverts("RoundMismatch: 1, 2"):
        venue.accept(offered, 1, {"from": alice})


def test_refuses_the_offer_of_a_revoked_participant(system, venue, ids, offered, authority, bob):
    system.registry.revoke(ids.alice, {"from": authority})
    with brownie.reverts(f"PartyInactive: {ids.alice}"):
        venue.accept(offered, 1, {"from": bob})


def test_refuses_what_the_maker_can_no_longer_cover(venue, ids, offered, alice, bob, money):
    venue.releaseMargin(money.margin - 2 * money.payment + 1, {"from": alice})
    expected = f"NotCovered: {ids.alice}, {2 * money.payment}, {2 * money.payment - 1}"
    with brownie.reverts(expected):
        venue.accept(offered, 1, {"from": bob})


def test_refuses_what_the_acceptor_cannot_cover(venue, ids, offered, bob, money):
    venue.releaseMargin(money.margin - 2 * money.cover + 1, {"from": bob})
    expected = f"NotCovered: {ids.bob}, {2 * money.cover}, {2 * money.cover - 1}"
    with brownie.reverts(expected):
        venue.accept(offered, 1, {"from": bob})


def test_refuses_a_second_acceptance(venue, offered, bob):
    venue.accept(offered, 1, {"from": bob})
    with brownie.reverts(f"NotOpen: {offered}, 2"):
        venue.accept(offered, 1, {"from": bob})


def test_holds_a_session_key_to_its_limit_per_slot(system, venue, offered, actors, bob, money):
    key = actors.others[0]
    session = (key, venue, money.cover - 1, brownie.chain.time() + 3600)
    system.registry.openSession(session, {"from": bob})
    with brownie.reverts(f"SessionLimitExceeded: {money.cover - 1}, {money.cover}"):
        venue.accept(offered, 1, {"from": key})


def test_binds_the_margins_of_both_sides_in_every_slot(venue, ids, offered, bob, slot, money):
    venue.accept(offered, 1, {"from": bob})
    assert venue.negotiationOf(offered)[0] == 2
    for delivered in (slot, slot + 1):
        assert venue.boundOf(delivered, ids.alice) == money.payment
        assert venue.boundOf(delivered, ids.bob) == money.cover
    assert venue.boundOf(slot + 2, ids.alice) == 0
    assert venue.marginOf(ids.alice) == money.margin - 2 * money.payment
    assert venue.marginOf(ids.bob) == money.margin - 2 * money.cover


def test_binds_the_buyer_who_accepts_an_ask(venue, ids, alice, bob, terms, slot, gate_at, money):
    venue.offer(ids.alice, False, terms, gate_at, {"from": bob})
    venue.accept(1, 1, {"from": alice})
    assert venue.boundOf(slot, ids.alice) == money.payment
    assert venue.boundOf(slot, ids.bob) == money.cover


def test_says_who_is_bound_to_what(venue, ids, offered, bob, terms):
    sent = venue.accept(offered, 1, {"from": bob})
    assert dict(sent.events["AgreementReached"]) == {
        "negotiationId": offered,
        "buyerId": ids.alice,
        "sellerId": ids.bob,
        "firstSlot": terms[0],
        "slotCount": terms[1],
        "energyWh": terms[2],
        "price": terms[3],
        "digest": "0x" + "00" * 32,
    }
