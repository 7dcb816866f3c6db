"""From a YAML file to a scenario; every problem is one line with file, field, value and what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from setm.data import MeterSeries, history_view, load_series, require_slots
from setm.errors import ConfigError, DataError
from setm.scenario.models import ParticipantSpec, Scenario
from setm.scenario.times import Times, times_of


def load_scenario(path: Path) -> Scenario:
    """Return the scenario of a file; raise ``ConfigError`` with all its problems."""
    scenario, problems = _read(path)
    if scenario is None:
        raise ConfigError("\n".join(problems))
    return scenario


def check_scenario(path: Path) -> list[str]:
    """Return every problem of a scenario file and of the meter data that it names; none if it can be run."""
    scenario, problems = _read(path)
    if scenario is None:
        return problems
    times = times_of(scenario)
    for item in scenario.participants:
        try:
            load_meter_data(scenario, item, times)
        except (ConfigError, DataError) as error:
            problems.append(str(error))
    return problems


def load_meter_data(scenario: Scenario, item: ParticipantSpec, times: Times) -> MeterSeries:
    """Return a participant's series; raise ``DataError`` if it is shorter than forecast window and day need."""
    series = load_series(
        item.data, scenario.slot_seconds, resample=item.resample, max_power_kw=item.max_power_kw
    )
    history_view(series, times.gate_slot, item.days_for_forecasting)
    require_slots(
        series,
        times.first_slot,
        times.last_slot + 1,
        f"the day {scenario.day}",
        "add its rows or choose another day",
    )
    return series


def _read(path: Path) -> tuple[Scenario | None, list[str]]:
    raw, problems = _parse(path)
    if problems:
        return None, problems
    try:
        scenario = Scenario.model_validate(_with_paths(raw, path.parent))
    except ValidationError as error:
        return None, [_line(path, dict(item)) for item in error.errors()]
    return scenario, []


def _parse(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        return {}, [f"{path}: cannot be read ({error.strerror}); give the path of a scenario file"]
    except UnicodeDecodeError:
        return {}, [f"{path}: is not text in UTF-8; save it as UTF-8"]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        return {}, [f"{path}{place}: {problem}; check indentation and quotes there"]
    if not isinstance(raw, dict):
        return {}, [f"{path}: expected fields such as `name:` and `participants:`, found {raw!r}"]
    return raw, []


def _with_paths(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take data paths relative to the scenario file, wherever the command is run."""
    participants = raw.get("participants")
    if not isinstance(participants, list):
        return raw
    placed = [
        {**item, "data": str(folder / str(item["data"]))}
        if isinstance(item, dict) and "data" in item
        else item
        for item in participants
    ]
    return {**raw, "participants": placed}


def _line(path: Path, error: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{path}: {field}: missing; it must be given"
    if error["type"] == "extra_forbidden":
        return f"{path}: {field}: no such field; see docs/scenarios.md"
    where = f"{field}: " if field else ""
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) or not field else f"{given!r}: "
    return f"{path}: {where}{shown}{message}"
