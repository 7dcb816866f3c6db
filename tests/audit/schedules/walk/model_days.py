"""Whole days: what daily meters sign, and groups of outcomes that are settled by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from setm import metering
from setm.days import MAX_VALUE_WH, DayReading, day_bill, slots_a_day, values_hash
from setm.errors import DataError
from setm.metering import ReadingState, ReadingView, Record
from setm.schedules import unpack_fills
from setm.types import Bill
from setm.units import Money
from tests.audit.machine.model_base import Refusal, require
from tests.audit.machine.model_meters import OPERATOR, MeterSide
from tests.audit.machine.model_settlement import TARIFF
from tests.audit.machine.steps import Sig, Signed, Step
from tests.audit.schedules.walk.encoding import book_name
from tests.audit.schedules.walk.model_venue import CLOSED_OUT, PACKED, VenueSide
from tests.audit.schedules.walk.steps import Day, Key, Member
from tests.audit.schedules.walk.terms import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """What is known of a participant's day."""

    values: tuple[int, ...]
    changed_at: int
    state: ReadingState = ReadingState.ACCEPTED
    is_unpacked: bool = False


class DaySide(MeterSide, VenueSide):
    def start_days(self) -> None:
        self.days: Mapping[tuple[int, int], DayRecord] = {}
        self.daily: frozenset[int] = frozenset()
        self.settled_days: frozenset[tuple[int, int]] = frozenset()
        self.day_slots = slots_a_day(self.terms.slot_seconds)
        self.day_words = -(-self.day_slots // 8)

    def day_slots_of(self, day: int) -> range:
        return range(day * self.day_slots, (day + 1) * self.day_slots)

    # Meters

    def meters_bind_meter(
        self, step: Step, binding: tuple[Any, ...], authority: str, signature: Sig
    ) -> int:
        number = super().meters_bind_meter(step, binding, authority, signature)
        if binding[-1]:
            self.daily |= {number}
            first = self.windows.next_slot(self.now) + self.day_slots - 1
            start = first // self.day_slots * self.day_slots
            meter = replace(self.meters[number - 1], valid_from_slot=start)  # type: ignore[arg-type]
            self._put_meter(meter)
        return number

    def _accepted(self, signed: Signed, *, is_alone: bool) -> Record | None:
        meter = signed.word >> 96
        early = ("OutsideReadingWindow", "MeterNotValidInSlot", "UnknownMeter")
        try:
            found = super()._accepted(signed, is_alone=is_alone)
        except (DataError, Refusal) as error:
            if meter not in self.daily or str(error).partition("(")[0] in early:
                raise
            found = None
        require(meter not in self.daily, "MeterIsDaily", meter=meter)
        return found

    def _is_valid_in(self, meter: int, day: int) -> bool:
        if meter not in self.daily:
            return False
        known, first = self.meters[meter - 1], day * self.day_slots
        return known.valid_from_slot <= first < known.valid_until_slot

    # Posting

    def meters_post_days(self, step: Step, days: Sequence[Day]) -> None:
        for one in days:
            last = self.day_slots_of(one.day)[-1]
            opens = self.windows.end_of(last)
            closes = opens + self.windows.reading_window
            is_open = opens <= self.now < closes
            at = {"opensAt": opens, "closesAt": closes, "nowAt": self.now}
            require(is_open, "OutsideReadingWindow", slot=last, **at)
            self._post_day(one)

    def _post_day(self, one: Day) -> None:
        if not self._is_valid_in(one.meter, one.day):
            known = 1 <= one.meter <= len(self.meters)
            require(known, "UnknownMeter", meter=one.meter)
            require(one.meter in self.daily, "MeterNotDaily", meter=one.meter)
            raise Refusal("MeterNotValidInSlot(*)")
        place = (self.belonging(one.meter).participant_id, one.day)
        if place in self.days:
            return
        self._require_measurable(one.meter, one.values)
        is_signed = one.signer == self.belonging(one.meter).device
        require(is_signed, "ForgedDay", meter=one.meter, day=one.day)
        self.days = {**self.days, place: DayRecord(values=one.values, changed_at=self.now)}

    def _require_measurable(self, meter: int, values: Sequence[int]) -> None:
        expected = 2 * self.day_words
        require(len(values) == expected, "WordsMismatch", expected=expected, found=len(values))
        capacity = self.meters[meter - 1].capacity_wh
        found = [word >> 32 * lane & 0xFFFFFFFF for word in values for lane in range(8)]
        is_good = max(found) <= min(capacity, MAX_VALUE_WH)
        half = self.day_words
        used = self.day_slots % 8
        if used:
            is_good = is_good and (values[half - 1] | values[-1]) >> 32 * used == 0
        require(is_good, "DayNotMeasurable", meter=meter, capacityWh=capacity)

    # Disputes

    def _day_in(self, meter: int, day: int, expected: ReadingState) -> tuple[int, DayRecord]:
        who = self.belonging(meter).participant_id
        record = self.days.get((who, day)) if self._is_valid_in(meter, day) else None
        found = record.state if record else ReadingState.NONE
        require(found is expected, "DayStateMismatch", meter=meter, day=day, found=int(found))
        assert record is not None
        return who, record

    def meters_dispute_day(self, step: Step, meter: int, day: int) -> None:
        by = self.owner(step.sender)
        is_entitled = by in (self.belonging(meter).participant_id, OPERATOR)
        require(is_entitled, "NotEntitled", caller=step.sender)
        who, record = self._day_in(meter, day, ReadingState.ACCEPTED)
        self._require_before(record.changed_at + self.windows.dispute_window)
        changed = replace(
            record, state=ReadingState.DISPUTED, changed_at=self.now, is_unpacked=False
        )
        self.days = {**self.days, (who, day): changed}

    def meters_resolve_day(self, step: Step, meter: int, day: int, values: Sequence[int]) -> None:
        require(self._is_authority(step, meter), "NotEntitled", caller=step.sender)
        who, record = self._day_in(meter, day, ReadingState.DISPUTED)
        self._require_before(record.changed_at + self.windows.resolve_window)
        self._require_measurable(meter, values)
        changed = replace(
            record, state=ReadingState.RESOLVED, values=tuple(values), is_unpacked=False
        )
        self.days = {**self.days, (who, day): changed}

    def _require_before(self, closed_at: int) -> None:
        require(self.now < closed_at, "WindowClosed", closedAt=closed_at, nowAt=self.now)

    # Final days

    def is_day_final(self, record: DayRecord) -> bool:
        if record.state is ReadingState.ACCEPTED:
            return self.now >= record.changed_at + self.windows.dispute_window
        is_late = self.now >= record.changed_at + self.windows.resolve_window
        return record.state is ReadingState.RESOLVED or is_late

    def final_day(self, who: int, day: int) -> DayRecord | None:
        """Return a day that is final and not written out."""
        record = self.days.get((who, day))
        is_ready = record is not None and not record.is_unpacked and self.is_day_final(record)
        return record if is_ready else None

    def meters_unpack_day(self, step: Step, meter: int, day: int, values: Sequence[int]) -> None:
        expected = 2 * self.day_words
        require(len(values) == expected, "WordsMismatch", expected=expected, found=len(values))
        who = self.belonging(meter).participant_id
        record = self.final_day(who, day) if self._is_valid_in(meter, day) else None
        require(record is not None, "DayNotPacked", meter=meter, day=day)
        assert record is not None
        require(tuple(values) == record.values, "DayMismatch", participantId=who, day=day)
        self.days = {**self.days, (who, day): replace(record, is_unpacked=True)}
        half = self.day_words
        imports = unpack_fills(values[:half], self.day_slots)
        exports = unpack_fills(values[half:], self.day_slots)
        records = self.records.get(meter, {})
        for slot, taken, fed in zip(self.day_slots_of(day), imports, exports, strict=True):
            made = Record(
                slot=slot,  # type: ignore[arg-type]
                import_wh=taken,  # type: ignore[arg-type]
                export_wh=fed,  # type: ignore[arg-type]
                accepted_at=record.changed_at,
                disputed_at=record.changed_at,
                state=record.state,
            )
            records = metering.kept(records, made)
        self.records = {**self.records, meter: records}

    def reading_view(self, participant_id: int, slot: int) -> ReadingView:
        view = super().reading_view(participant_id, slot)
        meter = self.meter_of(participant_id)
        day = slot // self.day_slots
        if view.is_measured or not self._is_valid_in(meter, day):
            return view
        record = self.days.get((participant_id, day))
        is_packed = record is not None and not record.is_unpacked
        last = self.day_slots_of(day)[-1]
        is_late = self.now >= self.windows.end_of(last) + self.windows.reading_window
        return replace(view, is_final=is_late and not is_packed)

    # Settling

    def settlement_settle_day(
        self,
        step: Step,
        venue: str,
        key: Key,
        group: int,
        members: Sequence[Member],
        fills: Sequence[int],
        readings: Sequence[int],
    ) -> None:
        slots = self.terms.span_slots
        require(slots == self.day_slots, "SpanIsNoDay", venue=venue, spanSlots=slots)
        day, given = key[0], [member for member in members if not member.is_hidden]
        words = self.day_words
        expected = len(given) * words
        require(len(fills) == expected, "WordsMismatch", expected=expected, found=len(fills))
        is_whole = len(readings) == 2 * expected
        require(is_whole, "WordsMismatch", expected=2 * expected, found=len(readings))
        bills = {}
        for at, member in enumerate(given):
            own = tuple(fills[at * words : (at + 1) * words])
            values = tuple(readings[2 * at * words : 2 * (at + 1) * words])
            bills[member.who] = self._day_bill(day, member, own, values)
        for member in given:
            is_new = (day, member.who) not in self.settled_days
            require(is_new, "DayIsSettled", day=day, participantId=member.who)
            self.settled_days |= {(day, member.who)}
        self._close_group(key, group, members)
        last = self.day_slots_of(day)[-1]
        for member in given:
            has_joined = self._is_asked("venue", last, member.who)
            require(has_joined, "OtherVenueJoined", venue=venue, participantId=member.who)
        self.settled |= {(slot, m.who) for m in given for slot in self.day_slots_of(day)}
        self._pay(bills)

    def _day_bill(
        self, day: int, member: Member, fills: tuple[int, ...], values: tuple[int, ...]
    ) -> Bill:
        require(fills == member.fills, "FillsMismatch", participantId=member.who)
        record = self.final_day(member.who, day)
        require(record is not None, "DayOpen", day=day, participantId=member.who)
        assert record is not None
        half = self.day_words
        is_same = values_hash(values[:half], values[half:]) == values_hash(
            record.values[:half], record.values[half:]
        )
        require(is_same, "DayMismatch", participantId=member.who, day=day)
        imports = tuple(unpack_fills(values[:half], self.day_slots))
        exports = tuple(unpack_fills(values[half:], self.day_slots))
        reading = DayReading(meter=0, day=day, imports_wh=imports, exports_wh=exports)  # type: ignore[arg-type]
        credit = Money(member.cover + member.revenue)
        traded = unpack_fills(fills, self.day_slots)
        return day_bill(traded, reading, TARIFF, trade_credit=credit)

    def _close_group(self, key: Key, group: int, members: Sequence[Member]) -> None:
        book = self.book_at(key)
        require(book.is_cleared, "NotFinal", book=self.world.plain(book_name(self.world, key)))
        self.require_phase(key[0], Phase.DECIDED)
        self._require_group(key, book.attempt, group, members)
        given = [member for member in members if not member.is_hidden]
        for member in reversed(given):
            found = self.outcome_of(key[0], member.who)
            is_packed = found == PACKED
            own = {"span": key[0], "participantId": member.who, "found": found}
            require(is_packed, "OutcomeMismatch", **own)
        self.outcomes = {**self.outcomes, **{(key[0], m.who): CLOSED_OUT for m in given}}
        charged, paid = sum(m.payment for m in given), sum(m.revenue for m in given)
        self._move_pool(key[0], charged, paid)
        # All are charged before anybody is paid.
        for member in given:
            moved = {"charged": member.payment, "released": member.cover}
            self.close_account("venue", member.who, heir="settlement", **moved)
        for member in given:
            self.close_account("venue", member.who, heir="settlement", paid=member.revenue)
