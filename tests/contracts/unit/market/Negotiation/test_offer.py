"""Negotiation.offer"""

import brownie
import pytest


def test_refuses_a_caller_without_user_security(venue, ids, mallory, terms, gate_at):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.offer(ids.bob, True, terms, gate_at, {"from": mallory})


def test_refuses_no_slots_and_more_than_a_day_of_quarter_hours(venue, ids, alice, slot, gate_at):
    for count in (0, 97):
        with brownie.reverts(f"SlotCountOutOfRange: {count}, 96"):
            venue.offer(ids.bob, True, (slot, count, 1, 46_000), gate_at, {"from": alice})


def test_refuses_a_first_slot_whose_gate_has_closed(venue, ids, alice, slot, gate_at, config):
    early = slot - 5
    with brownie.reverts(revert_pattern=f"GateClosed: {early}, {gate_at - 5 * 900}, \\d+"):
        venue.offer(ids.bob, True, (early, 1, 1, 46_000), gate_at, {"from": alice})


def test_refuses_the_first_slots_of_time_without_an_underflow(venue, ids, alice, gate_at):
    with brownie.reverts(revert_pattern=r"GateClosed: 1, 0, \d+"):
        venue.offer(ids.bob, True, (1, 1, 1, 46_000), gate_at, {"from": alice})


def test_refuses_a_last_slot_beyond_the_horizon(venue, ids, alice, slot, gate_at):
    with brownie.reverts(revert_pattern=f"BeyondHorizon: {slot + 194}, \\d+"):
        venue.offer(ids.bob, True, (slot + 190, 5, 1, 46_000), gate_at, {"from": alice})
    with brownie.reverts(revert_pattern=rf"BeyondHorizon: {2**32}, \d+"):
        venue.offer(ids.bob, True, (2**32 - 1, 2, 1, 46_000), gate_at, {"from": alice})


def test_refuses_no_energy_and_more_than_the_limit(venue, ids, alice, slot, gate_at):
    for energy_wh in (0, 1_000_000_001):
        with brownie.reverts(f"EnergyOutOfRange: {energy_wh}, 1000000000"):
            venue.offer(ids.bob, True, (slot, 1, energy_wh, 46_000), gate_at, {"from": alice})


def test_refuses_a_price_outside_the_band(venue, ids, alice, slot, gate_at):
    for price in (29_999, 55_501):
        with brownie.reverts(f"PriceOutOfBand: {price}, 30000, 55500"):
            venue.offer(ids.bob, True, (slot, 1, 1, price), gate_at, {"from": alice})


def test_refuses_an_expiry_in_the_past_or_behind_the_gate(venue, ids, alice, terms, gate_at):
    past = brownie.chain.time() - 1
    for expires_at in (past, gate_at + 1):
        pattern = rf"ExpiryOutOfRange: {expires_at}, \d+, {gate_at}"
        with brownie.reverts(revert_pattern=pattern):
            venue.offer(ids.bob, True, terms, expires_at, {"from": alice})


def test_refuses_to_negotiate_with_oneself(venue, ids, alice, terms, gate_at):
    with brownie.reverts(f"SelfTrade: {ids.alice}"):
        venue.offer(ids.alice, True, terms, gate_at, {"from": alice})


def test_refuses_a_counterparty_that_does_not_exist(venue, alice, terms, gate_at):
    for nobody in (0, 99):
        with brownie.reverts(f"PartyInactive: {nobody}"):
            venue.offer(nobody, True, terms, gate_at, {"from": alice})


def test_refuses_a_revoked_counterparty(system, venue, ids, authority, alice, terms, gate_at):
    system.registry.revoke(ids.bob, {"from": authority})
    with brownie.reverts(f"PartyInactive: {ids.bob}"):
        venue.offer(ids.bob, True, terms, gate_at, {"from": alice})


def test_holds_a_session_key_to_its_limit_per_slot(
    system, venue, ids, actors, alice, terms, gate_at, money
):
    key = actors.others[0]
    expires_at = brownie.chain.time() + 3600
    session = (key, venue, money.payment - 1, expires_at)
    system.registry.openSession(session, {"from": alice})
    expected = f"SessionLimitExceeded: {money.payment - 1}, {money.payment}"
    with brownie.reverts(expected):
        venue.offer(ids.bob, True, terms, gate_at, {"from": key})
    venue.offer(ids.bob, True, (*terms[:2], terms[2] - 1, terms[3]), gate_at, {"from": key})


@pytest.mark.parametrize("is_bid", [True, False])
def test_keeps_both_sides_and_whose_turn_it_is(venue, ids, alice, terms, gate_at, is_bid):
    venue.offer(ids.bob, is_bid, terms, gate_at, {"from": alice})
    sides = (ids.alice, ids.bob) if is_bid else (ids.bob, ids.alice)
    assert venue.negotiationOf(1) == (1, *sides, terms, 1, is_bid, gate_at)


def test_counts_negotiations_and_binds_no_margin_yet(venue, ids, alice, terms, gate_at, money):
    for number in (1, 2):
        sent = venue.offer(ids.bob, True, terms, gate_at, {"from": alice})
        assert sent.return_value == venue.negotiationCount() == number
    assert venue.marginOf(ids.alice) == money.margin
    assert venue.boundOf(terms[0], ids.alice) == 0


def test_says_what_was_offered(venue, ids, alice, terms, gate_at):
    sent = venue.offer(ids.bob, True, terms, gate_at, {"from": alice})
    assert dict(sent.events["OfferMade"]) == {
        "negotiationId": 1,
        "buyerId": ids.alice,
        "sellerId": ids.bob,
        "byBuyer": True,
        "round": 1,
        "firstSlot": terms[0],
        "slotCount": terms[1],
        "energyWh": terms[2],
        "price": terms[3],
        "expiresAt": gate_at,
    }
