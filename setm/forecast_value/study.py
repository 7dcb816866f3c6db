"""The study: every day traded on every history, by every mechanism, under several seeds, and billed."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np

from setm.data import MeterSeries
from setm.errors import ConfigError
from setm.forecast_value.answers import answer_all, perfect
from setm.forecast_value.costs import Costs, costs_of
from setm.forecast_value.plan import HISTORIES, Plan, at, plan, questions
from setm.simulation.foresight import Foresight, Question
from setm.simulation.settings import Loaded, day_of
from setm.trading import Day, mechanism_named

History = int | None
"""Days of history; None is perfect foresight."""


class Progress(Protocol):
    """Somebody who wants to see how far the work is."""

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        """Begin a stage of ``steps`` steps; the returned function says that one is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is compared: how many days and seeds, which mechanisms, and one model for all or each its own (None)."""

    days: int
    seeds: int
    mechanisms: Sequence[str]
    model: str | None = None
    histories: Sequence[int] = HISTORIES

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigError(f"seeds {self.seeds}: expected at least 1")
        for name in self.mechanisms:
            mechanism_named(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How good a participant's forecasts from one history were: mean absolute error, Wh a slot, and the models used."""

    error_wh: float
    models: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Costs summed over the seeds, by mechanism, history, day and participant; and how good the forecasts were."""

    plan: Plan
    options: Options
    costs: Mapping[tuple[str, History, date], Mapping[str, Costs]]
    accuracy: Mapping[tuple[str, int], Accuracy]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One day on forecasts of one history, ready to be traded anywhere."""

    history: History
    date: date
    day: Day
    delivered: Mapping[str, MeterSeries]
    mechanisms: Sequence[str]
    seeds: Sequence[int]


def study(loaded: Loaded, options: Options, cache: Path, progress: Progress) -> Study:
    """Return the study; the same scenario and options give the same numbers. ``cache`` keeps the forecasts."""
    made = plan(loaded, options.days, options.histories)
    asked = list(questions(loaded, made, options.model))
    told = answer_all(
        [question for _, question in asked], cache, progress.stage("forecasts", len(asked))
    )
    answers = {
        (day, question.name, question.days): (question, answer)
        for (day, question), answer in zip(asked, told, strict=True)
    }
    tasks = list(_tasks(loaded, options, made, answers))
    done = progress.stage("trade and settle", len(tasks))
    costs: dict[tuple[str, History, date], Mapping[str, Costs]] = {}
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        pending = {pool.submit(_traded, task): task for task in tasks}
        for finished in as_completed(pending):
            task = pending[finished]
            for mechanism, found in finished.result().items():
                costs[mechanism, task.history, task.date] = found
            done()
    return Study(plan=made, options=options, costs=costs, accuracy=_accuracy(loaded, made, answers))


_Answers = Mapping[tuple[date, str, int], tuple[Question, Foresight]]


def _tasks(loaded: Loaded, options: Options, made: Plan, answers: _Answers) -> Iterator[_Task]:
    seeds = [loaded.scenario.seed + number for number in range(options.seeds)]
    for day in made.days:
        there = at(loaded, day)
        first, end = there.times.first_slot, there.times.last_slot + 1
        delivered = {name: series.window(first, end) for name, series in loaded.series.items()}
        for history in (*made.histories, None):
            told = _told(loaded, made, answers, day, history)
            yield _Task(
                history=history,
                date=day,
                day=day_of(there, {(one.name, one.direction): one for one in told}).trading,
                delivered=delivered,
                mechanisms=options.mechanisms,
                seeds=seeds,
            )


def _told(
    loaded: Loaded, made: Plan, answers: _Answers, day: date, history: History
) -> Iterator[Foresight]:
    """Yield what each participant expects of a day."""
    for name, series in loaded.series.items():
        days = made.allowed[name][0] if history is None else made.used(name, history)
        question, answer = answers[day, name, days]
        yield perfect(name, series, question) if history is None else answer


def _traded(task: _Task) -> dict[str, dict[str, Costs]]:
    """Return everybody's costs in each mechanism, summed over the seeds."""
    sides = {trader.name: trader.side for trader in task.day.traders}
    found: dict[str, dict[str, Costs]] = {}
    for mechanism in task.mechanisms:
        sums: dict[str, Costs] = defaultdict(Costs)
        for seed in task.seeds:
            traders = [replace(trader, seed=seed) for trader in task.day.traders]
            day = replace(task.day, seed=seed, traders=traders)
            outcome = mechanism_named(mechanism).rehearse(day)
            costs = costs_of(outcome, task.delivered, sides, task.day.market.tariff)
            for name, one in costs.items():
                sums[name] += one
        found[mechanism] = dict(sums)
    return found


def _accuracy(loaded: Loaded, made: Plan, answers: _Answers) -> dict[tuple[str, int], Accuracy]:
    found = {}
    for name, allowed in made.allowed.items():
        for history in allowed:
            told = [answers[day, name, history] for day in made.days]
            errors = [
                np.abs(
                    answer.forecast.mean_wh
                    - perfect(name, loaded.series[name], question).forecast.mean_wh
                ).mean()
                for question, answer in told
            ]
            found[name, history] = Accuracy(
                error_wh=float(np.mean(errors)),
                models=sorted({answer.forecast.model for _, answer in told}),
            )
    return found
