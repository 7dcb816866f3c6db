"""What every venue promises about the way of a trade to settlement"""

import pytest

from setm.units import payment_down, payment_up
from tests.contracts.common.refusal import refuses
from tests.contracts.common.venues import ENERGY_WH, MARGIN, PRICE, RING

PAYMENT, REVENUE = payment_up(ENERGY_WH, PRICE), payment_down(ENERGY_WH, PRICE)


def test_says_nothing_final_before_the_gate_closes(case, venue, slot):
    case.trade(slot)
    case.pass_gate(slot)
    case.evm.now -= 1
    assert not venue.isFinal(slot)
    with refuses("OutcomeOpen", slot=slot):
        venue.tradeOf(slot, case.alice.id)
    with refuses("OutcomeOpen", slot=slot):
        venue.send("collect", slot, [case.alice.id])
    with refuses("OutcomeOpen", slot=slot):
        venue.send("close", slot, case.alice.id, sender=case.settler)


def test_lets_nobody_but_settlement_close(case, venue, traded):
    for caller in (case.alice.key, case.system.governance, case.system.authority):
        with refuses("OnlyBy", expected=case.settler.address, caller=caller.address):
            venue.send("close", traded, case.alice.id, sender=caller)


def test_pays_no_seller_before_its_buyers_are_collected_which_anybody_can_do(case, venue, traded):
    with refuses("SlotPoolTooLow", slot=traded, needed=REVENUE, available=0):
        venue.send("close", traded, case.bob.id, sender=case.settler)
    venue.send("collect", traded, [case.alice.id], sender=case.evm.account("mallory"))
    venue.send("close", traded, case.bob.id, sender=case.settler)


def test_rounds_buyers_up_and_sellers_down(case, venue, traded):
    assert venue.isFinal(traded)
    assert tuple(venue.tradeOf(traded, case.alice.id)) == (ENERGY_WH, 0, PAYMENT, 0)
    assert tuple(venue.tradeOf(traded, case.bob.id)) == (0, ENERGY_WH, 0, REVENUE)
    assert tuple(venue.tradeOf(traded, case.carol.id)) == (0, 0, 0, 0)


def test_stays_final(case, venue, traded):
    before = venue.tradeOf(traded, case.alice.id)
    for _ in range(3):
        case.evm.now += 86_400
        assert venue.isFinal(traded)
        assert venue.tradeOf(traded, case.alice.id) == before


def test_collects_each_buyer_once_and_passes_over_everybody_else(case, venue, traded):
    ids = [case.alice.id, case.carol.id, case.alice.id, 99, 0]
    receipt = venue.send("collect", traded, ids, sender=case.evm.account("mallory"))
    again = venue.send("collect", traded, ids)
    collected = [event.args for event in receipt.events if event.name == "TradeCollected"]
    assert [(one["participantId"], one["payment"]) for one in collected] == [
        (case.alice.id, PAYMENT)
    ]
    assert not again.events
    assert venue.slotPool(traded) == PAYMENT
    assert case.system.clearinghouse.poolOf(venue) == PAYMENT
    assert venue.marginOf(case.alice.id) == MARGIN - PAYMENT


def test_hands_settlement_bought_sold_and_credit_once(case, venue, traded):
    for person, bought_wh, sold_wh in ((case.alice, ENERGY_WH, 0), (case.bob, 0, ENERGY_WH)):
        receipt = venue.send("close", traded, person.id, sender=case.settler)
        again = venue.send("close", traded, person.id, sender=case.settler)
        assert tuple(receipt.value)[:2] == (bought_wh, sold_wh)
        assert tuple(again.value) == (0, 0, 0)
        assert not again.events
        closed = receipt.only("TradeClosed")
        assert (closed["boughtWh"], closed["soldWh"]) == (bought_wh, sold_wh)
        handed = case.system.clearinghouse.collateralOf(case.settler, person.id)
        assert handed == receipt.value[2]


def test_leaves_less_than_a_unit_for_each_trade_and_creates_no_money(case, venue, traded):
    clearinghouse = case.system.clearinghouse
    for person in (case.alice, case.bob):
        venue.send("close", traded, person.id, sender=case.settler)
    dust = PAYMENT - REVENUE
    assert venue.slotPool(traded) == clearinghouse.poolOf(venue) == dust == 1
    owned = sum(
        clearinghouse.freeOf(person.id)
        + clearinghouse.collateralOf(venue, person.id)
        + clearinghouse.collateralOf(case.settler, person.id)
        for person in (case.alice, case.bob, case.carol)
    )
    assert owned + dust == 6 * MARGIN == clearinghouse.held()


def test_gives_the_buyer_back_all_but_its_payment_and_the_seller_all_and_its_revenue(
    case, venue, traded
):
    for person, change in ((case.alice, -PAYMENT), (case.bob, REVENUE)):
        venue.send("close", traded, person.id, sender=case.settler)
        handed = case.system.clearinghouse.collateralOf(case.settler, person.id)
        assert venue.marginOf(person.id) + handed == MARGIN + change


def test_returns_nothing_for_a_participant_without_a_trade(case, venue, traded):
    receipt = venue.send("close", traded, case.carol.id, sender=case.settler)
    assert tuple(receipt.value) == (0, 0, 0)
    assert not receipt.events


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_settles_what_is_matched_although_a_side_was_revoked(case, venue, slot, who):
    case.trade(slot)
    case.revoke(getattr(case, who))
    case.decide(slot)
    bought = venue.send("close", slot, case.alice.id, sender=case.settler)
    sold = venue.send("close", slot, case.bob.id, sender=case.settler)
    assert (bought.value[0], sold.value[1]) == (ENERGY_WH, ENERGY_WH)


def test_keeps_the_slots_apart(case, venue, slot):
    case.trade(slot)
    case.trade(slot + 1, energy_wh=2 * ENERGY_WH)
    case.decide(slot)
    venue.send("collect", slot, [case.alice.id])
    assert venue.slotPool(slot + 1) == 0
    case.decide(slot + 1)
    venue.send("collect", slot + 1, [case.alice.id])
    assert venue.slotPool(slot) == PAYMENT
    assert venue.slotPool(slot + 1) == payment_up(2 * ENERGY_WH, PRICE)


def test_never_overwrites_an_unfinished_slot_and_uses_its_place_again_once_it_is_closed(
    case, venue, traded
):
    later = traded + RING
    case.evm.now = later * case.system.config["slot_seconds"] - 2 * 3600
    with refuses("EarlierSlotOpen", earlierSlot=traded):
        case.trade(later)
    for person in (case.alice, case.bob):
        venue.send("close", traded, person.id, sender=case.settler)
    case.trade(later)
    case.decide(later)
    assert venue.tradeOf(later, case.alice.id).boughtWh == ENERGY_WH
