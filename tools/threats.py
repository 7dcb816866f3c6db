"""Holds docs/security.md to the tests: every claim, attack and invariant is shown by tests that exist, ran and passed.

::

    .venv/bin/python -m tools.threats                       # the tests exist
    .venv/bin/python -m tools.threats --ran reports/tests   # and ran: outcomes written by tools.outcomes
    .venv/bin/python -m tools.threats --ran reports/tests --when audit

Names each row that is not kept and exits non-zero. Tests of rows marked `audit`, and single tests followed by
"(audit)", are demanded of an audit only. A row without a test is an accepted risk and says why.
"""

import argparse
import ast
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security.md"

CLAIMS = tuple(f"C{number}" for number in range(1, 5))
INVARIANTS = tuple(f"I{number}" for number in range(1, 17))
# The published list of attacks that the page starts from; those found here follow without a gap.
FIRST_ATTACKS = 44

CI, AUDIT = "CI", "audit"
ACCEPTED = "accepted risk"
LEAST_REASON = 40

_TEST = re.compile(r"`(tests/[^`]+)`( \(audit\))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A test that a row names; ``is_audit`` if only an audit runs it."""

    test: str
    is_audit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the page's tables that have a column ``tests``."""

    number: str
    text: str
    demands: tuple[Demand, ...]
    when: str
    is_accepted: bool


def cells(line: str) -> list[str]:
    """Return the cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows_of(page: str) -> Iterator[Row]:
    """Yield the rows of all tables of a page that have a column ``tests``."""
    header: list[str] = []
    for line in page.splitlines():
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells(line)
        elif "tests" in header and not re.fullmatch(r"[|\s:-]+", line):
            # A row with too few cells lacks its last ones.
            found = dict.fromkeys(header, "") | dict(zip(header, cells(line), strict=False))
            yield _row(found, header[0])


def _row(found: Mapping[str, str], first: str) -> Row:
    when = found.get("when", CI)
    demands = tuple(
        Demand(test=test, is_audit=when == AUDIT or bool(mark))
        for test, mark in _TEST.findall(found["tests"])
    )
    others = [text for name, text in found.items() if name not in (first, "tests", "when")]
    return Row(
        number=found[first],
        text=others[-1] if others else "",
        demands=demands,
        when=when,
        is_accepted=ACCEPTED in found["tests"],
    )


def page_faults(rows: list[Row]) -> Iterator[str]:
    """Yield what is wrong with the page itself: rows that are missing, doubled, unknown or say too little."""
    numbers = [row.number for row in rows]
    attacks = sorted(int(number) for number in numbers if number.isdecimal())
    last = max(FIRST_ATTACKS, attacks[-1] if attacks else 0)
    wanted = {*CLAIMS, *INVARIANTS, *(str(number) for number in range(1, last + 1))}
    for number in sorted(wanted - set(numbers), key=lambda n: (n.isdecimal(), len(n), n)):
        yield f"row {number}: missing"
    for number in sorted(set(numbers) - wanted):
        yield f"row {number}: unknown"
    for number in sorted({n for n in numbers if numbers.count(n) > 1}):
        yield f"row {number}: stands twice"
    for row in rows:
        if row.when not in (CI, AUDIT):
            yield f"row {row.number}: runs in {row.when!r}, expected {CI} or {AUDIT}"
        if not row.demands and not row.is_accepted:
            yield f"row {row.number}: names no test and is no {ACCEPTED}"
        if row.is_accepted and len(row.text) < LEAST_REASON:
            yield f"row {row.number}: an {ACCEPTED} without a reason"


@cache
def tests_in(file: Path) -> frozenset[str]:
    """Return the names that a test file defines, those of classes with what stands in them."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(), str(file)).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            inner = getattr(node, "body", [])
            names |= {f"{node.name}::{part.name}" for part in inner if hasattr(part, "name")}
        elif isinstance(node, ast.Assign):
            # A state machine's test case is a name that is given a class.
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names)


