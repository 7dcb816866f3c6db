"""What a good scenario becomes."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from setm.scenario import check_scenario, load_scenario, times_of
from setm.scenario.models import ParticipantSpec, Scenario
from setm.slots import slot_start
from setm.types import Kind
from tests.python.scenario.files import valid, write_scenario

SCENARIOS = Path(__file__).resolve().parents[3] / "scenarios"
SHIPPED = sorted(SCENARIOS.glob("*.yaml"))

# Name, days of history, band in EUR/MWh: the model's table 1.
CASE_STUDY = [
    ("personal consumer 1", 9, 34, 46),
    ("personal consumer 2", 4, 34, 46),
    ("personal consumer 3", 9, 36, 48),
    ("personal consumer 4", 18, 36, 48),
    ("personal consumer 5", 8, 38, 48),
    ("industrial consumer 1", 1393, 36, 50),
    ("generation 1", 342, 40, 52),
]


def test_ships_at_least_three_scenarios() -> None:
    assert {path.stem for path in SHIPPED} >= {
        "case_study",
        "quickstart_own_data",
        "quickstart_hourly",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_scenario_and_its_data_are_right(path: Path) -> None:
    assert check_scenario(path) == []
    assert load_scenario(path).name == path.stem


def test_the_case_study_is_that_of_the_model() -> None:
    scenario = load_scenario(SCENARIOS / "case_study.yaml")
    assert [
        (item.name, item.days_for_forecasting, item.min_bid // 1000, item.max_bid // 1000)
        for item in scenario.participants
    ] == CASE_STUDY
    assert [item.sells for item in scenario.participants] == [False] * 6 + [True]
    assert scenario.participants[5].kind_number is Kind.INDUSTRIAL_CONSUMER
    assert scenario.market.cap_price == 55_500


def test_fills_in_every_default(tmp_path: Path) -> None:
    scenario = load_scenario(write_scenario(tmp_path))
    assert scenario.day == date(2024, 1, 6)
    assert scenario.market.grid.floor_price == 30_000
    assert scenario.market.grid.tick_size == 100
    assert scenario.auction.bond == 10_000
    assert scenario.participants[1].data == tmp_path / "meter.csv"
    resolved = scenario.resolved()
    assert set(resolved) == set(Scenario.model_fields)
    assert all(set(item) == set(ParticipantSpec.model_fields) for item in resolved["participants"])
    assert [item["side"] for item in resolved["participants"]] == ["buy", "sell"]


def test_a_resolved_scenario_is_the_same_scenario_wherever_it_is_written(tmp_path: Path) -> None:
    scenario = load_scenario(write_scenario(tmp_path))
    folder = tmp_path / "reports" / "run"
    folder.mkdir(parents=True)
    copy = folder / "scenario.yaml"
    copy.write_text(yaml.safe_dump(scenario.resolved(relative_to=folder)), encoding="utf-8")
    again = load_scenario(copy)
    assert again.sha256() == scenario.sha256()
    assert again.resolved(folder) == scenario.resolved(folder)


def test_the_hash_follows_fields_and_data_and_nothing_else(tmp_path: Path) -> None:
    scenario = load_scenario(write_scenario(tmp_path))
    assert re.fullmatch(r"[0-9a-f]{64}", scenario.sha256())
    assert scenario.with_seed(2).sha256() != scenario.sha256()
    assert scenario.with_seed(scenario.seed).sha256() == scenario.sha256()
    before = scenario.sha256()
    with (tmp_path / "meter.csv").open("a", encoding="utf-8") as meter:
        meter.write("2024-01-07T00:00:00+00:00,1,1\n")
    assert scenario.sha256() != before


def test_a_price_is_what_its_digits_say(tmp_path: Path) -> None:
    def change(values: dict[str, Any]) -> None:
        values["participants"][0]["max_bid_eur_per_mwh"] = 45.3

    assert load_scenario(write_scenario(tmp_path, change)).participants[0].max_bid == 45_300


def test_a_scenario_cannot_be_changed(tmp_path: Path) -> None:
    scenario = load_scenario(write_scenario(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 5  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        scenario.market.tick_count = 5  # type: ignore[misc]


@pytest.mark.parametrize(("slot_seconds", "count", "gap"), [(3600, 24, 2), (900, 96, 6)])
def test_the_gate_closes_before_the_day(slot_seconds: int, count: int, gap: int) -> None:
    values = {
        **valid(),
        "slot_seconds": slot_seconds,
        "auction": {"gate_lead_minutes": 90},
        "negotiation": {"gate_lead_minutes": 30},
    }
    for item in values["participants"]:
        item["data"] = __file__
    scenario = Scenario.model_validate(values)
    times = times_of(scenario)
    assert slot_start(times.first_slot, slot_seconds).isoformat() == "2024-01-06T00:00:00+00:00"
    assert len(times.slots) == count
    # 22:30 lies within the hour from 22:00 on, which is then not known either.
    assert times.first_slot - times.gate_slot == gap
