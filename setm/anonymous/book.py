"""Reference of the AnonymousNegotiation venue: notes and one-time accounts (agreements: ``setm.anonymous.escrow``).

A ``Book`` is everything that the venue and its notes know; each function returns the book after one message or raises
``Refused`` with the name and values of the contract's error, checked in the contract's order. Signatures of accounts
and participants are checked elsewhere; the issuer's are checked here. ``now`` is UTC Unix seconds, everything else
integers in the units of ``setm.units``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from eth_utils.crypto import keccak

from setm import negotiation
from setm.anonymous.envelopes import ENVELOPE_BYTES
from setm.anonymous.notes import NoteKey, NotePlace, domain_number, note_hash, to_bytes
from setm.negotiation import Refused
from setm.slots import Slot
from setm.types import NOBODY, ParticipantId
from setm.units import Money, Price, Wh, payment_up

MAX_NOTES = 16


class State(IntEnum):
    """Where an agreement stands (IAnonymousNegotiation.State)."""

    NONE = 0
    HELD = 1
    DELIVERED = 2
    REFUNDED = 3
    BUYER_PAID = 4
    SELLER_PAID = 5


class Outcome(IntEnum):
    """What two of buyer, seller and arbiter may decide (IAnonymousNegotiation.Outcome)."""

    REFUND = 0
    PAY_BUYER = 1
    PAY_SELLER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is fixed at deployment (IAnonymousNegotiation.Config, INoteBook), slot length and feed-in price."""

    gate_lead: int
    horizon_seconds: int
    decision_seconds: int
    floor_price: Price
    cap_price: Price
    cover_price: Price
    max_energy_wh: Wh
    denomination: Money
    issue_seconds: int
    feed_in_price: Price
    slot_seconds: int

    def gate_at(self, slot: int) -> int:
        """Return gate closure of a slot: agreements come before it, claims after it."""
        return max(0, slot * self.slot_seconds - self.gate_lead)

    def decided_from(self, slot: int) -> int:
        """Return the end of claims and decisions: from then on the slot is final."""
        return self.gate_at(slot) + self.decision_seconds

    def ledger(self) -> negotiation.Config:
        """Return the configuration of the positions, whose gate is the end of decisions."""
        return negotiation.Config(
            gate_lead=self.gate_lead - self.decision_seconds,
            horizon_seconds=self.horizon_seconds,
            floor_price=self.floor_price,
            cap_price=self.cap_price,
            cover_price=self.cover_price,
            max_energy_wh=self.max_energy_wh,
            slot_seconds=self.slot_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """An agreement as the chain knows it (IAnonymousNegotiation.Deal)."""

    buyer: str
    slot: Slot
    energy_wh: Wh
    price: Price
    seller: str
    arbiter_id: ParticipantId
    state: State = State.HELD
    buyer_id: ParticipantId = NOBODY
    seller_id: ParticipantId = NOBODY

    def payment(self) -> Money:
        """Return what the buyer put in."""
        return payment_up(self.energy_wh, self.price)

    def cover(self, config: Config) -> Money:
        """Return what the seller put in, so that it can buy back what it does not deliver."""
        return payment_up(self.energy_wh, max(config.cover_price - self.price, 0))

    def loss(self, config: Config) -> Money:
        """Return what the seller loses if the grid operator buys the energy instead."""
        return payment_up(self.energy_wh, max(self.price - config.feed_in_price, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNote:
    """A note that was paid and is not signed yet."""

    participant_id: ParticipantId
    sold_at: int
    blinded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many notes there are (INoteBook.Counts)."""

    sold: int = 0
    issued: int = 0
    refunded: int = 0
    redeemed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The venue's whole state; ``ledger`` has margins, positions and pools of slots."""

    config: Config
    key: NoteKey
    place: NotePlace
    ledger: negotiation.Book
    joined: Mapping[ParticipantId, Slot] = field(default_factory=dict)
    keys: Mapping[ParticipantId, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    waiting: Mapping[int, WaitingNote] = field(default_factory=dict)
    spent: frozenset[bytes] = frozenset()
    balances: Mapping[str, Money] = field(default_factory=dict)
    nonces: Mapping[str, int] = field(default_factory=dict)
    deals: Mapping[bytes, Deal] = field(default_factory=dict)

    def balance(self, account: str) -> Money:
        """Return what a one-time account holds."""
        return self.balances.get(account, Money(0))


def empty(config: Config, key: NoteKey, place: NotePlace) -> Book:
    """Return the book of a venue that was just deployed."""
    return Book(
        config=config, key=key, place=place, ledger=negotiation.Book(config=config.ledger())
    )


def pool_of(book: Book) -> Money:
    """Return what the venue's pool in the clearinghouse must hold, to the unit."""
    counts = book.counts
    notes = book.config.denomination * (counts.sold - counts.refunded - counts.redeemed)
    held = sum(
        deal.payment() + deal.cover(book.config)
        for deal in book.deals.values()
        if deal.state is State.HELD
    )
    return Money(notes + sum(book.balances.values()) + held + sum(book.ledger.pools.values()))


# NOTES


def buy_notes(book: Book, *, buyer_id: ParticipantId, blinded: Sequence[bytes], now: int) -> Book:
    """Return the book after notes were paid out of a margin."""
    amount = len(blinded) * book.config.denomination
    ledger = negotiation.bind(book.ledger, buyer_id, amount)
    _require_count(blinded)
    first = book.counts.sold + 1
    waiting = dict(book.waiting)
    for note_id, number in enumerate(blinded, first):
        waiting[note_id] = WaitingNote(
            participant_id=buyer_id, sold_at=now, blinded=_number(book, number)
        )
    counts = replace(book.counts, sold=book.counts.sold + len(blinded))
    return replace(book, ledger=ledger, waiting=waiting, counts=counts)


def issue(book: Book, *, first_note_id: int, signatures: Sequence[bytes]) -> Book:
    """Return the book after the issuer's signatures of notes in a row came."""
    _require_count(signatures)
    waiting = dict(book.waiting)
    for note_id, signature in enumerate(signatures, first_note_id):
        note = _waiting_note(replace(book, waiting=waiting), note_id)
        signed = book.key.opened(_number(book, signature))
        if signed != note.blinded:
            raise Refused("NoteForged", noteHash="0x" + keccak(to_bytes(signed)).hex())
        del waiting[note_id]
    counts = replace(book.counts, issued=book.counts.issued + len(signatures))
    return replace(book, waiting=waiting, counts=counts)


def refund_note(book: Book, *, note_id: int, now: int) -> Book:
    """Return the book after a note that the issuer did not sign in time was paid back."""
    note = _waiting_note(book, note_id)
    refundable_from = note.sold_at + book.config.issue_seconds
    if now < refundable_from:
        raise Refused("NoteStillOpen", noteId=note_id, refundableFrom=refundable_from, nowAt=now)
    waiting = {number: kept for number, kept in book.waiting.items() if number != note_id}
    counts = replace(book.counts, refunded=book.counts.refunded + 1)
    paid = pay_margin(book, note.participant_id, book.config.denomination)
    return replace(paid, waiting=waiting, counts=counts)


def redeem(book: Book, *, account: str, serial: bytes, signature: bytes) -> Book:
    """Return the book after a note became balance of the account to which it commits."""
    if account in book.keys.values():
        raise Refused("AccountKnown", account=account)
    hashed = note_hash(book.place, account, serial)
    if book.key.opened(_number(book, signature)) != domain_number(hashed):
        raise Refused("NoteForged", noteHash="0x" + hashed.hex())
    if hashed in book.spent:
        raise Refused("NoteSpent", noteHash="0x" + hashed.hex())
    if book.counts.redeemed >= book.counts.issued:
        raise Refused("NoteNotBacked", issued=book.counts.issued)
    counts = replace(book.counts, redeemed=book.counts.redeemed + 1)
    credited = with_balance(book, account, book.config.denomination)
    return replace(credited, spent=book.spent | {hashed}, counts=counts)


def _require_count(numbers: Sequence[bytes]) -> None:
    if not 1 <= len(numbers) <= MAX_NOTES:
        raise Refused("NoteCountOutOfRange", count=len(numbers), limit=MAX_NOTES)


def _number(book: Book, data: bytes) -> int:
    if len(data) != 256 or int.from_bytes(data, "big") >= book.key.modulus:
        raise Refused("NoteMalformed", length=len(data))
    return int.from_bytes(data, "big")


def _waiting_note(book: Book, note_id: int) -> WaitingNote:
    if note_id not in book.waiting:
        raise Refused("NoteNotWaiting", noteId=note_id)
    return book.waiting[note_id]


# ONE-TIME ACCOUNTS


def broadcast(
    book: Book, *, account: str, envelope: bytes, nonce: int, deadline: int, now: int
) -> Book:
    """Return the book after an account said something; its nonce is used up."""
    said = _said(book, account, nonce, deadline, now)
    if len(envelope) != ENVELOPE_BYTES:
        raise Refused("EnvelopeLength", expected=ENVELOPE_BYTES, found=len(envelope))
    if book.balance(account) == 0:
        raise Refused("AccountTooLow", account=account, needed=1, available=0)
    return said


def cash_in(
    book: Book,
    *,
    account: str,
    participant_id: ParticipantId,
    amount: int,
    nonce: int,
    deadline: int,
    now: int,
) -> Book:
    """Return the book after balance of an account became margin of a participant."""
    said = _said(book, account, nonce, deadline, now)
    if participant_id not in book.keys:
        raise Refused("UnknownParticipant", participantId=participant_id)
    return pay_margin(take_balance(said, account, amount), participant_id, amount)


def _said(book: Book, account: str, nonce: int, deadline: int, now: int) -> Book:
    if now > deadline:
        raise Refused("MessageExpired", deadline=deadline, nowAt=now)
    current = book.nonces.get(account, 0)
    if nonce != current:
        raise Refused("InvalidAccountNonce", account=account, currentNonce=current)
    return replace(book, nonces={**book.nonces, account: nonce + 1})


def take_balance(book: Book, account: str, amount: int) -> Book:
    """Return the book after an account gave something away; one without balance is nobody."""
    balance = book.balance(account)
    needed = max(amount, 1)
    if balance < needed:
        raise Refused("AccountTooLow", account=account, needed=needed, available=balance)
    return with_balance(book, account, -amount)


def with_balance(book: Book, account: str, change: int) -> Book:
    """Return the book with another balance of an account."""
    return replace(book, balances={**book.balances, account: Money(book.balance(account) + change)})


def pay_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after money of the pool became a participant's margin."""
    return replace(book, ledger=negotiation.add_margin(book.ledger, participant_id, amount))
