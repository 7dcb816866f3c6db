"""The time column: from ISO 8601 text with offsets to a gap-free grid of UTC seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import polars as pl

from setm.data.series import Energies
from setm.data.table import FIRST_DATA_ROW, TIME_COLUMN, row_error
from setm.errors import DataError

HOUR = 3600
SUNDAY = 6
_ISO = (
    r"^(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<minute>\d{2}:\d{2})(?P<second>:\d{2})?(?:\.0+)?"
    r" ?(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?)?$"
)
_EXAMPLE = "2016-10-10T00:00:00+02:00"
_OFFSET_REMEDY = f"write the offset of each row, for example {_EXAMPLE}"
_CLOCK_CHANGE = (
    "this looks like a daylight-saving day in local time whose offset does not change: "
    f"{_OFFSET_REMEDY} before and +01:00 after the clock goes back"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Times:
    """Starts of the rows: UTC Unix seconds, and the offset (seconds) that stood beside each."""

    utc: Energies
    offset: Energies

    def text(self, index: int) -> str:
        """Return a row's start as it stands in the file."""
        return self._text_at(int(self.utc[index]), int(self.offset[index]))

    def text_after(self, index: int, seconds: int) -> str:
        """Return the moment ``seconds`` after a row's start, with that row's offset."""
        return self._text_at(int(self.utc[index]) + seconds, int(self.offset[index]))

    @staticmethod
    def _text_at(utc: int, offset: int) -> str:
        zone = timezone(timedelta(seconds=offset))
        return datetime.fromtimestamp(utc, tz=zone).isoformat()


def parse_times(path: Path, cells: pl.Series) -> Times:
    """Return the starts of the rows; refuse what is no ISO 8601 time with an offset."""
    fields = cells.str.strip_chars().str.extract_groups(_ISO).struct.unnest()
    second = fields["second"].fill_null(":00")
    joined = (fields["day"] + "T" + fields["minute"] + second).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S", strict=False, time_unit="ms"
    )
    if joined.null_count():
        index = int(joined.is_null().arg_true()[0])
        cell = cells[index]
        found = (
            f"{TIME_COLUMN} is {cell!r}, no ISO 8601 time" if cell else f"{TIME_COLUMN} is empty"
        )
        raise row_error(path, index + FIRST_DATA_ROW, found, f"write it like {_EXAMPLE}")
    local = joined.to_physical().to_numpy() // 1000
    if fields["offset"].null_count():
        raise _offset_missing(path, cells, local, int(fields["offset"].is_null().arg_true()[0]))
    offset = _offset_seconds(fields["offset"])
    return Times(utc=local - offset, offset=offset)


