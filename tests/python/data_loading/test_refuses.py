"""What a bad file is told: file, row as an editor shows it, what was found, and the remedy."""

from pathlib import Path

import pytest

from setm.data import load_series
from setm.errors import ConfigError, DataError
from tests.python.data_loading.rows import WriteCsv, hourly_rows

KWH = "start_at,import_kwh"


def refusal(path: Path, slot_seconds: int = 3600, **options: object) -> str:
    """Return the message; it is one line and begins with the file."""
    with pytest.raises(DataError) as caught:
        load_series(path, slot_seconds, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("header", "found", "remedy"),
    [
        (
            "time,import_wh",
            "no column start_at among time, import_wh",
            "expected start_at,import_wh",
        ),
        (
            "start_at,load",
            "no column import_wh or import_kwh among start_at, load",
            "add it; write 0",
        ),
        ("start_at,Import_Wh", "unknown column 'Import_Wh'", "rename it to import_wh"),
        ("start_at,import_kw", "unknown column 'import_kw'", "power is not energy"),
        ("start_at,import_wh,export_kwh", "units are mixed: import_wh, export_kwh", "all in kWh"),
        (
            "start_at,import_wh,import_kwh",
            "units are mixed: import_wh, import_kwh",
            "all energies in Wh",
        ),
        ("start_at;import_wh", "separated by semicolons", "with commas between columns"),
        (
            "start_at,import_wh,exporting",
            "unknown column 'exporting'",
            "expected names|rename it to export",
        ),
    ],
)
def test_refuses_a_header(write_csv: WriteCsv, header: str, found: str, remedy: str) -> None:
    message = refusal(write_csv(hourly_rows(2), header))
    assert message.startswith(", row 1: ")
    assert found in message
    assert any(part in message for part in remedy.split("|"))


@pytest.mark.parametrize(
    ("rows", "start"),
    [
        (["2024-01-01T00:00:00Z,1", "yesterday,2"], ", row 3: start_at is 'yesterday', no ISO 8601 time; "),
        (["2024-02-30T00:00:00Z,1"], ", row 2: start_at is '2024-02-30T00:00:00Z', no ISO 8601 time; "),
        (["2024-01-01T00:00:00Z,1", ",2"], ", row 3: start_at is empty; write it like "),
        (
            ["2024-01-01T00:00:00Z,1", "2024-01-01T01:00:00,2"],
            ", row 3: start_at is '2024-01-01T01:00:00', without an offset; write the offset of each row",
        ),
        (["2024-01-01T00:00:00,1"], ", row 2: start_at is '2024-01-01T00:00:00', without an offset; "),
        (
            ["2024-01-01T00:30:00Z,1", "2024-01-01T01:30:00Z,1"],
            ", row 2: 2024-01-01T00:30:00+00:00 (2024-01-01T00:30:00+00:00) is not on the grid of 3600 s",
        ),
        (
            ["2024-01-01T00:00:00Z,1", "2024-01-01T01:00:00Z,1", "2024-01-01T02:00:07Z,1",
             "2024-01-01T03:00:07Z,1"],
            ", row 4: 2024-01-01T02:00:07+00:00 (2024-01-01T02:00:07+00:00) is not on the grid of 3600 s in UTC "
            "(2 rows are not); rows start at whole multiples of 60 minutes",
        ),
        (
            ["2024-01-01T00:00:00Z,1", "2024-01-01T01:00:00Z,1", "2024-01-01T03:00:00+02:00,1"],
            ", row 4: 2024-01-01T03:00:00+02:00 is doubled, it stands in row 3 already (1 doubled rows); keep one",
        ),
        (
            ["2024-01-01T00:00:00Z,1", "2024-01-01T02:00:00Z,1", "2024-01-01T03:00:00Z,1",
             "2024-01-01T01:00:00Z,1"],
            ", row 5: 2024-01-01T01:00:00+00:00 comes after 2024-01-01T03:00:00+00:00, out of order; sort",
        ),
        (
            ["2024-01-01T00:00:00Z,1", "2024-01-01T01:00:00Z,1", "2024-01-01T05:00:00Z,1",
             "2024-01-01T06:00:00Z,1", "2024-01-01T08:00:00Z,1"],
            ", row 4: a gap before this row: 3 intervals from 2024-01-01T02:00:00+00:00 to "
            "2024-01-01T04:00:00+00:00 are missing (2 gaps, 4 intervals in all); add these rows",
        ),
        (["2024-01-01T00:00:00Z,-5"], ", row 2: import_wh is -5, negative; energy is never negative: "
         "energy in the other direction stands in export_wh"),
        (["2024-01-01T00:00:00Z,-0.4"], ", row 2: import_wh is -0.4, negative; "),
        (["2024-01-01T00:00:00Z,1", "2024-01-01T01:00:00Z,"], ", row 3: import_wh is empty; write the energy"),
        (["2024-01-01T00:00:00Z,NaN"], ", row 2: import_wh is 'NaN'; write the energy of this row: a missing"),
        (["2024-01-01T00:00:00Z,inf"], ", row 2: import_wh is 'inf'; "),
        (["2024-01-01T00:00:00Z,much"], ", row 2: import_wh is 'much'; write a plain number such as 0.25"),
        (["2024-01-01T00:00:00Z,1_000"], ", row 2: import_wh is '1_000'; write a plain number"),
        (['2024-01-01T00:00:00Z,"1,5"'], ", row 2: import_wh is '1,5'; write decimals with a point"),
        (["2024-01-01T00:00:00Z,1,5"], ", row 2: 3 cells, the header has 2; remove the surplus"),
        (["2024-01-01T00:00:00Z,1e99"], ", row 2: import_wh is 1e99 Wh, above 1073741823 Wh in 3600 s; "),
        (
            ["2024-01-01T00:00:00Z,x", "2024-01-01T01:00:00Z,y"],
            ", row 2: import_wh is 'x' (1 more rows of this column are no numbers); ",
        ),
        (
            ["2024-01-01T00:00:00Z,1", "", "2024-01-01T01:00:00Z,1"],
            ", row 3: the row is empty; delete it",
        ),
    ],
)  # fmt: skip
def test_refuses_a_row(write_csv: WriteCsv, rows: list[str], start: str) -> None:
    assert refusal(write_csv(rows)).startswith(start)


