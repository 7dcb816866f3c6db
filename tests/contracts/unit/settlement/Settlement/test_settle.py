"""Settlement.settle"""

from dataclasses import asdict

import brownie
import pytest

from setm.metering import ReadingState, ReadingView
from setm.settlement import bill
from setm.types import Trade


def measured(import_wh, export_wh, *, is_fraud=False):
    return ReadingView(
        state=ReadingState.ACCEPTED,
        import_wh=import_wh,
        export_wh=export_wh,
        is_measured=True,
        is_final=True,
        is_fraud=is_fraud,
    )


def test_refuses_the_operator(settlement, deliver, slot, ids, mallory):
    deliver({})
    with brownie.reverts(f"OperatorNotSettled: {ids.operator}"):
        settlement.settle(slot, [ids.alice, ids.operator], {"from": mallory})


def test_refuses_a_participant_whose_reading_may_still_change(
    settlement, meters, signed, slot, ids, mallory, wait_until
):
    wait_until((slot + 1) * 900)
    meters.postReading(signed(ids.alice, slot, 1, 2), {"from": mallory})
    for who in (ids.alice, ids.carol):
        with brownie.reverts(f"ReadingOpen: {slot}, {who}"):
            settlement.settle(slot, [who], {"from": mallory})
    wait_until((slot + 1) * 900 + meters.readingWindow())
    settlement.settle(slot, [ids.alice, ids.carol], {"from": mallory})


def test_refuses_a_slot_whose_outcome_a_venue_still_holds_open(
    settlement, deliver, venues, slot, ids, mallory
):
    deliver({})
    venues[1].setOpen(slot, True, {"from": mallory})
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        settlement.settle(slot, [ids.alice], {"from": mallory})


def test_passes_over_who_is_settled_already_or_named_twice(
    settlement, house, deliver, venue, trade, slot, ids, mallory, check_money
):
    trade(venue, ids.bob, sold=100, revenue=4_000)
    deliver({ids.bob: (0, 100)})
    once = settlement.settle(slot, [ids.bob, ids.bob], {"from": mallory})
    assert len(once.events["SlotSettled"]) == 1
    free = house.freeOf(ids.bob)
    sent = settlement.settle(slot, [ids.alice, ids.bob, ids.alice], {"from": mallory})
    assert [event["participantId"] for event in sent.events["SlotSettled"]] == [ids.alice]
    assert len(settlement.settle(slot, [ids.bob, ids.alice], {"from": mallory}).events) == 0
    assert house.freeOf(ids.bob) == free
    check_money()


def test_asks_nothing_of_a_venue_that_nobody_of_the_batch_joined_before_the_slot(
    settlement, house, project, deliver, slot, ids, alice, operator, governance, mallory, wait_until
):
    dead = project.ClearingVenue.deploy({"from": governance})
    active_from = house.addVenue(dead, {"from": governance}).events["VenueScheduled"]["activeFrom"]
    wait_until(active_from + 1)
    settlement.acceptVenue(dead, {"from": operator})
    house.lock(dead, 1, {"from": alice})
    deliver({})
    later = brownie.chain.time() // 900 + 1
    deliver({}, later)
    settlement.settle(slot, [ids.alice, ids.bob], {"from": mallory})
    settlement.settle(later, [ids.bob], {"from": mallory})
    with brownie.reverts(""):
        settlement.settle(later, [ids.alice], {"from": mallory})


@pytest.mark.parametrize("function", ["settle", "payArrears", "releaseGuarantee"])
def test_refuses_a_venue_that_comes_back_in(
    settlement, deliver, venue, trade, slot, ids, alice, guarantee, function, mallory
):
    """A faulty venue calls settlement while its trade is closed."""
    deliver({ids.alice: (10, 0)})
    inner = [slot, [ids.bob]] if function == "settle" else [ids.alice]
    call = getattr(settlement, function).encode_input(*inner)
    venue.actOnClose(settlement, call, {"from": mallory})
    with brownie.reverts("ReentrancyGuardReentrantCall: "):
        settlement.settle(slot, [ids.alice], {"from": mallory})


