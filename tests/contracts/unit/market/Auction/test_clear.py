"""Auction.clear"""

import brownie

# 335 Wh at 44.05 EUR/MWh: halfway between alice's 46.1 and bob's 42.0.
CLEARING = (44_050, 44_050, 335, 161, 335, 335, 120, 500, 335, False, 0)


def test_refuses_in_the_reveal_window(venue, opened, slot, mallory):
    with brownie.reverts(f"WrongPhase: {slot}, 2, 3"):
        venue.clear(slot, {"from": mallory})


def test_refuses_a_second_time(venue, cleared, slot, mallory):
    with brownie.reverts(f"WrongPhase: {slot}, 4, 3"):
        venue.clear(slot, {"from": mallory})


def test_refuses_a_void_slot(venue, opened, slot, times, wait_until, mallory):
    wait_until(times.void)
    with brownie.reverts(f"WrongPhase: {slot}, 5, 3"):
        venue.clear(slot, {"from": mallory})


def test_keeps_the_clearing_and_fills_by_it(venue, cleared, ids, slot):
    assert venue.clearingOf(slot) == CLEARING
    assert [venue.fillOf(slot, number) for number in (ids.alice, ids.bob, ids.carol)] == [
        335,
        335,
        0,
    ]
    assert venue.isFinal(slot)


def test_clears_a_slot_without_orders(venue, slot, times, wait_until, mallory):
    wait_until(times.clearing)
    venue.clear(slot, {"from": mallory})
    assert venue.clearingOf(slot) == (*(0,) * 9, False, 0)
    assert venue.phase(slot) == 4


def test_says_the_clearing_and_who_cleared(venue, cleared, slot, mallory):
    event = cleared.events["SlotCleared"]
    assert (event["slot"], event["clearer"]) == (slot, mallory)
    assert tuple(event["clearing"]) == CLEARING
