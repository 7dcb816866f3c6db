"""Reference of agreements between one-time accounts, and of their escrow with three keys.

As in ``setm.anonymous.book``: each function returns the book after one message or refuses as the contract does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from setm import negotiation
from setm.anonymous.book import Book, Deal, Outcome, State, take_balance, with_balance
from setm.negotiation import Position, Refused
from setm.slots import Slot
from setm.types import NOBODY, ParticipantId
from setm.units import Price, Wh, payment_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What both one-time accounts sign (IAnonymousNegotiation.Agreement)."""

    slot: Slot
    energy_wh: Wh
    price: Price
    buyer: str
    seller: str
    arbiter_id: ParticipantId
    salt: int
    deadline: int

    def deal(self) -> Deal:
        """Return the agreement as it stands in escrow."""
        return Deal(
            buyer=self.buyer,
            slot=self.slot,
            energy_wh=self.energy_wh,
            price=self.price,
            seller=self.seller,
            arbiter_id=self.arbiter_id,
        )


def agree(book: Book, *, agreement: Agreement, agreement_id: bytes, now: int) -> Book:
    """Return the book after an agreement with both signatures was brought."""
    if now > agreement.deadline:
        raise Refused("OfferExpired", expiresAt=agreement.deadline, nowAt=now)
    if agreement_id in book.deals:
        raise Refused("AgreementUsed", digest="0x" + agreement_id.hex())
    if agreement.buyer == agreement.seller:
        raise Refused("AccountTwice", account=agreement.buyer)
    _require_arbiter(book, agreement)
    _require_tradable(book, agreement, now)
    deal = agreement.deal()
    book = take_balance(book, deal.buyer, deal.payment())
    book = take_balance(book, deal.seller, deal.cover(book.config))
    return _with_deal(book, agreement_id, deal)


def _require_arbiter(book: Book, agreement: Agreement) -> None:
    arbiter_id = agreement.arbiter_id
    if arbiter_id not in book.ledger.active:
        raise Refused("PartyInactive", participantId=arbiter_id)
    if book.keys[arbiter_id] in (agreement.buyer, agreement.seller):
        raise Refused("ArbiterIsParty", participantId=arbiter_id)


def _require_tradable(book: Book, agreement: Agreement, now: int) -> None:
    config = book.config
    gate_at = config.gate_at(agreement.slot)
    if now >= gate_at:
        raise Refused("GateClosed", slot=agreement.slot, gateAt=gate_at, nowAt=now)
    last = (now + config.horizon_seconds) // config.slot_seconds
    if agreement.slot > last:
        raise Refused("BeyondHorizon", slot=agreement.slot, lastSlot=last)
    if not 1 <= agreement.energy_wh <= config.max_energy_wh:
        raise Refused("EnergyOutOfRange", energyWh=agreement.energy_wh, limit=config.max_energy_wh)
    if not config.floor_price <= agreement.price <= config.cap_price:
        raise Refused(
            "PriceOutOfBand",
            price=agreement.price,
            floorPrice=config.floor_price,
            capPrice=config.cap_price,
        )


def claim(
    book: Book, *, agreement_id: bytes, is_buyer: bool, participant_id: ParticipantId, now: int
) -> Book:
    """Return the book after a participant showed that a side is its own; the second claim delivers."""
    deal = _held(book, agreement_id)
    _require_claimable(book, agreement_id, deal, is_buyer, participant_id, now)
    deal = (
        replace(deal, buyer_id=participant_id)
        if is_buyer
        else replace(deal, seller_id=participant_id)
    )
    book = _with_deal(book, agreement_id, deal)
    if NOBODY in (deal.buyer_id, deal.seller_id):
        return book
    return _delivered(book, agreement_id, deal)


