"""What the auction costs: each scenario returns the gas of every transaction that it measures.

Steady state means that the ring's words were written by an earlier epoch, whose orders are settled; that is what an
auction costs from its eleventh day on. Machines are metered: every transaction begins cold, as on a chain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import median

from setm.evm.machine import Contract, Evm
from setm.evm.market import OPEN_MODE, RING, Market, order_of
from setm.evm.system import Person
from setm.orders import BookedOrder
from setm.pricing import McAfee, PayAsBid, PricingRule, SupplyDemand, UniformPrice, Vickrey
from setm.types import Order, Side
from setm.units import Money, Price, Wh

ORDERS = 100
TICKS = 256
BOUND = Money(1_000_000)


def random_orders(people: Sequence[Person], slot: int, seed: int = 1) -> list[Order]:
    """Return one order each, anywhere in the band: the most words that a book of this size touches."""
    rng = random.Random(seed)
    return [
        order_of(
            person, slot, Side(rng.randrange(2)), rng.randrange(TICKS), rng.randrange(1, 5_000)
        )
        for person in people
    ]


def case_study_orders(people: Sequence[Person], slot: int, seed: int = 1) -> list[Order]:
    """Return one order each, anywhere in the case study's bands: bids of 34 to 48 EUR/MWh, asks of 40 to 52."""
    rng = random.Random(seed)
    orders = []
    for person in people:
        side = Side(rng.randrange(2))
        tick = rng.randrange(40, 181) if side is Side.BID else rng.randrange(100, 221)
        orders.append(order_of(person, slot, side, tick, rng.randrange(1, 5_000)))
    return orders


