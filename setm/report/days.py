"""Days that were settled as a whole: outcomes of signed schedules against the readings of daily meters.

Events tell of such a day its fills (GroupBound), its margins (BookCleared), the hash of its reading (DaysPosted) and
what it came to (DaysSettled); the values of the reading are kept beside them. Each slot gets its part of the day's bill
(``setm.days.slot_bills``), so that all tables stay tables of slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from setm.days import DayReading, SettledDay, imbalance, settled_day, slot_bills
from setm.errors import RunError
from setm.report import schedules
from setm.report.meters import owner, owners
from setm.report.records import BillRecord, ReadingRecord, TradeRecord
from setm.report.run import Event, MechanismRun
from setm.schedules import ScheduleOutcome, unpack_fills
from setm.types import Bill
from setm.units import Money, Wh, payment_down, payment_up

DayKey = tuple[int, int]
"""Day and participant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """A daily meter's reading as it stands, and when it was posted."""

    reading: DayReading
    participant_id: int
    state: str
    posted_at: int
    tx: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDay:
    """A participant's day that was settled as a whole, with its trades."""

    outcome: ScheduleOutcome
    trades: tuple[TradeRecord, ...]
    measured: DayRecord
    settled: SettledDay
    event: Event

    @property
    def first_slot(self) -> int:
        """The first slot of the day."""
        return self.measured.reading.day * len(self.outcome.fills)


# ---- readings ----


def posted_days(record: MechanismRun) -> dict[DayKey, DayRecord]:
    """Return the reading that stands for each day and participant."""
    known = owners(record)
    found: dict[DayKey, DayRecord] = {}
    for event in record.events:
        if event.contract != "meters":
            continue
        if event.name == "DaysPosted":
            for word in event["readings"]:
                reading = record.days[word]
                key = reading.day, owner(known, reading.meter, event)
                found[key] = DayRecord(
                    reading=reading,
                    participant_id=key[1],
                    state="accepted",
                    posted_at=event.timestamp,
                    tx=event.tx_hash,
                )
        elif event.name in ("DayDisputed", "DayResolved"):
            key = event["day"], owner(known, event["meter"], event)
            if key not in found:
                raise RunError(
                    f"{event.line}: day {key[0]}: {event.name} without a reading of meter {event['meter']}"
                )
            found[key] = _argued(found[key], event)
    return found


def _argued(before: DayRecord, event: Event) -> DayRecord:
    if event.name == "DayDisputed":
        return replace(before, state="disputed")
    slots = len(before.reading.imports_wh)
    half = len(event["values"]) // 2
    imports, exports = (
        tuple(map(Wh, unpack_fills(part, slots)))
        for part in (event["values"][:half], event["values"][half:])
    )
    reading = replace(before.reading, imports_wh=imports, exports_wh=exports)
    return replace(before, state="resolved", reading=reading)


def slot_readings(posted: Mapping[DayKey, DayRecord]) -> Iterator[ReadingRecord]:
    """Yield what daily meters say of each slot."""
    for one in posted.values():
        reading = one.reading
        values = zip(reading.imports_wh, reading.exports_wh, strict=True)
        for place, (import_wh, export_wh) in enumerate(values):
            yield ReadingRecord(
                slot=reading.day * len(reading.imports_wh) + place,
                participant_id=one.participant_id,
                meter=reading.meter,
                import_wh=import_wh,
                export_wh=export_wh,
                state=one.state,
                posted_at=one.posted_at,
                tx=one.tx,
            )


# ---- settlement ----


def whole_days(record: MechanismRun, posted: Mapping[DayKey, DayRecord]) -> list[WholeDay]:
    """Return every day that was settled as a whole; raise ``RunError`` if its events contradict each other."""
    found: dict[DayKey, WholeDay] = {}
    bound = {venue: _bound(record, venue) for venue in schedules.venues_in(record)}
    for event in record.of("DaysSettled", "settlement"):
        venue = record.role(event["venue"])
        for word in event["words"]:
            settled = settled_day(word)
            key = event["day"], settled.participant_id
            where = f"{event.line}: day {key[0]}, participant {key[1]}"
            if key in found:
                raise RunError(f"{where}: settled twice")
            if key not in posted or key not in bound.get(venue, {}):
                missing = (
                    "a reading (DaysPosted)" if key not in posted else "an outcome (GroupBound)"
                )
                raise RunError(f"{where}: DaysSettled without {missing}; run the scenario again")
            outcome, trades = bound[venue][key]
            one = WholeDay(
                outcome=outcome, trades=trades, measured=posted[key], settled=settled, event=event
            )
            _check(one, where)
            found[key] = one
    return list(found.values())


def _bound(
    record: MechanismRun, venue: str
) -> dict[DayKey, tuple[ScheduleOutcome, tuple[TradeRecord, ...]]]:
    rules = schedules.rules_of(record, venue)
    return {
        (attempt.span, who): (
            schedules.outcome(attempt, who, fills, rules),
            tuple(schedules.trades(venue, attempt, who, fills, rules)),
        )
        for attempt in schedules.attempts(record, venue)
        if attempt.is_final
        for who, fills in attempt.members
    }


def _check(one: WholeDay, where: str) -> None:
    reading, outcome, settled = one.measured.reading, one.outcome, one.settled
    expected = (
        *imbalance(outcome.fills, reading.imports_wh, reading.exports_wh),
        outcome.revenue + outcome.cover,
    )
    stated = (settled.grid_bought_wh, settled.grid_sold_wh, settled.trade_credit)
    if stated != expected:
        raise RunError(
            f"{where}: DaysSettled says grid bought {stated[0]} Wh, grid sold {stated[1]} Wh, trade credit "
            f"{stated[2]}; fills and reading give {expected[0]}, {expected[1]}, {expected[2]}"
        )


def bills(record: MechanismRun, whole: Sequence[WholeDay]) -> Iterator[BillRecord]:
    """Yield each slot's part of the bills of whole days; what arrears grew by stands with the day's last slot."""
    for day in whole:
        penalty = record.config["settlement"]["fraud_penalty"] if day.settled.is_fraud else 0
        fills, reading = day.outcome.fills, day.measured.reading
        parts = slot_bills(fills, reading, record.tariff, penalty=Money(penalty))
        traded = {trade.slot: trade for trade in day.trades}
        for slot, part in enumerate(parts, start=day.first_slot):
            bill = _bill(record, day, slot, part, traded.get(slot))
            is_last = slot == day.first_slot + len(parts) - 1
            yield (
                replace(bill, penalty=penalty, arrears_change=day.settled.arrears_change)
                if is_last
                else bill
            )


def _bill(
    record: MechanismRun, day: WholeDay, slot: int, part: Bill, trade: TradeRecord | None
) -> BillRecord:
    amount, tariff = 0 if trade is None else trade.amount, record.tariff
    return BillRecord(
        slot=slot,
        participant_id=day.settled.participant_id,
        bought_wh=part.bought_wh,
        sold_wh=part.sold_wh,
        import_wh=part.import_wh,
        export_wh=part.export_wh,
        grid_bought_wh=part.grid_bought_wh,
        grid_sold_wh=part.grid_sold_wh,
        payment=amount if part.bought_wh else 0,
        revenue=amount if part.sold_wh else 0,
        charge=part.charge,
        credit=part.credit,
        grid_only_bill=payment_up(part.import_wh, tariff.retail_price)
        - payment_down(part.export_wh, tariff.feed_in_price),
        settled_as="day",
        tx=day.event.tx_hash,
    )
