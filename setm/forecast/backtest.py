"""How good the models are: rolling origins over past days, each seeing only what came before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from setm.data import MeterSeries, slots_per_day
from setm.errors import ForecastError
from setm.forecast.day import LEVEL, task_of
from setm.forecast.metrics import coverage, mean_absolute_error, pinball_loss, seasonal_scale
from setm.forecast.models import AUTO, MODELS, fit, suits
from setm.forecast.task import Band, Direction, Floats, Task, settled

ORIGINS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestRow:
    """The errors of one model over all origins; ``model_used`` is what ``auto`` chose.

    ``mase`` is the mean absolute error over that of a daily seasonal naive forecast within the history (Hyndman &
    Koehler 2006), NaN if the history never changes from day to day. ``pinball_wh`` is the mean pinball loss at the
    two quantiles of the interval; ``coverage`` is the share of slots inside it and should be near ``level``.
    """

    direction: Direction
    model: str
    model_used: str
    origins: int
    slots: int
    mae_wh: float
    mase: float
    pinball_wh: float
    coverage: float
    level: float
    mean_width_wh: float


def backtest(
    view: MeterSeries,
    *,
    history_days: int,
    horizon_slots: int,
    gap_slots: int = 0,
    direction: Direction = "import",
    models: Sequence[str] = (AUTO, *MODELS),
    origins: int = ORIGINS,
    seed: int = 0,
    level: float = LEVEL,
) -> list[BacktestRow]:
    """Return a row for each model that the history is long enough for.

    Origins lie a day apart; the newest ends with ``view``. Each sees the ``history_days`` days before it, and fewer
    origins are used if the view does not reach back far enough. A model is fitted (and ``auto`` chooses) once, before
    the first origin, and then fed with the newer days. A direction in which nothing ever flowed gives no rows.
    """
    whole = task_of(
        view,
        direction=direction,
        horizon_slots=horizon_slots,
        gap_slots=gap_slots,
        seed=seed,
        level=level,
    )
    day = slots_per_day(view.slot_seconds)
    keep = history_days * day
    spare = len(whole.values) - keep - gap_slots - horizon_slots
    if history_days < 1 or spare < 0:
        raise ForecastError(
            f"{view.path}: a backtest with {history_days} days of history needs "
            f"{keep + gap_slots + horizon_slots} slots, there are {len(whole.values)}; give a longer view or fewer days"
        )
    if not whole.values.any():
        return []
    count = min(origins, spare // day + 1)
    tasks = [
        whole.before(gap_slots + horizon_slots + origin * day, keep)
        for origin in reversed(range(count))
    ]
    actual = [
        _actual(whole, task.first_slot + len(task.values) - whole.first_slot) for task in tasks
    ]
    return [
        _row(name, tasks, actual, direction)
        for name in models
        if name not in MODELS or suits(name, tasks[0])
    ]


def _actual(whole: Task, origin: int) -> Floats:
    """Return what really flowed in the slots of the task whose history ends at ``origin``."""
    first = origin + whole.gap_slots
    return whole.values[first : first + whole.horizon_slots]


def _row(
    name: str, tasks: Sequence[Task], actual: Sequence[Floats], direction: Direction
) -> BacktestRow:
    """Return the errors of one model over all tasks."""
    used, predict = fit(name, tasks[0])
    bands: list[Band] = [settled(predict(task), task) for task in tasks]
    pairs = list(zip(bands, actual, strict=True))
    scales = [seasonal_scale(task.values, task.day_slots) for task in tasks]
    errors = [mean_absolute_error(real, band.mean) for band, real in pairs]
    low, high = tasks[0].quantiles
    scaled = [
        error / scale if scale else float("nan")
        for error, scale in zip(errors, scales, strict=True)
    ]
    return BacktestRow(
        direction=direction,
        model=name,
        model_used=used,
        origins=len(tasks),
        slots=sum(len(real) for real in actual),
        mae_wh=float(np.mean(errors)),
        mase=float(np.mean(scaled)),
        pinball_wh=float(
            np.mean(
                [
                    (pinball_loss(real, band.lower, low) + pinball_loss(real, band.upper, high)) / 2
                    for band, real in pairs
                ]
            )
        ),
        coverage=float(np.mean([coverage(real, band.lower, band.upper) for band, real in pairs])),
        level=tasks[0].level,
        mean_width_wh=float(np.mean([(band.upper - band.lower).mean() for band in bands])),
    )
