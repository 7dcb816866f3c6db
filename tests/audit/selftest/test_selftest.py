"""Whatever fails in a test fails the runner behind `make test`: each kind of failure is made to happen in a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.audit.figures import record

ROOT = Path(__file__).resolve().parents[3]
GAS = ROOT / "tests" / "contracts" / "gas"
FORGE = ROOT / "tests" / "forge"

PASSING = "def test_holds():\n    assert 1 + 1 == 2\n"
FAILING = "def test_breaks():\n    assert 1 + 1 == 3\n"
PROPERTY = """
from hypothesis import given, settings, strategies as st

@settings(max_examples=300, database=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_every_number_is_small(number):
    assert number < {limit}
"""
MACHINE = """
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

class Counter(RuleBasedStateMachine):
    count = 0

    @rule(step=st.integers(1, 3))
    def add(self, step):
        self.count += step

    @invariant()
    def stays_small(self):
        assert self.count < {limit}

test_counter = Counter.TestCase
test_counter.settings = settings(max_examples=20, stateful_step_count=20, database=None, derandomize=True)
"""
FUZZED = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {{Base}} from "./Base.sol";

contract SelfTest is Base {{
    function testFuzz_smallNumbersOnly(uint256 number) external pure {{
        _holds(number {condition}, "small");
    }}
}}
"""
# The real suite also plays a community; this one runs what stands in the copy and nothing else.
FOUNDRY = """
from tests.audit.static.forge import outcomes, run

def test_every_fuzz_test_of_foundry_passes():
    finished = run(["--json"], capture=True)
    assert finished.stdout.startswith("{"), finished.stdout + finished.stderr
    found = outcomes(finished.stdout)
    assert found
    assert [outcome.name for outcome in found if not outcome.is_passed] == []
    assert finished.returncode == 0
"""
BREAKING_IMPORT = "import there_is_no_such_module\n\ndef test_holds():\n    pass\n"
BREAKING_FIXTURE = """
import pytest

@pytest.fixture
def broken():
    raise OSError

def test_holds(broken):
    pass
"""
WARNING = "import warnings\n\ndef test_warns():\n    warnings.warn('old', DeprecationWarning, stacklevel=1)\n"
NO_LONGER_WRONG = (
    "import pytest\n\n@pytest.mark.xfail(reason='once wrong')\ndef test_holds():\n    pass\n"
)
ASKING = "def test_asks():\n    input('go on? ')\n"
ENDING = "import os\n\ndef test_ends_all():\n    os._exit(0)\n"
CRASHING = "import os\n\ndef test_crashes():\n    os.kill(os.getpid(), 9)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project: the same recipes, settings and installations, no contracts and no tests."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=ignore)
    for file in ROOT.glob("*"):
        if file.is_file() and not file.name.startswith(".coverage"):
            shutil.copy(file, tmp_path)
    for installed in (".venv", "node_modules"):
        (tmp_path / installed).symlink_to(ROOT / installed)
    for folder in ("contracts", "interfaces", "scripts", "reports", "tests/python"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tests/python/pytest.ini", tmp_path / "tests/python")
    return tmp_path


def run(project: Path, suite: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one suite as `make test` does, without what this very test hands down to its children."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        ["tools/run-tests", suite, *(("--", *options) if options else ())],
        cwd=project,
        env=inherited | {"SETM_OUTCOMES": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def add(project: Path, path: str, text: str) -> None:
    target = project / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def noted(kind: str, outcome: subprocess.CompletedProcess[str]) -> None:
    """Report the kind of failure and that the runner noticed."""
    record(
        "selftest",
        f"{kind} fails the tests",
        outcome.returncode,
        wanted="not 0",
        ok=outcome.returncode != 0,
    )
    assert outcome.returncode != 0, outcome.stdout + outcome.stderr
    assert "run-tests: failed: " in outcome.stderr


@pytest.mark.parametrize("suite", ["python", "audit"])
def test_what_passes_passes(project: Path, suite: str) -> None:
    """Else everything below would prove nothing."""
    add(project, f"tests/{suite}/test_it.py", PASSING)
    add(project, f"tests/{suite}/test_property.py", PROPERTY.format(limit=10_001))
    add(project, f"tests/{suite}/test_machine.py", MACHINE.format(limit=1_000))

    outcome = run(project, f"{suite}=tests/{suite}")

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "3 passed" in outcome.stdout


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a failing test", FAILING),
        ("a failing property", PROPERTY.format(limit=5_000)),
        ("a failing state machine", MACHINE.format(limit=30)),
        ("a test that cannot be imported", BREAKING_IMPORT),
        ("a fixture that fails", BREAKING_FIXTURE),
        ("a warning of our own code", WARNING),
        ("an expected failure that passes", NO_LONGER_WRONG),
        ("a test that asks a question", ASKING),
        ("a test that is killed", CRASHING),
        ("a test that ends the run with 0", ENDING),
    ],
    ids=lambda value: value if value.startswith("a") and "\n" not in value else "",
)
def test_each_failure_of_a_python_test_fails(project: Path, kind: str, text: str) -> None:
    add(project, "tests/python/test_fine.py", PASSING)
    add(project, "tests/python/test_it.py", text)

    noted(kind, run(project, "python=tests/python"))


def test_a_failure_on_one_of_several_workers_fails(project: Path) -> None:
    for number in range(6):
        add(project, f"tests/audit/test_fine_{number}.py", PASSING)
    add(project, "tests/audit/test_it.py", PROPERTY.format(limit=5_000))

    noted("a failing property on one of several workers", run(project, "audit=tests/audit"))


def test_a_worker_that_is_killed_fails(project: Path) -> None:
    add(project, "tests/audit/test_fine.py", PASSING)
    add(project, "tests/audit/test_it.py", CRASHING)

    noted("a worker that is killed", run(project, "audit=tests/audit"))


@pytest.mark.parametrize("suite", ["python", "audit", "contracts"])
def test_a_run_without_any_test_fails(project: Path, suite: str) -> None:
    (project / "tests" / suite).mkdir(exist_ok=True)
    add(project, f"tests/{suite}/helper.py", PASSING)

    noted(f"no test in {suite}", run(project, f"{suite}=tests/{suite}"))


def test_a_run_whose_tests_are_all_left_out_fails(project: Path) -> None:
    add(project, "tests/python/test_it.py", PASSING)

    noted("a choice that leaves no test", run(project, "python=tests/python", "-k", "nothing"))


def foundry(project: Path, condition: str) -> subprocess.CompletedProcess[str]:
    for name in ("figures.py", "static/forge.py"):
        add(project, f"tests/audit/{name}", (ROOT / "tests" / "audit" / name).read_text())
    for name in ("Base.sol", "foundry.toml"):
        add(project, f"tests/forge/{name}", (FORGE / name).read_text())
    add(project, "tests/forge/Self.t.sol", FUZZED.format(condition=condition))
    add(project, "tests/audit/static/test_forge.py", FOUNDRY)
    return run(project, "audit=tests/audit")


def test_a_failing_fuzz_run_of_foundry_fails(project: Path) -> None:
    outcome = foundry(project, "< 1000")

    noted("a failing fuzz run of Foundry", outcome)
    assert "testFuzz_smallNumbersOnly" in outcome.stdout


def test_a_passing_fuzz_run_of_foundry_passes(project: Path) -> None:
    outcome = foundry(project, ">= 0")

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def gas_tests(project: Path, suite: str, change: float) -> subprocess.CompletedProcess[str]:
    """Run the real test of the gas of negotiation against a snapshot in which everything was cheaper by ``change``."""
    written = json.loads((GAS / "negotiation_gas.json").read_text())
    lowered = {name: round(gas / (1 + change)) for name, gas in written.items()}
    folder = f"tests/{suite}/gas"
    add(project, f"{folder}/negotiation_gas.json", json.dumps(lowered))
    name = "test_negotiation_gas.py"
    add(project, f"{folder}/{name}", (GAS / name).read_text())
    return run(project, f"{suite}=tests/{suite}", "-k", "written_down")


def test_a_raised_gas_snapshot_fails(project: Path) -> None:
    """Under Brownie, as in `make test`: three per cent are noticed."""
    outcome = gas_tests(project, "contracts", 0.03)

    noted("gas raised by three per cent", outcome)
    assert "written_down" in outcome.stdout


def test_gas_within_the_tolerance_passes(project: Path) -> None:
    outcome = gas_tests(project, "python", 0.01)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_failing_contract_test_fails(project: Path) -> None:
    add(project, "tests/contracts/test_fine.py", PASSING)
    add(project, "tests/contracts/test_it.py", FAILING)

    outcome = run(project, "contracts=tests/contracts")

    noted("a failing contract test", outcome)
    assert "1 failed" in outcome.stdout
