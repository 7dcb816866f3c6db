"""What is known of each mutant, kept in a file that only grows, and the table that is made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from tests.audit.figures import record
from tools.mutation.killing import Verdict
from tools.mutation.mutants import Mutant

EXPLAINED = Path("tests/audit/mutation/explained.yaml")
RESULTS = Path("reports/audit/mutation.jsonl")
SURVIVORS = Path("reports/audit/mutation.md")
WANTED = 0.9
# The folders of tests by which a mutant can be killed, and how the table calls them.
STAGES = {
    "tests/contracts/unit": "unit",
    "tests/contracts/common": "common",
    "tests/contracts/integration": "integration",
    "tests/contracts/invariant": "invariant",
    "tests/audit": "audit",
}


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the file: a mutant, what it depends on and what became of it."""

    id: str
    path: str
    line: int
    operator: str
    before: str
    after: str
    code: str
    sources: str
    nth: int = 1
    outcome: str = ""
    by: str = ""
    why: str = ""
    seconds: float = 0.0
    code_hash: str = ""
    tested: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, mutant: Mutant, sources: str) -> Entry:
        """Return the beginning of an entry."""
        return cls(
            id=mutant.id,
            path=mutant.path,
            line=mutant.line,
            operator=mutant.operator,
            before=mutant.before,
            after=mutant.after,
            code=mutant.code,
            nth=mutant.nth,
            sources=sources,
        )

    def ended(self, verdict: Verdict) -> Entry:
        """Return it with its end; of a killed mutant only the killer's file counts."""
        self.outcome, self.by, self.why = verdict.outcome, verdict.by, verdict.why
        self.seconds = round(verdict.seconds, 2)
        if verdict.outcome == "killed":
            file = verdict.by.partition("::")[0]
            self.tested = {file: self.tested[file]}
        elif verdict.outcome != "survived":
            self.tested = {}
        return self

    @property
    def stage(self) -> str:
        """Which kind of test killed it."""
        return next(name for folder, name in STAGES.items() if self.by.startswith(folder))


class Book:
    """The results; the last line about a mutant counts."""

    def __init__(self, root: Path) -> None:
        self._file = file = root / RESULTS
        self._last: dict[tuple[str, ...], Entry] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                entry = Entry(**json.loads(line))
                self._last[self._key(entry)] = entry

    @staticmethod
    def _key(about: Entry | Mutant) -> tuple[str, ...]:
        # Not the line's number: lines above come and go.
        number = about.id.split(":", 2)[2]
        return about.path, about.code, str(about.nth), number, about.before, about.after

    def last(self, mutant: Mutant) -> Entry | None:
        """Return what is known of a mutant."""
        return self._last.get(self._key(mutant))

    def killed(self) -> list[Entry]:
        """Return all entries of killed mutants."""
        return [entry for entry in self._last.values() if entry.outcome == "killed"]

    def write(self, entry: Entry) -> None:
        """Add a line, at once on the disk."""
        self._last[self._key(entry)] = entry
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a survivor is no gap in the tests; ``change`` is its id without contract and line number.

    Of lines of the same text it is about the ``nth`` alone.
    """

    contract: str
    line: str
    change: str
    why: str
    nth: int = 1

    def covers(self, about: Entry | Mutant) -> bool:
        """Return whether it is about this mutant."""
        contract, _, change = about.id.split(":", 2)
        found = (contract, about.code, change, about.nth)
        return (self.contract, self.line, self.change, self.nth) == found


def explanations(root: Path) -> list[Explanation]:
    """Read the checked-in explanations."""
    groups = yaml.safe_load((root / EXPLAINED).read_text()) or []
    found = []
    for group in groups:
        for text in group["mutants"]:
            contract, change, line = text.split(" | ", 2)
            # "change, line 2" is about the second line of that text.
            change, _, nth = change.partition(", line ")
            found.append(
                Explanation(
                    contract=contract, change=change, line=line, why=group["why"], nth=int(nth or 1)
                )
            )
    return found


@dataclass(slots=True)
class Row:
    """One contract's line of the table."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    explained: int = 0

    @property
    def killed(self) -> int:
        """How many a test noticed; one that never ends is noticed."""
        return self.outcomes["killed"] + self.outcomes["timed out"]

    @property
    def total(self) -> int:
        """How many count: not those that do not compile or whose code is another's."""
        return self.killed + self.outcomes["survived"]

    @property
    def score(self) -> float:
        """The share of killed ones among all."""
        return self.killed / self.total if self.total else 1.0

    @property
    def adjusted(self) -> float:
        """The same without the explained ones."""
        others = self.total - self.explained
        return self.killed / others if others else 1.0

    def cells(self) -> list[str]:
        """Return the line's cells."""
        counts = [self.total, *(self.stages[name] for name in STAGES.values())]
        counts += [self.outcomes["timed out"], self.outcomes["survived"], self.explained]
        scores = [f"{100 * self.score:.1f} %", f"{100 * self.adjusted:.1f} %"]
        dropped = [self.outcomes[name] for name in ("uncompilable", "equivalent", "duplicate")]
        return [self.name, *map(str, counts), *scores, *map(str, dropped)]


