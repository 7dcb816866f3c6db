"""Whole slots of a tariff, from announcement to bill: shares are exact, no money is made, the reference agrees."""

import os
from dataclasses import astuple
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setm import settlement
from setm import tariff as reference
from setm.evm.tariff import TariffMarket, announcement, book_of, taking
from setm.metering import ReadingView
from setm.settlement import Account
from setm.types import GridTariff, Side, Trade
from setm.units import Money, Price

DEPTH = int(os.environ.get("SETM_DEPTH", "1"))
COUNT = 12
MARGIN = 2**46
GUARANTEE = 2**50
few = settings(
    max_examples=25 * DEPTH,
    deadline=None,
    derandomize=True,
    suppress_health_check=HealthCheck.all(),
)

ENERGY = st.one_of(st.integers(1, 5), st.integers(1, 4_000), st.integers(1, 1_000_000_000))
# What each wants: its side, what it announces, and which share of that it takes.
WISHES = st.lists(
    st.tuples(st.sampled_from(list(Side)), ENERGY, st.fractions(0, 1)), min_size=1, max_size=COUNT
)
ORDERS = st.permutations(range(COUNT))


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@cache
def deployed(is_settled):
    market = TariffMarket(COUNT, margin=MARGIN, is_settled=is_settled)
    if is_settled:
        for person in (market.system.operator, *market.people):
            market.system.fund(person, market.system.settlement, GUARANTEE)
    return market


class Run:
    """The chain and the reference side by side through one slot."""

    def __init__(self, is_settled):
        self.market = deployed(is_settled)
        self.market.reset()
        self.slot, self.book = self.market.first_slot, book_of(self.market)

    def play(self, wishes, order):
        """Let all announce in the order given and take in the opposite one; go to gate closure."""
        market, slot = self.market, self.slot
        market.evm.now = market.taking_from(slot) - 1
        acting = [index for index in order if index < len(wishes)]
        for index in acting:
            side, energy_wh, _ = wishes[index]
            person = market.people[index]
            market.announce(person, slot, side, energy_wh)
            message = announcement(slot, side, energy_wh)
            self.book = reference.announce(self.book, person.id, message, market.evm.now)
        market.evm.now += 1
        price = reference.price_of(self.book, slot, market.evm.now)
        for index in reversed(acting):
            side, energy_wh, part = wishes[index]
            if taken := int(energy_wh * part):
                person = market.people[index]
                market.take(person, slot, side, taken)
                message = taking(slot, side, taken, price)
                self.book = reference.take(self.book, person.id, message, market.evm.now)
        market.evm.now = market.gate_of(slot)
        return price

    def trades(self):
        found = {}
        for person in self.market.people:
            told = tuple(self.market.venue.tradeOf(self.slot, person.id))
            now = self.market.evm.now
            expected = reference.trade_of(self.book, self.slot, person.id, now)
            assert told == astuple(expected)
            found[person.id] = expected
        return found


@given(wishes=WISHES, order=ORDERS)
@few
def test_both_sides_trade_the_same_to_the_watt_hour_and_nobody_loses_more_than_one(wishes, order):
    run = Run(is_settled=False)
    run.play(wishes, order)
    trades = run.trades()
    sums = run.book.sums_of(run.slot).taken
    volume = min(sums)
    assert sum(trade.bought_wh for trade in trades.values()) == volume
    assert sum(trade.sold_wh for trade in trades.values()) == volume
    for number, trade in trades.items():
        part = run.book.part(run.slot, number)
        filled = trade.bought_wh + trade.sold_wh
        assert filled <= part.taken_wh
        if part.taken_wh:
            assert abs(filled - Fraction(part.taken_wh * volume, sums[part.side])) < 1


@given(wishes=WISHES, order=ORDERS)
@few
def test_no_order_of_taking_moves_a_share_by_more_than_a_watt_hour(wishes, order):
    one = Run(is_settled=False)
    one.play(wishes, range(COUNT))
    first = one.trades()
    other = Run(is_settled=False)
    other.play(wishes, order)
    for number, trade in other.trades().items():
        assert abs(trade.bought_wh - first[number].bought_wh) <= 1
        assert abs(trade.sold_wh - first[number].sold_wh) <= 1


@given(wishes=WISHES, order=ORDERS)
@few
def test_every_bill_is_covered_and_equals_the_reference_and_no_money_is_made(wishes, order):
    run = Run(is_settled=True)
    market, slot, system = run.market, run.slot, run.market.system
    house, ids = system.clearinghouse, [person.id for person in market.people]
    price = run.play(wishes, order)
    trades = run.trades()
    free = {number: house.freeOf(number) for number in ids}
    market.evm.now = market.start_of(slot + 1) + system.meters.call("finalAfter")
    receipt = system.settlement.send("settle", slot, ids)

    tariff = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_000))
    for number in ids:
        run.book = reference.collect(run.book, slot, [number], market.evm.now)
    bills = {}
    for number in ids:
        run.book, (_, _, credit) = reference.close(run.book, slot, number, market.evm.now)
        # Nobody has a meter: the default rule has everybody use what it bought and deliver nothing.
        bills[number] = settlement.bill(
            trades[number], ReadingView(is_final=True), tariff, trade_credit=credit
        )
        # What a seller does not deliver is paid for by its revenue and its cover, but for roundings.
        assert bills[number].charge <= credit + 1
    accounts = dict.fromkeys((system.operator.id, *ids), Account(guarantee=Money(GUARANTEE)))
    moved = settlement.settle(bills, accounts, system.operator.id)
    settled = {
        event.args["participantId"]: event.args["bill"] for event in receipt.named("SlotSettled")
    }
    assert {number: tuple(told) for number, told in settled.items()} == {
        number: astuple(one) for number, one in bills.items()
    }
    for number in ids:
        assert house.freeOf(number) - free[number] == moved.freed[number]
        assert market.venue.boundOf(slot, number) == 0
        assert market.venue.marginOf(number) == run.book.margin_of(number)
    count = sum(trade != Trade() for trade in trades.values())
    dust = market.venue.slotPool(slot)
    assert dust == run.book.pools.get(slot, 0) == house.poolOf(market.venue)
    assert dust < max(count, 1)
    assert 30_000 <= price <= 55_500
    owned = sum(
        house.freeOf(number)
        + house.collateralOf(market.venue, number)
        + house.collateralOf(system.settlement, number)
        for number in (system.operator.id, *ids)
    )
    assert owned + dust == house.held()
