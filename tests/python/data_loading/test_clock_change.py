"""Daylight-saving days written in local time without a change of offset."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from setm.data import load_series
from setm.errors import DataError
from tests.python.data_loading.rows import WriteCsv

SPRING, AUTUMN = datetime(2024, 3, 31), datetime(2024, 10, 27)  # noqa: DTZ001 - local times
REMEDY = "write the offset of each row"


def wall_clock(day: datetime, offset: str, minutes: int = 15) -> list[str]:
    """Return the rows that a clock on the wall in Berlin shows, with one offset for all."""
    rows = []
    for step in range(24 * 60 // minutes):
        at = day + timedelta(minutes=minutes * step)
        in_change = at.hour == 2
        if day == SPRING and in_change:
            continue
        rows.append(f"{at.isoformat()}{offset},1")
        if day == AUTUMN and at.hour == 2 and at.minute == 60 - minutes:
            first = day.replace(hour=2)
            rows += [
                f"{(first + timedelta(minutes=minutes * i)).isoformat()}{offset},1"
                for i in range(60 // minutes)
            ]
        elif day == AUTUMN and minutes == 60 and in_change:
            rows.append(rows[-1])
    return rows


def refusal(path: Path, slot_seconds: int = 900) -> str:
    with pytest.raises(DataError) as caught:
        load_series(path, slot_seconds)
    return str(caught.value).removeprefix(str(path))


def test_names_the_skipped_hour_of_spring(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(wall_clock(SPRING, "+01:00")))
    assert message.startswith(
        ", row 10: a gap before this row: 4 intervals from 2024-03-31T02:00:00+01:00 to "
        "2024-03-31T02:45:00+01:00 are missing"
    )
    assert "daylight-saving day in local time whose offset does not change" in message
    assert REMEDY in message


def test_names_the_doubled_hour_of_autumn(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(wall_clock(AUTUMN, "+02:00")))
    assert message.startswith(
        ", row 14: 2024-10-27T02:00:00+02:00 is doubled, it stands in row 10 already (4 doubled rows); "
    )
    assert "daylight-saving day" in message
    assert REMEDY in message


def test_names_the_skipped_hour_of_times_without_offset(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(wall_clock(SPRING, "")))
    assert message.startswith(", row 10: start_at is '2024-03-31T00:00:00', without an offset")
    assert "local time skips an hour here ('2024-03-31T03:00:00')" in message
    assert REMEDY in message


def test_names_the_doubled_hour_of_times_without_offset(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(wall_clock(AUTUMN, "")))
    assert message.startswith(", row 14: start_at is '2024-10-27T00:00:00', without an offset")
    assert "local time doubles an hour here ('2024-10-27T02:00:00')" in message


def test_an_hourly_file_gets_the_same_hint(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(wall_clock(SPRING, "+01:00", 60)), 3600)
    assert message.startswith(
        ", row 4: a gap before this row: 1 intervals from 2024-03-31T02:00:00+01:00"
    )
    assert "daylight-saving day" in message


def test_a_doubled_row_elsewhere_is_no_clock_change(write_csv: WriteCsv) -> None:
    rows = wall_clock(SPRING, "+01:00")[:8]
    message = refusal(write_csv([*rows[:4], rows[3], *rows[4:]]))
    assert message.endswith("keep one of the two rows")
