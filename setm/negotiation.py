"""Reference of the Negotiation venue: who may say what when, and what agreements bind, owe and earn.

A ``Book`` is everything the venue knows; each function returns the book after one message or raises ``Refused`` with
the name and values of the contract's error, checked in the contract's order. Authentication is the registry's: here a
caller is a participant already. ``now`` is UTC Unix seconds, everything else integers in the units of ``setm.units``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum

from setm.errors import OrderRefused
from setm.slots import Slot
from setm.types import NOBODY, ParticipantId, Terms, Trade
from setm.units import Money, Price, Wh, payment_down, payment_up

MAX_SLOTS = 96
RING = 1024
# What a position's word holds: energy bought or sold, Wh, and each amount of money, 1e-6 EUR.
ENERGY_LIMIT = 2**40
MONEY_LIMIT = 2**48


class Refused(OrderRefused):
    """The venue refuses; ``name`` and ``arguments`` are those of the contract's error."""

    def __init__(self, name: str, **arguments: int | str) -> None:
        self.name = name
        self.arguments = arguments
        listed = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"refused: {name}({listed}); see docs/errors.md#{name.lower()}")


class State(IntEnum):
    """State of a negotiation (INegotiation.State)."""

    NONE = 0
    OPEN = 1
    AGREED = 2
    REJECTED = 3
    WITHDRAWN = 4
    EXPIRED = 5


class PositionState(IntEnum):
    """How far a position has come."""

    NONE = 0
    OPEN = 1
    COLLECTED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is fixed at deployment (INegotiation.Config), and the slot length in seconds."""

    gate_lead: int
    horizon_seconds: int
    floor_price: Price
    cap_price: Price
    cover_price: Price
    max_energy_wh: Wh
    slot_seconds: int

    def gate_at(self, slot: int) -> int:
        """Return gate closure of a slot: from then on its outcome is final."""
        return max(0, slot * self.slot_seconds - self.gate_lead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation:
    """A negotiation (INegotiation.NegotiationView); ``round`` counts offers from 1."""

    state: State
    buyer_id: ParticipantId
    seller_id: ParticipantId
    terms: Terms
    round: int
    buyer_moved: bool
    expires_at: int

    def turn_id(self) -> ParticipantId:
        """Return whose turn it is: the side that has not made the last offer."""
        return self.seller_id if self.buyer_moved else self.buyer_id

    def maker_id(self) -> ParticipantId:
        """Return who made the last offer."""
        return self.buyer_id if self.buyer_moved else self.seller_id


NO_NEGOTIATION = Negotiation(
    state=State.NONE,
    buyer_id=NOBODY,
    seller_id=NOBODY,
    terms=Terms(first_slot=Slot(0), slot_count=0, energy_wh=Wh(0), price=Price(0)),
    round=0,
    buyer_moved=False,
    expires_at=0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """All agreements of a participant in one slot: what it pays, earns and binds as cover, 1e-6 EUR."""

    slot: Slot
    bought_wh: Wh = Wh(0)
    sold_wh: Wh = Wh(0)
    payment: Money = Money(0)
    receivable: Money = Money(0)
    cover: Money = Money(0)
    state: PositionState = PositionState.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The venue's whole state; positions stand at (participant, slot % RING), negotiation n at index n - 1."""

    config: Config
    active: frozenset[ParticipantId] = frozenset()
    margins: Mapping[ParticipantId, Money] = field(default_factory=dict)
    negotiations: tuple[Negotiation, ...] = ()
    positions: Mapping[tuple[ParticipantId, int], Position] = field(default_factory=dict)
    used: frozenset[bytes] = frozenset()
    pools: Mapping[Slot, Money] = field(default_factory=dict)

    def margin_of(self, participant_id: int) -> Money:
        """Return the margin that no agreement binds."""
        return self.margins.get(ParticipantId(participant_id), Money(0))

    def negotiation(self, negotiation_id: int) -> Negotiation:
        """Return a negotiation as stored; an empty one if there is none."""
        known = 1 <= negotiation_id <= len(self.negotiations)
        return self.negotiations[negotiation_id - 1] if known else NO_NEGOTIATION

    def position(self, slot: int, participant_id: int) -> Position:
        """Return a participant's position in a slot; an empty one if there is none."""
        place = ParticipantId(participant_id), slot % RING
        found = self.positions.get(place)
        return found if found is not None and found.slot == slot else Position(slot=Slot(slot))


