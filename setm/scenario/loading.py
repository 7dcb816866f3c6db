"""From a YAML file to a scenario; every problem is one line with file, field, value and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from setm.data import MeterSeries, history_view, load_series, require_slots
from setm.errors import ConfigError, DataError
from setm.scenario.checks import Location, Problem
from setm.scenario.document import Document
from setm.scenario.models import INCONSISTENT, ParticipantSpec, Scenario
from setm.scenario.times import Times, times_of
from setm.types import Kind

# Without max_power_kw a value above this is taken for a wrong unit.
MAX_POWER_KW: Mapping[Kind, float] = {
    Kind.PERSONAL_CONSUMER: 100,
    Kind.PROSUMER: 1_000,
    Kind.INDUSTRIAL_CONSUMER: 100_000,
    Kind.GENERATION: 100_000,
}
# With max_power_kw, a meter that never reaches this share of it is taken for kWh in a Wh column.
MIN_PEAK_SHARE = 0.001

_EXPECTATIONS = {
    "path_type": "expected the path of a CSV file",
    "tuple_type": "expected a list",
    "model_type": "expected fields",
}


def load_scenario(path: Path) -> Scenario:
    """Return the scenario of a file; raise ``ConfigError`` with all its problems, one a line."""
    scenario, problems = _validated(Document(path))
    if scenario is None:
        raise ConfigError("\n".join(problems))
    return scenario


def check_scenario(path: Path) -> list[str]:
    """Return every problem of a scenario file and of the meter data that it names; none if it can be run."""
    try:
        document = Document(path)
    except ConfigError as error:
        return [str(error)]
    scenario, problems = _validated(document)
    if scenario is None:
        return problems
    times = times_of(scenario)
    for index, item in enumerate(scenario.participants):
        try:
            load_meter_data(scenario, item, times)
        except (ConfigError, DataError) as error:
            problems.append(document.message(("participants", index, "data"), str(error)))
    return problems


def load_meter_data(scenario: Scenario, item: ParticipantSpec, times: Times) -> MeterSeries:
    """Return a participant's series; raise ``DataError`` if it cannot serve the forecast window and the day."""
    stated = item.max_power_kw
    series = load_series(
        item.data,
        scenario.slot_seconds,
        resample=item.resample,
        max_power_kw=MAX_POWER_KW[item.kind_number] if stated is None else stated,
        min_peak_kw=0.0 if stated is None else MIN_PEAK_SHARE * stated,
    )
    history_view(series, times.gate_slot, item.days_for_forecasting)
    require_slots(
        series,
        times.first_slot,
        times.last_slot + 1,
        f"the day {scenario.day}",
        "add its rows or choose another day",
    )
    flow, does = ("export", "sells") if item.sells else ("import", "buys")
    if not (series.export_wh if item.sells else series.import_wh).any():
        raise DataError(
            f"{item.data}: {item.name} {does}, but {flow} is zero in every row; "
            f"bring data with {flow} or change the participant's side"
        )
    return series


def _validated(document: Document) -> tuple[Scenario | None, list[str]]:
    values = _with_paths(document.values, document.path.parent)
    try:
        return Scenario.model_validate(values), []
    except ValidationError as error:
        return None, [line for item in error.errors() for line in _lines(document, dict(item))]


def _with_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take data paths relative to the scenario file, wherever the command is run."""
    participants = values.get("participants")
    if not isinstance(participants, list):
        return values
    placed = [
        {**item, "data": folder / item["data"]}
        if isinstance(item, dict) and isinstance(item.get("data"), str)
        else item
        for item in participants
    ]
    return {**values, "participants": placed}


def _lines(document: Document, error: dict[str, Any]) -> list[str]:
    """Return one line for each problem of one validation error."""
    if error["type"] == INCONSISTENT:
        found: list[Problem] = error["ctx"]["problems"]
        return [
            document.message(item.location, f"found {item.found}, expected {item.expected}")
            for item in found
        ]
    location: Location = tuple(error["loc"])
    if error["type"] == "missing":
        return [document.message(location, "missing; it must be given")]
    if error["type"] == "extra_forbidden":
        return [document.message(location, "no such field; correct or delete it")]
    given = error.get("input")
    shown = f"a {type(given).__name__}" if isinstance(given, dict | list | tuple) else repr(given)
    if isinstance(given, Decimal):
        shown = str(given)
    return [document.message(location, f"found {shown}, {_expectation(error)}")]


def _expectation(error: dict[str, Any]) -> str:
    """Return what pydantic expected, in our words."""
    if error["type"] in _EXPECTATIONS:
        return _EXPECTATIONS[error["type"]]
    text = str(error["msg"]).removeprefix("Value error, ")
    for theirs, ours in (
        ("Input should be ", "expected "),
        ("String should match pattern ", "expected text that matches "),
        ("String should have ", "expected "),
        ("Tuple should have ", "expected "),
    ):
        if text.startswith(theirs):
            return ours + text.removeprefix(theirs)
    return text
