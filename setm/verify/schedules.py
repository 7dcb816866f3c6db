"""What events of signed schedules come to by the reference: trades that were written out, and what is still packed.

A book is posted between its gate and the next one, so the second of its posting says of which span it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from setm.chain.reader import Reader
from setm.report.records import TradeRecord
from setm.report.run import Event, MechanismRun
from setm.schedules import ScheduleRules, outcome_of, unpack_members
from setm.types import Grid, Side
from setm.units import Price

PACKED = 1


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


def trades(record: MechanismRun, venue: str) -> Iterator[TradeRecord]:
    """Yield what each outcome that was written out comes to in each slot."""
    rules = rules_of(record, venue)
    written = {(one["book"], one["participantId"]) for one in record.of("OutcomeUnpacked", venue)}
    for attempt in attempts(record, venue):
        for who, fills in _members(attempt):
            if attempt.is_final and (attempt.book, who) in written:
                yield from _trades(venue, attempt, who, fills, rules)


def _members(attempt: Attempt) -> Iterator[tuple[int, tuple[int, ...]]]:
    for members in attempt.groups.values():
        yield from members


def _trades(
    venue: str, attempt: Attempt, who: int, fills: tuple[int, ...], rules: ScheduleRules
) -> Iterator[TradeRecord]:
    for place, (fill, margins) in enumerate(zip(fills, attempt.margins, strict=True)):
        if fill == 0:
            continue
        one = outcome_of(who, [fill], [margins], rules)
        amount = one.payment if fill > 0 else one.revenue
        yield TradeRecord(
            venue=venue,
            slot=attempt.first_slot + place,
            participant_id=who,
            number=1,
            side=Side.BID if fill > 0 else Side.ASK,
            energy_wh=abs(fill),
            price=amount * 1000 // abs(fill),
            amount=amount,
            tx=attempt.tx,
        )


def packed(record: MechanismRun, venue: str, reader: Reader) -> dict[int, int]:
    """Return what outcomes that are still packed bind, 1e-6 EUR by participant; those of failed attempts as well."""
    rules = rules_of(record, venue)
    refunded = {
        (one["book"], one["attempt"], one["group"]) for one in record.of("GroupRefunded", venue)
    }
    bound: dict[int, int] = defaultdict(int)
    for attempt in attempts(record, venue):
        for group, members in attempt.groups.items():
            if (attempt.book, attempt.number, group) in refunded:
                continue
            for who, fills in members:
                if reader.ask(venue, "outcomeOf", attempt.span, who) == PACKED:
                    bound[who] += outcome_of(who, fills, attempt.margins, rules).bound
    return bound


def pool_slots(record: MechanismRun, venue: str) -> set[int]:
    """Return a slot of each pool: the slots of a span share that of the first."""
    return {attempt.first_slot for attempt in attempts(record, venue)}
