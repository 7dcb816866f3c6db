"""Pytest plugin that writes down which tests ran and how they ended, for `tools.threats`.

One JSON line a test phase that says something, appended to the file that the environment names::

    SETM_OUTCOMES=reports/tests/python.jsonl .venv/bin/python -m pytest -p tools.outcomes tests/python
    {"test": "tests/python/test_units.py::test_rounds_up", "outcome": "passed"}

Names begin at the project's root, whatever pytest takes for its root. With pytest-xdist the controller alone writes.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "SETM_OUTCOMES"
# The project whose tests are written down: not those of a copy that a test makes of it and tests in turn.
PROJECT = "SETM_OUTCOMES_OF"
# How the test's name travels from a worker to the controller.
PROPERTY = "test from the project's root"


def test_name(item: pytest.Item, root: Path) -> str:
    """Return a test's file from the project's root, and what follows it in pytest's own name."""
    path = item.path.relative_to(root) if item.path.is_relative_to(root) else item.path
    _, _, inside = item.nodeid.partition("::")
    return f"{path.as_posix()}::{inside}"


def outcome_of(report: pytest.TestReport) -> str | None:
    """Return what this phase says of the test; None for the set-up and tear-down of one that runs."""
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.when == "call" or not report.passed:
        return str(report.outcome)
    return None


class Recorder:
    """Writes the outcomes of one session."""

    def __init__(self, file: Path, root: Path, does_write: bool) -> None:
        self.file = file
        self.root = root
        self.does_write = does_write

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, None]:
        """Name the test in its report, where its file is still known."""
        answer = yield
        answer.get_result().user_properties.append((PROPERTY, test_name(item, self.root)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Append one line."""
        outcome, name = outcome_of(report), dict(report.user_properties).get(PROPERTY)
        if not self.does_write or outcome is None:
            return
        # A worker that died reports a test that it could not name.
        line = json.dumps({"test": name or report.nodeid, "outcome": outcome})
        with self.file.open("a") as file:
            file.write(f"{line}\n")


def pytest_configure(config: pytest.Config) -> None:
    """Record only where the environment names a file."""
    root = Path.cwd()
    named = os.environ.get(VARIABLE)
    if not named or os.environ.setdefault(PROJECT, str(root)) != str(root):
        return
    file = Path(named).resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    is_worker = hasattr(config, "workerinput")
    config.pluginmanager.register(Recorder(file, root, not is_worker), "setm-outcomes")