HEAD = (
    *("contract", "mutants", *STAGES.values(), "timed out", "survived", "explained"),
    *("score", "adjusted", "not compiled", "same code", "duplicate"),
)


@dataclass(slots=True)
class Report:
    """The table of a run, the survivors, the figures of the audit."""

    root: Path
    book: Book
    mutants: Sequence[Mutant]
    is_whole: bool
    is_quick: bool
    rows: dict[str, Row] = field(default_factory=dict)
    unexplained: list[tuple[Mutant, str]] = field(default_factory=list)
    explained: list[tuple[Mutant, str]] = field(default_factory=list)

    def publish(self) -> int:
        """Print the table, write the survivors, record the figures; return 1 if a survivor is unexplained."""
        self._count(explanations(self.root))
        rows = list(self.rows.values())
        print(_table(HEAD, [row.cells() for row in [*rows, _total(rows)]]))
        self._write_survivors()
        # Those that the tests nearby do not notice may well be noticed by others.
        for row in [] if self.is_quick else [*rows, _total(rows)]:
            self._record(row)
        for mutant, _ in self.unexplained:
            change = f"{mutant.before} -> {mutant.after}"
            print(f"not explained: {mutant.id}: {mutant.code}  [{change}]")
        return int(bool(self.unexplained) or any(row.adjusted < WANTED for row in rows))

    def _count(self, known: Sequence[Explanation]) -> None:
        for mutant in self.mutants:
            entry = self.book.last(mutant)
            if entry is None:
                continue
            row = self.rows.setdefault(mutant.contract, Row(mutant.contract))
            row.outcomes[entry.outcome] += 1
            if entry.outcome == "killed":
                row.stages[entry.stage] += 1
            if entry.outcome == "survived":
                why = next((one.why for one in known if one.covers(entry)), "")
                row.explained += bool(why)
                (self.explained if why else self.unexplained).append((mutant, why))

    def _record(self, row: Row) -> None:
        kind = "all mutants" if self.is_whole else "a sample"
        record(
            "mutation",
            f"{row.name}: share of {row.total} mutants killed, {kind}",
            round(100 * row.score, 1),
            wanted=f">= {100 * WANTED:.0f} % without the explained ones",
            ok=row.adjusted >= WANTED,
            adjusted=round(100 * row.adjusted, 1),
            survived=row.outcomes["survived"],
            explained=row.explained,
            timed_out=row.outcomes["timed out"],
        )

    def _write_survivors(self) -> None:
        text = ["# Mutants that no test noticed", "", "## Not explained", ""]
        text += [*_survivors(self.unexplained), "", "## Explained", ""]
        text += [*_survivors(self.explained), ""]
        file = self.root / SURVIVORS
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(text))


def _total(rows: Sequence[Row]) -> Row:
    total = Row("total")
    for row in rows:
        total.outcomes += row.outcomes
        total.stages += row.stages
        total.explained += row.explained
    return total


def _table(head: Iterable[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _survivors(found: Sequence[tuple[Mutant, str]]) -> list[str]:
    lines = ["| mutant | line | before | after | why it is no gap |", "|---|---|---|---|---|"]
    for mutant, why in found:
        cells = map(_cell, (mutant.code, mutant.before, mutant.after))
        lines.append(
            f"| {mutant.id} | " + " | ".join(f"`{cell}`" for cell in cells) + f" | {why} |"
        )
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