def test_bills_what_was_traded_against_what_was_measured(
    settlement, deliver, venues, trade, slot, ids, guarantee, alice, operator, tariff, mallory
):
    """alice bought in both venues and used more, bob sold and delivered more."""
    guarantee(alice, 1_000_000)
    guarantee(operator, 1_000_000)
    trade(venues[0], ids.alice, bought=300, payment=12_001)
    trade(venues[1], ids.alice, bought=200, payment=8_000)
    trade(venues[0], ids.bob, sold=500, revenue=20_000, cover=777)
    deliver({ids.alice: (1_234, 7), ids.bob: (3, 999)})
    sent = settlement.settle(slot, [ids.alice, ids.bob], {"from": mallory})

    expected = {
        ids.alice: bill(Trade(bought_wh=500), measured(1_234, 7), tariff),
        ids.bob: bill(Trade(sold_wh=500), measured(3, 999), tariff, trade_credit=20_777),
    }
    told = {one["participantId"]: one for one in sent.events["SlotSettled"]}
    for who, found in expected.items():
        assert tuple(told[who]["bill"]) == tuple(asdict(found).values())
        assert (told[who]["slot"], told[who]["isMeasured"]) == (slot, True)
        assert settlement.isSettled(slot, who)
    assert told[ids.alice]["arrearsChange"] == told[ids.bob]["arrearsChange"] == 0


def test_takes_a_charge_first_from_the_trades_then_from_the_guarantee(
    settlement, house, deliver, venue, trade, slot, ids, guarantee, bob, mallory, check_money
):
    """bob sold 1,000 Wh, delivered nothing, and buys them back for 55,500."""
    guarantee(bob, 100_000)
    trade(venue, ids.bob, sold=1_000, revenue=40_000, cover=9_500)
    deliver({ids.bob: (0, 0)})
    before = house.freeOf(ids.bob)
    settlement.settle(slot, [ids.bob], {"from": mallory})
    assert settlement.guaranteeOf(ids.bob) == 94_000
    assert settlement.guaranteeOf(ids.operator) == 55_500
    assert house.freeOf(ids.bob) == before
    check_money()


def test_frees_what_the_trades_leave_and_pays_the_credit(
    settlement, house, deliver, venue, trade, slot, ids, guarantee, operator, mallory, check_money
):
    guarantee(operator, 100_000)
    trade(venue, ids.bob, sold=500, revenue=20_000, cover=777)
    deliver({ids.bob: (0, 1_500)})
    before = house.freeOf(ids.bob)
    settlement.settle(slot, [ids.bob], {"from": mallory})
    assert house.freeOf(ids.bob) - before == 20_777 + 30_000
    assert settlement.guaranteeOf(ids.operator) == 70_000
    assert settlement.guaranteeOf(ids.bob) == 0
    check_money()


def test_owes_what_is_missing_and_takes_it_from_a_later_credit(
    settlement, house, deliver, slot, ids, guarantee, alice, mallory, check_money
):
    guarantee(alice, 5_500)
    deliver({ids.alice: (1_000, 0)})
    sent = settlement.settle(slot, [ids.alice], {"from": mallory})
    assert sent.events["SlotSettled"]["arrearsChange"] == 50_000
    assert settlement.arrearsOf(ids.alice) == 50_000
    assert settlement.guaranteeOf(ids.operator) == 5_500

    later, before = brownie.chain.time() // 900 + 2, house.freeOf(ids.alice)
    deliver({ids.alice: (0, 1_000)}, later)
    sent = settlement.settle(later, [ids.alice], {"from": mallory})
    assert sent.events["SlotSettled"]["arrearsChange"] == -30_000
    assert settlement.arrearsOf(ids.alice) == 20_000
    assert house.freeOf(ids.alice) == before
    check_money()


def test_pays_credits_from_charges_of_the_same_call(
    settlement, house, deliver, slot, ids, guarantee, alice, mallory, check_money
):
    """The operator has no guarantee of its own; bob comes first in the list and is paid all the same."""
    guarantee(alice, 100_000)
    deliver({ids.alice: (1_000, 0), ids.bob: (0, 1_000)})
    before = house.freeOf(ids.bob)
    settlement.settle(slot, [ids.bob, ids.alice], {"from": mallory})
    assert house.freeOf(ids.bob) - before == 30_000
    assert settlement.guaranteeOf(ids.operator) == 25_500
    check_money()


