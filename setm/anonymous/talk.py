"""From messages to an agreement: what an account answers with, and what it refuses to sign."""

from __future__ import annotations

from setm.anonymous import messages
from setm.anonymous.envelopes import Kind, Text
from setm.anonymous.escrow import Agreement
from setm.errors import NotSecured, OrderRefused
from setm.messages import Domain
from setm.types import ParticipantId


def require_fresh(text: Text, now: int) -> None:
    """Refuse a stale quote: one that has expired is worth nothing, whoever signs it."""
    if now >= text.expires_at:
        raise OrderRefused(
            f"quote of {text.account} in slot {text.slot}: expected an answer before {text.expires_at}, "
            f"now is {now}; ask for a new one"
        )


def agreement_of(text: Text, *, buyer: str, seller: str) -> Agreement:
    """Return the agreement that an acceptance is about."""
    return Agreement(
        slot=text.slot,
        energy_wh=text.energy_wh,
        price=text.price,
        buyer=buyer,
        seller=seller,
        arbiter_id=ParticipantId(text.arbiter_id),
        salt=text.salt,
        deadline=text.deadline,
    )


def require_acceptance(
    text: Text, offer: Text, agreed: Agreement, domain: Domain, *, trusted_arbiter: int, now: int
) -> None:
    """Refuse to co-sign anything but the acceptance of one's own offer that still stands, with a known arbiter."""
    require_fresh(offer, now)
    terms = (text.kind, text.slot, text.energy_wh, text.price, text.round)
    meant = (Kind.ACCEPTANCE, offer.slot, offer.energy_wh, offer.price, offer.round)
    if terms != meant:
        raise OrderRefused(f"acceptance {terms}: expected {meant}, the terms of the last offer")
    if text.arbiter_id != trusted_arbiter:
        raise OrderRefused(f"arbiter {text.arbiter_id}: expected {trusted_arbiter}; name that one")
    if messages.agreement(domain, agreed).signer(text.signature) != text.account:
        raise NotSecured(f"acceptance of {text.account}: expected its signature of the agreement")
