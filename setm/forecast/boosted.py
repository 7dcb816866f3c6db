"""Gradient-boosted trees (LightGBM) for the mean and for the two quantiles of the interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from setm.forecast.task import Band, Floats, Predictor, Task

DAILY_LAGS = 7
WEEKLY_LAGS = 2
MAX_ROWS = 40_000
YEARLY_FROM_DAYS = 400
ROUNDS = 150
_PARAMETERS = {
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.8,
    "verbosity": -1,
    # The same seed gives the same trees on every machine.
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}

Positions = npt.NDArray[np.int64]


def boosted(task: Task) -> Predictor:
    """Return the model fitted on all earlier days, seen from the same time of day as the task.

    Each training row is one slot of one earlier day, with what was known ``gap_slots`` before that day and
    nothing later: the same situation in which the forecast is made.
    """
    # lightgbm is slow to import, so only a forecast that needs it pays.
    import lightgbm

    rows_per_origin = task.horizon_slots
    newest = len(task.values) - task.gap_slots - task.horizon_slots
    # Origins lie whole days before the end of the history, the newest one with all its targets known.
    newest -= (newest - len(task.values)) % task.day_slots
    oldest = (7 * WEEKLY_LAGS + 1) * task.day_slots
    origins = np.arange(newest, oldest - 1, -task.day_slots)[: MAX_ROWS // rows_per_origin][::-1]
    features = _features(task, origins)
    wanted = task.values[_targets(task, origins)].ravel()

    def fitted(objective: dict[str, Any]) -> Any:
        data = lightgbm.Dataset(features, label=wanted, free_raw_data=True)
        return lightgbm.train(
            {**_PARAMETERS, **objective, "seed": task.seed % 2**31}, data, num_boost_round=ROUNDS
        )

    low, high = task.quantiles
    trees = [
        fitted({"objective": "regression"}),
        fitted({"objective": "quantile", "alpha": low}),
        fitted({"objective": "quantile", "alpha": high}),
    ]

    def predict(task: Task) -> Band:
        now = _features(task, np.array([len(task.values)]))
        mean, lower, upper = (np.asarray(tree.predict(now, num_threads=1)) for tree in trees)
        return Band(mean=mean, lower=lower, upper=upper)

    return predict


def _targets(task: Task, origins: Positions) -> Positions:
    """Return the positions of the forecast slots of each origin, shape [origins, horizon]."""
    targets: Positions = origins[:, None] + task.gap_slots + np.arange(task.horizon_slots)
    return targets


def _features(task: Task, origins: Positions) -> Floats:
    """Return one row for each origin and slot: like values of past days, the level, and the calendar."""
    values, day = task.values, task.day_slots
    targets = _targets(task, origins)
    known_days = -(-(targets - origins[:, None] + 1) // day)
    known_weeks = -(-known_days // 7)
    daily = [values[targets - (known_days + lag) * day] for lag in range(DAILY_LAGS)]
    weekly = [values[targets - (known_weeks + lag) * 7 * day] for lag in range(WEEKLY_LAGS)]

    sums = np.concatenate(([0.0], np.cumsum(values)))
    hours = max(day // 24, 1)
    levels = [
        (sums[origins] - sums[origins - span]) / span for span in (hours, 3 * hours, day, 7 * day)
    ]
    slots = task.first_slot + targets
    calendar = [slots % day, (slots // day + 3) % 7, targets - origins[:, None]]
    if task.days >= YEARLY_FROM_DAYS:
        year = 2 * np.pi * (slots / day % 365.2425) / 365.2425
        calendar += [np.sin(year), np.cos(year)]
    columns = [
        *daily,
        *weekly,
        np.mean(daily, axis=0),
        *(np.broadcast_to(level[:, None], targets.shape) for level in levels),
        *calendar,
    ]
    return np.stack([np.asarray(column, dtype=np.float64).ravel() for column in columns], axis=1)
