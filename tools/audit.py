"""Attacks every promise of docs/security.md, stage by stage, and prints what each stage reached.

    .venv/bin/python -m tools.audit                      # everything, at audit depth
    .venv/bin/python -m tools.audit machine faults       # some stages
    .venv/bin/python -m tools.audit --list               # what the stages show
    .venv/bin/python -m tools.audit --depth 1 machine    # as deep as `make test`
    .venv/bin/python -m tools.audit --fresh              # also what passed before with the same files

A stage that passed is not run again before a file of the project changes, so that an audit goes on where it was
interrupted; figures and log are those of then.
Each stage's output goes to reports/audit/<stage>.log, the table to reports/audit/summary.md and summary.json. The exit
code is 0 only when every stage passed, reported at least one figure, and met what each figure asks for.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools import kept

ROOT = Path(__file__).resolve().parent.parent
AUDIT_DEPTH = 15
PYTEST = (sys.executable, "-m", "pytest", "-c", "tests/python/pytest.ini", "-q", "-rs")
BOTH_CORES = ("--numprocesses", "2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the audit: what it shows, the command that shows it, and whether figures are expected of it."""

    name: str
    shows: str
    command: tuple[str, ...]
    has_figures: bool = True
    # Whether it need not be run again while no file changes.
    is_kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a stage ended; ``problem`` is empty when all is well."""

    stage: str
    shows: str
    seconds: float
    problem: str
    figures: tuple[dict[str, Any], ...]
    was_before: bool = False


def _suite(name: str, shows: str, *options: str) -> Stage:
    return Stage(name=name, shows=shows, command=(*PYTEST, f"tests/audit/{name}", *options))


STAGES: tuple[Stage, ...] = (
    Stage(
        name="tools",
        shows="the analysers are installed from locked files, each in its own environment",
        command=("tools/audit-tools",),
        has_figures=False,
        is_kept=False,
    ),
    Stage(
        name="tests",
        shows="every test of the project passes",
        command=(
            "env",
            "SETM_DEPTH=1",
            "tools/run-tests",
            "python=tests/python",
            "contracts=tests/contracts",
        ),
        has_figures=False,
    ),
    _suite(
        "attacks",
        "single attacks, each with the answer that docs/security.md names",
        "tests/audit/anonymous",
        "tests/audit/schedules",
        *BOTH_CORES,
    ),
    _suite(
        "machine", "16 invariants hold after every random step of the whole system", *BOTH_CORES
    ),
    _suite("books", "chain and reference clear the same random books to the unit", *BOTH_CORES),
    _suite("static", "fuzzer, symbolic proofs, Slither, layouts, interfaces, sizes"),
    Stage(
        name="edges",
        shows="what mutants and missing rows taught: behaviour at edges, and the checkers themselves",
        command=(*PYTEST, "tests/audit/mutation", "tests/audit/threats", *BOTH_CORES),
        has_figures=False,
    ),
    _suite("keys", "no secret in anything that a run writes or shows"),
    _suite("selftest", "what fails in the tests fails the tests"),
    _suite("faults", "runs survive broken nodes, connections, disks and processes", *BOTH_CORES),
    Stage(
        name="mutation",
        shows="the tests notice when a contract is changed",
        command=(
            sys.executable,
            "-m",
            "tools.mutation",
            "--all",
            "--sample",
            "480",
            "--seed",
            "1",
            "--jobs",
            "2",
        ),
    ),
    Stage(
        name="threats",
        shows="each row of the threat model has a test that ran and passed in this audit",
        command=(
            sys.executable,
            "-m",
            "tools.threats",
            "--when",
            "audit",
            "--ran",
            "reports/audit/outcomes",
        ),
        has_figures=False,
        is_kept=False,
    ),
)


def run_stage(stage: Stage, folder: Path, depth: int) -> Outcome:
    """Run a stage in the project's folder, its output into ``folder``; return how it ended and its figures."""
    figures = folder / "figures.jsonl"
    before = len(_lines(figures))
    started = time.monotonic()
    environment = {**os.environ, "SETM_DEPTH": str(depth), "SETM_AUDIT": "1"}
    environment["SETM_OUTCOMES"] = str(folder / "outcomes" / f"{stage.name}.jsonl")
    with (folder / f"{stage.name}.log").open("w") as log:
        status = subprocess.run(
            stage.command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    found = tuple(json.loads(line) for line in _lines(figures)[before:])
    return Outcome(
        stage=stage.name,
        shows=stage.shows,
        seconds=round(time.monotonic() - started, 1),
        problem=_problem(stage, status, found),
        figures=found,
    )


def _problem(stage: Stage, status: int, figures: Sequence[dict[str, Any]]) -> str:
    if status != 0:
        return f"exit code {status}: see {stage.name}.log"
    missed = [figure["name"] for figure in figures if not figure["ok"]]
    if missed:
        return f"missed: {', '.join(missed)}"
    if stage.has_figures and not figures:
        return "reported nothing"
    return ""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def audit(
    stages: Sequence[Stage],
    folder: Path,
    depth: int,
    report: Callable[[Outcome], None] = lambda outcome: None,
    begin: Callable[[Stage], None] = lambda stage: None,
    *,
    is_fresh: bool = False,
) -> list[Outcome]:
    """Run stages one after the other, each to its end, whatever the others found; write the summary.

    What passed before with the same files is taken as it was, unless ``is_fresh``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = kept.content_of(ROOT)
    before = {} if is_fresh else kept.passed(folder, content, depth)
    _leave_only(before, folder)
    outcomes = []
    for stage in stages:
        begin(stage)
        if stage.name in before:
            outcome = Outcome(**{**before[stage.name], "was_before": True})
        else:
            outcome = run_stage(stage, folder, depth)
            # Only what was the same all the time.
            if stage.is_kept and not outcome.problem and kept.content_of(ROOT) == content:
                before[stage.name] = asdict(outcome)
                kept.keep(folder, content, depth, before)
        outcomes.append(outcome)
        report(outcome)
    summary = json.dumps([asdict(outcome) for outcome in outcomes], indent=1)
    (folder / "summary.json").write_text(summary + "\n")
    (folder / "summary.md").write_text(_markdown(outcomes))
    return outcomes


def _leave_only(before: Mapping[str, Any], folder: Path) -> None:
    """Remove what earlier audits left, but for figures and outcomes of stages that need not be run again."""
    lines = [json.dumps(figure) + "\n" for one in before.values() for figure in one["figures"]]
    (folder / "figures.jsonl").write_text("".join(lines))
    for path in (folder / "outcomes").glob("*.jsonl"):
        if path.stem not in before:
            path.unlink()


def _markdown(outcomes: Sequence[Outcome]) -> str:
    lines = ["# Audit", "", "| stage | shows | seconds | result |", "|---|---|---|---|"]
    lines += [f"| {o.stage} | {o.shows} | {o.seconds} | {_result(o)} |" for o in outcomes]
    lines += ["", "| stage | figure | value | wanted | met |", "|---|---|---|---|---|"]
    lines += [
        f"| {o.stage} | {f['name']} | {f['value']} | {f['wanted']} | {'yes' if f['ok'] else '**no**'} |"
        for o in outcomes
        for f in o.figures
    ]
    return "\n".join(lines) + "\n"


def _result(outcome: Outcome) -> str:
    return outcome.problem or ("passed before" if outcome.was_before else "passed")


def _print_tables(console: Console, outcomes: Sequence[Outcome]) -> None:
    figures = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("stage", "figure", "value", "wanted", ""):
        figures.add_column(name, justify="right" if name == "value" else "left")
    for outcome in outcomes:
        for figure in outcome.figures:
            met = "met" if figure["ok"] else "[red]missed[/red]"
            texts = (outcome.stage, figure["name"], _shown(figure["value"]), figure["wanted"])
            figures.add_row(*texts, met)
    stages = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("stage", "shows", "seconds", "result"):
        stages.add_column(name, justify="right" if name == "seconds" else "left")
    for outcome in outcomes:
        result = f"[red]{outcome.problem}[/red]" if outcome.problem else _result(outcome)
        stages.add_row(outcome.stage, outcome.shows, f"{outcome.seconds:,.0f}", result)
    console.print(figures)
    console.print(stages)


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def chosen(names: Sequence[str], stages: Sequence[Stage] = STAGES) -> list[Stage]:
    """Return the stages of these names in the audit's order, all of them for none; raise ``ValueError`` if unknown."""
    known = [stage.name for stage in stages]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no stage {', '.join(unknown)}: expected some of {', '.join(known)}")
    return [stage for stage in stages if not names or stage.name in names]


def main() -> int:
    """Run the audit; return 1 when anything is not as it should be, 2 for a wrong argument."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.audit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stages", nargs="*", help="stages to run; all of them if none is named")
    parser.add_argument(
        "--depth", type=int, default=AUDIT_DEPTH, help="multiple of the tests' depth"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="run what passed before with the same files too"
    )
    parser.add_argument("--list", action="store_true", help="print the stages and what they show")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    arguments = parser.parse_args()
    if arguments.depth < 1:
        parser.error(f"--depth {arguments.depth}: expected at least 1")
    try:
        stages = chosen(arguments.stages)
    except ValueError as error:
        parser.error(str(error))
    if arguments.list:
        print("\n".join(f"{stage.name:10} {stage.shows}" for stage in stages))
        return 0

    folder = ROOT / "reports" / "audit"
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("audit", total=len(stages))
        outcomes = audit(
            stages,
            folder,
            arguments.depth,
            report=lambda outcome: progress.advance(task),
            begin=lambda stage: progress.update(task, description=stage.name),
            is_fresh=arguments.fresh,
        )
    if arguments.json:
        print((folder / "summary.json").read_text(), end="")
    else:
        _print_tables(Console(), outcomes)
        print(f"Written to {folder.relative_to(ROOT)}")
    return int(any(outcome.problem for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
