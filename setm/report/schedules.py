"""Outcomes of signed schedules, folded from events by the reference: who traded what in which slot at which price.

A book is posted between its gate and the next one, so the second of its posting says of which span it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from setm.deployment_plan import SPANS
from setm.report.records import TradeRecord
from setm.report.run import Event, MechanismRun
from setm.schedules import ScheduleOutcome, ScheduleRules, outcome_of, price_in, unpack_members
from setm.types import Grid, Side
from setm.units import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to post a book: its span, margins and, by group, what its members filled, Wh and negative if sold."""

    book: str
    number: int
    span: int
    is_final: bool
    margins: tuple[int, ...]
    groups: Mapping[int, tuple[tuple[int, tuple[int, ...]], ...]]
    tx: str

    @property
    def first_slot(self) -> int:
        """The first slot of the span."""
        return self.span * len(self.margins)

    @property
    def members(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Number and fills of everybody whose outcome was bound."""
        return (member for group in self.groups.values() for member in group)


def venues_in(record: MechanismRun) -> list[str]:
    """Return the venues of signed schedules of a deployment."""
    return [venue for venue in SPANS if venue in record.contracts]


def rules_of(record: MechanismRun, venue: str) -> ScheduleRules:
    """Return what holds for every slot of a venue of schedules."""
    config = record.config[venue]
    return ScheduleRules(
        grid=Grid(floor_price=Price(config["floor_price"]), tick_size=Price(config["tick_size"])),
        k=config["k"],
        span_slots=config["span_slots"],
        cover_price=Price(config["cover_price"]),
    )


def attempts(record: MechanismRun, venue: str) -> list[Attempt]:
    """Return every attempt that bound something, in the order of the chain."""
    slots, seconds = record.config[venue]["span_slots"], record.slot_seconds
    told: dict[tuple[str, int], Event] = {}
    for event in record.events:
        if event.contract == f"{venue}_book" and event.name in ("BatchWalked", "BookCleared"):
            told[event["book"], event["attempt"]] = event
    groups: dict[tuple[str, int], dict[int, tuple[tuple[int, tuple[int, ...]], ...]]] = {}
    for event in record.of("GroupBound", venue):
        members = tuple(unpack_members(bytes.fromhex(event["members"][2:]), slots))
        groups.setdefault((event["book"], event["attempt"]), {})[event["group"]] = members
    return [
        Attempt(
            book=book,
            number=attempt,
            span=(event.timestamp + record.config[venue]["gate_lead"]) // (slots * seconds),
            is_final=event.name == "BookCleared",
            margins=tuple(event["margins"]),
            groups=groups.get((book, attempt), {}),
            tx=event.tx_hash,
        )
        for (book, attempt), event in told.items()
    ]


def written_out(record: MechanismRun, venue: str) -> Iterator[TradeRecord]:
    """Yield what each outcome that was written out comes to in each slot."""
    rules = rules_of(record, venue)
    written = {(one["book"], one["participantId"]) for one in record.of("OutcomeUnpacked", venue)}
    for attempt in attempts(record, venue):
        for who, fills in attempt.members:
            if attempt.is_final and (attempt.book, who) in written:
                yield from trades(venue, attempt, who, fills, rules)


def outcome(
    attempt: Attempt, who: int, fills: tuple[int, ...], rules: ScheduleRules
) -> ScheduleOutcome:
    """Return what a member's whole span comes to."""
    return outcome_of(who, fills, attempt.margins, rules)


def trades(
    venue: str, attempt: Attempt, who: int, fills: tuple[int, ...], rules: ScheduleRules
) -> Iterator[TradeRecord]:
    """Yield what a member's outcome comes to in each slot where it traded, at the slot's price."""
    for place, (fill, margin) in enumerate(zip(fills, attempt.margins, strict=True)):
        if fill == 0:
            continue
        one = outcome_of(who, [fill], [margin], rules)
        yield TradeRecord(
            venue=venue,
            slot=attempt.first_slot + place,
            participant_id=who,
            number=1,
            side=Side.BID if fill > 0 else Side.ASK,
            energy_wh=abs(fill),
            price=price_in(margin, rules),
            amount=one.payment if fill > 0 else one.revenue,
            tx=attempt.tx,
        )
