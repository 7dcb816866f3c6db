"""Orders with conditions: buyers say what energy they want, sellers of energy that meets it take their bids.

Park et al. 2018 (A Sustainable Home Energy Prosumer-Chain Methodology with Energy Tags over the Blockchain,
Sustainability 10(3), 658) let an energy tag set the conditions of later trades and the price follow the trading
situation, and give no formula for either. Here, slot by slot:

1. Every buyer posts a bid with its conditions: its highest price, and the share of green energy that it wants, drawn
   once for the day. Every seller posts an ask: what it has, from which certified source, at which lowest price.
2. The price of the situation is the supply/demand-ratio price of all that was posted (``setm.pricing.SupplyDemand``):
   anybody can compute it from the orders.
3. Sellers take bids whose conditions they meet, the seller with the lowest ask first, each the highest bid first, at
   the price of the situation or, where that lies outside the two limits, at the nearer limit. Before, a seller takes
   its ask back: so it never promises its energy twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from setm import negotiation
from setm.agents.forecast_bidder import best_quantity
from setm.pricing import SupplyDemand
from setm.slots import Slot
from setm.tags import ANY, GREEN, tag_id, venue
from setm.tags.orders import PER_MILLE, Config, Known, Order, seller_binds
from setm.trading.day import Day
from setm.trading.mechanism import Outcome
from setm.trading.traders import Trader
from setm.types import ParticipantId, Side, Trade
from setm.units import Money, Price, payment_up

HORIZON_SECONDS = 2 * 86_400
# What a missing tag is worth to its buyer, 0.001 EUR/MWh; our choice, no source names a price.
TAG_PRICE = Price(10_000)
# The shares of green energy among which a buyer chooses, per mille.
GREEN_SHARES = (0, 250, 500, 750, PER_MILLE)


class Desk(Protocol):
    """Where orders are posted, taken back and taken, each by the trader that is named."""

    def post(self, trader: Trader, order: Order) -> int:
        """Post an order; return its number."""

    def cancel(self, trader: Trader, number: int) -> None:
        """Take back what is left of the trader's own order."""

    def take(self, trader: Trader, number: int, energy_wh: int, price: Price) -> None:
        """Take a part of somebody's order."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """An order that was posted, and how much of it is left."""

    trader: Trader
    order: Order
    number: int
    left_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithConditions:
    """Park's market of orders with conditions; see the module."""

    name: str = "conditional"
    title: str = "Orders with energy tags"
    after: str = "Park et al. 2018"

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return the collateral that covers whatever the trader may buy or sell during the day, tags included."""
        return Money(sum(margin_in(trader, slot, day) for slot in day.slots))

    def rehearse(self, day: Day) -> Outcome:
        """Return the trades of every slot in which somebody traded, by the reference of the venue."""
        paper = Paper(day)
        trade(day, paper, lambda: None)
        return paper.outcome()


def terms(day: Day) -> Config:
    """Return what holds for every order of the day: the auction's band and gate."""
    market = day.market
    limits = negotiation.Config(
        gate_lead=market.gate_lead,
        horizon_seconds=HORIZON_SECONDS,
        floor_price=market.grid.floor_price,
        cap_price=market.grid.price(market.tick_count - 1),
        cover_price=market.cover_price,
        max_energy_wh=market.max_order_wh,
        slot_seconds=day.slot_seconds,
    )
    return Config(limits=limits, tag_price=TAG_PRICE)


def green_share(trader: Trader) -> int:
    """Return the share of green energy that a buyer wants all day, per mille: its own draw."""
    return int(trader.rng("green share").choice(GREEN_SHARES))


