"""Signed schedules, folded from events by the reference: orders, clearings, and who traded what at which price.

A book is posted between its gate and the next one, so the second of its posting says of which span it is. What its
entries ask for stands in the transactions: a run keeps it beside the events, and it has to come to what these tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from setm.deployment_plan import SPANS
from setm.errors import RunError
from setm.report.records import ClearingRecord, OrderRecord, TradeRecord
from setm.report.run import Event, MechanismRun, PostedSchedule
from setm.schedules import (
    BookKey,
    ClearedBook,
    ScheduleOutcome,
    ScheduleRules,
    SlotOrder,
    chained,
    cleared,
    leaf_of_schedule,
    outcome_of,
    price_in,
    schedule_hash,
    unpack_members,
    unpack_orders,
)
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
    # Of its batches, the last of which is `tx`.
    batches: tuple[str, ...]
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
    told: dict[tuple[str, int], list[Event]] = {}
    for event in record.events:
        if event.contract == f"{venue}_book" and event.name in ("BatchWalked", "BookCleared"):
            told.setdefault((event["book"], event["attempt"]), []).append(event)
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
            batches=tuple(one.tx_hash for one in walked),
            tx=event.tx_hash,
        )
        for (book, attempt), walked in told.items()
        for event in walked[-1:]
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


# ---- orders ----


SET_ASIDE = "set aside"
STATES = {"signed": "signed", "forced": "forced", "set_aside": SET_ASIDE}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalBook:
    """What a final book asked for and came to, slot by slot."""

    orders: tuple[OrderRecord, ...]
    clearings: tuple[ClearingRecord, ...]


def books(record: MechanismRun, venue: str) -> list[FinalBook]:
    """Return the final books of a venue; raise ``RunError`` where entries come to other margins or fills than told."""
    rules, arrivals = rules_of(record, venue), _arrivals(record, venue)
    by_tx = {
        tx: list(group) for tx, group in groupby(record.schedules, key=lambda one: one.tx_hash)
    }
    found = []
    for attempt in attempts(record, venue):
        if attempt.is_final:
            posted = [one for tx in attempt.batches for one in by_tx.get(tx, ())]
            found.append(_book(record, venue, attempt, posted, rules, arrivals))
    return found


def _book(
    record: MechanismRun,
    venue: str,
    attempt: Attempt,
    posted: Sequence[PostedSchedule],
    rules: ScheduleRules,
    arrivals: Mapping[tuple[str, int], Event],
) -> FinalBook:
    asked = {one.participant_id: unpack_orders(one.orders, rules.span_slots) for one in posted}
    counted = {one.participant_id for one in posted if one.source != "set_aside"}
    book = cleared({who: orders for who, orders in asked.items() if who in counted}, rules)
    _require_told(record, attempt, book)
    _require_committed(record, attempt, posted, arrivals)
    zone = _zone(record, asked)
    orders = [
        order
        for one in posted
        for order in _orders(venue, zone, attempt, one, asked[one.participant_id], arrivals)
    ]
    fills = {one.participant_id: one.fills for one in book.outcomes}
    return FinalBook(
        orders=tuple(_filled(orders, fills, attempt, rules)),
        clearings=tuple(
            ClearingRecord(venue=venue, zone=zone, slot=slot, clearing=clearing, tx=attempt.tx)
            for slot, clearing in enumerate(book.clearings, start=attempt.first_slot)
        ),
    )


def _require_told(record: MechanismRun, attempt: Attempt, book: ClearedBook) -> None:
    told = dict(attempt.members)
    ours = {one.participant_id: one.fills for one in book.outcomes}
    if book.margins != attempt.margins or ours != told:
        raise RunError(
            f"{record.name}/schedules.jsonl: the entries of book {attempt.book} come to other margins or fills than "
            "BookCleared and GroupBound tell; a file was changed or is incomplete, run the scenario again"
        )


def _require_committed(
    record: MechanismRun,
    attempt: Attempt,
    posted: Sequence[PostedSchedule],
    arrivals: Mapping[tuple[str, int], Event],
) -> None:
    """Entries are those that were committed to or forced in, to the last bit (IScheduleBook)."""
    committed = arrivals.get((attempt.book, 0))
    leaves = []
    for one in posted:
        r, vs = bytes.fromhex(one.r), bytes.fromhex(one.vs)
        forced = arrivals.get((attempt.book, one.participant_id))
        if forced is not None:
            leaf = r if tuple(forced["orders"]) == one.orders else b""
        elif committed is None:
            leaf = b""
        else:
            said = schedule_hash(
                attempt.span, one.participant_id, committed["collector"], one.orders
            )
            leaf = leaf_of_schedule(said, r, vs)
        leaves.append(leaf)
    expected = bytes(32) if committed is None else bytes.fromhex(committed["digest"][2:])
    if b"" in leaves or chained(leaf for leaf in leaves if any(leaf)) != expected:
        raise RunError(
            f"{record.name}/schedules.jsonl: the entries of book {attempt.book} are not those that its collector "
            "committed to and participants forced in; the file was changed or is incomplete, run the scenario again"
        )


def _zone(record: MechanismRun, asked: Mapping[int, object]) -> int:
    """Return the zone of a book: that of whoever stands in it."""
    return next((record.participants[who].zone for who in asked if who in record.participants), 0)


def _arrivals(record: MechanismRun, venue: str) -> dict[tuple[str, int], Event]:
    """Return by which event a schedule became part of a book: forced in, or (participant 0) committed to."""
    found: dict[tuple[str, int], Event] = {}
    for event in record.events:
        if event.contract != f"{venue}_book":
            continue
        if event.name == "ScheduleForced":
            found[event["book"], event["participantId"]] = event
        elif event.name == "BookCommitted":
            key = BookKey(span=event["span"], zone=event["zone"], collector=event["collector"])
            found["0x" + key.name.hex(), 0] = event
    return found


def _orders(
    venue: str,
    zone: int,
    attempt: Attempt,
    posted: PostedSchedule,
    asked: Sequence[SlotOrder | None],
    arrivals: Mapping[tuple[str, int], Event],
) -> Iterator[OrderRecord]:
    who = posted.participant_id
    came = arrivals.get((attempt.book, who)) or arrivals[attempt.book, 0]
    for slot, order in enumerate(asked, start=attempt.first_slot):
        if order is not None:
            yield OrderRecord(
                venue=venue,
                zone=zone,
                slot=slot,
                participant_id=who,
                number=1,
                side=order.side,
                state=STATES[posted.source],
                bound=0,
                ordered_at=came.timestamp,
                order_tx=came.tx_hash,
                tick=order.tick,
                energy_wh=order.energy_wh,
                open_tx=posted.tx_hash,
            )


def _filled(
    orders: Sequence[OrderRecord],
    fills: Mapping[int, Sequence[int]],
    attempt: Attempt,
    rules: ScheduleRules,
) -> Iterator[OrderRecord]:
    """Yield the orders with what they bound, were filled with, and had before them at their tick."""
    ahead: dict[tuple[int, Side, int | None], int] = {}
    for order in orders:
        if order.state == SET_ASIDE:
            yield replace(order, filled_wh=0)
            continue
        place, slot = (order.slot, order.side, order.tick), order.slot - attempt.first_slot
        fill = fills[order.participant_id][slot]
        one = outcome_of(order.participant_id, [fill], [attempt.margins[slot]], rules)
        before = ahead.get(place, 0)
        ahead[place] = before + (order.energy_wh or 0)
        yield replace(order, ahead_wh=before, filled_wh=abs(fill), bound=one.bound)
