"""The data dictionary: every column of every table and every field of every event, with type, unit and meaning.

``python -m setm.report.dictionary > docs/data_dictionary.csv`` writes it anew.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from io import StringIO

from setm.report import schema
from setm.report.bench_schema import BENCH_TABLES
from setm.report.comparison import COMPARISON_TABLES
from setm.report.study_schema import STUDY_TABLES
from setm.report.value_schema import VALUE_TABLES

HEADER = ("where", "name", "type", "unit", "meaning")
Field = tuple[str, str, str]  # Solidity type, unit, meaning

# Fields that mean the same in every event.
COMMON: Mapping[str, Field] = {
    "slot": ("uint32", "-", "delivery slot"),
    "participantId": ("uint32", "-", "number of the participant"),
    "byParticipantId": ("uint32", "-", "number of the participant who did it; 0: anyone"),
    "authority": ("address", "-", "accredited authority"),
    "account": ("address", "-", "owner key"),
    "activeFrom": ("uint40", "s", "first second in which it counts, UTC Unix time"),
    "activeUntil": ("uint40", "s", "first second in which it counts no longer, UTC Unix time"),
    "expiresAt": ("uint40", "s", "first second in which it stands no longer, UTC Unix time"),
    "kind": ("uint8", "-", "kind of participant, IParticipantRegistry.Kind"),
    "deviceClass": ("uint16", "-", "the authority's code for the device; 0: not a device"),
    "zone": ("uint32", "-", "grid zone"),
    "validUntil": ("uint64", "s", "end of the credential, UTC Unix time"),
    "meter": ("uint32", "-", "number of the meter"),
    "venue": ("address", "-", "contract for which collateral is locked"),
    "amount": ("uint256", "1e-6 EUR", "how much"),
    "side": ("uint8", "-", "0 bid, 1 ask"),
    "unbound": ("uint48", "1e-6 EUR", "collateral that the order binds no longer"),
    "energyWh": ("uint32", "Wh", "energy in each slot"),
    "price": ("uint32", "0.001 EUR/MWh", "price"),
    "importWh": ("uint32", "Wh", "energy taken from the grid"),
    "exportWh": ("uint32", "Wh", "energy fed into the grid"),
    "negotiationId": ("uint64", "-", "number of the negotiation; 0: agreed off chain"),
    "buyerId": ("uint32", "-", "number of the buyer"),
    "sellerId": ("uint32", "-", "number of the seller"),
    "firstSlot": ("uint32", "-", "first delivery slot"),
    "slotCount": ("uint16", "-", "how many slots in a row"),
}

BILL: Mapping[str, Field] = {
    f"bill.{name}": ("uint256", unit, meaning)
    for name, unit, meaning in (
        ("boughtWh", "Wh", "bought in all venues"),
        ("soldWh", "Wh", "sold in all venues"),
        ("importWh", "Wh", "taken from the grid"),
        ("exportWh", "Wh", "fed into the grid"),
        ("gridBoughtWh", "Wh", "bought from the grid operator"),
        ("gridSoldWh", "Wh", "sold to the grid operator"),
        ("tradeCredit", "1e-6 EUR", "revenue and released cover that the venues handed over"),
        ("charge", "1e-6 EUR", "owed to the grid operator, penalty included"),
        ("credit", "1e-6 EUR", "owed by the grid operator"),
    )
}

CLEARING: Mapping[str, Field] = {
    "clearing.bidPrice": ("uint32", "0.001 EUR/MWh", "what buyers pay; 0 without trade"),
    "clearing.askPrice": ("uint32", "0.001 EUR/MWh", "what sellers get; 0 without trade"),
    "clearing.volumeWh": ("uint64", "Wh", "energy traded"),
    "clearing.bidMarginTick": ("uint16", "-", "tick of the worst filled bid"),
    "clearing.bidMarginWh": ("uint32", "Wh", "quantity of all bids at that tick"),
    "clearing.bidMarginFilledWh": ("uint32", "Wh", "how much of it fills"),
    "clearing.askMarginTick": ("uint16", "-", "tick of the worst filled ask"),
    "clearing.askMarginWh": ("uint32", "Wh", "quantity of all asks at that tick"),
    "clearing.askMarginFilledWh": ("uint32", "Wh", "how much of it fills"),
    "clearing.atOwnPrice": ("bool", "-", "whether each filled order pays or gets its own price"),
    "clearing.surplus": ("uint64", "1e-6 EUR", "what buyers pay beyond what sellers get"),
}

ADDRESS_FROM = ("address", "-", "who gave; zero: newly made")
ADDRESS_TO = ("address", "-", "who received")
ROLE: Mapping[str, Field] = {"role": ("bytes32", "-", "role in the registry; zero: governance")}
ROLE_CHANGE: Mapping[str, Field] = {
    "account": ("address", "-", "whose role it is"),
    "sender": ("address", "-", "who changed it"),
}

SELLING_VENUE: Field = ("address", "-", "venue that sells and redeems the notes")
NOTE_ID: Field = ("uint64", "-", "number of the note")
ONE_TIME_ACCOUNT: Field = ("address", "-", "one-time account")
TAG_ID: Field = ("uint256", "-", "source << 64 | zone << 32 | slot")
TAGS: Field = ("uint256", "Wh", "tags, one for each Wh")
SOURCE: Field = ("uint8", "-", "1 grid, 2 solar, 3 wind")
ORDER_ID: Field = ("uint64", "-", "number of the order")
AGREEMENT_ID: Field = ("bytes32", "-", "EIP-712 digest of the agreement")
BOOK: Field = ("bytes32", "-", "keccak256 of span, zone and collector")
SPAN: Field = ("uint32", "-", "first slot of the span divided by its slots")
ATTEMPT: Field = ("uint32", "-", "which time the book is posted, from 1")
DAY: Field = ("uint32", "-", "number of the day: its first slot divided by daySlots")
GROUP: Field = ("uint32", "-", "group of outcomes in the attempt, from 0")
BOOK_POSTER: Field = ("address", "-", "who posted the batch")

# Each event by its interface, ours and those of OpenZeppelin: names of common fields, or fields of its own.
EVENTS: Mapping[str, Mapping[str, tuple[str | Mapping[str, Field], ...]]] = {
    "IERC20": {
        "Transfer": (
            {"from": ADDRESS_FROM, "to": ADDRESS_TO, "value": ("uint256", "1e-6 EUR", "how much")},
        ),
        "Approval": (
            {
                "owner": ("address", "-", "who allows"),
                "spender": ("address", "-", "who may take"),
                "value": ("uint256", "1e-6 EUR", "at most how much"),
            },
        ),
    },
    "IAccessControl": {
        "RoleGranted": (ROLE, ROLE_CHANGE),
        "RoleRevoked": (ROLE, ROLE_CHANGE),
        "RoleAdminChanged": (
            ROLE,
            {
                "previousAdminRole": ("bytes32", "-", "role that granted it until now"),
                "newAdminRole": ("bytes32", "-", "role that grants it from now on"),
            },
        ),
    },
    "IAccessControlDefaultAdminRules": {
        "DefaultAdminTransferScheduled": (
            {
                "newAdmin": ("address", "-", "who is to govern"),
                "acceptSchedule": ("uint48", "s", "when it can accept, UTC Unix time"),
            },
        ),
        "DefaultAdminDelayChangeScheduled": (
            {
                "newDelay": ("uint48", "s", "seconds between announcing and taking over"),
                "effectSchedule": ("uint48", "s", "when the new delay counts, UTC Unix time"),
            },
        ),
    },
    "IParticipantRegistry": {
        "ParticipantJoined": (
            "participantId",
            "account",
            "authority",
            "kind",
            "deviceClass",
            "zone",
            {"identityCommitment": ("bytes32", "-", "hash of the identity and a secret salt")},
            "validUntil",
        ),
        "CredentialRenewed": (
            "participantId",
            "authority",
            "kind",
            "deviceClass",
            "zone",
            "validUntil",
            {"serial": ("uint32", "-", "counts the credentials of the identity")},
        ),
        "ParticipantRevoked": ("participantId", "authority"),
        "ParticipantSuspended": (
            "participantId",
            {"from": ("uint40", "s", "first second of the suspension, UTC Unix time")},
        ),
        "ParticipantReinstated": ("participantId",),
        "KeyRotated": ("participantId", "account", "activeFrom"),
        "SessionOpened": (
            "participantId",
            {
                "key": ("address", "-", "session key"),
                "venue": ("address", "-", "only contract in which the key is valid"),
                "limitPerSlot": ("uint64", "1e-6 EUR", "most that one message binds per slot"),
            },
            "expiresAt",
        ),
        "SessionClosed": ("participantId", {"key": ("address", "-", "session key")}),
        "RecoverySet": (
            "participantId",
            {"recovery": ("address", "-", "where money goes after a revocation")},
            "activeFrom",
        ),
        "RecoveryStarted": (
            "participantId",
            "account",
            {"completableAt": ("uint40", "s", "when it can be completed, UTC Unix time")},
        ),
        "RecoveryCancelled": ("participantId",),
        "AuthorityScheduled": ("authority", "activeFrom", "activeUntil"),
    },
    "IClearinghouse": {
        "Deposited": (
            "participantId",
            {"payer": ("address", "-", "whose tokens came in")},
            "amount",
        ),
        "Withdrawn": ("participantId", {"to": ADDRESS_TO}, "amount"),
        "CollateralLocked": ("participantId", "venue", "amount"),
        "CollateralReleased": ("participantId", "venue", "amount"),
        "Closed": (
            "participantId",
            "venue",
            {
                "heir": ("address", "-", "venue that receives released + paid; zero: free balance"),
                "charged": ("uint256", "1e-6 EUR", "moved from collateral into the venue's pool"),
                "released": ("uint256", "1e-6 EUR", "collateral set free or handed on"),
                "paid": ("uint256", "1e-6 EUR", "paid from the venue's pool"),
            },
        ),
        "ClosedMany": (
            "venue",
            {
                "heir": ("address", "-", "venue that receives released + paid; zero: free balance"),
                "words": (
                    "uint256[]",
                    "-",
                    "participantId 32, charged 64, released 64, paid 64, zero 32 bits",
                ),
            },
        ),
        "VenueScheduled": ("venue", "activeFrom"),
    },
    "IVenue": {
        "MarginAdded": ("participantId", "amount"),
        "MarginReleased": ("participantId", "amount"),
        "TradeCollected": (
            "slot",
            "participantId",
            {
                "payment": ("uint256", "1e-6 EUR", "what the buyer paid, rounded up"),
                "unbound": ("uint256", "1e-6 EUR", "collateral that the order binds no longer"),
            },
        ),
        "TradeClosed": (
            "slot",
            "participantId",
            {
                "boughtWh": ("uint256", "Wh", "energy bought"),
                "soldWh": ("uint256", "Wh", "energy sold"),
                "revenue": ("uint256", "1e-6 EUR", "what the seller earned, rounded down"),
            },
        ),
    },
    "IAuction": {
        "OrderCommitted": (
            "slot",
            "participantId",
            "side",
            {
                "bound": ("uint48", "1e-6 EUR", "collateral that the order binds"),
                "digest": ("bytes32", "-", "commitment to tick, energy and salt"),
            },
        ),
        "CommitmentCancelled": ("slot", "participantId", "unbound"),
        "OrdersOpened": (
            "slot",
            {
                "orders": (
                    "uint256[]",
                    "-",
                    "participantId << 128 | side << 112 | tick << 96 | bound << 48 | energyWh",
                )
            },
        ),
        "OpeningRefused": (
            "slot",
            "participantId",
            {
                "cover": ("uint256", "1e-6 EUR", "collateral that the order needs"),
                "bound": ("uint256", "1e-6 EUR", "collateral that it binds"),
            },
        ),
        "SlotCleared": ("slot", {"clearer": ("address", "-", "who cleared")}, CLEARING),
        "BondForfeited": (
            "slot",
            "participantId",
            "side",
            {"bond": ("uint48", "1e-6 EUR", "what was lost")},
            "unbound",
        ),
        "CompensationPaid": ("slot", "participantId", "amount"),
        "SurplusPaid": ("slot", "amount"),
    },
    "INegotiation": {
        "OfferMade": (
            "negotiationId",
            "buyerId",
            "sellerId",
            {
                "byBuyer": ("bool", "-", "whether the buyer made the offer"),
                "round": ("uint16", "-", "counts the offers from 1"),
            },
            "firstSlot",
            "slotCount",
            "energyWh",
            "price",
            "expiresAt",
        ),
        "NegotiationEnded": (
            "negotiationId",
            "byParticipantId",
            {"state": ("uint8", "-", "3 rejected, 4 withdrawn, 5 expired")},
        ),
        "AgreementReached": (
            "negotiationId",
            "buyerId",
            "sellerId",
            "firstSlot",
            "slotCount",
            "energyWh",
            "price",
            {"digest": ("bytes32", "-", "EIP-712 digest of an agreement made off chain")},
        ),
    },
    "IEnergyTag": {
        "DeviceRegistered": (
            "participantId",
            {"source": SOURCE},
            "zone",
            {
                "serial": ("uint32", "-", "serial of the credential"),
                "fromSlot": ("uint32", "-", "first slot for which it counts"),
                "validUntil": ("uint40", "s", "end of the credential, UTC Unix time"),
            },
        ),
        "TagsMinted": (
            "slot",
            "participantId",
            {
                "id": TAG_ID,
                "energyWh": TAGS,
                "pledgedWh": ("uint256", "Wh", "the part that was sold in advance"),
            },
        ),
        "TagsKept": ("participantId", {"id": TAG_ID, "energyWh": TAGS}),
        "TagsWithdrawn": (
            "participantId",
            {"to": ("address", "-", "who received them"), "id": TAG_ID, "energyWh": TAGS},
        ),
        "TagsClaimed": (
            {
                "id": TAG_ID,
                "account": ("address", "-", "who held them"),
                "beneficiary": ("address", "-", "in whose favour they ended"),
                "energyWh": TAGS,
                "purpose": ("bytes32", "-", "what the holder wants to prove"),
            },
        ),
        "ConsumptionClaimed": (
            "slot",
            "participantId",
            {"id": TAG_ID, "account": ("address", "-", "who held them"), "energyWh": TAGS},
        ),
        "PledgeBookSet": ({"pledgeBook": ("address", "-", "venue that collects what is owed")},),
    },
    "IConditionalMarket": {
        "OrderPosted": (
            {"orderId": ORDER_ID},
            "participantId",
            {
                "order.slot": ("uint32", "-", "delivery slot"),
                "order.energyWh": ("uint32", "Wh", "all of it"),
                "order.price": ("uint32", "0.001 EUR/MWh", "highest of a bid, lowest of an ask"),
                "order.partnerId": ("uint32", "-", "who alone may take it; 0: anyone"),
                "order.greenShare": ("uint16", "per mille", "to come with green tags"),
                "order.sources": ("uint8", "-", "bit 1 << source for each that is accepted"),
                "order.isBid": ("bool", "-", "whether the order buys"),
            },
        ),
        "OrderCancelled": ({"orderId": ORDER_ID},),
        "OrderTaken": (
            {"orderId": ORDER_ID},
            "buyerId",
            "sellerId",
            {"tradeId": ("uint64", "-", "number of the trade")},
            "slot",
            "energyWh",
            "price",
            {"source": SOURCE, "owedWh": ("uint32", "Wh", "tags that the seller owes")},
        ),
        "TagsCollected": ("slot", "sellerId", {"id": TAG_ID, "energyWh": TAGS}),
        "TagsDelivered": (
            {"tradeId": ("uint64", "-", "number of the trade")},
            "buyerId",
            "sellerId",
            {
                "energyWh": TAGS,
                "missingWh": ("uint256", "Wh", "tags that were not there"),
                "compensation": ("uint256", "1e-6 EUR", "paid to the buyer for them"),
            },
        ),
    },
    "INoteBook": {
        "NotesSold": (
            {"venue": SELLING_VENUE, "firstNoteId": ("uint64", "-", "number of the first note")},
            "participantId",
            {"blinded": ("bytes[]", "-", "for each note what the issuer is to sign, 256 bytes")},
        ),
        "NoteIssued": (
            {
                "venue": SELLING_VENUE,
                "noteId": NOTE_ID,
                "signature": ("bytes", "-", "the issuer's, of the blinded number, 256 bytes"),
            },
        ),
        "NoteRefunded": ({"venue": SELLING_VENUE, "noteId": NOTE_ID}, "participantId"),
        "NoteRedeemed": (
            {
                "venue": SELLING_VENUE,
                "account": ONE_TIME_ACCOUNT,
                "serial": ("bytes32", "-", "chosen by the holder"),
            },
        ),
    },
    "IAnonymousNegotiation": {
        "AccountFunded": ({"account": ONE_TIME_ACCOUNT}, "amount"),
        "CashedIn": ({"account": ONE_TIME_ACCOUNT}, "participantId", "amount"),
        "MessageBroadcast": (
            {
                "account": ONE_TIME_ACCOUNT,
                "envelope": ("bytes", "-", "encrypted message, 353 bytes"),
            },
        ),
        "DealMade": (
            {"agreementId": AGREEMENT_ID},
            "slot",
            {
                "buyer": ONE_TIME_ACCOUNT,
                "seller": ONE_TIME_ACCOUNT,
                "arbiterId": ("uint32", "-", "number of the participant with the third key"),
            },
            "energyWh",
            "price",
        ),
        "DealClaimed": (
            {"agreementId": AGREEMENT_ID},
            "participantId",
            {"isBuyer": ("bool", "-", "whether the buyer's side is claimed")},
        ),
        "DealEnded": (
            {
                "agreementId": AGREEMENT_ID,
                "state": ("uint8", "-", "2 delivered, 3 refunded, 4 buyer paid, 5 seller paid"),
            },
        ),
    },
    "IKeyRoster": {
        "PageWritten": (
            {
                "page": ("uint32", "-", "256 participants, from 256 times the page on"),
                "code": ("address", "-", "where their owner keys stand"),
            },
        ),
    },
    "IScheduleBook": {
        "BookCommitted": (
            {
                "span": SPAN,
                "zone": ("uint32", "-", "zone of the book"),
                "collector": ("address", "-", "who gathers the book"),
                "digest": ("bytes32", "-", "hash over the leaves of all schedules gathered"),
            },
        ),
        "ScheduleForced": (
            {"book": BOOK},
            "participantId",
            {"orders": ("uint256[]", "-", "eight slots a word: side 1, tick 8, energyWh 23 bits")},
        ),
        "ScheduleSetAside": (
            {"book": BOOK},
            "participantId",
            {"fault": ("uint8", "-", "why, see ScheduleRefused in docs/errors.md")},
        ),
        "BatchWalked": (
            {
                "book": BOOK,
                "attempt": ATTEMPT,
                "poster": BOOK_POSTER,
                "margins": ("uint256[]", "-", "a word a slot, see MarginLib"),
                "sums": ("uint256[]", "Wh", "a word a slot, see FillTable"),
            },
        ),
        "BookCleared": (
            {
                "book": BOOK,
                "attempt": ATTEMPT,
                "poster": BOOK_POSTER,
                "margins": ("uint256[]", "-", "a word a slot, see MarginLib"),
            },
        ),
    },
    "IDayAheadAuction": {
        "GroupBound": (
            {
                "book": BOOK,
                "attempt": ATTEMPT,
                "group": GROUP,
                "members": (
                    "bytes",
                    "-",
                    "for each member 4 bytes of its number and 4 bytes a slot of its fills",
                ),
            },
        ),
        "GroupRefunded": (
            {
                "book": BOOK,
                "attempt": ATTEMPT,
                "group": GROUP,
                "heads": ("uint256[]", "-", "heads of the members refunded, zero for others"),
            },
        ),
        "OutcomeUnpacked": ({"book": BOOK}, "participantId"),
        "GroupClosed": (
            {
                "book": BOOK,
                "attempt": ATTEMPT,
                "group": GROUP,
                "places": ("uint256", "-", "bit i: the group's member i was settled"),
            },
        ),
    },
    "ITariff": {
        "EnergyAnnounced": (
            "slot",
            "participantId",
            "side",
            "energyWh",
            {"bound": ("uint48", "1e-6 EUR", "collateral that the announcement binds")},
        ),
        "PriceTaken": ("slot", "participantId", "side", "energyWh", "price", "unbound"),
    },
    "IMeterRegistry": {
        "MeterBound": (
            "meter",
            "participantId",
            "authority",
            {
                "meterId": ("bytes32", "-", "hash of the meter's serial number"),
                "deviceKey": ("address", "-", "key inside the meter"),
                "capacityWh": ("uint32", "Wh", "most energy in a slot in either direction"),
                "validFromSlot": ("uint32", "-", "first slot of the key"),
                "validUntilSlot": ("uint32", "-", "first slot in which it is no longer valid"),
            },
        ),
        "MeterReadDaily": ("meter", {"daySlots": ("uint32", "-", "slots of a day")}),
        "MeterRetired": (
            "meter",
            {"fromSlot": ("uint32", "-", "first slot in which the key is no longer valid")},
        ),
        "ReadingsPosted": (
            {
                "poster": ("address", "-", "who brought the readings"),
                "readings": (
                    "uint256[]",
                    "-",
                    "meter << 96 | slot << 64 | importWh << 32 | exportWh",
                ),
            },
        ),
        "AuthorityAccepted": ("authority",),
        "ReadingPassedOver": ("meter", "slot"),
        "ReadingDisputed": ("meter", "slot", "byParticipantId"),
        "ReadingResolved": ("meter", "slot", "importWh", "exportWh"),
        "EquivocationProved": ("meter", "slot", {"prover": ("address", "-", "who proved it")}),
    },
    "IDayReadings": {
        "DaysPosted": (
            {
                "poster": ("address", "-", "who brought the readings"),
                "readings": ("uint256[]", "-", "meter 32, day 32, zero 16, hash 176 bits"),
            },
        ),
        "DayPassedOver": ("meter", {"day": DAY}),
        "DayDisputed": ("meter", {"day": DAY}, "byParticipantId"),
        "DayResolved": (
            "meter",
            {
                "day": DAY,
                "values": ("uint256[]", "-", "words of import, then of export, eight slots each"),
            },
        ),
        "DayUnpacked": ("meter", {"day": DAY}),
        "DayEquivocationProved": (
            "meter",
            {"day": DAY, "prover": ("address", "-", "who proved it")},
        ),
    },
    "ISettlement": {
        "DaysSettled": (
            {
                "day": DAY,
                "venue": ("address", "-", "the day-ahead auction whose group was settled"),
                "group": GROUP,
                "words": (
                    "uint256[]",
                    "-",
                    "participantId 32, gridBoughtWh 40, gridSoldWh 40, tradeCredit 64, arrearsChange 64, zero 15,"
                    " fraud 1 bits",
                ),
            },
        ),
        "SlotSettled": (
            "slot",
            "participantId",
            BILL,
            {
                "isMeasured": ("bool", "-", "false if the default rule was applied"),
                "arrearsChange": ("int256", "1e-6 EUR", "growth of the debt to the grid operator"),
            },
        ),
        "ReleaseRequested": (
            "participantId",
            "amount",
            {"possibleFrom": ("uint40", "s", "when it can be released, UTC Unix time")},
        ),
        "GuaranteeReleased": ("participantId", "amount"),
        "VenueAccepted": ("venue",),
        "ArrearsPaid": (
            "participantId",
            {"amount": ("int256", "1e-6 EUR", "positive if the participant paid")},
        ),
    },
}


def event_fields(parts: tuple[str | Mapping[str, Field], ...]) -> dict[str, Field]:
    """Return an event's fields in order."""
    fields: dict[str, Field] = {}
    for part in parts:
        fields |= {part: COMMON[part]} if isinstance(part, str) else part
    return fields


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield where, name, type, unit and meaning of every column and field."""
    own = (*schema.MECHANISM_TABLES, *schema.RUN_TABLES)
    for table in (*own, *VALUE_TABLES, *STUDY_TABLES, *COMPARISON_TABLES, *BENCH_TABLES):
        for column in table.columns:
            yield table.name, column.name, column.kind, column.unit, column.meaning
    for interface, events in EVENTS.items():
        for event, parts in events.items():
            for name, (kind, unit, meaning) in event_fields(parts).items():
                yield f"{interface}.{event}", name, kind, unit, meaning


def dictionary_csv() -> str:
    """Return the data dictionary as CSV."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows())
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(dictionary_csv())
