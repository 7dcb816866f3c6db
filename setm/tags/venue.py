"""Reference of the ConditionalMarket venue: orders with conditions, trades, and the tags that sellers owe from them.

A ``Book`` is everything the venue knows. What a trade binds, pays and earns is that of an agreement about one slot, so
that margins, positions and pools are those of ``setm.negotiation``; here stand orders, and the tags that sellers owe.
Authentication is the registry's: a caller is a participant already. ``now`` is UTC Unix seconds. Each function returns
the next state or raises ``Refused`` with name and values of the contract's error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from setm import negotiation
from setm.negotiation import Refused
from setm.slots import Slot
from setm.tags.certificates import decode
from setm.tags.orders import (
    NO_ORDER,
    Config,
    Known,
    Order,
    Posted,
    certified,
    require_postable,
    require_takeable,
)
from setm.types import ParticipantId, Terms
from setm.units import Money, Price, Wh, payment_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """Tags that a seller owes from one trade (IConditionalMarket.Debt)."""

    buyer_id: ParticipantId
    seller_id: ParticipantId
    slot: Slot
    owed_wh: int
    before_wh: int
    bond: Money
    is_delivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """All that a seller owes in one slot (IConditionalMarket.Pledge)."""

    id: int = 0
    owed_wh: int = 0
    collected_wh: int = 0
    bond: Money = Money(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a buyer is handed for a debt: tags, and money for those that are missing."""

    energy_wh: int
    missing_wh: int
    compensation: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The venue's whole state; order n stands at index n - 1. ``ledger`` has margins, positions and pools."""

    config: Config
    ledger: negotiation.Book
    orders: tuple[Posted, ...] = ()
    trades: int = 0
    debts: Mapping[int, Debt] = field(default_factory=dict)
    pledges: Mapping[tuple[int, ParticipantId], Pledge] = field(default_factory=dict)

    def posted(self, order_id: int) -> Posted:
        """Return an order; an empty one if there is none."""
        known = 1 <= order_id <= len(self.orders)
        return self.orders[order_id - 1] if known else NO_ORDER

    def pledge(self, slot: int, seller_id: ParticipantId) -> Pledge:
        """Return what a seller owes in a slot."""
        return self.pledges.get((slot, seller_id), Pledge())


def empty(config: Config) -> Book:
    """Return the book of a new venue."""
    return Book(config=config, ledger=negotiation.Book(config=config.limits))


# ORDERS


def post(book: Book, caller: ParticipantId, order: Order, known: Known) -> Book:
    """Return the book with a new order, number ``len(book.orders)``."""
    require_postable(book.config, caller, order, known)
    return replace(book, orders=(*book.orders, Posted(order=order, maker_id=caller)))


def cancel(book: Book, caller: ParticipantId, order_id: int) -> Book:
    """Return the book after what was left of an order was taken back."""
    posted = book.posted(order_id)
    if posted.maker_id != caller:
        raise Refused("NotOrderOf", orderId=order_id, participantId=caller)
    if not posted.left_wh:
        raise Refused("OrderTooSmall", orderId=order_id, leftWh=0, askedWh=0)
    return _with_taken(book, order_id, posted.left_wh)


def take(
    book: Book, caller: ParticipantId, order_id: int, energy_wh: int, price: int, known: Known
) -> Book:
    """Return the book after an order was taken in whole or in part, and both sides bound."""
    posted = book.posted(order_id)
    order, owed_wh = posted.order, posted.owed_for(energy_wh)
    if not 1 <= energy_wh <= posted.left_wh:
        raise Refused("OrderTooSmall", orderId=order_id, leftWh=posted.left_wh, askedWh=energy_wh)
    require_takeable(book.config, posted, caller, price, known)
    buyer_id, seller_id = (posted.maker_id, caller) if order.is_bid else (caller, posted.maker_id)
    number = certified(order, seller_id, known)
    zone, tag_zone = known.zone_of(buyer_id), decode(number).zone
    if owed_wh and zone != tag_zone:
        raise Refused("BuyerInOtherZone", buyerZone=zone, tagZone=tag_zone)

    bond = payment_up(owed_wh, book.config.tag_price)
    terms = Terms(first_slot=order.slot, slot_count=1, energy_wh=Wh(energy_wh), price=Price(price))
    book = replace(
        _with_taken(book, order_id, energy_wh),
        trades=book.trades + 1,
        ledger=negotiation.conclude(book.ledger, buyer_id, seller_id, terms, bond),
    )
    debt = Debt(
        buyer_id=buyer_id,
        seller_id=seller_id,
        slot=order.slot,
        owed_wh=owed_wh,
        before_wh=book.pledge(order.slot, seller_id).owed_wh,
        bond=bond,
    )
    return _owing(book, debt, number) if owed_wh else book


