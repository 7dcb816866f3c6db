"""Auction.compensate"""

import brownie
import pytest

from setm.types import Side

BOUND = 1_000_000


@pytest.fixture
def forfeited(venue, book, bid, ask, committed, slot, ids, times, wait_until, carol, mallory):
    """alice's bond is forfeited; bob asks 500 Wh and carol 1,000."""
    second = book.order("carol", Side.ASK, 121, 1_000)
    venue.commit(book.commitment(second), {"from": carol})
    wait_until(times.gate)
    venue.open(slot, [book.opening(ask), book.opening(second)], {"from": mallory})
    wait_until(times.clearing)
    venue.forfeit(slot, [ids.alice], {"from": mallory})


def test_refuses_before_the_clear_window_has_passed(venue, forfeited, ids, slot, times, mallory):
    with brownie.reverts(f"CompensationOpen: {slot}, {times.void}"):
        venue.compensate(slot, ids.bob, {"from": mallory})


def test_refuses_who_is_owed_nothing(venue, forfeited, ids, slot, times, wait_until, mallory):
    wait_until(times.void)
    for number in (ids.alice, ids.operator):
        with brownie.reverts(f"NoCompensation: {slot}, {number}"):
            venue.compensate(slot, number, {"from": mallory})


def test_refuses_a_second_time(venue, forfeited, ids, slot, times, wait_until, mallory):
    wait_until(times.void)
    venue.compensate(slot, ids.bob, {"from": mallory})
    with brownie.reverts(f"NoCompensation: {slot}, {ids.bob}"):
        venue.compensate(slot, ids.bob, {"from": mallory})


def test_refuses_the_side_whose_own_bond_it_was(
    venue, book, bid, ids, slot, committed, times, wait_until, carol, mallory
):
    other = book.order("carol", Side.BID, 10, 100)
    venue.commit(book.commitment(other), {"from": carol})
    wait_until(times.gate)
    venue.open(slot, [book.opening(other)], {"from": mallory})
    wait_until(times.clearing)
    venue.forfeit(slot, [ids.alice], {"from": mallory})
    wait_until(times.void)
    with brownie.reverts(f"NoCompensation: {slot}, {ids.carol}"):
        venue.compensate(slot, ids.carol, {"from": mallory})


def test_shares_the_bond_by_quantity(
    system, venue, forfeited, rules, ids, slot, times, wait_until, mallory
):
    before = [venue.marginOf(number) for number in (ids.bob, ids.carol)]
    wait_until(times.void)
    for number in (ids.bob, ids.carol):
        venue.compensate(slot, number, {"from": mallory})
    after = [venue.marginOf(number) for number in (ids.bob, ids.carol)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [33_333, 66_666]
    assert venue.slotPool(slot) == system.clearinghouse.poolOf(venue) == 1
    bound = venue.boundOf(slot, ids.bob)
    assert system.clearinghouse.collateralOf(venue, ids.bob) == after[0] + bound


def test_pays_after_the_order_was_collected_too(
    venue, forfeited, ids, slot, times, wait_until, mallory
):
    wait_until(times.void)
    venue.collect(slot, [ids.bob], {"from": mallory})
    venue.compensate(slot, ids.bob, {"from": mallory})
    assert venue.orderOf(slot, ids.bob)[:1] == (5,)


def test_says_who_got_how_much(venue, forfeited, ids, slot, times, wait_until, mallory):
    wait_until(times.void)
    sent = venue.compensate(slot, ids.carol, {"from": mallory})
    assert dict(sent.events["CompensationPaid"]) == {
        "slot": slot,
        "participantId": ids.carol,
        "amount": 66_666,
    }
