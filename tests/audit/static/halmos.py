"""Runs Halmos over tests/symbolic: what holds for every value, or that nobody knows yet.

::

    tools/audit-tools                                     # once
    .venv/bin/python -m tests.audit.static.halmos [--match-test '^check_name']

Yices decides what is bits alone. Where storage comes in Z3 does: Yices has answered such a query of ours with a model
that contradicts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from tests.audit.figures import ROOT
from tests.audit.static.forge import binary

FOLDER = ROOT / "tests" / "symbolic"
HALMOS = ROOT / ".venv-halmos" / "bin" / "halmos"
OUT = ROOT / "build" / "halmos"
# No loop of a check takes more turns.
LOOP = 8
OPTIONS = (
    "--no-status",
    *("--loop", str(LOOP)),
    # Every panic of a check is a failure, also an overflow.
    *("--panic-error-codes", "*"),
    # Signatures and other bytes: none, or as long as a signature.
    *("--default-bytes-lengths", "0,65"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Contracts that are decided alike: as Halmos matches them, by which solver, with which idea of storage.

    The solver may think ``seconds`` about one assertion. With 15 of them a check that takes 16 in all was proved in one
    audit, and not in the next.
    """

    contracts: str
    solver: str
    layout: str = "solidity"
    seconds: int = 60


# The registry has fixed arrays whose index is anybody's number: where they begin is then no constant of storage.
PARTS = {
    "bits": Part("^BitsTest$", "yices"),
    "offices": Part("^OfficeAuthorityTest$", "z3", "generic"),
    # Most of these are out of the solver's reach, however long it thinks.
    "bounds": Part("^BoundsTest$", "z3", seconds=15),
    "rest": Part("^(?!BitsTest|OfficeAuthorityTest|BoundsTest)", "z3"),
}


class Verdict(IntEnum):
    """What Halmos says of a check, by its own numbers; LOOP_BOUND is ours."""

    PROVED = 0
    COUNTEREXAMPLE = 1
    TIMEOUT = 2
    STUCK = 3
    REVERTED_ALL = 4
    EXCEPTION = 5
    LOOP_BOUND = 6


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    name: str
    verdict: Verdict
    paths: int
    seconds: float


def run(
    options: Sequence[str], *, capture: bool, report: Path | None = None, folder: Path = FOLDER
) -> subprocess.CompletedProcess[str]:
    """Run Halmos on the checks of ``folder``; Foundry compiles them first."""
    out = os.path.relpath(OUT / "out", folder)
    command = [str(HALMOS), "--root", str(folder), "--forge-build-out", out, *OPTIONS, *options]
    if report:
        report.unlink(missing_ok=True)
        command += ["--json-output", str(report)]
    path = os.pathsep.join([str(Path(binary()).parent), os.environ["PATH"]])
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=capture,
        text=True,
        check=False,
    )


def chosen(name: str) -> list[str]:
    """Return the options that let a part be decided in its way."""
    part = PARTS[name]
    return [
        *("--match-contract", part.contracts),
        *("--solver", part.solver),
        *("--storage-layout", part.layout),
        *("--solver-timeout-assertion", f"{part.seconds}s"),
    ]


def checks(report: Path) -> list[Check]:
    """Return every check of a report."""
    found = []
    for place, results in json.loads(report.read_text())["test_results"].items():
        for result in results:
            verdict = Verdict(result["exitcode"])
            if verdict is Verdict.PROVED and result["num_bounded_loops"]:
                verdict = Verdict.LOOP_BOUND
            contract = place.rpartition(":")[2]
            name = f"{contract}.{result['name'].partition('(')[0]}"
            found.append(Check(name, verdict, result["num_paths"][0], round(result["time"][0], 1)))
    return sorted(found, key=lambda check: check.name)


if __name__ == "__main__":
    ends = [run([*chosen(part), *sys.argv[1:]], capture=False).returncode for part in PARTS]
    sys.exit(max(ends))
