"""Negotiation.counter"""

import brownie


def test_refuses_a_caller_without_user_security(venue, offered, mallory, gate_at):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.counter(offered, 300, 50_000, gate_at, {"from": mallory})


def test_refuses_a_negotiation_that_does_not_exist(venue, alice, gate_at):
    with brownie.reverts("NotOpen: 7, 0"):
        venue.counter(7, 300, 50_000, gate_at, {"from": alice})


def test_refuses_the_side_that_moved_last_and_third_parties(
    venue, ids, offered, alice, carol, gate_at
):
    for person, number in ((alice, ids.alice), (carol, ids.carol)):
        with brownie.reverts(f"NotYourTurn: {offered}, {number}"):
            venue.counter(offered, 300, 50_000, gate_at, {"from": person})


def test_refuses_an_offer_that_has_expired(venue, ids, alice, bob, terms, gate_at, wait_until):
    expires_at = brownie.chain.time() + 100
    venue.offer(ids.bob, True, terms, expires_at, {"from": alice})
    wait_until(expires_at)
    with brownie.reverts(revert_pattern=rf"OfferExpired: {expires_at}, \d+"):
        venue.counter(1, 300, 50_000, gate_at, {"from": bob})


def test_refuses_energy_price_and_expiry_out_of_range(venue, offered, bob, gate_at):
    with brownie.reverts("EnergyOutOfRange: 0, 1000000000"):
        venue.counter(offered, 0, 50_000, gate_at, {"from": bob})
    with brownie.reverts("PriceOutOfBand: 55501, 30000, 55500"):
        venue.counter(offered, 300, 55_501, gate_at, {"from": bob})
    with brownie.reverts(revert_pattern=rf"ExpiryOutOfRange: {gate_at + 1}, \d+, {gate_at}"):
        venue.counter(offered, 300, 50_000, gate_at + 1, {"from": bob})


def test_gives_the_turn_back_with_new_terms_for_the_same_slots(
    venue, ids, offered, bob, terms, gate_at
):
    venue.counter(offered, 300, 50_000, gate_at - 1, {"from": bob})
    answered = (*terms[:2], 300, 50_000)
    expected = (1, ids.alice, ids.bob, answered, 2, False, gate_at - 1)
    assert venue.negotiationOf(offered) == expected


def test_goes_back_and_forth(venue, offered, alice, bob, gate_at):
    for price, person in ((50_000, bob), (47_000, alice), (48_500, bob)):
        venue.counter(offered, 300, price, gate_at, {"from": person})
    assert venue.negotiationOf(offered)[4:6] == (4, False)


def test_says_what_was_answered(venue, ids, offered, bob, terms, gate_at):
    sent = venue.counter(offered, 300, 50_000, gate_at, {"from": bob})
    assert dict(sent.events["OfferMade"]) == {
        "negotiationId": offered,
        "buyerId": ids.alice,
        "sellerId": ids.bob,
        "byBuyer": False,
        "round": 2,
        "firstSlot": terms[0],
        "slotCount": terms[1],
        "energyWh": 300,
        "price": 50_000,
        "expiresAt": gate_at,
    }
