"""Negotiation.reject"""

import brownie


def test_refuses_a_caller_without_user_security(venue, offered, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.reject(offered, {"from": mallory})


def test_refuses_a_negotiation_that_does_not_exist(venue, bob):
    with brownie.reverts("NotOpen: 0, 0"):
        venue.reject(0, {"from": bob})


def test_refuses_the_side_that_moved_last_and_third_parties(venue, ids, offered, alice, carol):
    for person, number in ((alice, ids.alice), (carol, ids.carol)):
        with brownie.reverts(f"NotYourTurn: {offered}, {number}"):
            venue.reject(offered, {"from": person})


def test_refuses_an_offer_that_has_expired(venue, ids, alice, bob, terms, wait_until):
    expires_at = brownie.chain.time() + 100
    venue.offer(ids.bob, True, terms, expires_at, {"from": alice})
    wait_until(expires_at)
    with brownie.reverts(revert_pattern=rf"OfferExpired: {expires_at}, \d+"):
        venue.reject(1, {"from": bob})


def test_ends_the_negotiation_for_good(venue, offered, alice, bob):
    venue.reject(offered, {"from": bob})
    assert venue.negotiationOf(offered)[0] == 3
    with brownie.reverts(f"NotOpen: {offered}, 3"):
        venue.accept(offered, 1, {"from": bob})
    with brownie.reverts(f"NotOpen: {offered}, 3"):
        venue.withdrawOffer(offered, {"from": alice})


def test_says_who_ended_it(venue, ids, offered, bob):
    sent = venue.reject(offered, {"from": bob})
    ended = {"negotiationId": offered, "byParticipantId": ids.bob, "state": 3}
    assert dict(sent.events["NegotiationEnded"]) == ended
