"""Made-up meters to forecast."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from setm.data import MeterSeries, slots_per_day
from setm.slots import Slot

FIRST_SLOT = Slot(400_008)


def meter(
    import_wh: npt.ArrayLike, export_wh: npt.ArrayLike | None = None, slot_seconds: int = 3600
) -> MeterSeries:
    """Return a series from a fixed midnight on."""
    imported = np.array(import_wh, dtype=np.int64)
    exported = np.zeros_like(imported) if export_wh is None else np.array(export_wh, dtype=np.int64)
    return MeterSeries(
        first_slot=Slot(FIRST_SLOT * 3600 // slot_seconds),
        slot_seconds=slot_seconds,
        import_wh=imported,
        export_wh=exported,
        path=Path("meter.csv"),
    )


def household(days: int, seed: int = 1, slot_seconds: int = 3600) -> MeterSeries:
    """Return a load with a daily and a weekly rhythm, and a solar export that is zero at night."""
    rng = np.random.default_rng(seed)
    day = slots_per_day(slot_seconds)
    slots = np.arange(days * day)
    hour = slots % day / day
    weekend = slots // day % 7 >= 5
    load = 600 + 300 * np.sin(2 * np.pi * hour) + 200 * weekend + rng.gamma(2, 60, len(slots))
    sun = np.clip(np.sin(2 * np.pi * (hour - 0.25)), 0, None)
    return meter(load, 3000 * sun * rng.uniform(0.3, 1, days).repeat(day), slot_seconds)
