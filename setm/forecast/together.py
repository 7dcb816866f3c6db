"""The naive family for many participants at once: each row of an array is one history and sees no other row.

What depends on time alone (which past errors lie near which slot of the day) is worked out once for all; what depends
on the values goes along the rows. The bands are those of ``setm.forecast.naive``, to the last bit, which
``tests/python/forecast/test_together.py`` demands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from setm.data import MeterSeries
from setm.errors import ForecastError
from setm.forecast.day import LEVEL, NOTHING, task_of
from setm.forecast.models import fit
from setm.forecast.naive import MEAN_DAYS, MIN_RESIDUALS
from setm.forecast.task import ZERO_DAYS, ZERO_DAYS_MIN, Band, Direction, Floats, Forecast, Task
from setm.slots import Slot

Answer = Callable[[Floats, Task], Band]
"""Takes the histories of all participants (participants, slots) and one task, whose values do not count."""


def forecast_days(
    histories: Sequence[MeterSeries],
    *,
    direction: Direction = "import",
    horizon_slots: int,
    gap_slots: int = 0,
    model: str,
    level: float = LEVEL,
) -> list[Forecast]:
    """Return for each history what ``forecast_day`` returns, to the last bit; ``model`` is one of ``TOGETHER``.

    All histories must cover the same slots. Raises ``ForecastError`` as ``forecast_day`` does, and for a model that
    cannot be computed together.
    """
    if model not in TOGETHER:
        raise ForecastError(
            f"model {model!r} for all at once: expected one of {', '.join(TOGETHER)}"
        )
    if not histories:
        return []
    spans = {(item.first_slot, item.slot_count, item.slot_seconds) for item in histories}
    if len(spans) > 1:
        raise ForecastError(f"histories of {len(spans)} different spans: expected one for all")
    task = task_of(
        histories[0],
        direction=direction,
        horizon_slots=horizon_slots,
        gap_slots=gap_slots,
        seed=0,
        level=level,
    )
    columns = [item.import_wh if direction == "import" else item.export_wh for item in histories]
    values = np.array(columns).astype(np.float64)
    flows: npt.NDArray[np.bool_] = (values != 0).any(axis=1)
    nothing = np.zeros((len(values), horizon_slots))
    mean, lower, upper = nothing, nothing.copy(), nothing.copy()
    if flows.any():
        # Refuses a history too short for the model.
        fit(model, task)
        band = _settled(TOGETHER[model](values[flows], task), values[flows], task)
        mean[flows], lower[flows], upper[flows] = band.mean, band.lower, band.upper
    return [
        Forecast(
            first_slot=Slot(history.end_slot + gap_slots),
            slot_seconds=history.slot_seconds,
            mean_wh=mean[row],
            lower_wh=lower[row],
            upper_wh=upper[row],
            level=level,
            model=model if flows[row] else NOTHING,
        )
        for row, history in enumerate(histories)
    ]


def _seasonal_naive(season_days: int) -> Answer:
    """Return the twin of ``naive.seasonal_naive``."""

    def answer(values: Floats, task: Task) -> Band:
        length, season = values.shape[1], season_days * task.day_slots
        targets = task.targets()
        seasons = -(-(targets - length + 1) // season)
        mean = values[:, targets - np.maximum(seasons, 1) * season]
        lag = season if length > season else task.day_slots
        if length <= lag:
            return Band(mean=mean, lower=mean * 0.0, upper=mean + values.max(axis=1)[:, None])
        return _with_errors(task, mean, values[:, lag:] - values[:, :-lag])

    return answer


def _seasonal_mean(values: Floats, task: Task) -> Band:
    """Return the twin of ``naive.seasonal_mean``."""
    rows, length = values.shape
    days = min(int(task.days), MEAN_DAYS)
    start = length - days * task.day_slots
    table = values[:, start:].reshape(rows, days, task.day_slots)
    mean = table.mean(axis=1)
    errors = (table - mean[:, None]) * (days / max(days - 1, 1))
    if days == 1:
        errors = table - table.mean(axis=(1, 2))[:, None, None]
    positions = (task.targets() - start) % task.day_slots
    return _with_errors(task, mean[:, positions], errors.reshape(rows, -1))


def _with_errors(task: Task, mean: Floats, errors: Floats) -> Band:
    """Return the twin of ``naive._with_errors``: quantiles of each row's errors near the same slot of the day."""
    length, day = len(task.values), task.day_slots
    count = errors.shape[1]
    phases = np.arange(length - count, length) % day
    wanted = task.targets() % day
    of_phase = np.empty((2, len(errors), day))
    rank = min(MIN_RESIDUALS, count) - 1
    for target in np.unique(wanted):
        distance = np.abs(phases - target)
        distance = np.minimum(distance, day - distance)
        near = np.flatnonzero(distance <= np.partition(distance, rank)[rank])
        of_phase[:, :, target] = np.quantile(errors[:, near], task.quantiles, axis=1)
    bounds = of_phase[:, :, wanted]
    return Band(mean=mean, lower=mean + bounds[0], upper=mean + bounds[1])


def _settled(band: Band, values: Floats, task: Task) -> Band:
    """Return the twin of ``task.settled``."""
    ceiling = values.max(axis=1)[:, None]
    mean, lower, upper = (
        np.clip(np.nan_to_num(part), 0.0, ceiling) for part in (band.mean, band.lower, band.upper)
    )
    quiet = _always_zero(values, task)
    if quiet is not None:
        mean, lower, upper = (np.where(quiet, 0.0, part) for part in (mean, lower, upper))
    return Band(mean=mean, lower=np.minimum(lower, mean), upper=np.maximum(upper, mean))


def _always_zero(values: Floats, task: Task) -> npt.NDArray[np.bool_] | None:
    """Return the twin of ``task._always_zero``."""
    days = min(int(task.days), ZERO_DAYS)
    if days < ZERO_DAYS_MIN:
        return None
    start = values.shape[1] - days * task.day_slots
    recent = values[:, start:].reshape(len(values), days, task.day_slots)
    quiet: npt.NDArray[np.bool_] = (recent == 0).all(axis=1)
    return quiet[:, (task.targets() - start) % task.day_slots]


TOGETHER: Mapping[str, Answer] = MappingProxyType(
    {
        "seasonal_naive": _seasonal_naive(1),
        "seasonal_naive_week": _seasonal_naive(7),
        "seasonal_mean": _seasonal_mean,
    }
)
"""The models that can be computed for all at once."""
