"""Attacks 17 and 34: every office is gone for a day and strangers do its duties; clocks lie; blocks are full."""

from __future__ import annotations

import numpy as np
import pytest

from setm.evm import Reverted
from setm.types import Side
from tests.audit.attacks.stage import BOUND, FIRST_SLOT, MARGIN, Stage, refusal
from tests.audit.figures import DEPTH, record

SLOTS = 96


@pytest.fixture(scope="module")
def stage():
    return Stage(auction={"horizon_seconds": 2 * 86_400})


def test_a_whole_day_without_any_office_settles_and_pays_out(stage):
    """96 slots of both venues; some orders stay sealed, some slots are never cleared, some meters are silent."""
    rng = np.random.default_rng(17)
    stage.reset()
    people, stranger = list(stage.people.values()), stage.account("a stranger")
    start = stage.wealths()
    orders = {}
    for number in range(SLOTS):
        stage.slot = FIRST_SLOT + number
        for person in people:
            side, tick = Side(int(rng.integers(2))), int(rng.integers(80, 170))
            order = stage.order(person, side, tick, int(rng.integers(1, 15_000)))
            if rng.random() < 0.8:
                stage.commit(person, order, BOUND)
                orders.setdefault(stage.slot, []).append((order, rng.random() < 0.85))
        if rng.random() < 0.3:
            stage.agree(stage.alice, stage.bob, energy_wh=int(rng.integers(1, 2_000)), salt=number)
    cleared = 0
    for number in range(SLOTS):
        stage.slot = FIRST_SLOT + number
        stage.go(stage.gate)
        openings = [
            stage.opening(order) for order, is_opened in orders.get(stage.slot, []) if is_opened
        ]
        if openings:
            stage.auction.send("open", stage.slot, openings, sender=stranger)
        if rng.random() < 0.9:
            stage.go(stage.clearing)
            stage.auction.send("clear", stage.slot, sender=stranger)
            cleared += stage.auction.call("clearingOf", stage.slot).volumeWh > 0
    assert cleared > SLOTS // 6
    for number in range(SLOTS):
        stage.slot = FIRST_SLOT + number
        stage.go(stage.end)
        readings = [
            stage.signed(meter, *(int(wh) for wh in rng.integers(0, 20_000, size=2)))
            for meter in (1, 2, 3)
            if rng.random() < 0.8
        ]
        # Within the reading window: the clock stands at the end of the last slot whose turn it was.
        if readings:
            refusal(stage.meters.send, "postReadings", readings, sender=stranger)
    ids = [person.id for person in people]
    for number in range(SLOTS):
        stage.slot = FIRST_SLOT + number
        stage.go(stage.final)
        for entry, is_opened in orders.get(stage.slot, []):
            if not is_opened:
                late = (stage.slot, [entry.participant_id])
                refusal(stage.auction.send, "forfeit", *late, sender=stranger)
        for one in ids:
            refusal(stage.auction.send, "compensate", stage.slot, one, sender=stranger)
        stage.settlement.send("settle", stage.slot, ids, sender=stranger)
        for venue in (stage.auction, stage.negotiation):
            assert all(venue.call("boundOf", stage.slot, one) == 0 for one in ids)
    stage.check_books()

    taken = sum(take_out(stage, person) for person in people)
    dust = sum(stage.clearinghouse.call("poolOf", venue) for venue in stage.venues)
    guarantee = stage.settlement.call("guaranteeOf", stage.operator.id)
    assert taken + dust + guarantee == sum(start.values())
    assert stage.clearinghouse.call("held") == guarantee + dust
    record("attacks", "slots settled without any office", SLOTS, wanted="96 of 96", ok=True)


