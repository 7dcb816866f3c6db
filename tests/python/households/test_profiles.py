"""A file of profiles is whole weeks of load and solar columns, or its defect is named."""

from datetime import UTC, datetime, timedelta

import pytest

from setm.errors import DataError
from setm.households import read_profiles

HEADER = "start_at,load_a_wh,pv_1_wh"
START = datetime(2024, 1, 1, tzinfo=UTC)


def write(path, rows=168, header=HEADER, step=timedelta(hours=1), cell="1"):
    lines = [f"{(START + step * row).isoformat()},{row % 7},{cell}" for row in range(rows)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_reads_names_weeks_and_first_slot(tmp_path):
    found = read_profiles(write(tmp_path / "p.csv", rows=336), 3600)
    assert (list(found.loads), list(found.plants), found.weeks) == (["a"], ["1"], 2)
    assert found.first_slot * 3600 == START.timestamp()
    assert found.loads["a"][:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    with pytest.raises(ValueError, match="read-only"):
        found.loads["a"][0] = 1


def test_a_changed_file_is_read_again(tmp_path):
    path = write(tmp_path / "p.csv")
    assert read_profiles(path, 3600).weeks == 1
    assert read_profiles(write(path, rows=336), 3600).weeks == 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rows": 167}, "167 rows; expected whole weeks of 168 rows"),
        ({"header": "start_at,load_a_wh,wind_1_wh"}, "at least one pv_…_wh, and rows"),
        ({"rows": 0}, "0 rows; expected start_at"),
        ({"step": timedelta(minutes=15)}, "rows are 900 s apart, slots are 3600 s"),
        ({"cell": "-1"}, "pv_1_wh"),
    ],
)
def test_refuses_what_is_no_file_of_profiles(tmp_path, changes, expected):
    with pytest.raises(DataError, match=expected):
        read_profiles(write(tmp_path / "p.csv", **changes), 3600)


def test_refuses_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: cannot be read \(No such file or directory\)"):
        read_profiles(tmp_path / "none.csv", 3600)
