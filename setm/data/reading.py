"""From a CSV file to a meter series."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from setm.data.energies import Plausible, column_wh
from setm.data.series import Energies, MeterSeries
from setm.data.table import FIRST_DATA_ROW, TIME_COLUMN, find_columns, read_table, row_error
from setm.data.timestamps import interval_seconds, parse_times, require_regular
from setm.errors import ConfigError, DataError
from setm.slots import SLOT_SECONDS_SUPPORTED, Slot, slot_start

Resample = Literal["none", "sum"]


def load_series(
    path: Path,
    slot_seconds: int,
    *,
    resample: Resample = "none",
    max_power_kw: float | None = None,
    min_peak_kw: float = 0.0,
) -> MeterSeries:
    """Return the meter series of a CSV file, one value per slot, in Wh.

    Columns: ``start_at`` (ISO 8601 with offset), ``import_wh`` or ``import_kwh``, and optionally
    ``export_wh`` or ``export_kwh`` (0 if absent). Rows are hourly or quarter-hourly; ``resample="sum"``
    adds quarter-hours up to hourly slots. A value above ``max_power_kw``, or a file that never reaches
    ``min_peak_kw``, is taken for a wrong unit. Every defect is a ``DataError`` with file, row and remedy.
    """
    if slot_seconds not in SLOT_SECONDS_SUPPORTED:
        raise ConfigError(f"slot_seconds {slot_seconds}: expected one of {SLOT_SECONDS_SUPPORTED}")
    table = read_table(path)
    columns = find_columns(path, table.columns)
    if table.is_empty():
        raise DataError(f"{path}: a header but no rows; add one row for each slot")
    times = parse_times(path, table[TIME_COLUMN])
    interval = interval_seconds(times, slot_seconds)
    _check_interval(path, interval, slot_seconds, resample)
    require_regular(path, times, interval)

    plausible = Plausible.of(interval, slot_seconds, max_power_kw, min_peak_kw)
    imported, import_rounded = column_wh(path, table[columns.imported], columns.unit, plausible)
    exported, export_rounded = np.zeros_like(imported), 0
    if columns.exported:
        exported, export_rounded = column_wh(path, table[columns.exported], columns.unit, plausible)
    plausible.require_peak(path, imported, exported, columns.unit)

    first_at = int(times.utc[0])
    if interval < slot_seconds:
        _require_whole_slots(path, times.utc, interval, slot_seconds)
        imported, exported = (
            _sums(flow, slot_seconds // interval) for flow in (imported, exported)
        )
    return MeterSeries(
        first_slot=Slot(first_at // slot_seconds),
        slot_seconds=slot_seconds,
        import_wh=imported,
        export_wh=exported,
        path=path,
        rounded_values=import_rounded + export_rounded,
    )


def _check_interval(path: Path, interval: int, slot_seconds: int, resample: Resample) -> None:
    """Refuse a file whose rows are not as long as the slots, unless they may be summed."""
    if interval not in SLOT_SECONDS_SUPPORTED:
        raise DataError(
            f"{path}: most rows are {interval} s apart, expected 900 s (quarter-hours) or 3600 s (hours); "
            "aggregate the file to one of these"
        )
    if interval > slot_seconds:
        raise DataError(
            f"{path}: rows are hourly ({interval} s), slots are {slot_seconds} s, and an hour is never split "
            "silently; set slot_seconds: 3600 or bring quarter-hourly data"
        )
    if interval < slot_seconds and resample != "sum":
        raise DataError(
            f"{path}: rows are quarter-hourly ({interval} s), slots are {slot_seconds} s; "
            "set resample: sum for this participant to add them up, or slot_seconds: 900"
        )


def _require_whole_slots(path: Path, utc: Energies, interval: int, slot_seconds: int) -> None:
    """Refuse a first or last slot of which some rows are missing."""
    first, end = int(utc[0]), int(utc[-1]) + interval
    if first % slot_seconds:
        at = slot_start(first, 1).isoformat()
        raise row_error(
            path,
            FIRST_DATA_ROW,
            f"the file begins at {at}, within an hour",
            f"delete its first {(-first % slot_seconds) // interval} rows: sums need whole hours",
        )
    if end % slot_seconds:
        at = slot_start(end, 1).isoformat()
        raise row_error(
            path,
            len(utc) + FIRST_DATA_ROW - 1,
            f"the file ends at {at}, within an hour",
            f"delete its last {(end % slot_seconds) // interval} rows: sums need whole hours",
        )


def _sums(flow: Energies, rows_per_slot: int) -> Energies:
    """Return the sums of each ``rows_per_slot`` rows."""
    sums: Energies = flow.reshape(-1, rows_per_slot).sum(axis=1)
    return sums