def _offset_seconds(text: pl.Series) -> Energies:
    """Return Z, +02, +0200 and +02:00 as seconds east of UTC."""
    digits = text.str.replace_all(r"[^\d]", "").str.pad_end(4, "0").cast(pl.Int64)
    seconds = (digits // 100 * 3600 + digits % 100 * 60).to_numpy()
    sign = np.where(text.str.starts_with("-").to_numpy(), -1, 1)
    return np.asarray(seconds * sign, dtype=np.int64)


def _offset_missing(path: Path, cells: pl.Series, local: Energies, index: int) -> DataError:
    """Return the error for a time without offset; say so if the clock change shows already."""
    found = f"{TIME_COLUMN} is {cells[index]!r}, without an offset"
    steps = np.diff(local)
    if len(steps):
        typical = _most_common(steps[steps > 0])
        jumps = np.flatnonzero((steps == typical + HOUR) | (steps == typical - HOUR))
        sundays = [int(jump) for jump in jumps if _is_clock_change(int(local[jump]))]
        if sundays:
            verb = "skips" if steps[sundays[0]] > typical else "doubles"
            row = sundays[0] + 1 + FIRST_DATA_ROW
            return row_error(
                path,
                row,
                f"{found}, and local time {verb} an hour here ({cells[sundays[0] + 1]!r})",
                f"{_OFFSET_REMEDY} in summer and +01:00 in winter",
            )
    return row_error(path, index + FIRST_DATA_ROW, found, _OFFSET_REMEDY)


def interval_seconds(times: Times, slot_seconds: int) -> int:
    """Return how far apart most rows are; the slot length for a single row."""
    steps = np.diff(times.utc)
    positive = steps[steps > 0]
    return _most_common(positive) if len(positive) else slot_seconds


def _most_common(steps: Energies) -> int:
    """Return the most common step, 0 if there is none."""
    if not len(steps):
        return 0
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def require_regular(path: Path, times: Times, interval: int) -> None:
    """Refuse rows off the grid, doubled rows, rows out of order and gaps, in this order."""
    off_grid = np.flatnonzero(times.utc % interval)
    if len(off_grid):
        index = int(off_grid[0])
        utc = datetime.fromtimestamp(int(times.utc[index]), tz=UTC).isoformat()
        raise row_error(
            path,
            index + FIRST_DATA_ROW,
            f"{times.text(index)} ({utc}) is not on the grid of {interval} s in UTC "
            f"({len(off_grid)} rows are not)",
            f"rows start at whole multiples of {interval // 60} minutes in UTC",
        )
    steps = np.diff(times.utc)
    backward = np.flatnonzero(steps <= 0)
    if len(backward):
        raise _backward_error(path, times, int(backward[0]) + 1, interval)
    gaps = np.flatnonzero(steps > interval)
    if len(gaps):
        raise _gap_error(path, times, gaps, interval)


def _backward_error(path: Path, times: Times, index: int, interval: int) -> DataError:
    """Return the error for a row that does not come after the one before it."""
    row = index + FIRST_DATA_ROW
    earlier = np.flatnonzero(times.utc[:index] == times.utc[index])
    if not len(earlier):
        return row_error(
            path,
            row,
            f"{times.text(index)} comes after {times.text(index - 1)}, out of order",
            "sort the rows by start_at",
        )
    doubled = len(times.utc) - len(np.unique(times.utc))
    found = (
        f"{times.text(index)} is doubled, it stands in row {int(earlier[0]) + FIRST_DATA_ROW} already "
        f"({doubled} doubled rows)"
    )
    back = int(times.utc[index - 1]) + interval - int(times.utc[index])
    local = int(times.utc[index] + times.offset[index])
    same_offset = times.offset[index - 1] == times.offset[index]
    if back == HOUR and index - int(earlier[0]) > 0 and same_offset and _is_clock_change(local):
        return row_error(path, row, found, _CLOCK_CHANGE)
    return row_error(path, row, found, "keep one of the two rows")


def _gap_error(path: Path, times: Times, gaps: Energies, interval: int) -> DataError:
    """Return the error for the first gap, with its length and how many there are."""
    index = int(gaps[0])
    missing = int(times.utc[index + 1] - times.utc[index]) // interval - 1
    all_missing = int((np.diff(times.utc)[gaps] // interval - 1).sum())
    found = (
        f"a gap before this row: {missing} intervals from {times.text_after(index, interval)} to "
        f"{times.text_after(index + 1, -interval)} are missing ({len(gaps)} gaps, {all_missing} intervals in all)"
    )
    local = int(times.utc[index] + times.offset[index]) + interval
    same_offset = times.offset[index] == times.offset[index + 1]
    remedy = "add these rows, or cut the file to a part without gaps"
    if missing * interval == HOUR and same_offset and _is_clock_change(local):
        remedy = f"{_CLOCK_CHANGE}; if the hour is really missing, {remedy}"
    return row_error(path, index + 1 + FIRST_DATA_ROW, found, remedy)


def _is_clock_change(local_seconds: int) -> bool:
    """Return whether a local time lies where clocks change: on a Sunday before 04:00."""
    local = datetime.fromtimestamp(local_seconds, tz=UTC)
    return local.weekday() == SUNDAY and local.hour < 4
