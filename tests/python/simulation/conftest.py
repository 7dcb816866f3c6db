"""A day small enough for a test: three of the case study's participants with a forecast that takes no time."""

from pathlib import Path

import pytest
import yaml

from setm.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[3]
CASE_STUDY = ROOT / "scenarios" / "case_study.yaml"
CHOSEN = ("personal consumer 2", "personal consumer 5", "generation 1")


def small_scenario(
    folder: Path, data: Path = ROOT / "data" / "case_study", chosen: tuple[str, ...] = CHOSEN
) -> Path:
    """Write the small scenario into ``folder`` and return its path."""
    raw = yaml.safe_load(CASE_STUDY.read_text())
    raw["name"] = "small"
    raw["participants"] = [item for item in raw["participants"] if item["name"] in chosen]
    for item in raw["participants"]:
        item["data"] = str(data / Path(item["data"]).name)
        item["model"] = "seasonal_naive"
        item["days_for_forecasting"] = 4
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.fixture
def scenario_file(tmp_path):
    return small_scenario(tmp_path)


@pytest.fixture
def scenario(scenario_file):
    return load_scenario(scenario_file)
