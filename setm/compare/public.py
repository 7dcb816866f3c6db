"""The table of what becomes public: which fact each field of an event shows, and which facts each mechanism shows.

A new venue adds its events to ``FIELDS``, a new mechanism its line to ``PUBLIC``; tests hold both against the
contracts' ABIs, and every comparison holds them against the events of its day.
"""

from __future__ import annotations

from collections.abc import Mapping

# What an observer may want to know, in the order of the report.
FACTS: Mapping[str, str] = {
    "presence": "who trades in which slot, by number",
    "side": "on which side, before gate closure",
    "bound": "collateral behind an order",
    "limit": "limit price of each order, unfilled ones too",
    "quantity": "quantity of each order, unfilled ones too",
    "condition": "conditions of an order: source, partner, green share",
    "offer": "each price and quantity on the way to an agreement",
    "talk": "who speaks with whom while nothing is agreed",
    "partner": "who trades with whom, in the end",
    "volume": "how much each trades in a slot",
    "price": "what each pays or receives in a slot",
    "margin": "how supply meets demand in a slot",
    "source": "from which source and zone traded energy comes",
    "reading": "what each meter measured in a slot",
    "bill": "each bill of a slot",
    "name": "who stands behind a number",
    "band": "price band of an agent",
    "forecast": "what an agent expects",
}
# No field shows these, in any mechanism.
PRIVATE = ("name", "band", "forecast")