def _owing(book: Book, debt: Debt, number: int) -> Book:
    """Write down the debt of the newest trade, in tags of an id."""
    place = debt.slot, debt.seller_id
    pledge = book.pledge(*place)
    if pledge.owed_wh and pledge.id != number:
        raise Refused(
            "SourceChanged",
            slot=debt.slot,
            sellerId=debt.seller_id,
            expectedId=pledge.id,
            foundId=number,
        )
    grown = replace(
        pledge,
        id=number,
        owed_wh=pledge.owed_wh + debt.owed_wh,
        bond=Money(pledge.bond + debt.bond),
    )
    return replace(
        book,
        debts={**book.debts, book.trades: debt},
        pledges={**book.pledges, place: grown},
    )


def _with_taken(book: Book, order_id: int, energy_wh: int) -> Book:
    place = order_id - 1
    posted = book.orders[place]
    taken = replace(posted, taken_wh=posted.taken_wh + energy_wh)
    return replace(book, orders=(*book.orders[:place], taken, *book.orders[place + 1 :]))


# TAGS


def collect_tags(
    book: Book, slot: int, seller_id: ParticipantId, number: int, energy_wh: int
) -> tuple[Book, int]:
    """Return the book after a seller's slot was minted as tags of an id, and how many of them go to its buyers."""
    pledge = book.pledge(slot, seller_id)
    if not pledge.owed_wh or pledge.id != number:
        return book, 0
    collected_wh = min(energy_wh, pledge.owed_wh)
    grown = replace(pledge, collected_wh=collected_wh)
    return replace(book, pledges={**book.pledges, (slot, seller_id): grown}), collected_wh


def share_of(debt: Debt, pledge: Pledge) -> int:
    """Return the tags that a debt gets of those collected, whatever became of the others.

    >>> pledge = Pledge(owed_wh=10, collected_wh=7)
    >>> parties = {"buyer_id": ParticipantId(1), "seller_id": ParticipantId(2), "slot": Slot(1)}
    >>> [share_of(Debt(**parties, owed_wh=5, before_wh=p, bond=Money(0)), pledge) for p in (0, 5)]
    [3, 4]
    """
    up_to = (debt.before_wh + debt.owed_wh) * pledge.collected_wh // pledge.owed_wh
    return up_to - debt.before_wh * pledge.collected_wh // pledge.owed_wh


def deliver(book: Book, trade_id: int, *, is_minted: bool) -> tuple[Book, Delivery]:
    """Return the book after a trade's tags went to its buyer, and what that was."""
    debt = book.debts.get(trade_id)
    if debt is None or debt.is_delivered:
        raise Refused("NothingOwed", tradeId=trade_id)
    if not is_minted:
        raise Refused("SlotNotMinted", slot=debt.slot, sellerId=debt.seller_id)
    place = debt.slot, debt.seller_id
    pledge = book.pledges[place]
    energy_wh = share_of(debt, pledge)
    missing_wh = debt.owed_wh - energy_wh
    compensation = payment_up(missing_wh, book.config.tag_price)
    ledger = negotiation.add_margin(book.ledger, debt.seller_id, debt.bond - compensation)
    ledger = negotiation.add_margin(ledger, debt.buyer_id, compensation)
    book = replace(
        book,
        ledger=ledger,
        debts={**book.debts, trade_id: replace(debt, is_delivered=True)},
        pledges={**book.pledges, place: replace(pledge, bond=Money(pledge.bond - debt.bond))},
    )
    return book, Delivery(energy_wh=energy_wh, missing_wh=missing_wh, compensation=compensation)


def bound_of(book: Book, slot: int, participant_id: ParticipantId) -> Money:
    """Return what trades of a participant bind in a slot, tags that are still owed included, 1e-6 EUR."""
    bond = book.pledge(slot, participant_id).bond
    return Money(bond + negotiation.bound_of(book.ledger, slot, participant_id))
