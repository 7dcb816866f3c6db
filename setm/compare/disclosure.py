"""What becomes public: which facts about participants anyone can read in the events of a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from setm.compare.record import Record
from setm.errors import RunError

# What an observer may want to know, in the order of the table. No event has the last three: they stay private.
FACTS: Mapping[str, str] = {
    "presence": "who trades in which slot, by number",
    "side": "on which side, before gate closure",
    "bound": "collateral behind an order",
    "limit": "limit price of each order, unfilled ones too",
    "quantity": "quantity of each order, unfilled ones too",
    "offer": "each price and quantity on the way to an agreement",
    "partner": "who trades with whom",
    "volume": "how much each trades in a slot",
    "price": "what each pays or receives in a slot",
    "margin": "how supply meets demand in a slot",
    "reading": "what each meter measured in a slot",
    "bill": "each bill of a slot",
    "name": "who stands behind a number",
    "band": "price band of an agent",
    "forecast": "what an agent expects",
}
PRIVATE = ("name", "band", "forecast")

# The facts that each field of an event shows; an empty string: none. Fields of structs have a dot.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "MarginAdded": {"participantId": "", "amount": ""},
    "MarginReleased": {"participantId": "", "amount": ""},
    "TradeCollected": {"slot": "", "participantId": "presence", "payment": "price", "unbound": ""},
    "TradeClosed": {
        "slot": "",
        "participantId": "presence",
        "boughtWh": "volume",
        "soldWh": "volume",
        "revenue": "price",
    },
    "OrderCommitted": {
        "slot": "",
        "participantId": "presence",
        "side": "side",
        "bound": "bound",
        "digest": "",
    },
    "CommitmentCancelled": {"slot": "", "participantId": "presence", "unbound": "bound"},
    "OrdersOpened": {"slot": "", "orders": "limit quantity bound"},
    "OpeningRefused": {"slot": "", "participantId": "presence", "cover": "", "bound": "bound"},
    "SlotCleared": {"slot": "", "clearer": "", "clearing": "margin"},
    "BondForfeited": {
        "slot": "",
        "participantId": "presence",
        "side": "side",
        "bond": "",
        "unbound": "bound",
    },
    "CompensationPaid": {"slot": "", "participantId": "presence", "amount": ""},
    "OfferMade": {
        "negotiationId": "",
        "buyerId": "presence partner",
        "sellerId": "presence partner",
        "byBuyer": "side",
        "round": "",
        "firstSlot": "",
        "slotCount": "",
        "energyWh": "offer",
        "price": "offer",
        "expiresAt": "",
    },
    "NegotiationEnded": {"negotiationId": "", "byParticipantId": "presence", "state": ""},
    "AgreementReached": {
        "negotiationId": "",
        "buyerId": "presence partner",
        "sellerId": "presence partner",
        "firstSlot": "",
        "slotCount": "",
        "energyWh": "volume",
        "price": "price",
        "digest": "",
    },
    "ReadingsPosted": {"poster": "", "readings": "reading"},
    "SlotSettled": {
        "slot": "",
        "participantId": "",
        "bill": "bill reading volume",
        "isMeasured": "",
        "arrearsChange": "bill",
    },
}

_ALWAYS = frozenset({"presence", "volume", "price", "reading", "bill"})
_SEALED = _ALWAYS | {"side", "bound", "limit", "quantity", "margin"}

# What each mechanism shows; a day on the chain that shows more is refused.
PUBLIC: Mapping[str, frozenset[str]] = {
    "auction": _SEALED,
    "negotiation": _ALWAYS | {"side", "offer", "partner"},
}

# Contracts whose events tell of people and money, not of a slot's trade.
_BACKGROUND = ("registry", "clearinghouse", "token")


def shown(record: Record) -> dict[str, list[str]]:
    """Return each public fact with the fields that show it on this day, as ``contract.Event.field``.

    Raise ``RunError`` if an event shows what is said to stay private, or has a field that is not described.
    """
    if record.mechanism not in PUBLIC:
        raise RunError(
            f"{record.mechanism}: nothing says what it makes public; expected a line in PUBLIC of "
            "setm/compare/disclosure.py"
        )
    found: dict[str, list[str]] = {fact: [] for fact in PUBLIC[record.mechanism]}
    for contract, event, field in _fields(record):
        name = f"{contract}.{event}.{field}"
        if field not in FIELDS.get(event, {}):
            raise RunError(
                f"{record.mechanism}: {name} is in the events, but nothing says what it shows; expected a line in "
                "FIELDS of setm/compare/disclosure.py"
            )
        for fact in FIELDS[event][field].split():
            if fact not in found:
                raise RunError(
                    f"{record.mechanism}: {name} shows {FACTS[fact]}, which is said to stay private; expected only "
                    f"{', '.join(sorted(found))}: correct the contract, or PUBLIC in setm/compare/disclosure.py"
                )
            found[fact].append(name)
    if told := told_names(record):
        raise RunError(f"{record.mechanism}: an event holds the name {told[0]!r}; expected none")
    return {fact: found[fact] for fact in FACTS if fact in found}


def told_names(record: Record) -> list[str]:
    """Return the participants' names that stand in any event; there should be none."""
    texts = {
        value for event in record.events for value in _values(event.args) if isinstance(value, str)
    }
    return sorted(name for name in record.names.values() if any(name in text for text in texts))


def _fields(record: Record) -> list[tuple[str, str, str]]:
    met = {
        (event.contract, event.name, field): None
        for event in record.events
        if event.contract not in _BACKGROUND and event.name != "MeterBound"
        for field in event.args
    }
    return list(met)


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner)
    else:
        yield value
