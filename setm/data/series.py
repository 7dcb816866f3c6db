"""A meter series on the slot grid, and the part of it that an agent may know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from setm.errors import DataError
from setm.slots import Slot, slot_start

Energies = npt.NDArray[np.int64]

SECONDS_PER_DAY = 86_400


def slots_per_day(slot_seconds: int) -> int:
    """Return the number of slots in a UTC day.

    >>> slots_per_day(900)
    96
    """
    return SECONDS_PER_DAY // slot_seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeterSeries:
    """Energy taken and fed in, one value per slot, without gaps; the arrays cannot be written to.

    ``rounded_values`` counts the values of the file that were not whole Wh.
    """

    first_slot: Slot
    slot_seconds: int
    import_wh: Energies
    export_wh: Energies
    path: Path
    rounded_values: int = 0

    def __post_init__(self) -> None:
        if len(self.import_wh) != len(self.export_wh):
            raise DataError(
                f"{self.path}: {len(self.import_wh)} import and {len(self.export_wh)} export values; "
                "expected as many of one as of the other"
            )
        self.import_wh.setflags(write=False)
        self.export_wh.setflags(write=False)

    @property
    def slot_count(self) -> int:
        """Return the number of slots."""
        return len(self.import_wh)

    @property
    def end_slot(self) -> Slot:
        """Return the first slot after the series."""
        return Slot(self.first_slot + self.slot_count)

    @property
    def has_export(self) -> bool:
        """Return whether anything was ever fed in."""
        return bool(self.export_wh.any())

    def window(self, first_slot: int, end_slot: int) -> MeterSeries:
        """Return a copy of the slots from ``first_slot`` up to, not including, ``end_slot``."""
        require_slots(self, first_slot, end_slot, "this window")
        start, end = first_slot - self.first_slot, end_slot - self.first_slot
        return MeterSeries(
            first_slot=Slot(first_slot),
            slot_seconds=self.slot_seconds,
            import_wh=self.import_wh[start:end].copy(),
            export_wh=self.export_wh[start:end].copy(),
            path=self.path,
            rounded_values=self.rounded_values,
        )


def require_slots(
    series: MeterSeries, first_slot: int, end_slot: int, purpose: str, remedy: str = ""
) -> None:
    """Raise a ``DataError`` unless the series has every slot of [first_slot, end_slot)."""
    if series.first_slot <= first_slot <= end_slot <= series.end_slot:
        return
    seconds = series.slot_seconds
    has, needs = (
        f"{slot_start(first, seconds).isoformat()} to {slot_start(end, seconds).isoformat()}"
        for first, end in ((series.first_slot, series.end_slot), (first_slot, end_slot))
    )
    short = max(series.first_slot - first_slot, 0), max(end_slot - series.end_slot, 0)
    missing = " and ".join(
        f"{slots} slots ({slots * seconds / SECONDS_PER_DAY:.4g} days) {where}"
        for slots, where in zip(short, ("before its first row", "after its last row"), strict=True)
        if slots
    )
    raise DataError(
        f"{series.path}: {purpose} needs {needs}, the file has {has}: {missing} are missing; "
        + (remedy or "add these rows or choose another day")
    )


def history_view(series: MeterSeries, until_slot: int, days: int) -> MeterSeries:
    """Return the last ``days`` days that end before ``until_slot``, as a copy.

    ``until_slot`` is the slot in which the gate closes: what flows in it is not yet known. The copy
    shares no memory with the series, so nothing after the gate closure can be reached through it.
    """
    if days < 1:
        raise DataError(f"{series.path}: a history of {days} days; expected at least 1")
    first_slot = until_slot - days * slots_per_day(series.slot_seconds)
    require_slots(
        series,
        first_slot,
        until_slot,
        f"too little history: a forecast window of {days} days",
        "add earlier rows, lower days_for_forecasting or choose another day",
    )
    return series.window(first_slot, until_slot)
