"""Outcomes are written down as they were, with one process and with several."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = """
import pytest

@pytest.fixture
def tears_down_badly():
    yield
    assert False

@pytest.mark.parametrize("x", [1, 2])
def test_holds(x): ...

def test_breaks():
    assert False

def test_breaks_at_its_end(tears_down_badly): ...

@pytest.mark.skip
def test_is_left_out(): ...

@pytest.mark.xfail(strict=True)
def test_is_known_to_break():
    assert False
"""
EXPECTED = {
    ("test_holds[1]", "passed"),
    ("test_holds[2]", "passed"),
    ("test_breaks", "failed"),
    ("test_breaks_at_its_end", "passed"),
    ("test_breaks_at_its_end", "failed"),
    ("test_is_left_out", "skipped"),
    ("test_is_known_to_break", "xfailed"),
}


@pytest.mark.parametrize("folder", ["tests/python/deep", "tests/audit"])
@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_every_test_is_written_down_under_its_name_from_the_root(tmp_path, folder, options):
    prepare(tmp_path, folder)
    written = tmp_path / "reports" / "tests" / "python.jsonl"
    run(tmp_path, folder, *options, SETM_OUTCOMES=str(written))
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    found = [(line["test"], line["outcome"]) for line in lines]
    file = f"{folder}/test_sums.py"
    assert sorted(found) == sorted((f"{file}::{name}", outcome) for name, outcome in EXPECTED)


@pytest.mark.parametrize(
    "others", [{}, {"SETM_OUTCOMES": "ran.jsonl", "SETM_OUTCOMES_OF": "/another/project"}]
)
def test_nothing_is_written_without_a_file_or_by_a_copy_of_the_project(tmp_path, others):
    prepare(tmp_path, "tests/audit")
    run(tmp_path, "tests/audit", **others)
    assert not list(tmp_path.rglob("*.jsonl"))


def prepare(project, folder):
    """Put the plugin and one test file into an empty project."""
    for name in ("tools/outcomes.py", "tests/python/pytest.ini"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    (project / folder).mkdir(parents=True)
    (project / folder / "test_sums.py").write_text(TESTS)


def run(project, folder, *options, **environment):
    """Run its tests as the project's are run, with nothing of the outcomes that surround this test."""
    kept = {name: value for name, value in os.environ.items() if "SETM_OUTCOMES" not in name}
    command = [sys.executable, "-m", "pytest", "-c", "tests/python/pytest.ini", *options]
    subprocess.run(
        [*command, "-p", "tools.outcomes", folder],
        cwd=project,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
