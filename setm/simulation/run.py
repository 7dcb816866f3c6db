"""A whole run: forecasts once, then each mechanism on its own chain, then the report."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from setm import __version__
from setm.chain.node import NodeKind
from setm.scenario import Scenario
from setm.simulation.community import OPERATOR_ID, Member
from setm.simulation.foresight import backtest_records, forecast_records, foresee_all
from setm.simulation.keys import OPERATOR_INDEX, local_account
from setm.simulation.mechanism import Progress, run_mechanism
from setm.simulation.settings import Loaded, day_of, load, questions

VERSIONED = ("setm", "web3", "eth-account", "eth-brownie", "polars", "lightgbm", "statsforecast")


def run(
    scenario: Scenario,
    *,
    network: NodeKind,
    out: Path,
    progress: Progress,
    with_backtest: bool = True,
) -> Path:
    """Run a scenario and return its folder ``out``, written whole or not at all; an older one is replaced."""
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(partial, scenario, network, progress, with_backtest)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)
    return out


def _fill(
    folder: Path, scenario: Scenario, network: NodeKind, progress: Progress, with_backtest: bool
) -> None:
    seconds: dict[str, float] = {}
    with _timed(seconds, "load"):
        loaded = load(scenario)
    asked = questions(loaded, with_backtest=with_backtest)
    done = progress.stage("forecast", len(asked))
    with _timed(seconds, "forecast"):
        answers = foresee_all(asked, lambda _name: done())
    day = day_of(loaded, answers)
    members: Sequence[Member] = ()
    for name in scenario.mechanisms:
        (folder / name).mkdir()
        with _timed(seconds, name):
            members = run_mechanism(name, day, network, folder / name, progress)
    resolved = scenario.resolved(relative_to=folder)
    (folder / "scenario.yaml").write_text(yaml.safe_dump(resolved, sort_keys=False))
    _write_json(folder / "participants.json", _participants(loaded, members))
    _write_json(folder / "forecasts.json", forecast_records(answers))
    _write_json(folder / "backtest.json", backtest_records(answers))
    _write_json(folder / "run.json", _about(scenario, network, seconds))


def _about(scenario: Scenario, network: NodeKind, seconds: Mapping[str, float]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "day": scenario.day.isoformat(),
        "slot_seconds": scenario.slot_seconds,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "network": network,
        "scenario_sha256": scenario.sha256(),
        "mechanisms": list(scenario.mechanisms),
        "chosen_slot": None,
        "versions": {name: _version(name) for name in VERSIONED},
        "seconds": {stage: round(value, 1) for stage, value in seconds.items()},
    }


def _version(package: str) -> str:
    return __version__ if package == "setm" else metadata.version(package)


def _participants(loaded: Loaded, members: Sequence[Member]) -> list[dict[str, Any]]:
    by_name = {member.name: member for member in members}
    operator = {
        "name": "grid operator",
        "participant_id": OPERATOR_ID,
        "kind": "grid operator",
        "device": "",
        "zone": 1,
        "account": str(local_account(OPERATOR_INDEX).address),
        "meter": None,
        "days_for_forecasting": None,
        "min_bid_price": None,
        "max_bid_price": None,
    }
    rows = [
        {
            "name": item.name,
            "participant_id": by_name[item.name].participant_id,
            "kind": item.kind,
            "device": item.device,
            "zone": item.zone,
            "account": by_name[item.name].sender.address,
            "meter": by_name[item.name].meter,
            "days_for_forecasting": item.days_for_forecasting,
            "min_bid_price": item.min_bid,
            "max_bid_price": item.max_bid,
        }
        for item in loaded.scenario.participants
    ]
    return [operator, *rows]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
