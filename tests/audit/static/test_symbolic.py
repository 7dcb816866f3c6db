"""Halmos: packing, rounding and authority for every value. What the solver cannot finish is listed with the reason."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.static.halmos import FOLDER, HALMOS, PARTS, Check, Verdict, checks, chosen, run

UNFINISHED: dict[str, str] = yaml.safe_load(
    (Path(__file__).parent / "symbolic_unfinished.yaml").read_text()
)
WRITTEN = sorted(
    f"{contract}.{check}"
    for path in FOLDER.glob("*.t.sol")
    for contract, body in re.findall(r"^contract (\w+)(.*?)^}", path.read_text(), re.M | re.S)
    for check in re.findall(r"function (check_\w+)", body)
)
REPORTS = ROOT / "reports" / "audit"

FALSE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

contract FalseTest {
    function check_onlyOneValueIsWrong(uint256 value) external pure {
        assert(value != 0xdeadbeefdeadbeef);
    }

    function check_thisHolds(uint128 value) external pure {
        assert(uint256(value) + 1 > value);
    }
}
"""

needs_halmos = pytest.mark.skipif(
    DEPTH == 1,
    reason="symbolic checks take minutes: they belong to make audit (SETM_DEPTH above 1)",
)


@pytest.fixture(scope="module")
def found() -> list[Check]:
    if not HALMOS.exists():
        pytest.fail("Halmos is not installed: run tools/audit-tools")
    REPORTS.mkdir(parents=True, exist_ok=True)
    decided = []
    for part in PARTS:
        report = REPORTS / f"symbolic-{part}.json"
        finished = run(chosen(part), capture=True, report=report)
        if not report.exists():
            pytest.fail(f"Halmos did not run: {finished.stdout[-2000:]}{finished.stderr[-2000:]}")
        decided += checks(report)
    return sorted(decided, key=lambda check: check.name)


@needs_halmos
@pytest.mark.timeout(3600)
def test_no_check_has_a_counterexample_and_the_rest_is_proved_or_explained(
    found: list[Check],
) -> None:
    with (REPORTS / "symbolic.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["check", "verdict", "paths", "seconds", "reason"])
        for check in found:
            why = "" if check.verdict is Verdict.PROVED else UNFINISHED.get(check.name, "")
            table.writerow([check.name, check.verdict.name, check.paths, check.seconds, why])
    proved = [check for check in found if check.verdict is Verdict.PROVED]
    open_ = [check for check in found if check.verdict is Verdict.TIMEOUT]
    wrong = [check for check in found if check not in [*proved, *open_]]
    unexplained = [check.name for check in open_ if check.name not in UNFINISHED]
    record(
        "symbolic",
        "checks proved for every value",
        len(proved),
        wanted=f"all {len(WRITTEN)} but the {len(UNFINISHED)} that are explained",
        ok=len(proved) >= len(WRITTEN) - len(UNFINISHED) and not wrong,
        unfinished=len(open_),
        counterexamples=len(wrong),
    )
    assert [check.name for check in found] == WRITTEN
    assert wrong == []
    assert unexplained == []


def test_what_is_unfinished_is_a_check_and_has_a_reason() -> None:
    assert set(UNFINISHED) <= set(WRITTEN)
    assert [name for name, reason in UNFINISHED.items() if len(reason) < 40] == []
    assert len(UNFINISHED) * 4 <= len(WRITTEN)


@pytest.fixture
def false() -> Iterator[Path]:
    """A folder beside the real one, because Foundry reads nothing from elsewhere."""
    folder = ROOT / "build" / "halmos" / "false" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    settings = (FOLDER / "foundry.toml").read_text()
    settings = settings.replace('"../../build/halmos/', f'"{folder.parent}/')
    (folder / "foundry.toml").write_text(settings.replace('"../../', f'"{ROOT}/'))
    (folder / "False.t.sol").write_text(FALSE)
    yield folder
    shutil.rmtree(folder.parent)


@needs_halmos
@pytest.mark.parametrize("part", PARTS)
def test_the_one_value_that_breaks_a_check_is_found(false: Path, part: str) -> None:
    report = false / "report.json"
    way = PARTS[part]
    options = ["--solver", way.solver, "--storage-layout", way.layout]
    options += ["--forge-build-out", "../out"]
    assert run(options, capture=True, report=report, folder=false).returncode != 0
    wrong, right = checks(report)
    assert (wrong.name, wrong.verdict) == (
        "FalseTest.check_onlyOneValueIsWrong",
        Verdict.COUNTEREXAMPLE,
    )
    assert right.verdict is Verdict.PROVED
