"""What the events of a deployment tell, in the form in which the report and the reference read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from setm import ledger
from setm.chain.events import Event
from setm.chain.reader import Reader
from setm.deployment_plan import SPANS
from setm.report import auction, negotiation
from setm.report.records import ClearingRecord, OrderRecord, TradeRecord
from setm.report.run import Event as Line
from setm.report.run import MechanismRun, Participant
from setm.report.schedules import venues_in, written_out
from setm.types import Kind, ParticipantId
from setm.verify import conditional, schedules, tariff
from setm.verify.deployment import Deployed

RING = 1024
# Of these the reference can say what was traded.
AMOUNT = 2**64 - 1
VENUES = ("auction", "negotiation", "tariff", "conditional", *SPANS)
Key = tuple[int, int]
"""Slot and participant."""


@dataclass(frozen=True)
class History:
    """All events up to the reader's block, and what follows from them."""

    deployed: Deployed
    reader: Reader
    events: Sequence[Event]

    @cached_property
    def record(self) -> MechanismRun:
        """The events as the report reads them."""
        return MechanismRun(
            name=f"chain {self.deployed.chain_id}",
            slot_seconds=self.deployed.config["slot_seconds"],
            contracts=self.deployed.contracts,
            config=self.deployed.config,
            participants=self._participants(),
            events=tuple(_line(event) for event in self.events),
            transactions=(),
        )

    def _participants(self) -> Mapping[int, Participant]:
        joined = (event.args for event in self.events if event.event == "ParticipantJoined")
        return {
            args["participantId"]: Participant(
                participant_id=args["participantId"],
                name=f"participant {args['participantId']}",
                kind=Kind(args["kind"]).name.lower(),
                device=str(args["deviceClass"]),
                zone=args["zone"],
                account=args["account"],
                meter=None,
                days_for_forecasting=None,
                min_bid_price=None,
                max_bid_price=None,
            )
            for args in joined
        }

    @cached_property
    def ids(self) -> list[int]:
        """Everybody who ever joined."""
        return sorted(self.record.participants)

    @cached_property
    def venues(self) -> Sequence[str]:
        """The deployed venues whose trades the reference knows."""
        return [venue for venue in VENUES if venue in self.deployed.contracts]

    @cached_property
    def clearings(self) -> Mapping[int, ClearingRecord]:
        """The auction's clearings by slot."""
        return auction.clearings(self.record)

    @cached_property
    def orders(self) -> Sequence[OrderRecord]:
        """The auction's orders with their fills."""
        return auction.orders(self.record, self.clearings)

    @cached_property
    def trades(self) -> Mapping[tuple[str, int, int], list[TradeRecord]]:
        """Both sides of all trades by venue, slot and participant."""
        found: dict[tuple[str, int, int], list[TradeRecord]] = {}
        for trade in (
            *auction.trades(self.orders, self.clearings, auction.grid_of(self.record)),
            *negotiation.trades(self.record),
            *(tariff.trades(self.record) if "tariff" in self.venues else ()),
            *conditional.trades(self.record),
            *(one for span in self.spans for one in written_out(self.record, span)),
        ):
            found.setdefault((trade.venue, trade.slot, trade.participant_id), []).append(trade)
        return found

    @property
    def spans(self) -> list[str]:
        """The deployed venues of signed schedules."""
        return venues_in(self.record)

    def packed(self, venue: str) -> Mapping[int, int]:
        """Return what outcomes bind that are not written out yet, by participant."""
        return schedules.packed(self.record, venue, self.reader) if venue in SPANS else {}

    def pool_slots(self, venue: str) -> set[int]:
        """Return a slot of each pool of a venue."""
        if venue in SPANS:
            return schedules.pool_slots(self.record, venue)
        return {slot for slot, _ in self.entered[venue]}

    @cached_property
    def entered(self) -> Mapping[str, set[Key]]:
        """Where somebody ever entered something, by venue."""
        found: dict[str, set[Key]] = {venue: set() for venue in self.venues}
        found["auction"] = {(order.slot, order.participant_id) for order in self.orders}
        for event in self.record.of("AgreementReached", "negotiation"):
            for slot in range(event["firstSlot"], event["firstSlot"] + event["slotCount"]):
                found["negotiation"] |= {(slot, event["buyerId"]), (slot, event["sellerId"])}
        for venue in self.spans:
            listed = written_out(self.record, venue)
            found[venue] = {(trade.slot, trade.participant_id) for trade in listed}
        for event in self.record.of("EnergyAnnounced", "tariff"):
            found["tariff"].add((event["slot"], event["participantId"]))
        for event in self.record.of("OrderTaken", "conditional"):
            found["conditional"] |= {
                (event["slot"], event["buyerId"]),
                (event["slot"], event["sellerId"]),
            }
        return found

    def kept(self, venue: str) -> list[Key]:
        """Return where the venue's record still stands: none of a later slot can have taken its place."""
        newest = max((slot for slot, _ in self.entered[venue]), default=0)
        return sorted(key for key in self.entered[venue] if key[0] > newest - RING)

    def owing(self, venue: str) -> set[Key]:
        """Return where something is bound although it may be settled and old: bonds of tags that are owed."""
        return conditional.owing(self.record) if venue == conditional.VENUE else set()

    def settled(self) -> list[Key]:
        """Return what was settled, in the order of the chain."""
        return [
            (event["slot"], event["participantId"])
            for event in self.record.of("SlotSettled", "settlement")
        ]

    def money(self) -> ledger.Ledger:
        """Return the reference's ledger after every movement; raise ``LedgerError`` where one was impossible."""
        state = ledger.Ledger()
        for event in self.record.events:
            if event.contract == "clearinghouse":
                state = self._moved(state, event)
        return state

    def _moved(self, state: ledger.Ledger, event: Line) -> ledger.Ledger:
        match event.name:
            case "Deposited":
                return ledger.deposit(state, _who(event), event["amount"])
            case "Withdrawn":
                return ledger.withdraw(state, _who(event), event["amount"])
            case "CollateralLocked":
                return ledger.lock(state, _who(event), self._venue(event["venue"]), event["amount"])
            case "CollateralReleased":
                venue = self._venue(event["venue"])
                return ledger.release(state, venue, _who(event), event["amount"])
            case "Closed":
                heir = self._venue(event["heir"])
                return ledger.close(
                    state,
                    self._venue(event["venue"]),
                    _who(event),
                    heir=heir or None,
                    charged=event["charged"],
                    released=event["released"],
                    paid=event["paid"],
                )
            case "ClosedMany":
                return self._closed_many(state, event)
        return state

    def _closed_many(self, state: ledger.Ledger, event: Line) -> ledger.Ledger:
        """Charge everybody, then pay: | participantId 32 | charged 64 | released 64 | paid 64 | zero 32 |."""
        venue, heir = self._venue(event["venue"]), self._venue(event["heir"]) or None
        closings = [
            (ParticipantId(word >> 224), *(word >> shift & AMOUNT for shift in (160, 96, 32)))
            for word in event["words"]
        ]
        for who, charged, _, _ in closings:
            state = ledger.close(state, venue, who, heir=heir, charged=charged, released=0, paid=0)
        for who, _, released, paid in closings:
            state = ledger.close(
                state, venue, who, heir=heir, charged=0, released=released, paid=paid
            )
        return state

    def _venue(self, address: str) -> ledger.Venue:
        return ledger.Venue(self.record.role(address))


def _who(event: Line) -> ParticipantId:
    return ParticipantId(event["participantId"])


def _line(event: Event) -> Line:
    return Line(
        line=f"block {event.block}, log {event.log_index}",
        block=event.block,
        timestamp=event.timestamp,
        tx_hash=event.tx_hash,
        log_index=event.log_index,
        contract=event.contract,
        name=event.event,
        args=event.args,
    )