def order_of(trader: Trader, slot: Slot, day: Day) -> Order | None:
    """Return what the trader posts for a slot, what is best at the middle of its band; None if that is nothing."""
    side = trader.side_in(slot)
    middle = Price((trader.band.min_bid + trader.band.max_bid) // 2)
    energy_wh = best_quantity(side, middle, day.market.tariff, trader.forecasts[slot])
    if energy_wh == 0:
        return None
    is_bid = side is Side.BID
    return Order(
        slot=slot,
        energy_wh=energy_wh,
        price=trader.band.max_bid if is_bid else trader.band.min_bid,
        green_share=green_share(trader) if is_bid else 0,
        sources=ANY if is_bid else trader.certified.source.bit,
        is_bid=is_bid,
    )


def margin_in(trader: Trader, slot: Slot, day: Day) -> Money:
    """Return what the trader may have to bind in a slot; each trade rounds up on its own, a seller's twice."""
    order = order_of(trader, slot, day)
    if order is None:
        return Money(0)
    side = trader.side_in(slot)
    others = sum(other.side_in(slot) is not side for other in day.traders)
    if order.is_bid:
        return Money(payment_up(order.energy_wh, order.price) + others)
    # Of each bid the tags are rounded up too.
    most_owed_wh = order.energy_wh + others
    return Money(seller_binds(terms(day), order.energy_wh, order.price, most_owed_wh) + 2 * others)


def trade(day: Day, desk: Desk, each_slot: Callable[[], None]) -> None:
    """Let everybody post and sellers take, the earliest slot first."""
    rng = day.rng()
    for slot in day.slots:
        _trade_slot(day, slot, desk, rng)
        each_slot()


def _trade_slot(day: Day, slot: Slot, desk: Desk, rng: np.random.Generator) -> None:
    standing = []
    # Who posts first comes first among equal prices: an order that favours nobody.
    for index in rng.permutation(len(day.traders)):
        trader = day.traders[index]
        if order := order_of(trader, slot, day):
            number = desk.post(trader, order)
            standing.append(
                Standing(trader=trader, order=order, number=number, left_wh=order.energy_wh)
            )
    bids = sorted((one for one in standing if one.order.is_bid), key=lambda bid: -bid.order.price)
    asks = sorted(
        (one for one in standing if not one.order.is_bid), key=lambda ask: ask.order.price
    )
    price = situation_price(day, asks, bids)
    for ask in asks:
        fitting = [bid for bid in bids if bid.left_wh and fits(bid, ask)]
        if fitting:
            desk.cancel(ask.trader, ask.number)
            _take(ask, fitting, price, desk)


def _take(ask: Standing, bids: Sequence[Standing], price: Price, desk: Desk) -> None:
    for bid in bids:
        energy_wh = min(ask.left_wh, bid.left_wh)
        if energy_wh == 0:
            return
        agreed = min(max(price, ask.order.price), bid.order.price)
        desk.take(ask.trader, bid.number, energy_wh, Price(agreed))
        ask.left_wh -= energy_wh
        bid.left_wh -= energy_wh


def situation_price(day: Day, asks: Sequence[Standing], bids: Sequence[Standing]) -> Price:
    """Return the price that the ratio of what is offered to what is wanted comes to, 0.001 EUR/MWh."""
    tariff = day.market.tariff
    rule = SupplyDemand(feed_in_price=tariff.feed_in_price, retail_price=tariff.retail_price)
    return rule.price(
        sum(ask.order.energy_wh for ask in asks), sum(bid.order.energy_wh for bid in bids)
    )


def fits(bid: Standing, ask: Standing) -> bool:
    """Tell whether the seller meets the bid's conditions, as the venue will ask."""
    seller, wish = ask.trader.certified, bid.order
    allowed = wish.sources & GREEN if wish.green_share else wish.sources
    is_near = not wish.green_share or seller.zone == bid.trader.certified.zone
    return bool(allowed & seller.source.bit) and is_near and ask.order.price <= wish.price


@dataclass(slots=True)
class Paper:
    """A desk without a chain: the venue's reference, each slot with books and margins of its own."""

    day: Day
    books: dict[Slot, venue.Book] = field(default_factory=dict)
    _ids: dict[str, ParticipantId] = field(init=False)
    _posted: list[tuple[Slot, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Number the traders as they enrol."""
        names = (trader.name for trader in self.day.traders)
        self._ids = {name: ParticipantId(number) for number, name in enumerate(names, start=2)}

    def post(self, trader: Trader, order: Order) -> int:
        """Post an order in the book of its slot; return its number of the day."""
        book = self.books.get(order.slot) or self._opened(order.slot)
        self.books[order.slot] = venue.post(
            book, self._ids[trader.name], order, self._known(order.slot)
        )
        self._posted.append((order.slot, len(self.books[order.slot].orders)))
        return len(self._posted)

    def cancel(self, trader: Trader, number: int) -> None:
        """Take back what is left of an order."""
        slot, place = self._posted[number - 1]
        self.books[slot] = venue.cancel(self.books[slot], self._ids[trader.name], place)

    def take(self, trader: Trader, number: int, energy_wh: int, price: Price) -> None:
        """Take a part of an order."""
        slot, place = self._posted[number - 1]
        who, known = self._ids[trader.name], self._known(slot)
        self.books[slot] = venue.take(self.books[slot], who, place, energy_wh, price, known)

    def outcome(self) -> Outcome:
        """Return everybody's trades of each slot."""
        return {slot: found for slot in self.books if (found := self._trades(slot))}

    def owed_wh(self, slot: Slot) -> int:
        """Return the tags that all sellers owe in a slot."""
        book = self.books.get(slot)
        return sum(debt.owed_wh for debt in book.debts.values()) if book else 0

    def _trades(self, slot: Slot) -> dict[str, Trade]:
        ledger = self.books[slot].ledger
        gate = ledger.config.gate_at(slot)
        trades = {
            name: negotiation.trade_of(ledger, slot, one, gate) for name, one in self._ids.items()
        }
        return {name: one for name, one in trades.items() if one != Trade()}

    def _opened(self, slot: Slot) -> venue.Book:
        book = venue.empty(terms(self.day))
        ledger = book.ledger
        for trader in self.day.traders:
            # One unit more, since even what binds nothing needs a margin.
            amount = margin_in(trader, slot, self.day) + 1
            ledger = negotiation.add_margin(ledger, self._ids[trader.name], amount)
        return replace(book, ledger=ledger)

    def _known(self, slot: Slot) -> Known:
        by_id = {self._ids[trader.name]: trader.certified for trader in self.day.traders}
        return Known(
            tag_of=lambda at, one: tag_id(by_id[one].source, by_id[one].zone, at),
            zone_of=lambda one: by_id[one].zone,
            active=frozenset(by_id),
            now=terms(self.day).limits.gate_at(slot) - 1,
        )
