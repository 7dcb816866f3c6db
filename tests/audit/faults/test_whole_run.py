"""The command that a user gives, killed again and again and given again, ends with the tables of an undisturbed run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest

from setm.chain.node import PROJECT_ROOT
from tests.audit.faults.conftest import IS_AUDIT
from tests.python.simulation.conftest import small_scenario

KILLS = 6


def command(scenario, out):
    program = [sys.executable, "-c", "from setm.cli import main; main()", "run", str(scenario)]
    return [*program, "--network", "anvil", "--no-backtest", "--out", str(out)]


def run(words, log, seconds=None):
    """Run a command; kill it, and everything that it started, after so many seconds. Return its exit code."""
    with log.open("a") as output:
        process = subprocess.Popen(
            words, cwd=PROJECT_ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        return process.wait(seconds or 300)
    except subprocess.TimeoutExpired:
        everybody = [process, *psutil.Process(process.pid).children(recursive=True)]
        for item in everybody:
            try:
                item.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        return process.wait()


@pytest.mark.skipif(
    not IS_AUDIT, reason="takes minutes; tests/python/simulation interrupts one run"
)
def test_a_killed_command_goes_on_to_the_same_tables(tmp_path, register):
    scenario, log = small_scenario(tmp_path), tmp_path / "log"
    began = time.monotonic()
    assert run(command(scenario, tmp_path / "undisturbed"), log) == 0, log.read_text()[-2000:]
    took = time.monotonic() - began

    chance, out, killed = random.Random(4), tmp_path / "killed", 0
    for _ in range(KILLS):
        code = run(command(scenario, out), log, chance.uniform(0.2, 0.7) * took)
        if code == 0:
            break
        killed += 1
        assert not out.exists(), "half a run looks whole"
    assert out.exists() or run(command(scenario, out), log) == 0, log.read_text()[-2000:]

    tables = [
        json.loads((tmp_path / name / "hashes.json").read_text())
        for name in ("undisturbed", "killed")
    ]
    left = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("."))
    ok = tables[0] == tables[1] and left == []
    for number in range(1, killed + 1):
        register.add_row(
            stage="whole run", network="anvil", mechanism="both", kind="command and chain killed",
            where=f"time {number}", reached_node="", happened="killed; the last start completed", survived=ok,
            same_times="", back_after_seconds="",
        )  # fmt: skip
    assert killed >= 2
    assert tables[0] == tables[1]
    assert left == []
