"""Auction.placeOrder, of an open auction"""

import brownie
import pytest

from setm.types import Side


@pytest.fixture(scope="module")
def is_sealed():
    return False


def test_refuses_sealed_calls(venue, book, bid, slot, alice):
    for call, args in (
        (venue.commit, (book.commitment(bid),)),
        (venue.commitMany, ([book.commitment(bid)],)),
        (venue.cancel, (slot,)),
        (venue.open, (slot, [])),
        (venue.forfeit, (slot, [])),
        (venue.compensate, (slot, 2)),
    ):
        with brownie.reverts("ModeMismatch: False"):
            call(*args, {"from": alice})


def test_refuses_somebody_without_user_security(venue, book, bid, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.placeOrder(book.words(bid), {"from": mallory})


def test_refuses_after_gate_closure(venue, book, bid, slot, times, wait_until, alice):
    wait_until(times.gate)
    with brownie.reverts(f"WrongPhase: {slot}, 3, 1"):
        venue.placeOrder(book.words(bid), {"from": alice})


def test_refuses_a_tick_outside_the_band(venue, slot, alice):
    with brownie.reverts("TickOutOfBand: 256, 256"):
        venue.placeOrder((slot, Side.BID, 256, 1), {"from": alice})


@pytest.mark.parametrize("energy_wh", [0, 1_000_000_001])
def test_refuses_a_quantity_out_of_range(venue, slot, alice, energy_wh):
    # The tick is the highest: an ask there needs no cover, however large it is.
    with brownie.reverts(f"EnergyOutOfRange: {energy_wh}, 1000000000"):
        venue.placeOrder((slot, Side.ASK, 255, energy_wh), {"from": alice})


def test_refuses_a_second_order_in_the_slot(venue, book, bid, ids, slot, alice):
    venue.placeOrder(book.words(bid), {"from": alice})
    with brownie.reverts(f"OrderExists: {slot}, {ids.alice}"):
        venue.placeOrder(book.words(bid), {"from": alice})


def test_refuses_what_the_margin_does_not_cover(venue, book, ids, alice):
    large = book.order("alice", Side.BID, 161, 250_000)
    needed, margin = book.cover(large), venue.marginOf(ids.alice)
    with brownie.reverts(f"NotCovered: {ids.alice}, {needed}, {margin}"):
        venue.placeOrder(book.words(large), {"from": alice})


def test_refuses_what_a_full_tick_cannot_hold(venue, slot, alice, bob):
    venue.placeOrder((slot, Side.ASK, 255, 1_000_000_000), {"from": alice})
    with brownie.reverts("TickFull: 255, 1000000000, 73741824"):
        venue.placeOrder((slot, Side.ASK, 255, 73_741_824), {"from": bob})
    venue.placeOrder((slot, Side.ASK, 255, 73_741_823), {"from": bob})


def test_binds_the_cover_and_joins_the_ladder(venue, book, bid, ids, slot, alice, bob):
    before = venue.marginOf(ids.alice)
    venue.placeOrder(book.words(bid), {"from": alice})
    behind = book.order("bob", Side.BID, bid.tick, 65)
    venue.placeOrder(book.words(behind), {"from": bob})
    assert venue.marginOf(ids.alice) == before - book.cover(bid)
    assert venue.orderOf(slot, ids.alice)[:6] == (2, 0, book.cover(bid), 161, 335, 0)
    assert venue.orderOf(slot, ids.bob)[:6] == (2, 0, book.cover(behind), 161, 65, 335)
    words = venue.ladderOf(slot, Side.BID)
    assert words[161 // 8] == 400 << 30 * (161 % 8)
    assert sum(words) == words[161 // 8]
    assert sum(venue.ladderOf(slot, Side.ASK)) == 0


def test_is_cleared_after_gate_closure_without_opening(
    venue, book, bid, ask, ids, slot, times, wait_until, alice, bob, mallory
):
    venue.placeOrder(book.words(bid), {"from": alice})
    venue.placeOrder(book.words(ask), {"from": bob})
    wait_until(times.gate)
    venue.clear(slot, {"from": mallory})
    assert (venue.fillOf(slot, ids.alice), venue.fillOf(slot, ids.bob)) == (335, 335)


def test_says_the_order_in_one_word(venue, book, bid, slot, alice):
    sent = venue.placeOrder(book.words(bid), {"from": alice})
    entry = book.entry(bid, book.cover(bid))
    assert dict(sent.events["OrdersOpened"]) == {"slot": slot, "orders": (entry,)}
