"""``setm study mengelkamp`` speaks to people and to programs."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from setm.cli.app import app

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def scenario(tmp_path):
    values = yaml.safe_load((ROOT / "scenarios" / "mengelkamp.yaml").read_text())
    profiles = str(ROOT / "data" / "community" / "quarter_hours.csv")
    values["community"] |= {"count": 6, "days_for_forecasting": 2, "profiles": profiles}
    path = tmp_path / "mengelkamp.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def told(scenario, *options):
    out = scenario.parent / "out"
    words = ["study", "mengelkamp", str(scenario), "--seeds", "2", "--out", str(out), *options]
    found = CliRunner().invoke(app, words)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_json_holds_summary_days_and_files(scenario):
    listed = json.loads(told(scenario, "--json"))
    assert len(listed["summary"]) == 12
    assert len(listed["days"]) == 24
    assert all(Path(path).is_file() for path in listed["files"])
    published = {row["supply"]: row["published_lost_percent"] for row in listed["summary"][1::2]}
    assert published == {
        "balanced": "91",
        "oversupplied": "10",
        "undersupplied": "more than 100",
    }


def test_the_table_names_every_condition_and_what_was_published(scenario):
    text = told(scenario)
    for words in (
        "balanced",
        "oversupplied",
        "undersupplied",
        "zero intelligence",
        "more than 100",
    ):
        assert words in text
