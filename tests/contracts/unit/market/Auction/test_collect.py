"""Auction.collect"""

import brownie
import pytest

from setm.types import Side

BOUND = 1_000_000
# alice buys 335 Wh at 44.05 EUR/MWh; bob could be made to buy them back at 55.5.
PAYMENT, COVER = 14_757, 3_836


@pytest.fixture
def unopened(venue, committed, slot, times, wait_until, mallory):
    """Nobody opened; the slot is cleared without trade."""
    wait_until(times.clearing)
    venue.clear(slot, {"from": mallory})


def test_refuses_before_the_outcome(venue, opened, ids, slot, mallory):
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.collect(slot, [ids.alice], {"from": mallory})


def test_takes_the_payment_once_and_frees_the_rest(system, venue, cleared, ids, slot, mallory):
    before = venue.marginOf(ids.alice)
    venue.collect(slot, [ids.alice, ids.alice, ids.carol], {"from": mallory})
    assert venue.marginOf(ids.alice) == before + BOUND - PAYMENT
    assert venue.slotPool(slot) == system.clearinghouse.poolOf(venue) == PAYMENT
    assert venue.boundOf(slot, ids.alice) == 0
    assert venue.orderOf(slot, ids.alice)[0] == 3


def test_leaves_of_the_sellers_collateral_what_buying_back_may_cost(
    venue, cleared, ids, slot, mallory
):
    before = venue.marginOf(ids.bob)
    venue.collect(slot, [ids.bob], {"from": mallory})
    assert venue.marginOf(ids.bob) == before + BOUND - COVER
    assert venue.boundOf(slot, ids.bob) == COVER


def test_closes_an_order_that_did_not_fill(
    venue, book, bid, ids, slot, times, wait_until, carol, committed, mallory
):
    dear = book.order("carol", Side.ASK, 200, 10)
    venue.commit(book.commitment(dear), {"from": carol})
    wait_until(times.gate)
    venue.open(slot, [book.opening(bid), book.opening(dear)], {"from": mallory})
    wait_until(times.clearing)
    venue.clear(slot, {"from": mallory})
    before = venue.marginOf(ids.carol)
    venue.collect(slot, [ids.carol], {"from": mallory})
    assert venue.marginOf(ids.carol) == before + BOUND
    assert venue.orderOf(slot, ids.carol)[0] == 5


def test_passes_over_an_unopened_order_of_a_cleared_slot(venue, unopened, ids, slot, mallory):
    assert len(venue.collect(slot, [ids.alice], {"from": mallory}).events) == 0
    assert venue.boundOf(slot, ids.alice) == BOUND


def test_gives_everything_back_in_a_void_slot(
    venue, book, bid, committed, ids, slot, times, wait_until, mallory
):
    wait_until(times.gate)
    venue.open(slot, [book.opening(bid)], {"from": mallory})
    before = [venue.marginOf(number) for number in (ids.alice, ids.bob)]
    wait_until(times.void)
    venue.collect(slot, [ids.alice, ids.bob, ids.bob], {"from": mallory})
    after = [venue.marginOf(number) for number in (ids.alice, ids.bob)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [BOUND, BOUND]
    assert [venue.orderOf(slot, number)[0] for number in (ids.alice, ids.bob)] == [5, 5]
    assert venue.slotPool(slot) == 0


def test_says_what_was_taken_and_what_is_free_again(venue, cleared, ids, slot, mallory):
    sent = venue.collect(slot, [ids.alice], {"from": mallory})
    assert dict(sent.events["TradeCollected"]) == {
        "slot": slot,
        "participantId": ids.alice,
        "payment": PAYMENT,
        "unbound": BOUND - PAYMENT,
    }
