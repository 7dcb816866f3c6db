"""The forecast that an agent bids from."""

from __future__ import annotations

import numpy as np

from setm.data import MeterSeries, slots_per_day
from setm.errors import ForecastError
from setm.forecast.models import AUTO, MODEL_NAMES, fit
from setm.forecast.task import Direction, Forecast, Task, settled
from setm.slots import Slot

LEVEL = 0.8
NOTHING = "nothing"
MAX_AHEAD_DAYS = 7


def task_of(
    history: MeterSeries,
    *,
    direction: Direction,
    horizon_slots: int,
    gap_slots: int,
    seed: int,
    level: float,
) -> Task:
    """Return the task that follows a history; refuse what no model can answer."""
    day_slots = slots_per_day(history.slot_seconds)
    if horizon_slots < 1 or gap_slots < 0:
        raise ForecastError(
            f"horizon {horizon_slots} and gap {gap_slots} slots: expected at least 1 and 0"
        )
    if gap_slots + horizon_slots > MAX_AHEAD_DAYS * day_slots:
        raise ForecastError(
            f"gap and horizon of {gap_slots + horizon_slots} slots: expected at most {MAX_AHEAD_DAYS} days "
            f"({MAX_AHEAD_DAYS * day_slots} slots)"
        )
    if not 0 < level < 1:
        raise ForecastError(f"interval level {level}: expected between 0 and 1, both excluded")
    if history.slot_count < day_slots:
        raise ForecastError(
            f"{history.path}: {history.slot_count} slots of history; expected at least one day ({day_slots} slots)"
        )
    values = history.import_wh if direction == "import" else history.export_wh
    return Task(
        values=values.astype(np.float64),
        first_slot=history.first_slot,
        day_slots=day_slots,
        gap_slots=gap_slots,
        horizon_slots=horizon_slots,
        level=level,
        seed=seed,
    )


def forecast_day(
    history: MeterSeries,
    *,
    direction: Direction = "import",
    horizon_slots: int,
    gap_slots: int = 0,
    model: str = AUTO,
    seed: int = 0,
    level: float = LEVEL,
) -> Forecast:
    """Return mean and interval, Wh, of the slots that begin ``gap_slots`` after the history ends.

    ``history`` is what the agent knows at its gate closure (``history_view``) and all that is looked at. The same
    history and seed give the same arrays. A direction in which nothing ever flowed is forecast as nothing.
    """
    task = task_of(
        history,
        direction=direction,
        horizon_slots=horizon_slots,
        gap_slots=gap_slots,
        seed=seed,
        level=level,
    )
    if model not in MODEL_NAMES:
        raise ForecastError(f"model {model!r}: expected one of {', '.join(MODEL_NAMES)}")
    first_slot = Slot(history.end_slot + gap_slots)
    if not task.values.any():
        zeros = np.zeros(horizon_slots)
        return Forecast(
            first_slot=first_slot,
            slot_seconds=history.slot_seconds,
            mean_wh=zeros,
            lower_wh=zeros.copy(),
            upper_wh=zeros.copy(),
            level=level,
            model=NOTHING,
        )
    used, predict = fit(model, task)
    band = settled(predict(task), task)
    return Forecast(
        first_slot=first_slot,
        slot_seconds=history.slot_seconds,
        mean_wh=band.mean,
        lower_wh=band.lower,
        upper_wh=band.upper,
        level=level,
        model=used,
    )
