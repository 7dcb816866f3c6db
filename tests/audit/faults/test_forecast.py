"""Forecasts are made in processes of their own; one that is killed is asked again."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import psutil
import pytest

from setm.errors import ForecastError
from setm.scenario import load_scenario
from setm.simulation.foresight import foresee_all, to_json
from setm.simulation.settings import load, questions
from tests.python.simulation.conftest import small_scenario


@pytest.fixture
def asked(tmp_path):
    return questions(load(load_scenario(small_scenario(tmp_path))), with_backtest=False)


@contextlib.contextmanager
def killer(times):
    """Kill the first ``times`` processes that appear meanwhile; yield the list of those that were."""
    others = {child.pid for child in psutil.Process().children()}
    killed, over = [], threading.Event()

    def kill():
        while not over.wait(0.002):
            for child in psutil.Process().children():
                if child.pid not in {*others, *killed} and len(killed) < times:
                    killed.append(child.pid)
                    os.kill(child.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def row(register, killed, happened, ok):
    register.add_row(
        stage="forecast", network="", mechanism="", kind="forecast's process killed",
        where=f"{killed} in a row", reached_node="", happened=happened, survived=ok,
        same_times="", back_after_seconds="",
    )  # fmt: skip


def test_goes_on_when_the_processes_of_forecasts_are_killed(asked, register):
    undisturbed = foresee_all(asked, lambda name: None)
    with killer(2) as killed:
        answers = foresee_all(asked, lambda name: None)
    texts = [to_json(dict(sorted(found.items()))) for found in (undisturbed, answers)]
    row(register, len(killed), "completed", texts[0] == texts[1])
    assert killed
    assert texts[0] == texts[1]


def test_says_so_when_they_are_killed_again_and_again(asked, register):
    with (
        killer(10**6) as killed,
        pytest.raises(ForecastError, match="killed .* times .*run the same command again") as said,
    ):
        foresee_all(asked, lambda name: None)
    row(register, len(killed), f"said {said.value}", ok=True)
    assert foresee_all(asked, lambda name: None).keys() == {
        (item.name, item.direction) for item in asked
    }
