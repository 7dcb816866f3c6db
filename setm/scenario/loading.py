"""From a YAML file to a scenario; every problem is one line with file, field, value and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from setm.data import MeterSeries, history_view, load_series, require_slots
from setm.errors import ConfigError, DataError
from setm.households import read_profiles, series_of
from setm.scenario.checks import Location, Problem
from setm.scenario.community import populated
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
    """Return the scenario of a file, all households of its community among its participants.

    Raises ``ConfigError`` with all its problems, one a line.
    """
    document = Document(path)
    scenario, problems = _populated(document, *_validated(document))
    if scenario is None:
        raise ConfigError("\n".join(problems))
    return scenario


def load_outline(path: Path) -> Scenario:
    """Return the scenario of a file as it is written, its community not yet drawn."""
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
    outline, problems = _validated(document)
    scenario, problems = _populated(document, outline, problems)
    if scenario is None or outline is None:
        return problems
    times = times_of(scenario)
    for index, item in enumerate(scenario.participants):
        try:
            load_meter_data(scenario, item, times)
        except (ConfigError, DataError) as error:
            location = _written(("participants", index, "data"), outline)
            problems.append(document.message(location, str(error)))
    # What is wrong with every household of a community is said once.
    return list(dict.fromkeys(problems))


def load_meter_data(scenario: Scenario, item: ParticipantSpec, times: Times) -> MeterSeries:
    """Return a participant's series; raise ``DataError`` if it cannot serve the forecast window and the day."""
    series = _series(scenario, item)
    history_view(series, times.gate_slot, item.days_for_forecasting)
    require_slots(
        series,
        times.first_slot,
        times.last_slot + 1,
        f"the day {scenario.day}",
        "add its rows or choose another day",
    )
    flow, does = ("export", "sells") if item.sells else ("import", "buys")
    is_net = item.stated_side == "net"
    if not is_net and not (series.export_wh if item.sells else series.import_wh).any():
        raise DataError(
            f"{item.data}: {item.name} {does}, but {flow} is zero in every row; "
            f"bring data with {flow} or change the participant's side"
        )
    return series


def _series(scenario: Scenario, item: ParticipantSpec) -> MeterSeries:
    """Return a participant's whole series: read from its file, or made from the profiles in it."""
    if item.household is not None:
        return series_of(item.household.household, read_profiles(item.data, scenario.slot_seconds))
    stated = item.max_power_kw
    return load_series(
        item.data,
        scenario.slot_seconds,
        resample=item.resample,
        max_power_kw=MAX_POWER_KW[item.kind_number] if stated is None else stated,
        min_peak_kw=0.0 if stated is None else MIN_PEAK_SHARE * stated,
    )


def _populated(
    document: Document, outline: Scenario | None, problems: list[str]
) -> tuple[Scenario | None, list[str]]:
    """Return the scenario with its community drawn, or what stands in its way."""
    if outline is None:
        return None, problems
    try:
        return populated(outline), []
    except ValidationError as error:
        lines = [line for item in error.errors() for line in _lines(document, dict(item), outline)]
        return None, list(dict.fromkeys(lines))
    except (ConfigError, DataError) as error:
        return None, [document.message(("community",), str(error))]


def _written(location: Location, outline: Scenario | None) -> Location:
    """Return where a field stands in the file: that of a drawn household in the community."""
    if outline is None or location[:1] != ("participants",) or len(location) < 2:
        return location
    index = location[1]
    if isinstance(index, int) and index >= len(outline.participants):
        field = "profiles" if location[2:] == ("data",) else location[2:]
        return ("community", field) if isinstance(field, str) else ("community", *field)
    return location


def _validated(document: Document) -> tuple[Scenario | None, list[str]]:
    values = _with_paths(document.values, document.path.parent)
    try:
        return Scenario.model_validate(values), []
    except ValidationError as error:
        return None, [line for item in error.errors() for line in _lines(document, dict(item))]


def _with_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take data paths relative to the scenario file, wherever the command is run."""
    community = values.get("community")
    if isinstance(community, dict) and isinstance(community.get("profiles"), str):
        values = {
            **values,
            "community": {**community, "profiles": folder / community["profiles"]},
        }
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


def _lines(document: Document, error: dict[str, Any], outline: Scenario | None = None) -> list[str]:
    """Return one line for each problem of one validation error."""
    if error["type"] == INCONSISTENT:
        found: list[Problem] = error["ctx"]["problems"]
        return [
            document.message(
                _written(item.location, outline), f"found {item.found}, expected {item.expected}"
            )
            for item in found
        ]
    location = _written(tuple(error["loc"]), outline)
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
