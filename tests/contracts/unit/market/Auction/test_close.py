"""Auction.close, called by settlement: here by a plain account in its place"""

import brownie
import pytest

BOUND = 1_000_000
PAYMENT, REVENUE, COVER = 14_757, 14_756, 3_836
TEN_EUR = 10_000_000


@pytest.fixture(scope="module")
def settler(actors):
    return actors.others[5]


@pytest.fixture(scope="module")
def deployment(other_auction, settler):
    return other_auction(settler)


@pytest.fixture(scope="module")
def venue(deployment, alice, bob, carol):
    system, venue = deployment
    for person in (alice, bob, carol):
        system.clearinghouse.lock(venue, TEN_EUR, {"from": person})
    return venue


@pytest.fixture(scope="module")
def clearinghouse(deployment):
    return deployment[0].clearinghouse


def test_refuses_everybody_but_settlement(venue, cleared, ids, slot, alice, settler):
    with brownie.reverts(f"OnlyBy: {settler.address.lower()}, {alice.address.lower()}"):
        venue.close(slot, ids.alice, {"from": alice})


def test_refuses_before_the_outcome(venue, opened, ids, slot, settler):
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.close(slot, ids.alice, {"from": settler})


def test_refuses_a_seller_whose_buyers_are_not_collected(venue, cleared, ids, slot, settler):
    with brownie.reverts(f"SlotPoolTooLow: {slot}, {REVENUE}, 0"):
        venue.close(slot, ids.bob, {"from": settler})


def test_tells_the_position_and_collects_what_is_not_collected(venue, cleared, ids, slot, settler):
    assert venue.close(slot, ids.alice, {"from": settler}).return_value == (335, 0, 0)
    assert venue.slotPool(slot) == PAYMENT
    assert venue.orderOf(slot, ids.alice)[0] == 5


def test_hands_revenue_and_cover_to_settlement_once(
    clearinghouse, venue, cleared, ids, slot, settler
):
    venue.close(slot, ids.alice, {"from": settler})
    handed = venue.close(slot, ids.bob, {"from": settler})
    assert handed.return_value == (0, 335, REVENUE + COVER)
    assert clearinghouse.collateralOf(settler, ids.bob) == REVENUE + COVER
    assert venue.close(slot, ids.bob, {"from": settler}).return_value == (0, 0, 0)
    assert venue.slotPool(slot) == clearinghouse.poolOf(venue) == PAYMENT - REVENUE
    assert venue.boundOf(slot, ids.bob) == 0


def test_leaves_an_unopened_order_to_be_forfeited(
    venue, book, bid, committed, ids, slot, times, wait_until, settler, mallory
):
    wait_until(times.clearing)
    venue.clear(slot, {"from": mallory})
    assert venue.close(slot, ids.alice, {"from": settler}).return_value == (0, 0, 0)
    venue.forfeit(slot, [ids.alice], {"from": mallory})


def test_keeps_telling_what_was_traded(venue, cleared, ids, slot, settler):
    venue.close(slot, ids.alice, {"from": settler})
    venue.close(slot, ids.bob, {"from": settler})
    assert venue.tradeOf(slot, ids.alice) == (335, 0, PAYMENT, 0)
    assert venue.tradeOf(slot, ids.bob) == (0, 335, 0, REVENUE)


def test_says_what_settlement_took_over(venue, cleared, ids, slot, settler):
    venue.close(slot, ids.alice, {"from": settler})
    sent = venue.close(slot, ids.bob, {"from": settler})
    assert dict(sent.events["TradeClosed"]) == {
        "slot": slot,
        "participantId": ids.bob,
        "boughtWh": 0,
        "soldWh": 335,
        "revenue": REVENUE,
    }
