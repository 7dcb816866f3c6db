"""The reference of metering: which meter a participant has in a slot, what its reading is, when that is final.

Pure: each function returns the next state or raises ``DataError`` with the name and the values of the contract's error.
Energy is Wh, times are UTC Unix seconds. Signatures are not modelled: a reading here is one that its meter signed.

The life of the reading of slot s, which ends at e = (s + 1) * slot_seconds; each bound belongs to the later phase::

    e                  e + reading_window         accepted_at + dispute_window     disputed_at + resolve_window
    |---- accept ----------|  missing: default rule   |  final if not disputed         |  final in any case
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from setm.errors import DataError
from setm.slots import Slot
from setm.types import Reading
from setm.units import Wh

RING = 1024
"""How many slots of a meter have a storage place; a later slot takes the place of the one this many before it."""


class ReadingState(IntEnum):
    """What has happened to a reading (IMeterRegistry.ReadingState)."""

    NONE = 0
    ACCEPTED = 1
    DISPUTED = 2
    RESOLVED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long a slot is, and how long a reading may be brought, disputed and resolved, seconds."""

    slot_seconds: int
    reading_window: int
    dispute_window: int
    resolve_window: int

    def end_of(self, slot: int) -> int:
        """Return when a slot is over."""
        return (slot + 1) * self.slot_seconds

    def next_slot(self, now: int) -> Slot:
        """Return the slot after the one that is running."""
        return Slot(now // self.slot_seconds + 1)

    def final_after(self) -> int:
        """Return how long after its slot a reading is final in any case, seconds."""
        return self.reading_window + self.dispute_window + self.resolve_window


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter: its key is valid in slots from ``valid_from_slot`` to before ``valid_until_slot``."""

    number: int
    capacity_wh: Wh
    valid_from_slot: Slot
    valid_until_slot: Slot
    has_key: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of a meter's slot."""

    slot: Slot
    import_wh: Wh = Wh(0)
    export_wh: Wh = Wh(0)
    accepted_at: int = 0
    disputed_at: int = 0
    state: ReadingState = ReadingState.NONE
    is_fraud: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingView:
    """What settlement reads about a participant's slot (IMeterRegistry.ReadingView)."""

    state: ReadingState = ReadingState.NONE
    import_wh: Wh = Wh(0)
    export_wh: Wh = Wh(0)
    is_measured: bool = False
    is_final: bool = False
    is_fraud: bool = False
    capacity_wh: Wh = Wh(0)


Records = Mapping[int, Record]
"""The records of one meter by storage place, ``slot % RING``."""


# Meters


def retired(meter: Meter, windows: Windows, now: int) -> Meter:
    """Return the meter as it ends with the slot that is running now, unless it has ended before."""
    until = min(meter.valid_until_slot, windows.next_slot(now))
    return replace(meter, valid_until_slot=until)


def meter_in(history: Sequence[Meter], slot: int) -> Meter | None:
    """Return the meter whose key is valid in a slot; ``history`` is a participant's, the oldest first."""
    return next(
        (one for one in history if one.valid_from_slot <= slot < one.valid_until_slot), None
    )


# Readings


def record_of(records: Records, slot: int) -> Record:
    """Return the record of a slot, without a state if there is none or a later one took its place."""
    found = records.get(slot % RING)
    return found if found and found.slot == slot else Record(slot=Slot(slot))


def kept(records: Records, record: Record) -> Records:
    """Return the records with one more, in the place of an earlier slot."""
    return {**records, record.slot % RING: record}


def accept(records: Records, meter: Meter, reading: Reading, windows: Windows, now: int) -> Record:
    """Return the record of a reading that its meter signed."""
    slot = reading.slot
    opens_at = windows.end_of(slot)
    closes_at = opens_at + windows.reading_window
    _require(
        opens_at <= now < closes_at,
        "OutsideReadingWindow",
        slot=slot,
        opensAt=opens_at,
        closesAt=closes_at,
        nowAt=now,
    )
    _require(
        meter.valid_from_slot <= slot < meter.valid_until_slot,
        "MeterNotValidInSlot",
        meter=meter.number,
        slot=slot,
        validFromSlot=meter.valid_from_slot,
        validUntilSlot=meter.valid_until_slot,
    )
    stands = record_of(records, slot).state is not ReadingState.NONE
    _require(not stands, "ReadingExists", meter=meter.number, slot=slot)
    _require_within_capacity(meter, reading.import_wh, reading.export_wh)
    _require(meter.has_key, "ForgedReading", meter=meter.number, slot=slot)
    return Record(
        slot=slot,
        import_wh=reading.import_wh,
        export_wh=reading.export_wh,
        accepted_at=now,
        state=ReadingState.ACCEPTED,
    )


def dispute(records: Records, meter: Meter, slot: int, windows: Windows, now: int) -> Record:
    """Return the record of an accepted reading that is disputed now."""
    record = _record_in(records, meter, slot, ReadingState.ACCEPTED)
    closed_at = record.accepted_at + windows.dispute_window
    _require(now < closed_at, "WindowClosed", closedAt=closed_at, nowAt=now)
    return replace(record, state=ReadingState.DISPUTED, disputed_at=now)


def resolve(
    records: Records,
    meter: Meter,
    slot: int,
    windows: Windows,
    now: int,
    *,
    import_wh: Wh,
    export_wh: Wh,
) -> Record:
    """Return the record of a disputed reading that ends with these values."""
    record = _record_in(records, meter, slot, ReadingState.DISPUTED)
    closed_at = record.disputed_at + windows.resolve_window
    _require(now < closed_at, "WindowClosed", closedAt=closed_at, nowAt=now)
    _require_within_capacity(meter, import_wh, export_wh)
    return replace(record, state=ReadingState.RESOLVED, import_wh=import_wh, export_wh=export_wh)


def prove_equivocation(
    records: Records, meter: Meter, slot: int, windows: Windows, now: int
) -> tuple[Record, Meter]:
    """Return record and meter after two signed values for one slot.

    The meter ends and its key signs nothing more; the record carries the flag if the slot is over and not final.
    """
    record = record_of(records, slot)
    is_over = now >= windows.end_of(slot)
    can_flag = is_over and not record.is_fraud and not is_final(record, windows, now)
    _require(meter.has_key or can_flag, "NoEquivocation")
    return (
        replace(record, is_fraud=True) if can_flag else record,
        replace(retired(meter, windows, now), has_key=False),
    )


def is_final(record: Record, windows: Windows, now: int) -> bool:
    """Return whether nothing about a reading can change any more.

    >>> windows = Windows(slot_seconds=900, reading_window=60, dispute_window=60, resolve_window=60)
    >>> is_final(Record(slot=Slot(0)), windows, 959), is_final(Record(slot=Slot(0)), windows, 960)
    (False, True)
    """
    final_at = {
        ReadingState.NONE: windows.end_of(record.slot) + windows.reading_window,
        ReadingState.ACCEPTED: record.accepted_at + windows.dispute_window,
        ReadingState.DISPUTED: record.disputed_at + windows.resolve_window,
        ReadingState.RESOLVED: now,
    }
    return now >= final_at[record.state]


def reading_view(
    records: Records, meter: Meter | None, slot: int, windows: Windows, now: int
) -> ReadingView:
    """Return what settlement reads; ``meter`` is the participant's in the slot, if it had one."""
    record = record_of(records, slot) if meter else Record(slot=Slot(slot))
    return ReadingView(
        state=record.state,
        import_wh=record.import_wh,
        export_wh=record.export_wh,
        is_measured=record.state is not ReadingState.NONE,
        is_final=is_final(record, windows, now),
        is_fraud=record.is_fraud,
        capacity_wh=meter.capacity_wh if meter else Wh(0),
    )


def _record_in(records: Records, meter: Meter, slot: int, expected: ReadingState) -> Record:
    record = record_of(records, slot)
    _require(
        record.state is expected,
        "ReadingStateMismatch",
        meter=meter.number,
        slot=slot,
        found=int(record.state),
    )
    return record


def _require_within_capacity(meter: Meter, import_wh: int, export_wh: int) -> None:
    for energy_wh in (import_wh, export_wh):
        _require(
            energy_wh <= meter.capacity_wh,
            "CapacityExceeded",
            meter=meter.number,
            energyWh=energy_wh,
            capacityWh=meter.capacity_wh,
        )


def _require(condition: bool, name: str, **values: object) -> None:
    if not condition:
        listed = ", ".join(f"{key}={value}" for key, value in values.items())
        raise DataError(f"{name}({listed}); see docs/errors.md#{name.lower()}")