_TRADES = {
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
}
_AUCTION = {
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
    "SurplusPaid": {"slot": "", "amount": "margin"},
    "GroupBound": {
        "book": "",
        "attempt": "",
        "group": "",
        "members": "presence quantity price bound",
    },
    "GroupRefunded": {"book": "", "attempt": "", "group": "", "heads": "presence bound"},
    "OutcomeUnpacked": {"book": "", "participantId": "presence"},
    "GroupClosed": {"book": "", "attempt": "", "group": "", "places": "presence"},
    "BookCommitted": {"span": "", "zone": "", "collector": "", "digest": ""},
    "ScheduleForced": {"book": "", "participantId": "presence", "orders": "side limit quantity"},
    "ScheduleSetAside": {"book": "", "participantId": "presence", "fault": ""},
    "BatchWalked": {
        "book": "",
        "attempt": "",
        "poster": "",
        "margins": "margin side limit quantity",
        "sums": "margin",
    },
    "PageWritten": {"page": "", "code": ""},
    # The transaction that emits it holds every order.
    "BookCleared": {
        "book": "",
        "attempt": "",
        "poster": "",
        "margins": "margin side limit quantity",
    },
}
_NEGOTIATION = {
    "OfferMade": {
        "negotiationId": "",
        "buyerId": "presence talk",
        "sellerId": "presence talk",
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
}
_TARIFF = {
    "EnergyAnnounced": {
        "slot": "",
        "participantId": "presence",
        "side": "side",
        "energyWh": "quantity margin",
        "bound": "bound",
    },
    "PriceTaken": {
        "slot": "",
        "participantId": "presence",
        "side": "",
        "energyWh": "quantity",
        "price": "price",
        "unbound": "bound",
    },
}
_CONDITIONAL = {
    "OrderPosted": {
        "orderId": "",
        "participantId": "presence",
        "order": "side limit quantity condition",
    },
    "OrderCancelled": {"orderId": ""},
    "OrderTaken": {
        "orderId": "",
        "buyerId": "presence partner",
        "sellerId": "presence partner",
        "tradeId": "",
        "slot": "",
        "energyWh": "volume",
        "price": "price",
        "source": "source",
        "owedWh": "source",
    },
    "TagsCollected": {"slot": "", "sellerId": "presence", "id": "source", "energyWh": "source"},
    "TagsDelivered": {
        "tradeId": "",
        "buyerId": "partner",
        "sellerId": "partner",
        "energyWh": "source",
        "missingWh": "source",
        "compensation": "",
    },
}
_ANONYMOUS = {
    "NotesSold": {"venue": "", "firstNoteId": "", "participantId": "", "blinded": ""},
    "NoteIssued": {"venue": "", "noteId": "", "signature": ""},
    "NoteRefunded": {"venue": "", "noteId": "", "participantId": ""},
    "NoteRedeemed": {"venue": "", "account": "", "serial": ""},
    "AccountFunded": {"account": "", "amount": ""},
    "CashedIn": {"account": "", "participantId": "", "amount": ""},
    "MessageBroadcast": {"account": "", "envelope": ""},
    "DealMade": {
        "agreementId": "",
        "slot": "",
        "buyer": "",
        "seller": "",
        "arbiterId": "",
        "energyWh": "volume",
        "price": "price",
    },
    # From here on everybody knows whose the one-time accounts of the deal were.
    "DealClaimed": {"agreementId": "", "participantId": "presence partner", "isBuyer": ""},
    "DealEnded": {"agreementId": "", "state": ""},
}
_TAGS = {
    "DeviceRegistered": {
        "participantId": "",
        "source": "source",
        "zone": "source",
        "serial": "",
        "fromSlot": "",
        "validUntil": "",
    },
    "TagsMinted": {
        "slot": "",
        "participantId": "source",
        "id": "source",
        "energyWh": "reading",
        "pledgedWh": "",
    },
    "TagsKept": {"participantId": "", "id": "source", "energyWh": ""},
    "TagsWithdrawn": {"participantId": "", "to": "", "id": "source", "energyWh": ""},
    "TagsClaimed": {
        "id": "source",
        "account": "",
        "beneficiary": "",
        "energyWh": "",
        "purpose": "",
    },
    "ConsumptionClaimed": {
        "slot": "",
        "participantId": "",
        "id": "source",
        "account": "",
        "energyWh": "reading",
    },
    "PledgeBookSet": {"pledgeBook": ""},
    "TransferSingle": {"operator": "", "from": "", "to": "", "id": "source", "value": ""},
    "TransferBatch": {"operator": "", "from": "", "to": "", "ids": "source", "values": ""},
    "ApprovalForAll": {"account": "", "operator": "", "approved": ""},
    "URI": {"value": "", "id": ""},
}
_DELIVERY = {
    "MeterBound": dict.fromkeys(
        (
            "meter",
            "participantId",
            "authority",
            "meterId",
            "deviceKey",
            "capacityWh",
            "validFromSlot",
            "validUntilSlot",
        ),
        "",
    ),
    "MeterReadDaily": {"meter": "", "daySlots": ""},
    "MeterRetired": {"meter": "", "fromSlot": ""},
    "AuthorityAccepted": {"authority": ""},
    "ReadingsPosted": {"poster": "", "readings": "reading"},
    "ReadingPassedOver": {"meter": "", "slot": ""},
    "ReadingDisputed": {"meter": "", "slot": "", "byParticipantId": ""},
    "ReadingResolved": {"meter": "", "slot": "", "importWh": "reading", "exportWh": "reading"},
    "EquivocationProved": {"meter": "", "slot": "", "prover": ""},
    "DaysPosted": {"poster": "", "readings": ""},
    "DayPassedOver": {"meter": "", "day": ""},
    "DayDisputed": {"meter": "", "day": "", "byParticipantId": ""},
    "DayResolved": {"meter": "", "day": "", "values": "reading"},
    "DayUnpacked": {"meter": "", "day": ""},
    "DayEquivocationProved": {"meter": "", "day": "", "prover": ""},
    "DaysSettled": {"day": "", "venue": "", "group": "", "words": "bill volume"},
    "SlotSettled": {
        "slot": "",
        "participantId": "",
        "bill": "bill reading volume",
        "isMeasured": "",
        "arrearsChange": "bill",
    },
    "ReleaseRequested": {"participantId": "", "amount": "", "possibleFrom": ""},
    "GuaranteeReleased": {"participantId": "", "amount": ""},
    "VenueAccepted": {"venue": ""},
    "ArrearsPaid": {"participantId": "", "amount": "bill"},
}

# By event and field, structs as one field: the facts that it shows, with spaces between them; "" for none.
FIELDS: Mapping[str, Mapping[str, str]] = {
    **_TRADES,
    **_AUCTION,
    **_NEGOTIATION,
    **_TARIFF,
    **_CONDITIONAL,
    **_ANONYMOUS,
    **_TAGS,
    **_DELIVERY,
}

# Contracts whose events tell of people and money and of no slot.
BACKGROUND = ("registry", "clearinghouse", "token")

_ALWAYS = frozenset({"presence", "volume", "price", "reading", "bill"})
_SEALED = _ALWAYS | {"side", "bound", "limit", "quantity", "margin"}

PUBLIC: Mapping[str, frozenset[str]] = {
    "negotiation": _ALWAYS | {"side", "offer", "talk", "partner"},
    "anonymous": _ALWAYS | {"partner"},
    **dict.fromkeys(
        ("auction", "vickrey", "pay_as_bid", "mcafee", "supply_demand", "day_ahead"), _SEALED
    ),
    "tariff": _ALWAYS | {"side", "bound", "quantity", "margin"},
    "distributed": _ALWAYS | {"partner"},
    "conditional": _ALWAYS | {"side", "limit", "quantity", "condition", "partner", "source"},
}
