"""Load and solar profiles on the slot grid, read from one CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from setm.data import Energies, slots_per_day
from setm.data.energies import Plausible, column_wh
from setm.data.table import TIME_COLUMN, read_table
from setm.data.timestamps import interval_seconds, parse_times, require_regular
from setm.errors import DataError
from setm.slots import Slot

# What a load column stands for, kWh a year, and a solar column, kW installed.
REFERENCE_USE_KWH = 10_000
REFERENCE_PLANT_KW = 10
LOAD_PREFIX, PLANT_PREFIX, UNIT_SUFFIX = "load_", "pv_", "_wh"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profiles:
    """Energy per slot, Wh, of a household of ``REFERENCE_USE_KWH`` and of a plant of ``REFERENCE_PLANT_KW``.

    ``loads`` and ``plants`` are by name: column ``load_a_wh`` is load ``a``, ``pv_1_wh`` plant ``1``.
    """

    path: Path
    first_slot: Slot
    slot_seconds: int
    loads: Mapping[str, Energies]
    plants: Mapping[str, Energies]

    @property
    def slot_count(self) -> int:
        """Return the number of slots."""
        return len(next(iter(self.loads.values())))

    @property
    def weeks(self) -> int:
        """Return the number of weeks; the profiles hold whole ones."""
        return self.slot_count // (7 * slots_per_day(self.slot_seconds))


def read_profiles(path: Path, slot_seconds: int) -> Profiles:
    """Return the profiles of a file; raise ``DataError`` unless it has whole weeks of such slots, load and solar."""
    try:
        changed_at = path.stat().st_mtime_ns
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}); give the path of a file of profiles"
        ) from error
    return _read(path, slot_seconds, changed_at)


@lru_cache(maxsize=4)
def _read(path: Path, slot_seconds: int, _changed_at: int) -> Profiles:
    table = read_table(path)
    loads = _names(table.columns, LOAD_PREFIX)
    plants = _names(table.columns, PLANT_PREFIX)
    if TIME_COLUMN not in table.columns or not loads or not plants or table.is_empty():
        raise DataError(
            f"{path}: columns {', '.join(table.columns)}, {table.height} rows; expected {TIME_COLUMN}, at least one "
            f"{LOAD_PREFIX}…{UNIT_SUFFIX}, at least one {PLANT_PREFIX}…{UNIT_SUFFIX}, and rows"
        )
    times = parse_times(path, table[TIME_COLUMN])
    interval = interval_seconds(times, slot_seconds)
    if interval != slot_seconds:
        raise DataError(
            f"{path}: rows are {interval} s apart, slots are {slot_seconds} s; set slot_seconds: {interval}"
        )
    require_regular(path, times, interval)
    week = 7 * slots_per_day(slot_seconds)
    if table.height % week:
        raise DataError(
            f"{path}: {table.height} rows; expected whole weeks of {week} rows, because households are moved by weeks"
        )
    plausible = Plausible.of(interval, slot_seconds, None, 0.0)
    values = {
        name: column_wh(path, table[name], "wh", plausible)[0]
        for name in (*loads.values(), *plants.values())
    }
    for column in values.values():
        column.setflags(write=False)
    return Profiles(
        path=path,
        first_slot=Slot(int(times.utc[0]) // slot_seconds),
        slot_seconds=slot_seconds,
        loads=MappingProxyType({name: values[column] for name, column in loads.items()}),
        plants=MappingProxyType({name: values[column] for name, column in plants.items()}),
    )


def _names(columns: list[str], prefix: str) -> dict[str, str]:
    """Return name to column of the profiles with this prefix."""
    return {
        column.removeprefix(prefix).removesuffix(UNIT_SUFFIX): column
        for column in columns
        if column.startswith(prefix) and column.endswith(UNIT_SUFFIX)
    }


def whole_wh(energy_wh: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Energies:
    """Return whole Wh, halves rounded up.

    >>> whole_wh(np.array([0.4, 0.5, 1.49])).tolist()
    [0, 1, 1]
    """
    rounded: Energies = np.floor(energy_wh + 0.5).astype(np.int64)
    return rounded
