"""What passes between models: the task, the band that answers it, and the forecast an agent gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from setm.slots import Slot

Floats = npt.NDArray[np.float64]
Direction = Literal["import", "export"]

# A slot of the day that was zero on each of these days stays zero: a solar plant at night.
ZERO_DAYS = 14
ZERO_DAYS_MIN = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Energy expected in each slot, Wh, with an interval that should hold it ``level`` of the time."""

    first_slot: Slot
    slot_seconds: int
    mean_wh: Floats
    lower_wh: Floats
    upper_wh: Floats
    level: float
    model: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """Forecast ``horizon_slots`` slots that begin ``gap_slots`` after the end of ``values``.

    ``values`` are Wh per slot from ``first_slot`` on; ``day_slots`` is the number of slots in a day.
    """

    values: Floats
    first_slot: int
    day_slots: int
    gap_slots: int
    horizon_slots: int
    level: float
    seed: int

    @property
    def days(self) -> float:
        """Return the length of the history in days."""
        return len(self.values) / self.day_slots

    @property
    def quantiles(self) -> tuple[float, float]:
        """Return the two quantiles that bound the interval."""
        return (1 - self.level) / 2, (1 + self.level) / 2

    def targets(self) -> npt.NDArray[np.int64]:
        """Return the positions of the forecast slots, counted from the start of ``values``."""
        first = len(self.values) + self.gap_slots
        return np.arange(first, first + self.horizon_slots, dtype=np.int64)

    def before(self, slots: int, keep: int | None = None) -> Task:
        """Return the same task ``slots`` earlier, with at most the last ``keep`` values before that."""
        end = len(self.values) - slots
        start = 0 if keep is None else max(0, end - keep)
        return replace(self, values=self.values[start:end], first_slot=self.first_slot + start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Mean and interval, Wh, one value for each slot of the task."""

    mean: Floats
    lower: Floats
    upper: Floats


Predictor = Callable[[Task], Band]
"""Answers a task whose history may be longer than the one it was fitted on, never shorter."""

Fit = Callable[[Task], Predictor]


def settled(band: Band, task: Task) -> Band:
    """Return the band within what is possible: 0 to the largest value seen, zero where it is always zero.

    The interval is widened where it does not hold the mean.
    """
    ceiling = float(task.values.max())
    mean, lower, upper = (
        np.clip(np.nan_to_num(values), 0.0, ceiling)
        for values in (band.mean, band.lower, band.upper)
    )
    quiet = _always_zero(task)
    if quiet is not None:
        mean, lower, upper = (np.where(quiet, 0.0, values) for values in (mean, lower, upper))
    return Band(mean=mean, lower=np.minimum(lower, mean), upper=np.maximum(upper, mean))


def _always_zero(task: Task) -> npt.NDArray[np.bool_] | None:
    """Return for each forecast slot whether its slot of the day was zero on every recent day."""
    days = min(int(task.days), ZERO_DAYS)
    if days < ZERO_DAYS_MIN:
        return None
    start = len(task.values) - days * task.day_slots
    is_zero = (task.values[start:].reshape(days, task.day_slots) == 0).all(axis=0)
    quiet: npt.NDArray[np.bool_] = is_zero[(task.targets() - start) % task.day_slots]
    return quiet
