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
    for name in ("tools/outcomes.py", "tests/python/pytest.ini"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "test_sums.py").write_text(TESTS)
    written = tmp_path / "reports" / "tests" / "python.jsonl"
    command = [sys.executable, "-m", "pytest", "-c", "tests/python/pytest.ini", *options]
    subprocess.run(
        [*command, "-p", "tools.outcomes", folder],
        cwd=tmp_path,
        env=os.environ | {"SETM_OUTCOMES": str(written)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    found = [(line["test"], line["outcome"]) for line in lines]
    file = f"{folder}/test_sums.py"
    assert sorted(found) == sorted((f"{file}::{name}", outcome) for name, outcome in EXPECTED)


def test_nothing_is_written_without_a_file_to_write_to(tmp_path):
    (tmp_path / "test_sums.py").write_text(TESTS)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "outcomes.py", tmp_path / "tools")
    environment = {name: value for name, value in os.environ.items() if name != "SETM_OUTCOMES"}
    command = [sys.executable, "-m", "pytest", "-p", "tools.outcomes", "-p", "no:pytest-brownie"]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert not list(tmp_path.rglob("*.jsonl"))