def test_refuses_a_file_that_is_missing_empty_without_rows_or_no_text(tmp_path: Path) -> None:
    path = tmp_path / "meter.csv"
    assert "cannot be read (No such file or directory)" in refusal(path)
    path.write_text("", encoding="utf-8")
    assert "the file is empty; expected the header" in refusal(path)
    path.write_text("start_at,import_wh\n\n", encoding="utf-8")
    assert "a header but no rows; add one row for each slot" in refusal(path)
    path.write_bytes(b"start_at,import_wh\n2024-01-01T00:00:00Z,1\nk\xfchl,2\n")
    assert refusal(path) == ", row 3: byte 0xfc is not UTF-8; save the file as UTF-8 CSV"


def test_refuses_hours_for_quarter_hour_slots_and_never_splits_them(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(hourly_rows(4)), 900, resample="sum")
    assert "rows are hourly (3600 s), slots are 900 s, and an hour is never split" in message
    assert "set slot_seconds: 3600" in message


def test_refuses_quarter_hours_for_hourly_slots_unless_asked_to_sum(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(hourly_rows(8, 900)))
    assert "rows are quarter-hourly (900 s), slots are 3600 s; set resample: sum" in message


def test_refuses_other_intervals_and_other_slots(write_csv: WriteCsv) -> None:
    path = write_csv(hourly_rows(4, 1800))
    assert "most rows are 1800 s apart, expected 900 s (quarter-hours) or 3600 s" in refusal(path)
    with pytest.raises(ConfigError, match=r"slot_seconds 1800: expected one of \(900, 3600\)"):
        load_series(path, 1800)


def test_refuses_to_sum_hours_that_are_not_whole(write_csv: WriteCsv) -> None:
    rows = hourly_rows(12, 900)
    message = refusal(write_csv(rows[1:]), resample="sum")
    assert message.startswith(
        ", row 2: the file begins at 2024-01-01T00:15:00+00:00, within an hour"
    )
    assert message.endswith("delete its first 3 rows: sums need whole hours")
    message = refusal(write_csv(rows[:-2]), resample="sum")
    assert message.startswith(
        ", row 11: the file ends at 2024-01-01T02:30:00+00:00, within an hour"
    )
    assert message.endswith("delete its last 2 rows: sums need whole hours")


def test_suspects_wh_in_a_kwh_column(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(["2024-01-01T00:00:00Z,812"], KWH), max_power_kw=10.0)
    assert message == (
        ", row 2: import_kwh is 812 kWh, above 10000 Wh in 3600 s (10 kW); if the file holds Wh, rename the "
        "column to import_wh; else correct the value or raise max_power_kw of the participant"
    )


def test_suspects_kwh_in_a_wh_column(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(hourly_rows(5, value="3")), max_power_kw=10.0, min_peak_kw=0.01)
    assert (
        "the largest value is 3 Wh, expected at least 10 Wh for a participant of 10 kW" in message
    )
    assert "name its columns import_kwh" in message
    message = refusal(write_csv(hourly_rows(5, value="0.4")))
    assert "rounding to whole Wh would change its energy by 100 % (5 of 5 values" in message
    assert "if these are kWh, name the column import_kwh" in message


def test_suspects_kwh_that_are_far_too_small(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(hourly_rows(5, value="0.0001"), KWH))
    assert "check the unit: the values are far below 1 Wh" in message


def test_refuses_a_quote_that_is_never_closed(write_csv: WriteCsv) -> None:
    message = refusal(write_csv(['"2024-01-01T00:00:00Z,1', "2024-01-01T01:00:00Z,2"]))
    assert "not a comma-separated table" in message
    assert message.endswith("check quotes and commas")
