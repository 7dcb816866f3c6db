"""The study's days are the scenario's own, and its measures follow from bills."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from setm.errors import ConfigError
from setm.report.study_schema import STUDY_DAYS, STUDY_SUMMARY
from setm.scenario import load_outline, load_scenario
from setm.study import mengelkamp
from setm.study.files import markdown, write_study
from setm.study.mengelkamp import Asked, rehearse, scenario_of, study
from setm.study.summary import day_rows, summary_rows

ROOT = Path(__file__).resolve().parents[3]
SPREAD_EUR_PER_KWH = 0.2869 - 0.1231


@pytest.fixture(scope="module")
def outline(tmp_path_factory):
    """Return the shipped scenario with ten households that look back a week."""
    values = yaml.safe_load((ROOT / "scenarios" / "mengelkamp.yaml").read_text())
    profiles = str(ROOT / "data" / "community" / "quarter_hours.csv")
    values["community"] |= {"count": 10, "days_for_forecasting": 7, "profiles": profiles}
    path = tmp_path_factory.mktemp("study") / "mengelkamp.yaml"
    path.write_text(yaml.safe_dump(values))
    return load_outline(path)


@pytest.fixture(scope="module")
def found(outline):
    return [
        row
        for supply in mengelkamp.SUPPLIES
        for number in range(2)
        for row in rehearse(Asked(outline=outline, supply=supply, number=number))
    ]


def test_number_zero_is_the_day_that_runs_on_a_chain():
    path = ROOT / "scenarios" / "mengelkamp.yaml"
    assert scenario_of(load_outline(path), 1.0, 0) == load_scenario(path)


def test_days_follow_each_other_and_begin_anew_when_the_profiles_end(outline):
    days = [scenario_of(outline, 1.0, number).day for number in range(28)]
    assert days[1] - days[0] == timedelta(days=1)
    assert days[25].isoformat() == "2016-07-31"
    assert days[26] == days[0]


def test_perfect_quantities_leave_no_imbalance_and_save_the_spread_on_every_wh(found):
    for row in found:
        if row.quantities == "delivered":
            one = row.measures
            assert one.imbalance_cost_eur == one.imbalance_kwh == 0
            assert one.local_kwh == pytest.approx(one.traded_kwh)
            # Rounding: at most a millionth of a euro for each household and slot, a few times over.
            assert one.saving_eur == pytest.approx(one.traded_kwh * SPREAD_EUR_PER_KWH, abs=0.01)


def test_what_errors_cost_is_what_is_missing_from_the_saving_of_what_was_traded(found):
    for row in found:
        one = row.measures
        # Each Wh that flowed as contracted saves half of the spread to its buyer's side or its seller's side.
        assert one.saving_eur <= one.traded_kwh * SPREAD_EUR_PER_KWH + 0.01
        assert one.imbalance_cost_eur >= 0
        assert one.local_kwh <= min(one.import_kwh, one.export_kwh)


def test_forecast_errors_never_help_the_community(found):
    rows = summary_rows(found)
    assert len(rows) == 12
    for row in rows:
        if row["quantities"] == "delivered":
            assert row["lost_percent"] is None
        else:
            assert row["lost_percent"] > 0
            assert row["lost_percent_low"] <= row["lost_percent"] <= row["lost_percent_high"]


def test_processes_come_to_the_same_rows(outline, found):
    told = []
    assert study(outline, 2, lambda: told.append(1)) == found
    assert len(told) == 6


def test_files_hold_the_rows_and_are_the_same_twice(found, tmp_path):
    first, second = (write_study(found, tmp_path / name) for name in ("a", "b"))
    assert {path.name for path in first} == {
        "days.csv",
        "days.parquet",
        "summary.csv",
        "summary.parquet",
        "summary.md",
        "savings.png",
    }
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    table = markdown(summary_rows(found)).splitlines()
    assert len(table) == 14
    assert len({line.count("|") for line in table}) == 1


def test_the_data_dictionary_has_every_column(found):
    for table, rows in ((STUDY_DAYS, day_rows(found)), (STUDY_SUMMARY, summary_rows(found))):
        assert list(rows[0]) == table.names()
        assert all(list(row) == list(rows[0]) for row in rows)


def test_refuses_a_scenario_without_a_community():
    outline = load_outline(ROOT / "scenarios" / "case_study.yaml")
    with pytest.raises(ConfigError, match="case_study: no community"):
        study(outline, 2, lambda: None)
