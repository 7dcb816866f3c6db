"""A run on a real chain: whole, repeatable, and tidy however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from setm.errors import SetupError
from setm.report.build import build
from setm.report.summary import mechanism_totals
from setm.simulation import mechanism
from setm.simulation.run import run
from tests.python.simulation.conftest import ROOT


class Silent:
    """Progress for nobody."""

    def stage(self, name, steps):
        return lambda: None


def chains() -> set[int]:
    """Return the ids of our own chain processes."""
    mine = psutil.Process().children(recursive=True)
    return {child.pid for child in mine if any("bin/anvil" in word for word in child.cmdline())}


def run_small(scenario, out: Path) -> Path:
    run(scenario, network="anvil", out=out, progress=Silent(), with_backtest=False)
    build(out)
    return out


def test_two_runs_of_one_seed_give_the_same_tables_and_leave_no_chain(scenario, tmp_path):
    first, second = (run_small(scenario, tmp_path / name) for name in ("first", "second"))

    hashes = [json.loads((folder / "hashes.json").read_text()) for folder in (first, second)]
    assert hashes[0] == hashes[1]
    assert {item.mechanism for item in mechanism_totals(first)} == {"negotiation", "auction"}
    assert mechanism_totals(first)[0].traded_kwh > 0
    assert chains() == set()


def test_a_run_that_fails_leaves_neither_files_nor_processes(scenario, tmp_path, monkeypatch):
    def fail(*_args, **_kwargs):
        raise SetupError("deployment failed: on purpose")

    monkeypatch.setattr(mechanism, "deploy", fail)
    out = tmp_path / "report"

    with pytest.raises(SetupError, match="on purpose"):
        run(scenario, network="anvil", out=out, progress=Silent(), with_backtest=False)

    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
    assert chains() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_every_process_that_it_started(number, scenario_file, tmp_path):
    out = tmp_path / "report"
    command = [sys.executable, "-c", "from setm.cli import main; main()", "run", str(scenario_file)]
    command += ["--network", "anvil", "--no-backtest", "--out", str(out)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        started = _children_with_chain(process.pid)
        os.kill(process.pid, number)
        process.communicate(timeout=60)

    assert process.returncode in (130, 143)
    psutil.wait_procs(started, timeout=10)
    assert [child for child in started if child.is_running()] == []
    # Nothing was sent yet: there is nothing to continue.
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def _children_with_chain(process_id: int) -> list[psutil.Process]:
    """Wait until the run has started its chain; return all that it has started."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        children = psutil.Process(process_id).children(recursive=True)
        try:
            if any(child.cmdline()[:1] and "bin/anvil" in child.cmdline()[0] for child in children):
                return children
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    raise AssertionError("the run started no chain within two minutes")
