"""Reference of the ConditionalMarket venue: orders that ask for a source, price, partner and share of green energy.

A ``Book`` is everything the venue knows. What a trade binds, pays and earns is that of an agreement about one slot, so
that positions and pools are those of ``setm.negotiation``; here stand conditions, and the tags that sellers owe.
Authentication is the registry's: a caller is a participant already. ``now`` is UTC Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from setm import negotiation
from setm.slots import Slot
from setm.tags.tokens import ANY, GREEN, Refused, decode
from setm.types import NOBODY, ParticipantId, Terms
from setm.units import Money, Price, Wh, payment_up

PER_MILLE = 1000

TagOf = Callable[[int, ParticipantId], int]
"""Says which id the energy of a participant in a slot will get, as far as it is known now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is fixed at deployment: limits as in a negotiation, and what a missing tag is worth, 0.001 EUR/MWh."""

    limits: negotiation.Config
    tag_price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted, and under which conditions (IConditionalMarket.Order).

    ``sources`` is a set of sources as bits, ``green_share`` is per mille, partner 0 is anyone.
    """

    slot: Slot
    energy_wh: Wh
    price: Price
    partner_id: ParticipantId = NOBODY
    green_share: int = 0
    sources: int = ANY
    is_bid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An order, as far as it is left, and who posted it."""

    order: Order
    maker_id: ParticipantId


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


NO_ORDER = Posted(
    order=Order(slot=Slot(0), energy_wh=Wh(0), price=Price(0), sources=0, is_bid=False),
    maker_id=NOBODY,
)


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


def empty(config: Config, active: frozenset[ParticipantId] = frozenset()) -> Book:
    """Return the book of a new venue."""
    return Book(config=config, ledger=negotiation.Book(config=config.limits, active=active))


# AMOUNTS


def owed_for(energy_wh: int, green_share: int) -> int:
    """Return the tags owed for a green share of energy, rounded up.

    >>> owed_for(999, 500)
    500
    """
    return -(-energy_wh * green_share // PER_MILLE)


def seller_binds(config: Config, energy_wh: int, price: int, green_share: int) -> Money:
    """Return what a seller binds for a trade: cover of the energy and bond of the tags, 1e-6 EUR."""
    cover = negotiation.bound_by(config.limits, is_buyer=False, energy_wh=energy_wh, price=price)
    return Money(cover + payment_up(owed_for(energy_wh, green_share), config.tag_price))


# ORDERS


def post(book: Book, caller: ParticipantId, order: Order, tag_of: TagOf, now: int) -> Book:
    """Return the book with a new order, number ``len(book.orders)``."""
    _require_postable(book.config, order, now)
    if order.partner_id:
        if order.partner_id == caller:
            raise Refused("PartnerIsSelf", participantId=caller)
        _require_active(book, order.partner_id)
    if not order.is_bid:
        _certified(order, caller, tag_of)
    return replace(book, orders=(*book.orders, Posted(order=order, maker_id=caller)))


def cancel(book: Book, caller: ParticipantId, order_id: int) -> Book:
    """Return the book after what was left of an order was taken back."""
    posted = book.posted(order_id)
    if posted.maker_id != caller:
        raise Refused("NotOrderOf", orderId=order_id, participantId=caller)
    if not posted.order.energy_wh:
        raise Refused("OrderTooSmall", orderId=order_id, leftWh=0, askedWh=0)
    return _with_left(book, order_id, 0)


def take(
    book: Book,
    caller: ParticipantId,
    order_id: int,
    energy_wh: int,
    price: int,
    tag_of: TagOf,
    zone_of: Callable[[ParticipantId], int],
    now: int,
) -> Book:
    """Return the book after an order was taken in whole or in part, and both sides bound."""
    posted = book.posted(order_id)
    order, maker_id = posted.order, posted.maker_id
    _require_takeable(book, posted, caller, order_id, energy_wh, price, now)
    buyer_id, seller_id = (maker_id, caller) if order.is_bid else (caller, maker_id)
    number = _certified(order, seller_id, tag_of)
    owed_wh = owed_for(energy_wh, order.green_share)
    zone, tag_zone = zone_of(buyer_id), decode(number).zone
    if owed_wh and zone != tag_zone:
        raise Refused("BuyerInOtherZone", buyerZone=zone, tagZone=tag_zone)

    _require_margin(book, buyer_id, payment_up(energy_wh, price))
    _require_margin(book, seller_id, seller_binds(book.config, energy_wh, price, order.green_share))
    trade_id = book.trades + 1
    book = replace(
        _with_left(book, order_id, order.energy_wh - energy_wh),
        trades=trade_id,
        ledger=_agreed(book, buyer_id, seller_id, order.slot, energy_wh, price, trade_id, now),
    )
    if not owed_wh:
        return book
    return _owing(book, trade_id, order.slot, buyer_id, seller_id, number, owed_wh)


def _agreed(
    book: Book,
    buyer_id: ParticipantId,
    seller_id: ParticipantId,
    slot: Slot,
    energy_wh: int,
    price: int,
    trade_id: int,
    now: int,
) -> negotiation.Book:
    terms = Terms(first_slot=slot, slot_count=1, energy_wh=Wh(energy_wh), price=Price(price))
    try:
        return negotiation.agree(
            book.ledger,
            buyer_id=buyer_id,
            seller_id=seller_id,
            terms=terms,
            digest=trade_id.to_bytes(8, "big"),
            deadline=now,
            now=now,
        )
    except negotiation.Refused as error:
        raise Refused(error.name, **error.arguments) from None


def _owing(
    book: Book,
    trade_id: int,
    slot: Slot,
    buyer_id: ParticipantId,
    seller_id: ParticipantId,
    number: int,
    owed_wh: int,
) -> Book:
    pledge = book.pledge(slot, seller_id)
    if pledge.owed_wh and pledge.id != number:
        raise Refused(
            "SourceChanged", slot=slot, sellerId=seller_id, expectedId=pledge.id, foundId=number
        )
    bond = payment_up(owed_wh, book.config.tag_price)
    debt = Debt(
        buyer_id=buyer_id,
        seller_id=seller_id,
        slot=slot,
        owed_wh=owed_wh,
        before_wh=pledge.owed_wh,
        bond=bond,
    )
    grown = replace(
        pledge, id=number, owed_wh=pledge.owed_wh + owed_wh, bond=Money(pledge.bond + bond)
    )
    return replace(
        book,
        ledger=negotiation.release_margin(book.ledger, seller_id, bond),
        debts={**book.debts, trade_id: debt},
        pledges={**book.pledges, (slot, seller_id): grown},
    )


# CONDITIONS


def _require_postable(config: Config, order: Order, now: int) -> None:
    limits = config.limits
    _require_before_gate(limits, order.slot, now)
    last_allowed = (now + limits.horizon_seconds) // limits.slot_seconds
    if order.slot > last_allowed:
        raise Refused("BeyondHorizon", slot=order.slot, lastSlot=last_allowed)
    if not 1 <= order.energy_wh <= limits.max_energy_wh:
        raise Refused("EnergyOutOfRange", energyWh=order.energy_wh, limit=limits.max_energy_wh)
    _require_in_band(limits, order.price)
    if not order.sources or order.sources & ~ANY:
        raise Refused("SourcesRefused", sources=order.sources)
    if order.green_share > PER_MILLE:
        raise Refused("ShareTooHigh", greenShare=order.green_share)
    if order.green_share and not order.sources & GREEN:
        raise Refused("ShareUnmeetable", greenShare=order.green_share, sources=order.sources)


def _require_takeable(
    book: Book,
    posted: Posted,
    caller: ParticipantId,
    order_id: int,
    energy_wh: int,
    price: int,
    now: int,
) -> None:
    order = posted.order
    if not 1 <= energy_wh <= order.energy_wh:
        raise Refused("OrderTooSmall", orderId=order_id, leftWh=order.energy_wh, askedWh=energy_wh)
    _require_before_gate(book.config.limits, order.slot, now)
    if caller == posted.maker_id:
        raise Refused("PartnerIsSelf", participantId=caller)
    if order.partner_id not in (NOBODY, caller):
        raise Refused("OtherPartner", partnerId=order.partner_id, participantId=caller)
    _require_active(book, posted.maker_id)
    if price > order.price if order.is_bid else price < order.price:
        raise Refused("PriceNotMet", limit=order.price, price=price)
    _require_in_band(book.config.limits, price)


def _certified(order: Order, seller_id: ParticipantId, tag_of: TagOf) -> int:
    number = tag_of(order.slot, seller_id)
    allowed = order.sources & GREEN if order.green_share else order.sources
    source = decode(number).source
    if not allowed & source.bit:
        raise Refused("SourceNotCertified", sellerId=seller_id, found=int(source), sources=allowed)
    return number


def _require_before_gate(limits: negotiation.Config, slot: int, now: int) -> None:
    gate_at = limits.gate_at(slot)
    if now >= gate_at:
        raise Refused("GateClosed", slot=slot, gateAt=gate_at, nowAt=now)


def _require_in_band(limits: negotiation.Config, price: int) -> None:
    if not limits.floor_price <= price <= limits.cap_price:
        raise Refused(
            "PriceOutOfBand",
            price=price,
            floorPrice=limits.floor_price,
            capPrice=limits.cap_price,
        )


def _require_active(book: Book, participant_id: ParticipantId) -> None:
    if participant_id not in book.ledger.active:
        raise Refused("PartnerInactive", participantId=participant_id)


def _require_margin(book: Book, participant_id: ParticipantId, amount: int) -> None:
    margin = book.ledger.margin_of(participant_id)
    if not margin or margin < amount:
        raise Refused(
            "NotCovered", participantId=participant_id, needed=amount or 1, available=margin
        )


def _with_left(book: Book, order_id: int, left_wh: int) -> Book:
    place = order_id - 1
    posted = book.orders[place]
    left = replace(posted, order=replace(posted.order, energy_wh=Wh(left_wh)))
    return replace(book, orders=(*book.orders[:place], left, *book.orders[place + 1 :]))


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