def bound_by(config: Config, *, is_buyer: bool, energy_wh: int, price: int) -> Money:
    """Return what one agreement binds in one slot, 1e-6 EUR: payment of the buyer, cover of the seller.

    >>> config = Config(gate_lead=0, horizon_seconds=1, floor_price=Price(0), cap_price=Price(60_000),
    ...                 cover_price=Price(55_500), max_energy_wh=Wh(10), slot_seconds=900)
    >>> bound_by(config, is_buyer=True, energy_wh=1, price=46_001)
    47
    >>> bound_by(config, is_buyer=False, energy_wh=1, price=46_001)
    10
    """
    if is_buyer:
        return payment_up(energy_wh, price)
    return payment_up(energy_wh, max(config.cover_price - price, 0))


# MARGIN


def add_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after collateral was locked for the venue."""
    return _with_margin(book, participant_id, book.margin_of(participant_id) + amount)


def release_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after margin went back to the free balance."""
    return _take_margin(book, participant_id, amount)


def bind(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after margin was bound; who binds nothing needs a margin all the same."""
    if amount == 0 and book.margin_of(participant_id) == 0:
        # Settlement asks a venue only for those who have ever locked collateral for it.
        raise Refused("NotCovered", participantId=participant_id, needed=1, available=0)
    return _take_margin(book, participant_id, amount)


def _take_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    margin = book.margin_of(participant_id)
    if margin < amount:
        raise Refused("NotCovered", participantId=participant_id, needed=amount, available=margin)
    return _with_margin(book, participant_id, margin - amount)


def _with_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    return replace(book, margins={**book.margins, participant_id: Money(amount)})


# NEGOTIATING


def offer(
    book: Book,
    *,
    caller: ParticipantId,
    counterparty: ParticipantId,
    is_bid: bool,
    terms: Terms,
    expires_at: int,
    now: int,
) -> Book:
    """Return the book with a new negotiation, number ``len(book.negotiations)``."""
    _require_tradable(book.config, terms, now)
    _require_expiry(book.config, terms.first_slot, expires_at, now)
    if counterparty == caller:
        raise Refused("SelfTrade", participantId=caller)
    _require_active(book, counterparty)
    opened = Negotiation(
        state=State.OPEN,
        buyer_id=caller if is_bid else counterparty,
        seller_id=counterparty if is_bid else caller,
        terms=terms,
        round=1,
        buyer_moved=is_bid,
        expires_at=expires_at,
    )
    return replace(book, negotiations=(*book.negotiations, opened))


def counter(
    book: Book,
    *,
    negotiation_id: int,
    caller: ParticipantId,
    energy_wh: int,
    price: int,
    expires_at: int,
    now: int,
) -> Book:
    """Return the book after an offer was answered with another one; the slots stay."""
    talk = book.negotiation(negotiation_id)
    _require_turn(negotiation_id, talk, talk.turn_id(), caller, now)
    _require_amounts(book.config, energy_wh, price)
    _require_expiry(book.config, talk.terms.first_slot, expires_at, now)
    answered = replace(
        talk,
        terms=replace(talk.terms, energy_wh=Wh(energy_wh), price=Price(price)),
        round=talk.round + 1,
        buyer_moved=not talk.buyer_moved,
        expires_at=expires_at,
    )
    return _with_negotiation(book, negotiation_id, answered)


def accept(
    book: Book, *, negotiation_id: int, caller: ParticipantId, offer_round: int, now: int
) -> Book:
    """Return the book after the last offer was accepted and both sides bound."""
    talk = book.negotiation(negotiation_id)
    _require_turn(negotiation_id, talk, talk.turn_id(), caller, now)
    if offer_round != talk.round:
        raise Refused("RoundMismatch", expected=offer_round, found=talk.round)
    _require_active(book, talk.maker_id())
    agreed = _with_negotiation(book, negotiation_id, replace(talk, state=State.AGREED))
    return conclude(agreed, talk.buyer_id, talk.seller_id, talk.terms)


def reject(book: Book, *, negotiation_id: int, caller: ParticipantId, now: int) -> Book:
    """Return the book after the side whose turn it is has ended the negotiation."""
    talk = book.negotiation(negotiation_id)
    _require_turn(negotiation_id, talk, talk.turn_id(), caller, now)
    return _with_negotiation(book, negotiation_id, replace(talk, state=State.REJECTED))


def withdraw_offer(book: Book, *, negotiation_id: int, caller: ParticipantId, now: int) -> Book:
    """Return the book after the maker of the last offer has taken it back."""
    talk = book.negotiation(negotiation_id)
    _require_turn(negotiation_id, talk, talk.maker_id(), caller, now)
    return _with_negotiation(book, negotiation_id, replace(talk, state=State.WITHDRAWN))


def expire(book: Book, *, negotiation_id: int, now: int) -> Book:
    """Return the book after a negotiation past its expiry was marked so."""
    talk = book.negotiation(negotiation_id)
    _require_open(negotiation_id, talk)
    if now < talk.expires_at:
        raise Refused("NotExpired", expiresAt=talk.expires_at, nowAt=now)
    return _with_negotiation(book, negotiation_id, replace(talk, state=State.EXPIRED))


def view(book: Book, negotiation_id: int, now: int) -> Negotiation:
    """Return a negotiation as the venue shows it: an open one past its expiry is expired."""
    talk = book.negotiation(negotiation_id)
    has_expired = talk.state is State.OPEN and now >= talk.expires_at
    return replace(talk, state=State.EXPIRED) if has_expired else talk


def _with_negotiation(book: Book, negotiation_id: int, talk: Negotiation) -> Book:
    place = negotiation_id - 1
    others = book.negotiations
    return replace(book, negotiations=(*others[:place], talk, *others[place + 1 :]))


def _require_open(negotiation_id: int, talk: Negotiation) -> None:
    if talk.state is not State.OPEN:
        raise Refused("NotOpen", negotiationId=negotiation_id, found=int(talk.state))


def _require_turn(
    negotiation_id: int, talk: Negotiation, turn_id: ParticipantId, caller: ParticipantId, now: int
) -> None:
    _require_open(negotiation_id, talk)
    if caller != turn_id:
        raise Refused("NotYourTurn", negotiationId=negotiation_id, participantId=caller)
    if now >= talk.expires_at:
        raise Refused("OfferExpired", expiresAt=talk.expires_at, nowAt=now)


def _require_active(book: Book, participant_id: ParticipantId) -> None:
    if participant_id not in book.active:
        raise Refused("PartyInactive", participantId=participant_id)


# AGREEING OFF CHAIN


def agree(
    book: Book,
    *,
    buyer_id: ParticipantId,
    seller_id: ParticipantId,
    terms: Terms,
    digest: bytes,
    deadline: int,
    now: int,
) -> Book:
    """Return the book after an agreement with both signatures was brought."""
    if now > deadline:
        raise Refused("OfferExpired", expiresAt=deadline, nowAt=now)
    if digest in book.used:
        raise Refused("AgreementUsed", digest="0x" + digest.hex())
    if buyer_id == seller_id:
        raise Refused("SelfTrade", participantId=buyer_id)
    _require_tradable(book.config, terms, now)
    return conclude(replace(book, used=book.used | {digest}), buyer_id, seller_id, terms)


# LIMITS


def _require_tradable(config: Config, terms: Terms, now: int) -> None:
    if not 1 <= terms.slot_count <= MAX_SLOTS:
        raise Refused("SlotCountOutOfRange", slotCount=terms.slot_count, limit=MAX_SLOTS)
    gate_at = config.gate_at(terms.first_slot)
    if now >= gate_at:
        raise Refused("GateClosed", slot=terms.first_slot, gateAt=gate_at, nowAt=now)
    last = terms.first_slot + terms.slot_count - 1
    last_allowed = (now + config.horizon_seconds) // config.slot_seconds
    if last > last_allowed:
        raise Refused("BeyondHorizon", slot=last, lastSlot=last_allowed)
    _require_amounts(config, terms.energy_wh, terms.price)


def _require_amounts(config: Config, energy_wh: int, price: int) -> None:
    if not 1 <= energy_wh <= config.max_energy_wh:
        raise Refused("EnergyOutOfRange", energyWh=energy_wh, limit=config.max_energy_wh)
    if not config.floor_price <= price <= config.cap_price:
        raise Refused(
            "PriceOutOfBand",
            price=price,
            floorPrice=config.floor_price,
            capPrice=config.cap_price,
        )


def _require_expiry(config: Config, first_slot: int, expires_at: int, now: int) -> None:
    latest = config.gate_at(first_slot)
    if not now < expires_at <= latest:
        raise Refused("ExpiryOutOfRange", expiresAt=expires_at, earliest=now + 1, latest=latest)


# POSITIONS


def conclude(
    book: Book,
    buyer_id: ParticipantId,
    seller_id: ParticipantId,
    terms: Terms,
    bond: Money = Money(0),
) -> Book:
    """Return the book after both sides were bound; the seller binds ``bond`` (1e-6 EUR) besides its cover."""
    energy_wh, price = terms.energy_wh, terms.price
    payment = bound_by(book.config, is_buyer=True, energy_wh=energy_wh, price=price)
    cover = bound_by(book.config, is_buyer=False, energy_wh=energy_wh, price=price)
    revenue = payment_down(energy_wh, price)
    book = bind(book, buyer_id, payment * terms.slot_count)
    book = bind(book, seller_id, cover * terms.slot_count + bond)
    for slot in map(Slot, range(terms.first_slot, terms.first_slot + terms.slot_count)):
        bought = Position(slot=slot, bought_wh=energy_wh, payment=payment)
        sold = Position(slot=slot, sold_wh=energy_wh, receivable=revenue, cover=cover)
        book = add_position(add_position(book, buyer_id, bought), seller_id, sold)
    return book


def add_position(book: Book, participant_id: ParticipantId, added: Position) -> Book:
    """Return the book after one agreement came to a participant's position (PositionBook)."""
    place = participant_id, added.slot % RING
    total = _sum(book.positions.get(place), added)
    _require_room(participant_id, total)
    return replace(book, positions={**book.positions, place: total})


def _require_room(participant_id: ParticipantId, position: Position) -> None:
    energy_wh = max(position.bought_wh, position.sold_wh)
    amount = max(position.payment, position.receivable, position.cover)
    if energy_wh >= ENERGY_LIMIT or amount >= MONEY_LIMIT:
        raise Refused("PositionFull", slot=position.slot, participantId=participant_id)


def _sum(before: Position | None, added: Position) -> Position:
    if before is None:
        return replace(added, state=PositionState.OPEN)
    if before.slot != added.slot:
        if before.state is not PositionState.CLOSED:
            raise Refused("EarlierSlotOpen", earlierSlot=before.slot)
        return replace(added, state=PositionState.OPEN)
    return Position(
        slot=added.slot,
        bought_wh=Wh(before.bought_wh + added.bought_wh),
        sold_wh=Wh(before.sold_wh + added.sold_wh),
        payment=Money(before.payment + added.payment),
        receivable=Money(before.receivable + added.receivable),
        cover=Money(before.cover + added.cover),
        state=PositionState.OPEN,
    )


def bound_of(book: Book, slot: int, participant_id: int) -> Money:
    """Return what the agreements of a participant bind in a slot, 1e-6 EUR."""
    position = book.position(slot, participant_id)
    if position.state is PositionState.OPEN:
        return Money(position.payment + position.cover)
    return position.cover if position.state is PositionState.COLLECTED else Money(0)


def trade_of(book: Book, slot: int, participant_id: int, now: int) -> Trade:
    """Return a participant's trade in a final slot."""
    _require_final(book.config, slot, now)
    position = book.position(slot, participant_id)
    return Trade(
        bought_wh=position.bought_wh,
        sold_wh=position.sold_wh,
        payment=position.payment,
        revenue=position.receivable,
    )


# FROM TRADE TO SETTLEMENT


def collect(book: Book, slot: int, participant_ids: Iterable[int], now: int) -> Book:
    """Return the book after the buyers' payments went to the slot's pool."""
    _require_final(book.config, slot, now)
    for participant_id in participant_ids:
        position = book.position(slot, participant_id)
        if position.state is PositionState.OPEN:
            book = _with_position(
                book, participant_id, replace(position, state=PositionState.COLLECTED)
            )
            book = _with_pool(book, slot, position.payment)
    return book


def close(
    book: Book, slot: int, participant_id: int, now: int
) -> tuple[Book, tuple[Wh, Wh, Money]]:
    """Return the book after settlement took over a trade, and what it got: Wh bought, Wh sold, credit."""
    book = collect(book, slot, [participant_id], now)
    position = book.position(slot, participant_id)
    if position.state is not PositionState.COLLECTED:
        return book, (Wh(0), Wh(0), Money(0))
    pool = book.pools.get(Slot(slot), Money(0))
    if pool < position.receivable:
        raise Refused("SlotPoolTooLow", slot=slot, needed=position.receivable, available=pool)
    book = _with_position(book, participant_id, replace(position, state=PositionState.CLOSED))
    book = _with_pool(book, slot, -position.receivable)
    credit = Money(position.receivable + position.cover)
    return book, (position.bought_wh, position.sold_wh, credit)


def _require_final(config: Config, slot: int, now: int) -> None:
    if now < config.gate_at(slot):
        raise Refused("OutcomeOpen", slot=slot)


def _with_position(book: Book, participant_id: int, position: Position) -> Book:
    place = ParticipantId(participant_id), position.slot % RING
    return replace(book, positions={**book.positions, place: position})


def _with_pool(book: Book, slot: int, change: int) -> Book:
    pool = book.pools.get(Slot(slot), Money(0)) + change
    return replace(book, pools={**book.pools, Slot(slot): Money(pool)})
