"""Meters and readings: ``setm.metering`` with signatures and belongings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm import metering
from setm.days import slots_a_day
from setm.errors import DataError
from setm.metering import Meter, ReadingView, Record, Windows
from setm.schedules.words import SLOTS_PER_WORD
from setm.types import Reading
from tests.audit.machine.model_base import Refusal, Side, require, require_any
from tests.audit.machine.steps import NOBODY, Sig, Signed, Step
from tests.audit.machine.world import CONFIG

OPERATOR = 1
DAY_WORDS = -(-slots_a_day(CONFIG["slot_seconds"]) // SLOTS_PER_WORD)
# Meter and day, r, vs, and the words of import and export.
DAY_STRIDE = 3 + 2 * DAY_WORDS
WINDOWS = Windows(slot_seconds=CONFIG["slot_seconds"], **CONFIG["metering"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """Whose a meter is, who bound it, and which key is in it."""

    participant_id: int
    authority: str
    device: str
    meter_id: str


class MeterSide(Side):
    windows = WINDOWS

    def start_meters(self) -> None:
        self.meters: tuple[Meter, ...] = ()
        self.belongings: tuple[Belonging, ...] = ()
        self.records: Mapping[int, metering.Records] = {}
        self.accepted_authorities: frozenset[str] = frozenset()

    # Meters

    def meters_accept_authority(self, step: Step, authority: str) -> None:
        require(self.owner(step.sender) == OPERATOR, "NotEntitled", caller=step.sender)
        self.accepted_authorities |= {authority}

    def meters_bind_meter(
        self, step: Step, binding: tuple[Any, ...], authority: str, signature: Sig
    ) -> int:
        meter_id, who, device, capacity_wh, until, _ = binding
        require(self.owner(step.sender) == who, "NotEntitled", caller=step.sender)
        require(self.is_active(who), "NotEntitled", caller=step.sender)
        require(self.is_accredited(authority), "BindingNotSigned", authority=authority)
        is_accepted = authority in self.accepted_authorities | self.founding
        require(is_accepted, "AuthorityNotAccepted", authority=authority)
        is_signed = self.world.is_good(step, signature, authority)
        require(is_signed, "BindingNotSigned", authority=authority)
        start = self.windows.next_slot(self.now)
        require(int(meter_id, 16) != 0, "BindingRefused", field="meterId")
        require(device != NOBODY, "BindingRefused", field="deviceKey")
        require(capacity_wh != 0, "BindingRefused", field="capacityWh")
        require(until > start, "BindingRefused", field="validUntilSlot")
        self._require_ended([b.meter_id == meter_id for b in self.belongings], start)
        self._require_ended([b.participant_id == who for b in self.belongings], start)
        holder = next((n for n, b in enumerate(self.belongings, 1) if b.device == device), 0)
        require(holder == 0, "DeviceKeyTaken", deviceKey=device, meter=holder)
        number = len(self.meters) + 1
        self.meters = (
            *self.meters,
            Meter(
                number=number,
                capacity_wh=capacity_wh,
                valid_from_slot=start,
                valid_until_slot=until,
            ),
        )
        belonging = Belonging(
            participant_id=who, authority=authority, device=device, meter_id=meter_id
        )
        self.belongings = (*self.belongings, belonging)
        return number

    def _require_ended(self, concerns: list[bool], slot: int) -> None:
        """The last of the meters concerned must have ended."""
        for meter, is_concerned in reversed(list(zip(self.meters, concerns, strict=True))):
            if is_concerned:
                has_ended = meter.valid_until_slot <= slot
                require(has_ended, "MeterTaken", meter=meter.number)
                return

    def belonging(self, meter: int) -> Belonging:
        require(1 <= meter <= len(self.meters), "UnknownMeter", meter=meter)
        return self.belongings[meter - 1]

    def _is_authority(self, step: Step, meter: int) -> bool:
        is_same = self.belonging(meter).authority == step.sender
        return is_same and self.is_accredited(step.sender)

    def meters_retire_meter(self, step: Step, meter: int) -> None:
        if not self._is_authority(step, meter):
            is_owner = self.owner(step.sender) == self.belonging(meter).participant_id
            require(is_owner, "NotEntitled", caller=step.sender)
        self._put_meter(metering.retired(self.meters[meter - 1], self.windows, self.now))

    def _put_meter(self, meter: Meter) -> None:
        place = meter.number - 1
        self.meters = (*self.meters[:place], meter, *self.meters[place + 1 :])

    def meter_of(self, participant_id: int) -> int:
        """Return the number of a participant's last meter, 0 if it never had one."""
        numbered = enumerate(self.belongings, 1)
        return max((n for n, b in numbered if b.participant_id == participant_id), default=0)

    # Readings

    def meters_post_reading(self, step: Step, signed: Signed) -> None:
        record = self._accepted(signed, is_alone=True)
        assert record is not None
        self._put_record(signed.word >> 96, record)

    def meters_post_readings(self, step: Step, readings: Sequence[Signed]) -> None:
        for signed in readings:
            record = self._accepted(signed, is_alone=False)
            if record is not None:
                self._put_record(signed.word >> 96, record)

    def _accepted(self, signed: Signed, *, is_alone: bool) -> Record | None:
        """Return the record of a reading; nothing if a batch passes it over."""
        reading = reading_of(signed.word)
        known = 1 <= reading.meter <= len(self.meters)
        nobody = Meter(number=reading.meter, capacity_wh=0, valid_from_slot=0, valid_until_slot=0)  # type: ignore[arg-type]
        meter = self.meters[reading.meter - 1] if known else nobody
        records = self.records.get(reading.meter, {})
        try:
            record = metering.accept(records, meter, reading, self.windows, self.now)
        except DataError as error:
            name = str(error).partition("(")[0]
            if name == "MeterNotValidInSlot":
                require(known, "UnknownMeter", meter=reading.meter)
            # A meter that has lost its key, or a reading that stands.
            if name in ("ForgedReading", "ReadingExists") and not is_alone:
                return None
            raise
        if not self._signed_by(signed, reading.meter):
            raise Refusal(f"ForgedReading(meter={reading.meter}, slot={reading.slot})")
        return record

    def _signed_by(self, signed: Signed, meter: int) -> bool:
        sig, device = signed.sig, self.belongings[meter - 1].device
        if sig.form != "good" or sig.signer != device:
            return False
        own = self.world.reading_digest(signed.word)
        return sig.of == "own" or bytes.fromhex(sig.of) == own

    def _put_record(self, meter: int, record: Record) -> None:
        kept = metering.kept(self.records.get(meter, {}), record)
        self.records = {**self.records, meter: kept}

    def meters_dispute(self, step: Step, meter: int, slot: int) -> None:
        who = self.owner(step.sender)
        is_entitled = who in (self.belonging(meter).participant_id, OPERATOR)
        require(is_entitled, "NotEntitled", caller=step.sender)
        records = self.records.get(meter, {})
        found = metering.dispute(records, self.meters[meter - 1], slot, self.windows, self.now)
        self._put_record(meter, found)

    def meters_resolve(
        self, step: Step, meter: int, slot: int, import_wh: Any, export_wh: Any
    ) -> None:
        require(self._is_authority(step, meter), "NotEntitled", caller=step.sender)
        found = metering.resolve(
            self.records.get(meter, {}),
            self.meters[meter - 1],
            slot,
            self.windows,
            self.now,
            import_wh=import_wh,
            export_wh=export_wh,
        )
        self._put_record(meter, found)

    def meters_prove_equivocation(self, step: Step, a: Signed, b: Signed) -> None:
        first, second = reading_of(a.word), reading_of(b.word)
        self.belonging(first.meter)
        is_pair = (first.meter, first.slot) == (second.meter, second.slot)
        require(a.word != b.word and is_pair, "NoEquivocation")
        for signed in (a, b):
            is_signed = self._signed_by(signed, first.meter)
            require(is_signed, "ForgedReading", meter=first.meter, slot=first.slot)
        meter = self.meters[first.meter - 1]
        record, ended = metering.prove_equivocation(
            self.records.get(first.meter, {}), meter, first.slot, self.windows, self.now
        )
        if record.is_fraud:
            self._put_record(first.meter, record)
        self._put_meter(ended)

    # Whole days: here all meters are read slot by slot

    def meters_post_days(self, step: Step, readings: Sequence[int]) -> None:
        whole = len(readings) - len(readings) % DAY_STRIDE
        is_whole = len(readings) == whole
        require(is_whole, "WordsMismatch", expected=whole, found=len(readings))
        require_any(not readings, "*")

    def meters_dispute_day(self, step: Step, meter: int, day: int) -> None:
        who = self.owner(step.sender)
        is_entitled = who in (self.belonging(meter).participant_id, OPERATOR)
        require(is_entitled, "NotEntitled", caller=step.sender)
        require(False, "DayStateMismatch", meter=meter, day=day, found=0)

    def meters_resolve_day(self, step: Step, meter: int, day: int, values: Sequence[int]) -> None:
        require(self._is_authority(step, meter), "NotEntitled", caller=step.sender)
        require(False, "DayStateMismatch", meter=meter, day=day, found=0)

    def meters_prove_day_equivocation(
        self, step: Step, meter: int, day: int, a: Any, b: Any
    ) -> None:
        self.belonging(meter)
        require(False, "MeterNotDaily", meter=meter)

    def meters_unpack_day(self, step: Step, meter: int, day: int, values: Sequence[int]) -> None:
        expected = 2 * DAY_WORDS
        is_whole = len(values) == expected
        require(is_whole, "WordsMismatch", expected=expected, found=len(values))
        self.belonging(meter)
        require(False, "DayNotPacked", meter=meter, day=day)

    def reading_view(self, participant_id: int, slot: int) -> ReadingView:
        """Return what settlement reads."""
        history = [
            meter
            for meter, belonging in zip(self.meters, self.belongings, strict=True)
            if belonging.participant_id == participant_id
        ]
        meter = metering.meter_in(history, slot)
        records = self.records.get(meter.number, {}) if meter else {}
        return metering.reading_view(records, meter, slot, self.windows, self.now)


def reading_of(word: int) -> Reading:
    """Return a posted word's values."""
    meter, slot, import_wh, export_wh = (word >> shift & 0xFFFFFFFF for shift in (96, 64, 32, 0))
    return Reading(meter=meter, slot=slot, import_wh=import_wh, export_wh=export_wh)  # type: ignore[arg-type]