def _require_claimable(
    book: Book,
    agreement_id: bytes,
    deal: Deal,
    is_buyer: bool,
    participant_id: ParticipantId,
    now: int,
) -> None:
    start, end = book.config.gate_at(deal.slot), book.config.decided_from(deal.slot)
    if not start <= now < end:
        raise Refused("ClaimOutsideWindow", **{"from": start}, until=end, nowAt=now)
    here, there = deal.buyer_id, deal.seller_id
    if not is_buyer:
        here, there = there, here
    if here != NOBODY:
        raise Refused("AlreadyClaimed", agreementId="0x" + agreement_id.hex(), participantId=here)
    if participant_id == deal.arbiter_id:
        raise Refused("ArbiterIsParty", participantId=participant_id)
    if participant_id == there:
        raise Refused("SelfTrade", participantId=participant_id)
    if book.joined.get(participant_id, deal.slot) >= deal.slot:
        raise Refused("NotJoined", participantId=participant_id, slot=deal.slot)


def _delivered(book: Book, agreement_id: bytes, deal: Deal) -> Book:
    bought = Position(slot=deal.slot, bought_wh=deal.energy_wh, payment=deal.payment())
    sold = Position(
        slot=deal.slot,
        sold_wh=deal.energy_wh,
        receivable=payment_down(deal.energy_wh, deal.price),
        cover=deal.cover(book.config),
    )
    ledger = negotiation.add_position(book.ledger, deal.buyer_id, bought)
    ledger = negotiation.add_position(ledger, deal.seller_id, sold)
    ended = replace(deal, state=State.DELIVERED)
    return replace(_with_deal(book, agreement_id, ended), ledger=ledger)


def decide(
    book: Book,
    *,
    agreement_id: bytes,
    outcome: Outcome,
    has_buyer: bool,
    has_seller: bool,
    arbiter: ParticipantId | None,
    now: int,
) -> Book:
    """Return the book after two of buyer, seller and arbiter ended an agreement; ``arbiter`` is who signed as such."""
    deal = _held(book, agreement_id)
    until = book.config.decided_from(deal.slot)
    if now >= until:
        raise Refused("DecisionClosed", until=until, nowAt=now)
    signers = has_buyer + has_seller + (arbiter is not None)
    if signers < 2:
        raise Refused("TooFewSigners", signers=signers)
    if arbiter is not None and not (has_buyer and has_seller):
        if arbiter != deal.arbiter_id:
            raise Refused("PartyMismatch", expected=deal.arbiter_id, found=arbiter)
        gainers = {Outcome.PAY_BUYER: deal.buyer_id, Outcome.PAY_SELLER: deal.seller_id}
        if gainers.get(outcome) == NOBODY:
            raise Refused("GainerUnclaimed", agreementId="0x" + agreement_id.hex())
    return _ended(book, agreement_id, deal, outcome)


def refund(book: Book, *, agreement_id: bytes, now: int) -> Book:
    """Return the book after both sides got back what they put in, because nobody decided in time."""
    deal = _held(book, agreement_id)
    until = book.config.decided_from(deal.slot)
    if now < until:
        raise Refused("DecisionOpen", until=until, nowAt=now)
    return _ended(book, agreement_id, deal, Outcome.REFUND)


def _ended(book: Book, agreement_id: bytes, deal: Deal, outcome: Outcome) -> Book:
    to_buyer, to_seller = int(deal.payment()), int(deal.cover(book.config))
    state = State.REFUNDED
    if outcome is Outcome.PAY_BUYER:
        to_buyer, to_seller, state = to_buyer + to_seller, 0, State.BUYER_PAID
    elif outcome is Outcome.PAY_SELLER:
        loss = deal.loss(book.config)
        to_buyer, to_seller, state = to_buyer - loss, to_seller + loss, State.SELLER_PAID
    book = with_balance(with_balance(book, deal.buyer, to_buyer), deal.seller, to_seller)
    return _with_deal(book, agreement_id, replace(deal, state=state))


def _held(book: Book, agreement_id: bytes) -> Deal:
    deal = book.deals.get(agreement_id)
    if deal is None or deal.state is not State.HELD:
        found = State.NONE if deal is None else deal.state
        raise Refused("NotHeld", agreementId="0x" + agreement_id.hex(), found=int(found))
    return deal


def _with_deal(book: Book, agreement_id: bytes, deal: Deal) -> Book:
    return replace(book, deals={**book.deals, agreement_id: deal})
