"""The undisturbed day of each chain and mechanism, and the list of all faults with what became of them."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import pytest

from tests.audit.faults.day import prepare
from tests.audit.faults.program import Life
from tests.audit.faults.survival import Survival, undisturbed
from tests.audit.figures import DEPTH, FIGURES, record

COLUMNS = (
    "number", "stage", "network", "mechanism", "kind", "where", "reached_node", "happened", "survived",
    "same_times", "back_after_seconds",
)  # fmt: skip
IS_AUDIT = DEPTH >= 15
WANTED = 100


@dataclass(slots=True)
class Register:
    """Every fault that struck, in order."""

    rows: list[dict[str, object]] = field(default_factory=list)
    back_after: float | None = None

    def add(self, stage: str, life: Life, survival: Survival, *, ok: bool) -> None:
        """Add the faults of one day; each is survived if the day is."""
        for struck in survival.struck:
            self.add_row(
                stage=stage,
                network=life.kind,
                mechanism=life.mechanism,
                kind=struck["kind"],
                where=f"{struck['method']} {struck['occurrence']}",
                reached_node=struck["reached"],
                happened=survival.happened,
                survived=ok,
                same_times=not survival.differs_in_time,
                back_after_seconds=round(survival.ends[-1].seconds, 2) if survival.ends[1:] else "",
            )

    def add_row(self, **values: object) -> None:
        """Add one fault."""
        self.rows.append({"number": len(self.rows) + 1, **values})

    def write(self) -> None:
        """Write the list and its figures."""
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        with (FIGURES.parent / "faults.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        survived = Counter(bool(row["survived"]) for row in self.rows)
        enough = len(self.rows) >= WANTED or not IS_AUDIT
        record(
            "faults",
            "faults injected",
            len(self.rows),
            wanted=f">= {WANTED}" if IS_AUDIT else "a handful of each kind",
            ok=enough,
        )
        record(
            "faults",
            "faults survived",
            survived[True],
            wanted="all",
            ok=survived[False] == 0,
            by_kind=dict(Counter(str(row["kind"]).split(":")[0] for row in self.rows)),
            list="reports/audit/faults.csv",
        )
        if self.back_after is not None:
            record(
                "faults",
                "seconds until a killed day has gone on to its end",
                round(self.back_after, 1),
                wanted="5, for information",
                ok=True,
            )


@pytest.fixture(scope="session")
def register():
    kept = Register()
    yield kept
    if kept.rows:
        kept.write()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="session")
def truth_of(prepared, tmp_path_factory):
    @cache
    def truth(kind, mechanism):
        folder = tmp_path_factory.mktemp("truth") / f"{kind}-{mechanism}"
        life = Life(mechanism=mechanism, kind=kind, folder=folder, day_file=prepared.day_file)
        return undisturbed(prepared, life)

    return truth
