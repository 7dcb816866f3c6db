"""Negotiation.withdrawOffer"""

import brownie


def test_refuses_a_caller_without_user_security(venue, offered, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.withdrawOffer(offered, {"from": mallory})


def test_refuses_a_negotiation_that_does_not_exist(venue, alice):
    with brownie.reverts("NotOpen: 2, 0"):
        venue.withdrawOffer(2, {"from": alice})


def test_refuses_everybody_but_the_maker_of_the_last_offer(venue, ids, offered, bob, carol):
    for person, number in ((bob, ids.bob), (carol, ids.carol)):
        with brownie.reverts(f"NotYourTurn: {offered}, {number}"):
            venue.withdrawOffer(offered, {"from": person})


def test_refuses_the_first_offer_once_it_is_answered(venue, ids, offered, alice, bob, gate_at):
    venue.counter(offered, 300, 50_000, gate_at, {"from": bob})
    with brownie.reverts(f"NotYourTurn: {offered}, {ids.alice}"):
        venue.withdrawOffer(offered, {"from": alice})


def test_refuses_an_offer_that_has_expired(venue, ids, alice, terms, wait_until):
    expires_at = brownie.chain.time() + 100
    venue.offer(ids.bob, True, terms, expires_at, {"from": alice})
    wait_until(expires_at)
    with brownie.reverts(revert_pattern=rf"OfferExpired: {expires_at}, \d+"):
        venue.withdrawOffer(1, {"from": alice})


def test_ends_the_negotiation_and_keeps_its_terms(venue, ids, offered, alice, bob, terms, gate_at):
    venue.withdrawOffer(offered, {"from": alice})
    assert venue.negotiationOf(offered) == (4, ids.alice, ids.bob, terms, 1, True, gate_at)
    with brownie.reverts(f"NotOpen: {offered}, 4"):
        venue.accept(offered, 1, {"from": bob})


def test_says_who_ended_it(venue, ids, offered, alice):
    sent = venue.withdrawOffer(offered, {"from": alice})
    ended = {"negotiationId": offered, "byParticipantId": ids.alice, "state": 4}
    assert dict(sent.events["NegotiationEnded"]) == ended