def test_settles_on_if_the_operator_is_short_and_owes_the_rest(
    settlement, house, deliver, venue, trade, slot, ids, guarantee, operator, mallory, check_money
):
    guarantee(operator, 12_000)
    trade(venue, ids.bob, sold=100, revenue=4_000)
    deliver({ids.bob: (0, 1_100)})
    before = house.freeOf(ids.bob)
    sent = settlement.settle(slot, [ids.bob], {"from": mallory})
    assert sent.events["SlotSettled"]["arrearsChange"] == -18_000
    assert settlement.arrearsOf(ids.bob) == -18_000
    assert settlement.owedByOperator() == 18_000
    assert house.freeOf(ids.bob) - before == 4_000 + 12_000
    assert settlement.guaranteeOf(ids.operator) == 0
    check_money()


def test_applies_the_default_rule_to_a_silent_meter(
    settlement, deliver, venue, trade, slot, ids, guarantee, alice, mallory
):
    """Half of 5,001 Wh, rounded down, and nothing delivered."""
    guarantee(alice, 1_000_000)
    trade(venue, ids.alice, bought=100, sold=40, payment=0)
    deliver({})
    sent = settlement.settle(slot, [ids.alice], {"from": mallory})
    told = sent.events["SlotSettled"]
    assert told["isMeasured"] is False
    assert told["bill"][:6] == (100, 40, 2_500, 0, 2_400 + 40, 0)


def test_assumes_that_somebody_without_a_meter_used_what_it_bought(
    settlement, deliver, venue, trade, slot, ids, mallory
):
    trade(venue, ids.carol, bought=100)
    deliver({})
    sent = settlement.settle(slot, [ids.carol], {"from": mallory})
    assert sent.events["SlotSettled"]["bill"][:8] == (100, 0, 100, 0, 0, 0, 0, 0)


def test_charges_the_penalty_of_a_fraud(
    settlement, meters, signed, deliver, slot, ids, guarantee, alice, terms, mallory, wait_until
):
    guarantee(alice, 10_000_000)
    wait_until((slot + 1) * 900)
    pair = [signed(ids.alice, slot, value, 0) for value in (1, 2)]
    meters.postReading(pair[0], {"from": mallory})
    meters.proveEquivocation(*pair, {"from": mallory})
    wait_until((slot + 1) * 900 + meters.finalAfter())
    settlement.settle(slot, [ids.alice], {"from": mallory})
    assert settlement.guaranteeOf(ids.alice) == 10_000_000 - terms.fraud_penalty - 56


def test_settles_a_revoked_participant(
    settlement, registry, house, deliver, venue, trade, slot, ids, authority, mallory, check_money
):
    trade(venue, ids.bob, sold=100, revenue=4_000, cover=50)
    deliver({ids.bob: (0, 100)})
    registry.revoke(ids.bob, {"from": authority})
    before = house.freeOf(ids.bob)
    settlement.settle(slot, [ids.bob], {"from": mallory})
    assert house.freeOf(ids.bob) - before == 4_050
    check_money()


def test_settles_nothing_for_nobody(settlement, deliver, slot, mallory):
    deliver({})
    assert len(settlement.settle(slot, [], {"from": mallory}).events) == 0


def test_counts_what_a_venue_handed_over_and_not_what_it_says(
    settlement, house, deliver, venue, trade, slot, ids, guarantee, alice, mallory, check_money
):
    guarantee(alice, 1_000)
    trade(venue, ids.alice, cover=123)
    venue.exaggerate(500, {"from": mallory})
    deliver({ids.alice: (0, 0)})
    free = house.freeOf(ids.alice)
    sent = settlement.settle(slot, [ids.alice], {"from": mallory})
    assert sent.events["SlotSettled"]["bill"][6] == 123
    assert settlement.guaranteeOf(ids.alice) == 1_000
    assert house.freeOf(ids.alice) == free + 123
    check_money()
