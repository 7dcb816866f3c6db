"""What one-time accounts sign (EIP-712), in the domain of the AnonymousNegotiation venue."""

from __future__ import annotations

from dataclasses import astuple

from setm import messages
from setm.anonymous.book import Outcome
from setm.anonymous.escrow import Agreement
from setm.messages import ANONYMOUS_DOMAIN, Domain, Fields, Message


def broadcast(domain: Domain, *, envelope: bytes, nonce: int, deadline: int) -> Message:
    """Return what an account signs to have an envelope broadcast."""
    return _message(domain, "Broadcast", messages.BROADCAST, (envelope, nonce, deadline))


def cash_in(
    domain: Domain, *, participant_id: int, amount: int, nonce: int, deadline: int
) -> Message:
    """Return what an account signs to give its balance to a participant."""
    values = (participant_id, amount, nonce, deadline)
    return _message(domain, "CashIn", messages.CASH_IN, values)


def agreement(domain: Domain, agreed: Agreement) -> Message:
    """Return what both accounts sign about an agreement; its digest is the agreement's number."""
    return _message(domain, "Agreement", messages.ANONYMOUS_AGREEMENT, astuple(agreed))


def claim(domain: Domain, *, agreement_id: bytes, participant_id: int) -> Message:
    """Return what an account signs to show whose it is."""
    return _message(domain, "Claim", messages.CLAIM, (agreement_id, participant_id))


def decision(domain: Domain, *, agreement_id: bytes, outcome: Outcome) -> Message:
    """Return what two of buyer, seller and arbiter sign to end an agreement."""
    return _message(domain, "Decision", messages.DECISION, (agreement_id, int(outcome)))


def _message(
    domain: Domain, primary_type: str, fields: Fields, values: tuple[object, ...]
) -> Message:
    names = (name for _, name in fields)
    return Message(
        domain_name=ANONYMOUS_DOMAIN,
        domain=domain,
        primary_type=primary_type,
        fields=fields,
        values=dict(zip(names, values, strict=True)),
    )
