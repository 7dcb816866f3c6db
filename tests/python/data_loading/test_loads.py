"""What a good file becomes."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setm.data import load_series
from setm.slots import slot_at
from tests.python.data_loading.rows import WriteCsv, hourly_rows

BERLIN = ZoneInfo("Europe/Berlin")


def berlin_day(day: datetime, step: timedelta) -> list[str]:
    """Return the rows of one local day with the offset of each row; the value counts upwards."""
    at, end = day.replace(tzinfo=BERLIN).astimezone(UTC), None
    end = (day + timedelta(days=1)).replace(tzinfo=BERLIN).astimezone(UTC)
    rows = []
    while at < end:
        rows.append(f"{at.astimezone(BERLIN).isoformat()},{len(rows) + 1}")
        at += step
    return rows


def test_reads_whole_wh_and_takes_a_missing_export_column_for_zero(write_csv: WriteCsv) -> None:
    series = load_series(write_csv(["2024-01-01T00:00:00+00:00,5", "2024-01-01T01:00:00Z,7"]), 3600)
    assert series.first_slot == slot_at(datetime(2024, 1, 1, tzinfo=UTC), 3600)
    assert series.end_slot == series.first_slot + 2
    assert series.import_wh.tolist() == [5, 7]
    assert series.export_wh.tolist() == [0, 0]
    assert series.import_wh.dtype == np.int64
    assert not series.has_export
    assert series.rounded_values == 0


def test_arrays_cannot_be_written_to(write_csv: WriteCsv) -> None:
    series = load_series(write_csv(hourly_rows(3)), 3600)
    with pytest.raises(ValueError, match="read-only"):
        series.import_wh[0] = 1


def test_converts_kwh_exactly_and_counts_what_it_rounds(write_csv: WriteCsv) -> None:
    rows = [
        "2024-01-01T00:00+00:00,0.357,1e-3",
        "2024-01-01T01:00+00:00,1.0005,2.",
        "2024-01-01T02:00+00:00,8.1115,0",
    ]
    series = load_series(write_csv(rows, "start_at,import_kwh,export_kwh"), 3600)
    assert series.import_wh.tolist() == [357, 1000, 8112]
    assert series.export_wh.tolist() == [1, 2000, 0]
    assert series.rounded_values == 2


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_wh_is_lost_between_kwh_text_and_series(
    tmp_path_factory: pytest.TempPathFactory, energies: list[int]
) -> None:
    path = tmp_path_factory.mktemp("kwh") / "meter.csv"
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        f"{(start + timedelta(hours=i)).isoformat()},{wh // 1000}.{wh % 1000:03d}"
        for i, wh in enumerate(energies)
    ]
    path.write_text("start_at,import_kwh\n" + "\n".join(rows), encoding="utf-8")
    series = load_series(path, 3600)
    assert series.import_wh.tolist() == energies
    assert series.rounded_values == 0


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01T02:00:00+02:00",
        "2024-01-01 02:00+02",
        "2023-12-31T19:30:00.000-0430",
        "2024-01-01T00:00Z",
    ],
)
def test_understands_the_usual_spellings_of_a_time(write_csv: WriteCsv, text: str) -> None:
    series = load_series(write_csv([f"{text},1"]), 3600)
    assert series.first_slot == slot_at(datetime(2024, 1, 1, tzinfo=UTC), 3600)


def test_sums_quarter_hours_on_request(write_csv: WriteCsv) -> None:
    rows = [row[:-3] + str(i) for i, row in enumerate(hourly_rows(8, 900))]
    series = load_series(write_csv(rows), 3600, resample="sum")
    assert series.import_wh.tolist() == [0 + 1 + 2 + 3, 4 + 5 + 6 + 7]


def test_ignores_other_columns_a_byte_order_mark_and_empty_lines_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    path.write_bytes(
        b"\xef\xbb\xbfstart_at,import_wh,comment\r\n2024-01-01T00:00:00Z,5,\r\n\r\n\r\n"
    )
    assert load_series(path, 3600).import_wh.tolist() == [5]


@pytest.mark.parametrize(
    ("day", "step", "count"),
    [
        (datetime(2024, 3, 31), timedelta(minutes=15), 92),  # noqa: DTZ001 - local day of Berlin
        (datetime(2024, 10, 27), timedelta(minutes=15), 100),  # noqa: DTZ001
        (datetime(2024, 3, 31), timedelta(hours=1), 23),  # noqa: DTZ001
        (datetime(2024, 10, 27), timedelta(hours=1), 25),  # noqa: DTZ001
    ],
)
def test_daylight_saving_days_with_offsets_are_gap_free(
    write_csv: WriteCsv, day: datetime, step: timedelta, count: int
) -> None:
    rows = berlin_day(day, step)
    assert len(rows) == count
    series = load_series(write_csv(rows), int(step.total_seconds()))
    assert series.import_wh.tolist() == list(range(1, count + 1))


def test_loads_35_thousand_rows_in_well_under_a_second(write_csv: WriteCsv) -> None:
    path = write_csv(hourly_rows(35_000, value="1.234"), "start_at,import_kwh")
    started = time.perf_counter()
    series = load_series(path, 3600)
    assert series.slot_count == 35_000
    # Measured 0.1 s on an idle machine; the bound leaves room for a busy one.
    assert time.perf_counter() - started < 1.0