def exists(test: str, root: Path) -> bool:
    """Return whether a test's file is there and defines it; a file or a folder alone needs to be there."""
    file, _, name = test.partition("::")
    path = root / file
    if not name:
        return path.exists()
    return path.is_file() and name.partition("[")[0] in tests_in(path)


def read_outcomes(folder: Path) -> dict[str, set[str]]:
    """Return how each test ended, phases and repetitions together, from all files of a run."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            found[entry["test"]].add(entry["outcome"])
    return found


def covers(named: str, ran: str) -> bool:
    """Return whether a test that ran is one of those that a row names: its file, its function or itself."""
    return ran == named or any(ran.startswith(named + after) for after in ("::", "[", "/"))


def run_faults(rows: Iterable[Row], ran: Mapping[str, set[str]], when: str) -> Iterator[str]:
    """Yield each test that is demanded and did not run, or ended in anything but success."""
    for row in rows:
        for demand in row.demands:
            if demand.is_audit and when != AUDIT:
                continue
            ends = {name: outcomes for name, outcomes in ran.items() if covers(demand.test, name)}
            if not ends:
                yield f"row {row.number}: {demand.test} did not run"
            for name, outcomes in ends.items():
                for outcome in sorted(outcomes - {"passed"}):
                    yield f"row {row.number}: {name} {outcome}"


def existence_faults(rows: Iterable[Row], root: Path) -> Iterator[str]:
    """Yield each test that a row names and nobody wrote."""
    for row in rows:
        for demand in row.demands:
            if not exists(demand.test, root):
                yield f"row {row.number}: {demand.test} does not exist"


def summary(rows: list[Row], ran: Mapping[str, set[str]] | None, when: str) -> str:
    """Return in words what the page holds, and of how much the run has shown it."""
    attacks = [row for row in rows if row.number.isdecimal()]
    accepted = [row.number for row in attacks if row.is_accepted]
    demands = {demand for row in rows for demand in row.demands}
    lines = [
        f"{len(attacks)} attacks, of which {len(accepted)} are accepted risks"
        + (f" ({', '.join(accepted)})" if accepted else ""),
        f"{len(INVARIANTS)} invariants and {len(CLAIMS)} claims",
        f"{len({demand.test for demand in demands})} tests named, "
        f"{len({demand.test for demand in demands if demand.is_audit})} of them for an audit only",
    ]
    if ran is not None:
        shown = {
            name
            for name in ran
            for demand in demands
            if covers(demand.test, name) and (when == AUDIT or not demand.is_audit)
        }
        lines.append(f"{len(shown)} of {len(ran)} test cases of this run show a row")
    return "\n".join(f"threats: {line}" for line in lines)


def note_figures(rows: list[Row], faults: list[str]) -> None:
    """Put what the page reaches into the audit's table."""
    from tests.audit.figures import record

    attacks = [row for row in rows if row.number.isdecimal()]
    accepted = [row for row in attacks if row.is_accepted]
    wanted = f">= {FIRST_ATTACKS + 10}, each row's tests ran"
    is_met = not faults and len(attacks) >= FIRST_ATTACKS + 10
    record("threats", "attacks in the threat model", len(attacks), wanted=wanted, ok=is_met)
    record("threats", "accepted risks", len(accepted), wanted="each with its reason", ok=not faults)


def main(arguments: list[str] | None = None) -> int:
    """Check the page; return 1 and name every row that is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the tables")
    parser.add_argument(
        "--root", type=Path, default=ROOT, help="folder that the tests' names start at"
    )
    parser.add_argument("--ran", type=Path, help="folder of outcomes; without it tests must exist")
    parser.add_argument("--when", choices=(CI, AUDIT), default=CI, help="what has run")
    options = parser.parse_args(arguments)

    rows = list(rows_of(options.page.read_text()))
    ran = read_outcomes(options.ran) if options.ran else None
    faults = [*page_faults(rows), *existence_faults(rows, options.root)]
    if ran is not None:
        faults += run_faults(rows, ran, options.when)
    print(summary(rows, ran, options.when))
    for fault in faults:
        print(f"threats: {fault}", file=sys.stderr)
    if options.when == AUDIT and ran is not None:
        note_figures(rows, faults)
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
