"""The self-tests of `make test`: what fails in it must fail it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PASSING = "def test_holds():\n    assert 1 + 1 == 2\n"
FAILING = "def test_breaks():\n    assert 1 + 1 == 3\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a copy of the project with the same recipes and installations but neither contracts nor tests."""
    shutil.copytree(
        ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in ROOT.glob("*"):
        if file.is_file():
            shutil.copy(file, tmp_path)
    for installed in (".venv", "node_modules"):
        (tmp_path / installed).symlink_to(ROOT / installed)
    for folder in ("contracts", "interfaces", "scripts", "reports", "tests/python"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tests/python/pytest.ini", tmp_path / "tests/python")
    return tmp_path


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def add_test(project: Path, suite: str, text: str) -> None:
    path = project / "tests" / suite / "test_sums.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_failing_test_of_each_suite_fails_make_test(project: Path) -> None:
    add_test(project, "python", FAILING)
    add_test(project, "audit", FAILING)
    add_test(project, "contracts", FAILING)

    # Without set-up: it would install the copy in place of the project.
    outcome = run(project, "make", "--assume-old=setup", "test")

    assert outcome.returncode != 0
    assert outcome.stdout.count("1 failed") == 3
    suites = "python=tests/python audit=tests/audit contracts=tests/contracts"
    assert f"failed: {suites}" in outcome.stderr


def test_passing_tests_pass(project: Path) -> None:
    add_test(project, "python", PASSING)

    outcome = run(project, "tools/run-tests", "python=tests/python")

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("suite", ["python", "contracts"])
def test_a_missing_folder_fails(project: Path, suite: str) -> None:
    outcome = run(project, "tools/run-tests", f"{suite}=tests/nowhere")

    assert outcome.returncode != 0
    assert "there is no tests/nowhere" in outcome.stderr


def test_a_folder_without_tests_fails(project: Path) -> None:
    outcome = run(project, "tools/run-tests", "python=tests/python")

    assert outcome.returncode != 0


def test_an_unknown_suite_fails(project: Path) -> None:
    outcome = run(project, "tools/run-tests", "pyhton=tests/python")

    assert outcome.returncode != 0
    assert "none of python, audit, contracts" in outcome.stderr
