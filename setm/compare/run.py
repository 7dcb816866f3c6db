"""The whole comparison: each mechanism on a chain, all seeds in the reference, one folder with the report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from setm import __version__
from setm.chain.node import NodeKind
from setm.compare.confirm import confirm
from setm.compare.content import Comparison, Entry, OnChain
from setm.compare.disclosure import shown
from setm.compare.effort import effort
from setm.compare.optimum import optimum_of
from setm.compare.page import page
from setm.compare.plots import write_plots
from setm.compare.record import read_record
from setm.compare.seeds import Rehearsal, rehearse_all
from setm.compare.tables import tables
from setm.compare.workload import Workload, workload_of
from setm.errors import ConfigError
from setm.files import make_folder, storing, write_whole
from setm.forecast import Direction
from setm.report.build import write_tables
from setm.scenario import Scenario
from setm.scenario.checks import inconsistencies
from setm.simulation.foresight import Foresight, foresee_all, from_json
from setm.simulation.mechanism import Watch
from setm.simulation.run import FORESIGHT
from setm.simulation.run import run as run_on_chain
from setm.simulation.settings import Loaded, day_of, load, questions
from setm.simulation.timing import Progress
from setm.trading import MECHANISMS, mechanism_named

VERSIONED = ("setm", "numpy", "scipy", "polars", "matplotlib", "web3", "eth-brownie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be compared; without a network in the reference only. ``command`` is what the page says made it."""

    scenario: Scenario
    mechanisms: tuple[str, ...]
    seeds: int = 20
    network: NodeKind | None = None
    command: str = ""

    def __post_init__(self) -> None:
        for name in self.mechanisms:
            mechanism_named(name)
        if self.seeds < 1:
            raise ConfigError(f"{self.seeds} seeds: expected at least 1")
        for problem in inconsistencies(self.traded):
            where = ".".join(map(str, problem.location))
            raise ConfigError(f"{where} is {problem.found}: expected {problem.expected}")

    @property
    def traded(self) -> Scenario:
        """The scenario with the mechanisms that are compared instead of its own."""
        return self.scenario.model_copy(update={"mechanisms": self.mechanisms})


def able(scenario: Scenario) -> tuple[str, ...]:
    """Return the mechanisms that can trade a scenario: those with which its fields do not contradict each other."""
    return tuple(
        name
        for name in MECHANISMS
        if not inconsistencies(scenario.model_copy(update={"mechanisms": (name,)}))
    )


def compare(
    plan: Plan,
    out: Path,
    progress: Progress,
    *,
    fresh: bool = False,
    watch: Watch | None = None,
) -> Comparison:
    """Compare the mechanisms and put the folder ``out`` in place, whole or not at all; return what it shows.

    Raise ``RunError`` if the chain comes to another trade or bill than the reference. With a network, a comparison that
    was interrupted after its first transaction is continued by the same plan, unless ``fresh``.
    """
    made: list[Comparison] = []
    if plan.network is None:
        loaded = load(plan.traded)
        asked = questions(loaded, with_backtest=False)
        done = progress.stage("forecast", len(asked))
        answers = foresee_all(asked, lambda _name: done())
        with _in_place(out) as draft:
            resolved = plan.scenario.resolved(relative_to=draft)
            write_whole(draft / "scenario.yaml", yaml.safe_dump(resolved, sort_keys=False))
            made.append(_write(plan, draft, loaded, answers, progress))
        return made[0]

    def complete(partial: Path) -> None:
        answers = from_json((partial / FORESIGHT).read_text())
        made.append(_write(plan, partial, load(plan.traded), answers, progress))

    run_on_chain(
        plan.traded,
        network=plan.network,
        out=out,
        progress=progress,
        with_backtest=False,
        fresh=fresh,
        complete=complete,
        watch=watch,
    )
    return made[0]


def _write(
    plan: Plan,
    folder: Path,
    loaded: Loaded,
    answers: Mapping[tuple[str, Direction], Foresight],
    progress: Progress,
) -> Comparison:
    """Rehearse, confirm, and write tables, plots and page into a folder."""
    days = [
        day_of(replace(loaded, scenario=plan.scenario.with_seed(seed)), answers)
        for seed in range(plan.scenario.seed, plan.scenario.seed + plan.seeds)
    ]
    workload = workload_of(days[0])
    optimum_nano = optimum_of(workload)
    done = progress.stage("seeds", len(plan.mechanisms) * len(days))
    rehearsals = rehearse_all(
        plan.mechanisms, [day.trading for day in days], workload, optimum_nano, done
    )
    content = Comparison(
        about=_about(plan),
        workload=workload,
        optimum_nano=optimum_nano,
        entries=[
            entry_of(plan, name, folder, workload, rehearsals[place : place + len(days)])
            for name, place in zip(
                plan.mechanisms, range(0, len(rehearsals), len(days)), strict=True
            )
        ],
    )
    done = progress.stage("report", 1)
    _write_report(plan, folder, content)
    done()
    return content


def entry_of(
    plan: Plan, name: str, folder: Path, workload: Workload, rehearsals: Sequence[Rehearsal]
) -> Entry:
    """Return a mechanism's part of a comparison; raise ``RunError`` if its record in ``folder`` says anything else."""
    if plan.network is None:
        return Entry(name=name, rehearsals=rehearsals, chain=None)
    record, own = read_record(folder / name, name), rehearsals[0]
    chain = OnChain(
        confirmed=confirm(record, workload, own.outcome, own.whole),
        effort=effort(record, own.signed_orders),
        shown=shown(record),
        seconds=float(json.loads((folder / "run.json").read_text())["seconds"][name]),
    )
    return Entry(name=name, rehearsals=rehearsals, chain=chain)


def _write_report(plan: Plan, folder: Path, content: Comparison) -> None:
    made = tables(content)
    write_tables(made, folder / "tables")
    with storing(folder / "plots"):
        plots = write_plots(content, folder / "plots")
    write_whole(folder / "index.html", page(content, plots, made, plan.command))
    write_whole(folder / "comparison.json", json.dumps(content.about, indent=1) + "\n")


def _about(plan: Plan) -> dict[str, Any]:
    scenario = plan.scenario
    return {
        "name": scenario.name,
        "seed": scenario.seed,
        "seeds": plan.seeds,
        "day": scenario.day.isoformat(),
        "slot_seconds": scenario.slot_seconds,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "network": plan.network,
        "scenario_sha256": scenario.sha256(),
        "mechanisms": list(plan.mechanisms),
        "versions": {
            name: __version__ if name == "setm" else metadata.version(name) for name in VERSIONED
        },
    }


@contextmanager
def _in_place(out: Path) -> Iterator[Path]:
    """Give a folder to fill, and put it in the place of ``out`` once it is whole."""
    draft, older = out.with_name(f".{out.name}.draft"), out.with_name(f".{out.name}.older")
    for path in (draft, older):
        shutil.rmtree(path, ignore_errors=True)
    with storing(draft):
        make_folder(draft)
        try:
            yield draft
            if out.exists():
                out.rename(older)
            draft.rename(out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(older, ignore_errors=True)