def covering_orders(people: Sequence[Person], slot: int) -> list[Order]:
    """Return one order each, so that 64 people touch every word of both ladders and 512 every tick."""
    return [
        order_of(person, slot, Side(place % 2), place // 2 * 8 % TICKS + place // 64 % 8, 100)
        for place, person in enumerate(people)
    ]


@cache
def settled_market(count: int, is_sealed: bool, rule: PricingRule) -> Market:
    """Return a market in which ``count`` people have traded and settled one slot, over every word of the ladders."""
    market = Market(count, rule=rule, **({} if is_sealed else OPEN_MODE))
    booked = [
        BookedOrder(order=order, bound=BOUND)
        for order in covering_orders(market.people, market.first_slot)
    ]
    market.enter(booked, booked)
    market.clear()
    market.settle([person.id for person in market.people])
    return market


class Steady:
    """A metered copy of a settled market, one turn of the ring later."""

    def __init__(self, count: int, is_sealed: bool, rule: PricingRule | None = None) -> None:
        self.market = settled_market(count, is_sealed, rule or UniformPrice())
        self.slot = self.market.first_slot + RING
        self.evm: Evm = self.market.evm.metered()
        self.auction: Contract = self.market.auction.on(self.evm)
        self.evm.now = self.market.gate_of(self.slot) - 1

    def place(self, order: Order) -> int:
        words = (order.slot, order.side, order.tick, order.energy_wh)
        return self.auction.send("placeOrder", words, sender=self.market.person(order)).gas_used

    def commit(self, order: Order) -> int:
        person = self.market.person(order)
        commitment = (order.slot, order.side, BOUND, self.market.digest_of(person, order))
        return self.auction.send("commit", commitment, sender=person).gas_used

    def commit_many(self, person: Person, slots: range) -> int:
        orders = [order_of(person, slot, Side.BID, 7, 500) for slot in slots]
        words = [(o.slot, o.side, BOUND, self.market.digest_of(person, o)) for o in orders]
        return self.auction.send("commitMany", words, sender=person).gas_used

    def open_and_clear(self, orders: Sequence[Order]) -> int:
        for order in orders:
            self.commit(order)
        return self.open(orders) + self.clear()

    def opening(self, order: Order) -> int:
        return self.market.opening_of(self.market.person(order), order)

    def open(self, orders: Sequence[Order]) -> int:
        self.evm.now = self.market.gate_of(self.slot)
        words = [self.opening(order) for order in orders]
        return self.auction.send("open", self.slot, words).gas_used

    def clear(self) -> int:
        self.evm.now = self.market.clearing_from(self.slot)
        return self.auction.send("clear", self.slot).gas_used


def open_order() -> list[int]:
    """An open order in a transaction of its own."""
    steady = Steady(ORDERS, is_sealed=False)
    return [steady.place(order) for order in random_orders(steady.market.people, steady.slot)]


def open_order_in_new_words() -> list[int]:
    """The same in a ring that was never used."""
    steady = Steady(ORDERS, is_sealed=False)
    steady.slot += 1
    steady.evm.now += 900
    return [steady.place(order) for order in random_orders(steady.market.people, steady.slot)]


def commit() -> list[int]:
    """A sealed order in a transaction of its own."""
    steady = Steady(ORDERS, is_sealed=True)
    return [steady.commit(order) for order in random_orders(steady.market.people, steady.slot)]


def commit_in_new_words() -> list[int]:
    """The same in a ring that was never used."""
    steady = Steady(ORDERS, is_sealed=True)
    steady.slot += 1
    steady.evm.now += 900
    return [steady.commit(order) for order in random_orders(steady.market.people, steady.slot)]


def commit_day_share() -> list[int]:
    """One of 96 sealed orders that are entered together."""
    steady = Steady(ORDERS, is_sealed=True)
    person = steady.market.people[0]
    # What an earlier turn of the ring left: orders that were entered and taken back.
    steady.evm.now = steady.market.gate_of(steady.slot - RING + 1) - 1
    early = range(steady.slot - RING + 1, steady.slot - RING + 97)
    steady.commit_many(person, early)
    for slot in early:
        steady.auction.send("cancel", slot, sender=person)
    steady.evm.now = steady.market.gate_of(steady.slot + 1) - 1
    return [steady.commit_many(person, range(steady.slot + 1, steady.slot + 97)) // 96]


def commit_day_share_in_new_words() -> list[int]:
    """The same in a ring that was never used."""
    steady = Steady(ORDERS, is_sealed=True)
    person = steady.market.people[0]
    return [steady.commit_many(person, range(steady.slot + 1, steady.slot + 97)) // 96]


def open_and_clear_share() -> list[int]:
    """An order's share of one transaction that opens all and one that clears, with the case study's prices."""
    steady = Steady(ORDERS, is_sealed=True)
    return [steady.open_and_clear(case_study_orders(steady.market.people, steady.slot)) // ORDERS]


def open_and_clear_share_of_widest_book() -> list[int]:
    """The same with prices anywhere between the grid's own: more words of the ladders."""
    steady = Steady(ORDERS, is_sealed=True)
    return [steady.open_and_clear(random_orders(steady.market.people, steady.slot)) // ORDERS]


def open_alone() -> list[int]:
    """Each order opened in a transaction of its own."""
    steady = Steady(ORDERS, is_sealed=True)
    orders = random_orders(steady.market.people, steady.slot)
    for order in orders:
        steady.commit(order)
    return [steady.open([order]) for order in orders]


def clear_random_book() -> list[int]:
    """The clearing of a book of 100."""
    steady = Steady(ORDERS, is_sealed=False)
    for order in random_orders(steady.market.people, steady.slot):
        steady.place(order)
    return [steady.clear()]


def clear_every_tick() -> list[int]:
    """The clearing with an order at each of the 256 ticks of both sides: the most that it can cost, whatever N."""
    return _clear_every_tick(UniformPrice())


def clear_every_tick_vickrey() -> list[int]:
    """The same by the best losing bid, from a reserve price on that keeps nobody out."""
    return _clear_every_tick(Vickrey(reserve_price=Price(30_000)))


def clear_every_tick_pay_as_bid() -> list[int]:
    """The same at each order's own price."""
    return _clear_every_tick(PayAsBid())


def clear_every_tick_mcafee() -> list[int]:
    """The same by McAfee's rule, where all bids but one are walked back: the second ask is as large as all bids."""
    return _clear_every_tick(McAfee(), second_ask_wh=100 * TICKS)


def clear_every_tick_supply_demand() -> list[int]:
    """The same at the price of the ratio, with as much asked as bid."""
    return _clear_every_tick(SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(55_500)))


def _clear_every_tick(rule: PricingRule, second_ask_wh: int = 100) -> list[int]:
    steady = Steady(2 * TICKS, is_sealed=False, rule=rule)
    for order in covering_orders(steady.market.people, steady.slot):
        is_second = order.side is Side.ASK and order.tick == 1
        steady.place(replace(order, energy_wh=Wh(second_ask_wh)) if is_second else order)
    return [steady.clear()]


def pay_out_surplus() -> list[int]:
    """The surplus of a slot to the grid operator, whose balance was used before."""
    steady = Steady(ORDERS, is_sealed=False, rule=PayAsBid())
    for order in random_orders(steady.market.people, steady.slot):
        steady.place(order)
    steady.clear()
    steady.auction.send("collect", steady.slot, [person.id for person in steady.market.people])
    return [steady.auction.send("payOutSurplus", steady.slot).gas_used]


def collect_share() -> list[int]:
    """An order's share of a transaction that collects all."""
    steady = Steady(ORDERS, is_sealed=False)
    for order in random_orders(steady.market.people, steady.slot):
        steady.place(order)
    steady.clear()
    ids = [person.id for person in steady.market.people]
    return [steady.auction.send("collect", steady.slot, ids).gas_used // ORDERS]


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (
        open_order,
        open_order_in_new_words,
        commit,
        commit_in_new_words,
        commit_day_share,
        commit_day_share_in_new_words,
        open_and_clear_share,
        open_and_clear_share_of_widest_book,
        open_alone,
        clear_random_book,
        clear_every_tick,
        clear_every_tick_vickrey,
        clear_every_tick_pay_as_bid,
        clear_every_tick_mcafee,
        clear_every_tick_supply_demand,
        collect_share,
        pay_out_surplus,
    )
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
