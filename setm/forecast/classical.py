"""Classical models of statsforecast: exponential smoothing, and decomposition by day and week."""

from __future__ import annotations

import numpy as np

from setm.forecast.task import Band, Floats, Predictor, Task

# More history than this makes the fit slower, not better: habits and seasons drift.
FIT_DAYS = 28
FIT_DAYS_QUARTER_HOURLY = 15
WEEKLY_FROM_DAYS = 15


def exponential_smoothing(task: Task) -> Predictor:
    """Return additive exponential smoothing with a daily season, its trend chosen by AICc (AutoETS)."""
    # statsforecast takes seconds to import, so only a forecast that needs it pays.
    from statsforecast.models import AutoETS

    del task
    return lambda task: _predicted(
        AutoETS(season_length=task.day_slots, model="AZA"), task, _recent(task)
    )


def decomposition(task: Task) -> Predictor:
    """Return day and week as loess seasons with a smoothed remainder (MSTL)."""
    from statsforecast.models import MSTL, AutoETS

    del task

    def predict(task: Task) -> Band:
        recent = _recent(task)
        seasons = [task.day_slots]
        if len(recent) >= WEEKLY_FROM_DAYS * task.day_slots:
            seasons.append(7 * task.day_slots)
        model = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="AZN"))
        return _predicted(model, task, recent)

    return predict


def _recent(task: Task) -> Floats:
    """Return the part of the history that is fitted."""
    days = FIT_DAYS if task.day_slots <= 24 else FIT_DAYS_QUARTER_HOURLY
    return task.values[-days * task.day_slots :]


def _predicted(model: object, task: Task, recent: Floats) -> Band:
    """Return what a statsforecast model says after the gap."""
    if not np.ptp(recent):
        constant = np.full(task.horizon_slots, recent[-1])
        return Band(mean=constant, lower=constant, upper=constant)
    percent = round(100 * task.level)
    ahead = task.gap_slots + task.horizon_slots
    answer = model.forecast(y=recent, h=ahead, level=[percent])  # type: ignore[attr-defined]
    mean, lower, upper = (
        np.asarray(answer[key][task.gap_slots :], dtype=np.float64)
        for key in ("mean", f"lo-{percent}", f"hi-{percent}")
    )
    return Band(mean=mean, lower=lower, upper=upper)
