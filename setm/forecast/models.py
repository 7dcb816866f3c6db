"""Every model by name, with the history it needs, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from setm.errors import ForecastError
from setm.forecast.boosted import boosted
from setm.forecast.classical import decomposition, exponential_smoothing
from setm.forecast.naive import seasonal_mean, seasonal_naive
from setm.forecast.task import Fit, Floats, Predictor, Task, settled

AUTO = "auto"
# Exponential smoothing keeps one state for each slot of the day; the library stops at 24 of them.
SMOOTHING_MAX_SEASON = 24
MAX_ORIGINS = 7
MAX_ORIGINS_QUARTER_HOURLY = 3
# What the choice measures the others against: seldom best, never bad, and needs two days only.
REFERENCE = "seasonal_mean"
PRIOR_ORIGINS = 2
PRIOR_SCORE = 1.2
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A way to forecast and the shortest history (days) and longest day (slots) that it takes."""

    fit: Fit
    min_days: int
    max_day_slots: int = 96


MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "seasonal_naive": Model(fit=seasonal_naive(1), min_days=1),
        "seasonal_naive_week": Model(fit=seasonal_naive(7), min_days=7),
        "seasonal_mean": Model(fit=seasonal_mean, min_days=1),
        "ets": Model(fit=exponential_smoothing, min_days=4, max_day_slots=SMOOTHING_MAX_SEASON),
        "mstl": Model(fit=decomposition, min_days=4),
        "boosted": Model(fit=boosted, min_days=60),
    }
)
MODEL_NAMES = (AUTO, *MODELS)


def suits(name: str, task: Task) -> bool:
    """Return whether the task's history is long enough for a model, and its day not too finely cut."""
    model = MODELS[name]
    return task.days >= model.min_days and task.day_slots <= model.max_day_slots


def fit(name: str, task: Task) -> tuple[str, Predictor]:
    """Return the name of the model used and its predictor; ``auto`` chooses by a backtest.

    Raises ``ForecastError`` for an unknown model and for too little history.
    """
    if name == AUTO:
        name = choose(task)
    if name not in MODELS:
        raise ForecastError(f"model {name!r}: expected one of {', '.join(MODEL_NAMES)}")
    if not suits(name, task):
        model = MODELS[name]
        raise ForecastError(
            f"model {name}: {task.days:.4g} days of history with {task.day_slots} slots a day; expected at least "
            f"{model.min_days} days and at most {model.max_day_slots} slots a day; choose auto or seasonal_naive"
        )
    return name, MODELS[name].fit(task)


def choose(task: Task) -> str:
    """Return the model that was best at the last origins of the history itself.

    Origins lie a day apart, at most seven of them (three with quarter-hours), fewer for a model that needs a long
    history; each model is fitted once, before the first of its origins. Its score is its error over that of the
    reference at the same origins, as if it had also been a fifth worse than the reference twice: one lucky day of a
    model that can be tried only once does not decide.
    """
    limit = MAX_ORIGINS if task.day_slots <= SMOOTHING_MAX_SEASON else MAX_ORIGINS_QUARTER_HOURLY
    last = task.gap_slots + task.horizon_slots
    last += -last % task.day_slots
    spare_days = (len(task.values) - last) // task.day_slots
    steps = [last + origin * task.day_slots for origin in range(min(limit, spare_days))]
    if not steps:
        return REFERENCE
    reference = _errors(REFERENCE, task, steps)
    scores = {REFERENCE: 1.0}
    for name in MODELS:
        origins = min(len(steps), spare_days + 1 - MODELS[name].min_days)
        if name == REFERENCE or origins < 1 or not suits(name, task):
            continue
        found, expected = _errors(name, task, steps[:origins]), reference[:origins]
        prior = PRIOR_ORIGINS * reference.mean()
        scores[name] = float(
            (found.sum() + PRIOR_SCORE * prior) / max(expected.sum() + prior, _TINY)
        )
    return min(scores, key=lambda name: scores[name])


def _errors(name: str, task: Task, steps: list[int]) -> Floats:
    """Return the mean absolute error, Wh, at each origin ``steps`` slots before the end, newest first."""
    predict = MODELS[name].fit(task.before(steps[-1]))
    errors = []
    for step in steps:
        earlier = task.before(step)
        mean = settled(predict(earlier), earlier).mean
        errors.append(np.abs(mean - task.values[earlier.targets()]).mean())
    return np.array(errors)
