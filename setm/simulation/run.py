"""A whole run: forecasts once, then each mechanism on its own chain, then the report."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from setm import __version__
from setm.chain.abi import ROLES, artifact
from setm.chain.journal import Journal
from setm.chain.node import NodeKind
from setm.errors import SetupError, StorageFull
from setm.files import lock, make_folder, storing, write_whole
from setm.forecast import Direction
from setm.keystore import KeySource
from setm.scenario import Scenario
from setm.simulation.community import OPERATOR_ID
from setm.simulation.foresight import (
    Foresight,
    backtest_records,
    forecast_records,
    foresee_all,
    from_json,
    to_json,
)
from setm.simulation.keys import OPERATOR_INDEX, local_account
from setm.simulation.mechanism import JOURNAL, Membership, Watch, run_mechanism
from setm.simulation.settings import Loaded, day_of, load, questions
from setm.simulation.timing import Clocked, Progress

VERSIONED = ("setm", "web3", "eth-account", "eth-brownie", "polars", "lightgbm", "statsforecast")
# Beside the run's own files while it is under way.
LOCK, COMMAND, FORESIGHT = "lock", "command.json", "foresight.json"


def run(
    scenario: Scenario,
    *,
    network: NodeKind,
    out: Path,
    progress: Progress,
    with_backtest: bool = True,
    fresh: bool = False,
    complete: Callable[[Path], object] = lambda folder: None,
    watch: Watch | None = None,
    keys: KeySource | None = None,
) -> Path:
    """Run a scenario and return its folder ``out``, put in place whole or not at all; an older one is replaced.

    A run that was interrupted after its first transaction is kept beside ``out`` and continued when it is asked for
    again, unless ``fresh``. ``complete`` adds to the folder before it is put in place. ``keys`` are those of the
    participants and their meters; without it they are derived from the scenario's seed.
    """
    partial, watch = out.with_name(f".{out.name}.partial"), watch or Watch()
    command = {
        "scenario_sha256": scenario.sha256(),
        "network": network,
        "with_backtest": with_backtest,
        "program": __version__,
        "contracts": _contracts_sha256(),
        "keys": "seed" if keys is None else keys.origin,
    }
    with _workplace(partial, command, fresh, watch), storing(partial):
        _fill(partial, scenario, network, progress, with_backtest, watch, keys)
        complete(partial)
        _put_in_place(partial, out)
    return out


@contextmanager
def _workplace(
    folder: Path, command: Mapping[str, Any], fresh: bool, watch: Watch
) -> Iterator[None]:
    """Lock a run's folder and empty it unless it is of the same command; keep it if there is something to continue."""
    make_folder(folder)
    held = lock(folder / LOCK)
    try:
        if fresh or not _is_of(folder, command):
            _empty(folder, watch)
            write_whole(folder / COMMAND, json.dumps(command))
        yield
    except BaseException:
        if _has_begun(folder):
            watch.notice(f"kept in {folder}: the same command continues from there")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(held)


def _contracts_sha256() -> str:
    """Return the hash of all compiled contracts; of none if they are still to be compiled."""
    try:
        codes = [str(artifact(contract)["bytecode"]) for contract in ROLES.values()]
    except SetupError:
        codes = []
    return hashlib.sha256("\n".join(codes).encode()).hexdigest()


def _is_of(folder: Path, command: Mapping[str, Any]) -> bool:
    try:
        return bool(json.loads((folder / COMMAND).read_text()) == command)
    except (OSError, ValueError):
        return False


def _has_begun(folder: Path) -> bool:
    """Whether anything was sent: then it must not be sent again, and is worth continuing."""
    try:
        return any(_lines_of(path) for path in folder.glob(f"*/{JOURNAL}"))
    except (StorageFull, sqlite3.Error):
        # Not readable now: then nothing may be removed.
        return True


def _lines_of(path: Path) -> int:
    with Journal(path) as journal:
        return journal.counts()[1]


def _empty(folder: Path, watch: Watch) -> None:
    if _has_begun(folder):
        watch.notice(f"{folder}: left by another run, removed; starting anew")
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def _put_in_place(partial: Path, out: Path) -> None:
    older = out.with_name(f".{out.name}.older")
    shutil.rmtree(older, ignore_errors=True)
    if out.exists():
        out.rename(older)
    partial.rename(out)
    # Only now: until here a killed run has to find what it needs to continue.
    for name in (LOCK, COMMAND, FORESIGHT):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(older, ignore_errors=True)


def _fill(
    folder: Path,
    scenario: Scenario,
    network: NodeKind,
    progress: Progress,
    with_backtest: bool,
    watch: Watch,
    keys: KeySource | None,
) -> None:
    seconds: dict[str, float] = {}
    clocked = Clocked(progress)
    with _timed(seconds, "load"):
        loaded = load(scenario)
    with _timed(seconds, "forecast"):
        answers = _foresee(folder, loaded, clocked, with_backtest)
    day = day_of(loaded, answers, keys)
    members: Sequence[Membership] = ()
    for name in scenario.mechanisms:
        with _timed(seconds, name):
            members = run_mechanism(name, day, network, folder / name, clocked, watch)
    clocked.end()
    resolved = scenario.resolved(relative_to=folder)
    write_whole(folder / "scenario.yaml", yaml.safe_dump(resolved, sort_keys=False))
    _write_json(folder / "participants.json", _participants(loaded, members))
    _write_json(folder / "forecasts.json", forecast_records(answers))
    _write_json(folder / "backtest.json", backtest_records(answers))
    _write_json(folder / "run.json", _about(scenario, network, seconds, clocked.rounded()))


def _foresee(
    folder: Path, loaded: Loaded, progress: Progress, with_backtest: bool
) -> dict[tuple[str, Direction], Foresight]:
    """Return all forecasts, those of an interrupted run if it had made them."""
    kept = folder / FORESIGHT
    asked = questions(loaded, with_backtest=with_backtest)
    done = progress.stage("forecast", len(asked))
    if kept.is_file():
        return from_json(kept.read_text())
    answers = foresee_all(asked, lambda _name: done())
    write_whole(kept, to_json(answers))
    return answers


def _about(
    scenario: Scenario,
    network: NodeKind,
    seconds: Mapping[str, float],
    stages: Mapping[str, float],
) -> dict[str, Any]:
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
        "stage_seconds": dict(stages),
    }


def _version(package: str) -> str:
    return __version__ if package == "setm" else metadata.version(package)


def _participants(loaded: Loaded, members: Sequence[Membership]) -> list[dict[str, Any]]:
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
            "account": by_name[item.name].account,
            "meter": by_name[item.name].meter,
            "days_for_forecasting": item.days_for_forecasting,
            "min_bid_price": item.min_bid,
            "max_bid_price": item.max_bid,
        }
        for item in loaded.scenario.participants
    ]
    return [operator, *rows]


def _write_json(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, indent=1) + "\n")


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started
