"""Auction.open"""

import brownie
import pytest

from setm.types import Side

BOUND = 1_000_000
OTHER_SALT = 1 << 100


@pytest.fixture
def enter(venue, book, ids, slot, times, wait_until, alice, bob):
    """Commit alice's and bob's orders and go to gate closure."""

    def commit(*entries):
        for order, bound in entries:
            sender = alice if order.participant_id == ids.alice else bob
            venue.commit(book.commitment(order, bound), {"from": sender})
        wait_until(times.gate)

    return commit


def test_refuses_an_open_order_in_a_sealed_auction(venue, book, bid, alice):
    with brownie.reverts("ModeMismatch: True"):
        venue.placeOrder(book.words(bid), {"from": alice})


def test_refuses_before_gate_closure(venue, book, bid, committed, slot, mallory):
    with brownie.reverts(f"WrongPhase: {slot}, 1, 2"):
        venue.open(slot, [book.opening(bid)], {"from": mallory})


def test_refuses_after_the_reveal_window(
    venue, book, bid, committed, slot, times, wait_until, mallory
):
    wait_until(times.clearing)
    with brownie.reverts(f"WrongPhase: {slot}, 3, 2"):
        venue.open(slot, [book.opening(bid)], {"from": mallory})


def test_refuses_what_nobody_committed(venue, book, ids, slot, enter, bid, mallory):
    enter((bid, BOUND))
    stray = book.order("carol", Side.BID, 1, 1)
    with brownie.reverts(f"NoCommitment: {slot}, {ids.carol}"):
        venue.open(slot, [book.opening(stray)], {"from": mallory})


@pytest.mark.parametrize("change", [1 << 208, 1 << 160, OTHER_SALT])
def test_refuses_another_tick_quantity_or_salt(venue, book, bid, ids, slot, enter, mallory, change):
    enter((bid, BOUND))
    with brownie.reverts(f"CommitmentMismatch: {slot}, {ids.alice}"):
        venue.open(slot, [book.opening(bid) ^ change], {"from": mallory})


def test_refuses_a_sealed_tick_outside_the_band(venue, book, slot, enter, mallory):
    wild = book.order("alice", Side.BID, 256, 335)
    enter((wild, BOUND))
    with brownie.reverts("TickOutOfBand: 256, 256"):
        venue.open(slot, [book.opening(wild)], {"from": mallory})


@pytest.mark.parametrize("energy_wh", [0, 1_000_000_001, 2**48 - 1])
def test_refuses_a_sealed_quantity_out_of_range(venue, book, slot, enter, mallory, energy_wh):
    wild = book.order("alice", Side.BID, 161, energy_wh)
    enter((wild, BOUND))
    with brownie.reverts(f"EnergyOutOfRange: {energy_wh}, 1000000000"):
        venue.open(slot, [book.opening(wild)], {"from": mallory})


def test_sets_aside_what_its_collateral_does_not_cover(
    venue, book, bid, ask, ids, slot, enter, mallory
):
    large = book.order("alice", Side.BID, 161, 335_000)
    enter((large, BOUND), (ask, BOUND))
    sent = venue.open(slot, [book.opening(large), book.opening(ask)], {"from": mallory})
    assert dict(sent.events["OpeningRefused"]) == {
        "slot": slot,
        "participantId": ids.alice,
        "cover": book.cover(large),
        "bound": BOUND,
    }
    assert sent.events["OrdersOpened"]["orders"] == (book.entry(ask, BOUND),)
    assert venue.orderOf(slot, ids.alice)[0] == 1


def test_sets_aside_what_a_full_tick_cannot_hold(venue, book, ids, slot, enter, mallory):
    first = book.order("alice", Side.ASK, 255, 1_000_000_000)
    second = book.order("bob", Side.ASK, 255, 73_741_824)
    enter((first, BOUND), (second, BOUND))
    sent = venue.open(slot, [book.opening(first), book.opening(second)], {"from": mallory})
    assert sent.events["OpeningRefused"]["participantId"] == ids.bob
    assert venue.orderOf(slot, ids.alice)[0] == 2
    assert venue.orderOf(slot, ids.bob)[0] == 1


def test_passes_over_what_is_opened_already(venue, book, bid, ask, opened, slot, mallory):
    again = venue.open(slot, [book.opening(ask), book.opening(bid)], {"from": mallory})
    assert len(again.events) == 0
    assert sum(venue.ladderOf(slot, Side.BID)) == 335 << 30


def test_opens_for_everybody(venue, book, bid, ask, ids, slot, enter, mallory):
    enter((bid, BOUND), (ask, BOUND))
    venue.open(slot, [book.opening(bid), book.opening(ask)], {"from": mallory})
    assert venue.orderOf(slot, ids.alice)[:6] == (2, 0, BOUND, 161, 335, 0)
    assert venue.orderOf(slot, ids.bob)[:6] == (2, 1, BOUND, 120, 500, 0)
    assert venue.boundOf(slot, ids.alice) == BOUND


def test_says_all_of_a_batch_at_once(venue, book, bid, ask, slot, enter, mallory):
    enter((bid, BOUND), (ask, 2 * BOUND))
    sent = venue.open(slot, [book.opening(bid), book.opening(ask)], {"from": mallory})
    entries = (book.entry(bid, BOUND), book.entry(ask, 2 * BOUND))
    assert [dict(event) for event in sent.events["OrdersOpened"]] == [
        {"slot": slot, "orders": entries}
    ]