def take_out(stage, person):
    """Withdraw everything that is a participant's, and return how much arrived."""
    for venue in (stage.auction, stage.negotiation):
        venue.send("releaseMargin", venue.call("marginOf", person.id), sender=person)
    guarantee = stage.settlement.call("guaranteeOf", person.id)
    if guarantee:
        stage.settlement.send("requestRelease", guarantee, sender=person)
        stage.evm.now += int(stage.system.config["settlement"]["release_delay"])
        stage.settlement.send("releaseGuarantee", person.id)
    free = stage.clearinghouse.call("freeOf", person.id)
    before = stage.token.call("balanceOf", person)
    stage.clearinghouse.send("withdraw", free, sender=person)
    for venue in stage.venues:
        assert stage.clearinghouse.call("collateralOf", venue, person.id) == 0
    return stage.token.call("balanceOf", person) - before


@pytest.mark.parametrize("seed", range(4 * DEPTH))
def test_clocks_that_are_wrong_by_two_blocks_change_no_outcome(stage, seed):
    """Whoever makes the blocks shifts each time by up to 24 s: who keeps as far from every edge loses nothing."""
    rng, ends = np.random.default_rng(seed), []
    tolerance = 2 * 12
    for is_skewed in (False, True):
        stage.reset()
        stage.slot = FIRST_SLOT

        def at(seconds, is_skewed=is_skewed):
            shift = int(rng.integers(-tolerance, tolerance + 1)) if is_skewed else 0
            stage.evm.now = seconds + shift

        at(stage.gate - 2 * tolerance)
        orders = stage.trade()
        at(stage.gate + 2 * tolerance)
        stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
        at(stage.clearing + 2 * tolerance)
        stage.auction.send("clear", stage.slot)
        at(stage.end + 2 * tolerance)
        readings = [stage.signed(1, 900, 0), stage.signed(2, 0, 1_100), stage.signed(3, 7, 0)]
        stage.meters.send("postReadings", readings)
        at(stage.final + 2 * tolerance)
        stage.settlement.send("settle", stage.slot, [p.id for p in stage.people.values()])
        ends.append((stage.books(), stage.auction.call("clearingOf", stage.slot)))
    assert ends[0] == ends[1]


def test_a_full_block_at_the_worst_time_costs_the_bond_and_no_more(stage):
    """Whoever keeps an opening out of the whole reveal window takes the bond from its owner, and nothing else."""
    stage.reset()
    stage.slot = FIRST_SLOT
    bid, ask = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(ask)])
    stage.go(stage.clearing)
    too_late = refusal(stage.auction.send, "open", stage.slot, [stage.opening(bid)])
    assert too_late == "WrongPhase"
    stage.auction.send("forfeit", stage.slot, [stage.alice.id])
    lost = MARGIN - stage.auction.call("marginOf", stage.alice.id)
    assert lost == stage.system.config["auction"]["bond"]


def test_a_slot_that_nobody_clears_binds_nothing_for_ever(stage):
    stage.reset()
    stage.slot = FIRST_SLOT
    stage.trade()
    stage.go(stage.void)
    stage.auction.send("collect", stage.slot, [stage.alice.id, stage.bob.id])
    for person in (stage.alice, stage.bob):
        assert stage.auction.call("marginOf", person.id) == MARGIN


def test_a_place_of_the_ring_is_freed_by_anybody_before_it_is_used_again(stage):
    """1,024 slots later the word is written again: an order that was never settled refuses the next until it is."""
    stage.reset()
    stage.slot = FIRST_SLOT
    orders = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    stage.auction.send("clear", stage.slot)
    stage.slot += 1024
    stage.go(stage.gate - 3_600)
    again = stage.order(stage.alice, Side.BID, 160, 1_000)
    with pytest.raises(Reverted) as refused:
        stage.commit(stage.alice, again)
    assert refused.value.name == "EarlierSlotOpen"
    assert list(refused.value.arguments.values()) == [FIRST_SLOT]
    stranger = stage.account("a stranger")
    ids = [stage.alice.id, stage.bob.id]
    stage.settlement.send("settle", FIRST_SLOT, ids, sender=stranger)
    stage.commit(stage.alice, again)
    assert stage.auction.call("orderOf", FIRST_SLOT, stage.alice.id).state == 0
