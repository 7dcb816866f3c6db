"""Auction.forfeit"""

import brownie
import pytest

BOUND = 1_000_000


@pytest.fixture
def half_opened(venue, book, ask, committed, slot, times, wait_until, mallory):
    """bob's ask is opened, alice's bid is not."""
    wait_until(times.gate)
    venue.open(slot, [book.opening(ask)], {"from": mallory})
    wait_until(times.clearing)


def test_refuses_in_the_reveal_window(venue, committed, ids, slot, times, wait_until, mallory):
    wait_until(times.gate)
    with brownie.reverts(f"WrongPhase: {slot}, 2, 4"):
        venue.forfeit(slot, [ids.alice], {"from": mallory})


def test_refuses_in_a_void_slot(venue, half_opened, ids, slot, times, wait_until, mallory):
    wait_until(times.void)
    with brownie.reverts(f"WrongPhase: {slot}, 5, 4"):
        venue.forfeit(slot, [ids.alice], {"from": mallory})


def test_refuses_an_opened_order(venue, half_opened, ids, slot, mallory):
    with brownie.reverts(f"NothingForfeited: {slot}, {ids.bob}"):
        venue.forfeit(slot, [ids.bob], {"from": mallory})


def test_passes_over_one_without_an_order(venue, half_opened, ids, slot, mallory):
    venue.clear(slot, {"from": mallory})
    assert len(venue.forfeit(slot, [ids.carol, 99], {"from": mallory}).events) == 0


def test_takes_the_bond_once_and_frees_the_rest(
    system, venue, half_opened, rules, ids, slot, mallory
):
    margin = venue.marginOf(ids.alice)
    collateral = system.clearinghouse.collateralOf(venue, ids.alice)
    venue.clear(slot, {"from": mallory})
    venue.forfeit(slot, [ids.alice, ids.alice], {"from": mallory})
    assert venue.marginOf(ids.alice) == margin + BOUND - rules.bond
    assert system.clearinghouse.collateralOf(venue, ids.alice) == collateral - rules.bond
    assert system.clearinghouse.poolOf(venue) == venue.slotPool(slot) == rules.bond
    assert venue.orderOf(slot, ids.alice)[:3] == (4, 0, 0)
    assert venue.boundOf(slot, ids.alice) == 0


def test_clears_first_if_nobody_has(venue, half_opened, ids, slot, mallory):
    sent = venue.forfeit(slot, [ids.alice], {"from": mallory})
    assert sent.events["SlotCleared"]["clearer"] == mallory
    assert venue.phase(slot) == 4


def test_says_what_was_forfeited_and_what_is_free_again(
    venue, half_opened, rules, ids, slot, mallory
):
    sent = venue.forfeit(slot, [ids.alice], {"from": mallory})
    assert dict(sent.events["BondForfeited"]) == {
        "slot": slot,
        "participantId": ids.alice,
        "side": 0,
        "bond": rules.bond,
        "unbound": BOUND - rules.bond,
    }
