"""A whole day of four slots, two venues and five neighbours, drawn first:

                     slot A                  slot B                slot C               slot D
    auction          alice, carol, dave buy  alice, carol buy      alice buys           -
                     bob sells 2,000 Wh      erin sells 600 Wh     bob sells
                     44.0 is rationed        bob never opens       nobody clears: void
    negotiated       alice–bob 800 Wh @ 43   carol–bob 333 Wh      dave–carol 250 Wh    alice–bob 700 Wh
                     carol–bob 333 Wh                @ 42.337              @ 50.001              @ 41
                             @ 42.337
    metered          all                     all but dave          carol's is disputed  bob's is missing
                                                                   and resolved

    gate A    +10 min    gate B    +10 min    gate C    +25 min      D is over    +1 h          +6 h
    |---------|----------|---------|----------|---------|------------|------------|-------------|----------->
    open A    clear A    open B    clear B,   open C    C is void,   post all,    settle A, B,  D without
                                   forfeit              compensate,  dispute      resolve and   bob's reading
                                                        collect A                 settle C, D   by default

    Before gate A everybody commits and agrees; at the end everybody leaves with all of its money.

Every figure is computed by the reference; after each stage all balances add up to the tokens held.
"""

from collections import Counter

import brownie
import pytest

from setm.units import payment_up
from tests.contracts.integration.community import EUR
from tests.contracts.integration.day import (
    AGREED,
    AUCTION,
    SILENT,
    TRADERS,
    VOID,
    bill,
    book,
    expected,
)


def test_the_auction_clears_as_the_reference_does(day):
    auction = day.people.system.auction
    for slot in AUCTION.keys() - VOID:
        found = auction.clearingOf(day.first + slot)
        clearing = book(day, slot).clearing
        assert tuple(found) == tuple(getattr(clearing, name) for name in type(clearing).__slots__)
    assert auction.clearingOf(day.first)[:3] == (43_000, 43_000, 2_000)


def test_fills_at_the_margin_follow_the_reference_to_the_watt_hour(day):
    auction, ids = day.people.system.auction, day.people.ids
    fills = {
        name: auction.fillOf(day.first, ids[name]) for name in ("alice", "carol", "dave", "bob")
    }
    assert fills == {"alice": 1_200, "carol": 450, "dave": 350, "bob": 2_000}
    outcomes = book(day, 0).outcomes
    assert fills == {name: outcomes[ids[name]].filled_wh for name in fills}


def test_a_slot_that_nobody_clears_is_void(day):
    slot = day.first + 2
    assert day.seen["void"] == f"WrongPhase: {slot}, 5, 3"
    for name in ("alice", "bob"):
        number = day.people.ids[name]
        assert day.people.system.auction.tradeOf(slot, number) == (0, 0, 0, 0)
        assert day.people.system.auction.boundOf(slot, number) == 0


def test_what_would_come_too_early_is_refused_and_hurts_nobody(day):
    ids = day.people.ids
    assert day.seen["reading may change"] == f"ReadingOpen: {day.first}, {ids['dave']}"
    assert day.seen["buyers first"].startswith(f"SlotPoolTooLow: {day.first}, ")
    assert day.seen["once"] == 0
    assert day.seen["disputed"] == f"ReadingOpen: {day.first + 2}, {ids['carol']}"
    assert day.seen["missing"] == f"ReadingOpen: {day.first + 3}, {ids['bob']}"


@pytest.mark.parametrize("slot", range(4))
def test_every_bill_equals_the_reference_to_the_unit(day, slot):
    traded, _, _ = expected(day)
    bills = settled_bills(day)
    for name in TRADERS:
        bought_wh, sold_wh = traded[slot, name]
        expected_bill = bill(day, slot, name, bought_wh, sold_wh)
        found, is_measured = bills[day.first + slot, day.people.ids[name]]
        assert is_measured == ((slot, name) not in SILENT)
        credit = found.pop("tradeCredit")
        assert tuple(found.values()) == (
            bought_wh,
            sold_wh,
            expected_bill.import_wh,
            expected_bill.export_wh,
            expected_bill.grid_bought_wh,
            expected_bill.grid_sold_wh,
            expected_bill.charge,
            expected_bill.credit,
        )
        assert (credit != 0) == (sold_wh != 0)


def settled_bills(day):
    settlement = day.people.system.settlement
    found = {}
    for transaction in brownie.history.filter(fn_name="settle"):
        if transaction.receiver == settlement.address and "SlotSettled" in transaction.events:
            for event in transaction.events["SlotSettled"]:
                key = event["slot"], event["participantId"]
                assert key not in found, "settled twice"
                found[key] = dict(event["bill"]), event["isMeasured"]
    return found


def test_everybody_leaves_with_what_the_day_made_of_its_money_to_the_unit(day):
    token = day.people.system.token
    traded, gained, _ = expected(day)
    change = Counter(gained)
    for (slot, name), (bought_wh, sold_wh) in traded.items():
        found = bill(day, slot, name, bought_wh, sold_wh)
        change[name] += found.credit - found.charge
        change["operator"] += found.charge - found.credit
    for name in (*TRADERS, "operator"):
        assert token.balanceOf(day.people.accounts[name]) == 100 * EUR + change[name]


def test_who_could_not_pay_at_once_paid_later(day):
    assert day.seen["arrears"] == payment_up(100, 55_500) - 1_000
    assert day.people.system.settlement.arrearsOf(day.people.ids["erin"]) == 0


def test_only_dust_remains_and_it_is_counted(day):
    _, _, dust = expected(day)
    system = day.people.system
    for venue in ("auction", "negotiation"):
        contract = getattr(system, venue)
        slots = [contract.slotPool(day.first + slot) for slot in range(4)]
        assert sum(slots) == system.clearinghouse.poolOf(contract) == dust[venue]
    assert system.token.balanceOf(system.clearinghouse) == sum(dust.values())


def test_dust_is_below_one_unit_for_each_trade(day):
    trades = sum(count for *_, count, _, _ in AGREED)
    _, _, dust = expected(day)
    assert dust["negotiation"] < trades
    assert book(day, 0).dust < len(AUCTION[0])


def test_each_stage_keeps_the_sum_of_all_balances(day):
    held = {stage: sum(found.values()) for stage, found in day.stages.items()}
    assert (
        len({held[stage] for stage in ("prepare", "negotiate", "commit", "trade", "deliver")}) == 1
    )
    assert held["prepare"] == 600 * EUR
    assert held["settle"] == held["deliver"] - EUR
