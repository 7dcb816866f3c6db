"""What a rule leaves over goes to the grid operator once, and never at the cost of a seller."""

from __future__ import annotations

from functools import cache

import pytest

from setm.errors import Reverted
from setm.evm.machine import Contract
from setm.evm.market import Market, order_of
from setm.orders import BookedOrder, clear_book
from setm.pricing import McAfee, PayAsBid, PricingRule
from setm.types import Side
from setm.units import Money

PEOPLE = 6
BOUND = Money(1_000_000)


@cache
def market_of(rule: PricingRule) -> Market:
    return Market(PEOPLE, rule=rule)


def traded(rule: PricingRule, *, silent: bool = False) -> tuple[Market, list[BookedOrder], int]:
    """A cleared slot: three buyers at 50 to 52, three sellers at 40 to 42, odd energies; one order may stay sealed."""
    market = market_of(rule)
    market.reset()
    rows = [(Side.BID, 200 + 10 * n, 333 + n) for n in range(3)]
    rows += [(Side.ASK, 100 + 10 * n, 331 + n) for n in range(3)]
    booked = [
        BookedOrder(
            order=order_of(person, market.first_slot, *row),
            bound=BOUND,
            is_opened=not (silent and place == 0),
        )
        for place, (person, row) in enumerate(zip(market.people, rows, strict=True))
    ]
    market.enter(booked, booked)
    market.clear()
    surplus = clear_book(market.rules, booked).clearing.surplus
    assert surplus > 0
    return market, booked, surplus


def free_of_operator(market: Market) -> int:
    return int(market.system.clearinghouse.call("freeOf", market.system.operator.id))


def everybody(market: Market) -> list[int]:
    return [person.id for person in market.people]


@pytest.mark.parametrize("rule", [PayAsBid(), McAfee()], ids=repr)
def test_a_surplus_is_paid_once_to_the_grid_operator_whoever_asks(rule: PricingRule) -> None:
    market, _, surplus = traded(rule)
    slot, stranger = market.first_slot, market.evm.account("stranger")
    market.auction.send("collect", slot, everybody(market), sender=stranger)
    before = free_of_operator(market)
    sent = market.auction.send("payOutSurplus", slot, sender=stranger)
    assert sent.only("SurplusPaid") == {"slot": slot, "amount": surplus}
    assert free_of_operator(market) == before + surplus
    with pytest.raises(Reverted, match=rf"NoSurplus\(slot={slot}\)"):
        market.auction.send("payOutSurplus", slot, sender=stranger)


def test_a_surplus_of_a_single_unit_is_kept_and_paid_out() -> None:
    """10 Wh between a buyer and a seller one tick of 0.1 EUR/MWh apart: 1e-6 EUR."""
    market = market_of(PayAsBid())
    market.reset()
    slot, (buyer, seller) = market.first_slot, market.people[:2]
    orders = (order_of(buyer, slot, Side.BID, 101, 10), order_of(seller, slot, Side.ASK, 100, 10))
    booked = [BookedOrder(order=order, bound=BOUND, is_opened=True) for order in orders]
    market.enter(booked, booked)
    market.clear()
    assert market.auction.call("clearingOf", slot).surplus == 1
    market.auction.send("collect", slot, [buyer.id])
    before = free_of_operator(market)
    assert market.auction.send("payOutSurplus", slot).only("SurplusPaid")["amount"] == 1
    assert free_of_operator(market) == before + 1


def test_nothing_is_paid_out_before_the_clearing() -> None:
    market = market_of(PayAsBid())
    market.reset()
    with pytest.raises(Reverted, match=rf"NoSurplus\(slot={market.first_slot}\)"):
        market.auction.send("payOutSurplus", market.first_slot)


def test_nothing_is_paid_out_that_no_buyer_has_paid_in() -> None:
    market, _, surplus = traded(PayAsBid())
    wanted = rf"SlotPoolTooLow\(slot={market.first_slot}, needed={surplus}, available=0\)"
    with pytest.raises(Reverted, match=wanted):
        market.auction.send("payOutSurplus", market.first_slot)


@pytest.mark.parametrize("rule", [PayAsBid(), McAfee()], ids=repr)
def test_a_surplus_that_is_taken_early_delays_sellers_only_until_buyers_are_collected(
    rule: PricingRule,
) -> None:
    """One buyer pays in, the surplus goes out at once; a seller waits, anybody collects, and all get theirs."""
    market, booked, surplus = traded(rule)
    slot, seller = market.first_slot, market.people[3]
    expected = clear_book(market.rules, booked)
    paid_first = expected.outcomes[market.people[2].id].trade.payment
    earned = expected.outcomes[seller.id].trade.revenue
    market.auction.send("collect", slot, [market.people[2].id])
    market.auction.send("payOutSurplus", slot)
    assert paid_first - surplus < earned
    market.evm.now = market.settled_from(slot)
    with pytest.raises(Reverted, match="SlotPoolTooLow"):
        market.system.settlement.send("settle", slot, [seller.id])
    market.auction.send("collect", slot, everybody(market), sender=market.evm.account("stranger"))
    for who in everybody(market):
        market.system.settlement.send("settle", slot, [who])
    assert market.auction.call("slotPool", slot) == expected.dust >= 0


def test_bonds_are_compensated_whether_the_surplus_is_gone_or_not() -> None:
    market, booked, _ = traded(PayAsBid(), silent=True)
    slot, expected = market.first_slot, clear_book(market.rules, booked)
    market.auction.send("forfeit", slot, [market.people[0].id])
    market.auction.send("collect", slot, everybody(market))
    market.auction.send("payOutSurplus", slot)
    market.evm.now = market.void_from(slot)
    for person in market.people[3:]:
        paid = market.auction.send("compensate", slot, person.id).only("CompensationPaid")
        assert paid["amount"] == expected.outcomes[person.id].compensation > 0
    market.settle(everybody(market))
    assert market.auction.call("slotPool", slot) == expected.dust


def test_a_surplus_without_a_grid_operator_stays_in_the_pool() -> None:
    """A plain account settles: there is nobody to pay, and participant 0 gets nothing."""
    market = Market(1, rule=PayAsBid())
    system, evm = market.system, market.evm
    settler = evm.account("settler")
    auction: Contract = evm.deploy(
        "Auction",
        system.clearinghouse,
        settler,
        system.rule,
        tuple(
            {**system.config["auction"], "is_sealed": False, "reveal_window": 0, "bond": 0}.values()
        ),
        sender=system.governance,
    )
    system.clearinghouse.send("addVenue", auction, sender=system.governance)
    evm.now += 2 * 86_400
    slot = evm.now // 900 + 10
    buyer, seller = (system.enrol(name, 1) for name in ("ann", "ben"))
    for person, row in ((buyer, (Side.BID, 200, 500)), (seller, (Side.ASK, 100, 500))):
        system.fund(person, auction, 10**9)
        auction.send("placeOrder", (slot, *row), sender=person)
    evm.now = slot * 900 - 1_800
    auction.send("clear", slot)
    auction.send("collect", slot, [buyer.id, seller.id])
    assert auction.call("clearingOf", slot).surplus == 5_000
    with pytest.raises(Reverted, match="OperatorMissing"):
        auction.send("payOutSurplus", slot)
