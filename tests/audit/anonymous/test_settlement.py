"""From a note to a bill: the anonymous venue hands its trades to the same settlement as every other."""

from __future__ import annotations

from setm.units import payment_down, payment_up
from tests.audit.anonymous.stage import EUR, MARGIN, NOTE, Stage, staged

ENERGY_WH, PRICE, RETAIL = 20_001, 46_100, 55_500


def settled(stage: Stage) -> None:
    """Settle the slot of everybody; without meters a bought Wh counts as used, a sold one as missing."""
    slot_end = (stage.slot + 1) * 900
    stage.evm.now = slot_end + stage.system.meters.call("finalAfter")
    ids = [person.id for person in stage.people.values()]
    stage.system.settlement.send("settle", stage.slot, ids)


def test_a_claimed_agreement_is_settled_and_every_unit_is_found_again() -> None:
    stage = staged().reset()
    stage.system.fund(stage.system.operator, stage.system.settlement, 10 * EUR)
    a, b = stage.fund(stage.alice), stage.fund(stage.bob)
    number = stage.agree(stage.agreement(a, b), a, b)
    stage.evm.now = stage.gate
    assert stage.claim(number, True, stage.alice, a)
    assert stage.claim(number, False, stage.bob, b)
    held = stage.house.held()
    settled(stage)
    payment, revenue = payment_up(ENERGY_WH, PRICE), payment_down(ENERGY_WH, PRICE)
    cover = payment_up(ENERGY_WH, RETAIL - PRICE)
    bought_back = payment_up(ENERGY_WH, RETAIL)
    # bob delivered nothing: revenue and cover pay for all but rounding of what the grid operator delivered instead.
    assert revenue + cover == bought_back
    assert stage.house.freeOf(stage.bob.id) == MARGIN
    assert stage.house.freeOf(stage.alice.id) == MARGIN
    assert stage.venue.slotPool(stage.slot) == payment - revenue
    # What is left of the notes goes home.
    for person, account in ((stage.alice, a), (stage.bob, b)):
        left = stage.venue.accountBalance(account)
        assert stage.cash_in(account, person.id, left)
    assert stage.venue.marginOf(stage.alice.id) == MARGIN - payment
    assert stage.venue.marginOf(stage.bob.id) == MARGIN - cover
    assert stage.house.poolOf(stage.venue) == payment - revenue
    assert stage.house.held() == held


def test_an_unclaimed_agreement_never_reaches_settlement() -> None:
    stage = staged().reset()
    stage.system.fund(stage.system.operator, stage.system.settlement, 10 * EUR)
    a, b = stage.fund(stage.alice), stage.fund(stage.bob)
    number = stage.agree(stage.agreement(a, b), a, b)
    settled(stage)
    assert stage.venue.slotPool(stage.slot) == 0
    assert stage.refund(number)
    assert stage.venue.accountBalance(a) == stage.venue.accountBalance(b) == NOTE
    stage.check()
