"""Negotiation.collect"""

import brownie


def test_refuses_a_slot_before_its_gate_closes(venue, ids, agreed, slot, mallory):
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.collect(slot, [ids.alice], {"from": mallory})


def test_takes_the_payment_of_each_buyer_once(
    system, venue, ids, agreed, slot, gate_at, money, wait_until, mallory
):
    wait_until(gate_at)
    before = system.clearinghouse.collateralOf(venue, ids.alice)
    venue.collect(slot, [ids.alice, ids.bob, ids.alice, ids.carol, 99], {"from": mallory})
    venue.collect(slot, [ids.alice], {"from": mallory})
    assert system.clearinghouse.collateralOf(venue, ids.alice) == before - money.payment
    assert system.clearinghouse.poolOf(venue) == venue.slotPool(slot) == money.payment
    assert venue.boundOf(slot, ids.alice) == 0
    assert venue.boundOf(slot, ids.bob) == money.cover


def test_leaves_the_other_slots_alone(
    venue, ids, agreed, slot, gate_at, money, wait_until, mallory
):
    wait_until(gate_at)
    venue.collect(slot, [ids.alice], {"from": mallory})
    assert venue.slotPool(slot + 1) == 0
    assert venue.boundOf(slot + 1, ids.alice) == money.payment


def test_takes_the_sum_of_payments_each_rounded_by_itself(
    venue, ids, agreement, bring, slot, gate_at, money, wait_until, mallory
):
    for salt in range(2):
        bring(agreement(salt=salt))
    wait_until(gate_at)
    venue.collect(slot, [ids.alice], {"from": mallory})
    assert venue.slotPool(slot) == 2 * money.payment


def test_says_what_was_taken_from_whom(
    venue, ids, agreed, slot, gate_at, money, wait_until, mallory
):
    wait_until(gate_at)
    sent = venue.collect(slot, [ids.alice, ids.carol], {"from": mallory})
    assert [dict(event) for event in sent.events["TradeCollected"]] == [
        {"slot": slot, "participantId": ids.alice, "payment": money.payment, "unbound": 0}
    ]
