"""Forecasts by repetition: the last like day, the last like week, the mean of like days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from setm.forecast.task import Band, Fit, Floats, Predictor, Task

MEAN_DAYS = 28
# Residuals at the same slot of the day are pooled with its neighbours' until there are so many.
MIN_RESIDUALS = 20


def seasonal_naive(season_days: int) -> Fit:
    """Return the model that repeats the last known value ``season_days`` (or twice, …) earlier.

    The interval is that of the model's own errors within the history.
    """

    def predict(task: Task) -> Band:
        season = season_days * task.day_slots
        mean = _last_like(task.values, task.targets(), season)
        lag = season if len(task.values) > season else task.day_slots
        if len(task.values) <= lag:
            return Band(mean=mean, lower=mean * 0.0, upper=mean + float(task.values.max()))
        errors = task.values[lag:] - task.values[:-lag]
        return _with_errors(task, mean, errors)

    return lambda _: predict


def seasonal_mean(task: Task) -> Predictor:
    """Return the model that takes the mean of the same slot of the day over the last 28 days at most."""
    del task

    def predict(task: Task) -> Band:
        days = min(int(task.days), MEAN_DAYS)
        start = len(task.values) - days * task.day_slots
        table = task.values[start:].reshape(days, task.day_slots)
        mean = table.mean(axis=0)
        # Each day against the mean of the others, as the day to come stands against all of them.
        errors = (table - mean) * (days / max(days - 1, 1))
        positions = (task.targets() - start) % task.day_slots
        if days == 1:
            errors = table - table.mean()
        return _with_errors(task, mean[positions], errors.ravel())

    return predict


def _last_like(values: Floats, targets: npt.NDArray[np.int64], season: int) -> Floats:
    """Return the newest known value that lies whole seasons before each target."""
    seasons = -(-(targets - len(values) + 1) // season)
    like: Floats = values[targets - np.maximum(seasons, 1) * season]
    return like


def _with_errors(task: Task, mean: Floats, errors: Floats) -> Band:
    """Return the band whose bounds are quantiles of past errors near the same slot of the day.

    ``errors`` are the newest ones: the last belongs to the last value of the history.
    """
    length, day = len(task.values), task.day_slots
    phases = np.arange(length - len(errors), length) % day
    bounds = np.empty((2, task.horizon_slots))
    for column, target in enumerate(task.targets() % day):
        distance = np.abs(phases - target)
        distance = np.minimum(distance, day - distance)
        reach = np.partition(distance, min(MIN_RESIDUALS, len(errors)) - 1)
        near = errors[distance <= reach[min(MIN_RESIDUALS, len(errors)) - 1]]
        bounds[:, column] = np.quantile(near, task.quantiles)
    return Band(mean=mean, lower=mean + bounds[0], upper=mean + bounds[1])
