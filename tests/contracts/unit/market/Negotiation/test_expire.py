"""Negotiation.expire"""

import brownie


def test_refuses_a_negotiation_that_does_not_exist_or_has_ended(venue, offered, bob, mallory):
    with brownie.reverts("NotOpen: 2, 0"):
        venue.expire(2, {"from": mallory})
    venue.reject(offered, {"from": bob})
    with brownie.reverts(f"NotOpen: {offered}, 3"):
        venue.expire(offered, {"from": mallory})


def test_refuses_an_offer_that_still_stands(venue, offered, mallory, gate_at):
    with brownie.reverts(revert_pattern=rf"NotExpired: {gate_at}, \d+"):
        venue.expire(offered, {"from": mallory})


def test_can_be_called_by_anybody_from_the_expiry_on(venue, offered, mallory, gate_at, wait_until):
    wait_until(gate_at)
    venue.expire(offered, {"from": mallory})
    with brownie.reverts(f"NotOpen: {offered}, 5"):
        venue.expire(offered, {"from": mallory})


def test_says_that_nobody_ended_it(venue, offered, mallory, gate_at, wait_until):
    wait_until(gate_at)
    sent = venue.expire(offered, {"from": mallory})
    ended = {"negotiationId": offered, "byParticipantId": 0, "state": 5}
    assert dict(sent.events["NegotiationEnded"]) == ended
