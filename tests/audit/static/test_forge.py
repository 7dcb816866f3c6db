"""Foundry's fuzzer, a second opinion beside Hypothesis: words, rounding, pricing, a community that does anything."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.figures import ROOT, record
from tests.audit.static.forge import (
    FOLDER,
    FUZZ_RUNS,
    INVARIANT_DEPTH,
    INVARIANT_RUNS,
    Outcome,
    outcomes,
    run,
)

WRITTEN = sorted(
    f"{contract}.{test}"
    for path in FOLDER.glob("*.t.sol")
    for contract, body in re.findall(r"^contract (\w+)(.*?)^}", path.read_text(), re.M | re.S)
    for test in re.findall(r"function ((?:testFuzz|invariant)_\w+)", body)
)
# What a community must get through for its invariants to mean something.
REACHED = ("commit", "openAll", "clear", "forfeit", "collect", "settle", "admirePayment", "cancel")

FAILING = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Base} from "./Base.sol";

contract FailingTest is Base {
    function testFuzz_smallNumbersOnly(uint256 number) external pure {
        _holds(number < 1000, "small");
    }
}
"""


def fuzzed_by_foundry() -> list[Outcome]:
    finished = run(["--json"], capture=True)
    if finished.returncode not in (0, 1) or not finished.stdout.startswith("{"):
        pytest.fail(f"forge did not run: {finished.stdout[-2000:]}{finished.stderr[-2000:]}")
    return outcomes(finished.stdout)


@pytest.mark.timeout(1800)
def test_every_fuzz_test_of_foundry_passes_with_all_its_runs() -> None:
    found = fuzzed_by_foundry()
    assert [outcome.name for outcome in found] == WRITTEN
    failed = [f"{outcome.name}: {outcome.reason}" for outcome in found if not outcome.is_passed]
    fuzzed = [outcome for outcome in found if "invariant_" not in outcome.name]
    played = [outcome for outcome in found if "invariant_" in outcome.name]
    runs, calls = sum(o.runs for o in fuzzed), sum(o.calls for o in played)
    wanted_runs = FUZZ_RUNS * len(fuzzed)
    wanted_calls = INVARIANT_RUNS * INVARIANT_DEPTH * len(played)
    record(
        "foundry",
        "fuzz runs passed",
        runs,
        wanted=f"{wanted_runs}",
        ok=not failed and runs >= wanted_runs,
        tests=len(fuzzed),
    )
    record(
        "foundry",
        "calls of a community, invariants checked after each",
        calls,
        wanted=f"{wanted_calls}",
        ok=not failed and calls >= wanted_calls,
        accepted=sum(sum(o.accepted.values()) for o in played),
    )
    assert failed == []
    assert fuzzed
    assert played
    assert runs >= wanted_runs
    assert calls >= wanted_calls
    (community,) = played
    assert [name for name in REACHED if not community.accepted[name]] == []


@pytest.fixture
def failing() -> Iterator[Path]:
    """A folder beside the real one, because Foundry reads nothing from elsewhere."""
    folder = ROOT / "build" / "forge" / "failing" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(FOLDER / "Base.sol", folder)
    settings = (FOLDER / "foundry.toml").read_text()
    (folder / "foundry.toml").write_text(settings.replace('"../../', f'"{ROOT}/'))
    (folder / "Failing.t.sol").write_text(FAILING)
    yield folder
    shutil.rmtree(folder.parent)


def test_a_failing_fuzz_run_is_reported_as_failed(failing: Path) -> None:
    finished = run(["--json"], capture=True, folder=failing)
    assert finished.returncode != 0
    (outcome,) = outcomes(finished.stdout)
    assert outcome.name == "FailingTest.testFuzz_smallNumbersOnly"
    assert not outcome.is_passed
    assert "small" in outcome.reason
