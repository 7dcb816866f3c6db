"""Forecasts are made in processes of their own; one that is killed is asked again."""

from __future__ import annotations

import os
import signal

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


class Killer:
    """Kills the forecasts' processes when an answer arrives, so many times."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.killed = 0
        self.others = set(self.children())

    def __call__(self, _name: str) -> None:
        if self.left:
            self.left -= 1
            for process_id in set(self.children()) - self.others:
                os.kill(process_id, signal.SIGKILL)
                self.killed += 1

    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process().children()]


def test_goes_on_when_the_processes_of_forecasts_are_killed(asked, register):
    undisturbed = to_json(foresee_all(asked, lambda name: None))
    killer = Killer(1)
    answers = foresee_all(asked, killer)
    same = to_json(dict(sorted(answers.items()))) == to_json(
        dict(sorted(foresee_all(asked, lambda name: None).items()))
    )
    register.add_row(
        stage="forecast", network="", mechanism="", kind="forecast's process killed",
        where="after the first answer", reached_node="", happened="completed", survived=same,
        same_times="", back_after_seconds="",
    )  # fmt: skip
    assert killer.killed
    assert same, undisturbed


def test_says_so_when_they_are_killed_again_and_again(asked, register):
    killer = Killer(100)
    with pytest.raises(
        ForecastError, match="were killed .* times .*run the same command again"
    ) as said:
        foresee_all([*asked] * 20, killer)
    register.add_row(
        stage="forecast", network="", mechanism="", kind="forecast's process killed",
        where="after every answer", reached_node="", happened=f"said {said.value}", survived=True,
        same_times="", back_after_seconds="",
    )  # fmt: skip
