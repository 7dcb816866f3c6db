"""What a household's meter counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from setm.data import Energies, MeterSeries, slots_per_day
from setm.errors import ConfigError
from setm.households.draw import Household
from setm.households.profiles import REFERENCE_PLANT_KW, REFERENCE_USE_KWH, Profiles, whole_wh

Floats = npt.NDArray[np.float64]


def series_of(household: Household, profiles: Profiles) -> MeterSeries:
    """Return import and export of the one meter at the household's connection, Wh per slot.

    Behind the meter what the plant generates covers the load of the same slot first: the meter counts the difference,
    once, as import or as export. What it counts is never netted again, neither over slots nor between households.
    """
    generated, used = generated_and_used_wh(household, profiles)
    return MeterSeries(
        first_slot=profiles.first_slot,
        slot_seconds=profiles.slot_seconds,
        import_wh=whole_wh(np.maximum(used - generated, 0.0)),
        export_wh=whole_wh(np.maximum(generated - used, 0.0)),
        path=profiles.path,
    )


def generated_and_used_wh(household: Household, profiles: Profiles) -> tuple[Floats, Floats]:
    """Return what the plant generates and what the household uses, Wh per slot, not yet rounded."""
    moved = household.shift_weeks * 7 * slots_per_day(profiles.slot_seconds) + household.shift_slots
    load = _profile("load", household.load, profiles.loads, profiles.path)
    used: Floats = np.roll(load, moved).astype(np.float64) * (
        household.yearly_use_kwh / REFERENCE_USE_KWH
    )
    if household.pv_kw == 0:
        return np.zeros_like(used), used
    plant = _profile("pv", household.pv, profiles.plants, profiles.path)
    generated: Floats = plant.astype(np.float64) * (household.pv_kw / REFERENCE_PLANT_KW)
    return generated, used


def _profile(field: str, name: str, known: Mapping[str, Energies], path: Path) -> Energies:
    if name not in known:
        raise ConfigError(f"{field} {name!r}: expected one of {', '.join(sorted(known))} ({path})")
    return known[name]
