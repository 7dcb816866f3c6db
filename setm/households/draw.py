"""Who lives in a community: drawn once from its seed, the same whenever it is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from setm.errors import ConfigError
from setm.households.profiles import REFERENCE_PLANT_KW, REFERENCE_USE_KWH, Profiles

# A household's day may be moved by half an hour of quarter-hours at most, either way.
MAX_SHIFT_SLOTS = 2
# Use is drawn log-normally around the mean and kept within this factor of it.
USE_RANGE = 4.0
# Plants differ by half their mean size at most, either way.
PLANT_SPREAD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """A household: a load profile, its size, how it is moved in time, and its plant if ``pv_kw`` is above 0.

    It shows what the profile shows ``shift_weeks`` weeks and ``shift_slots`` slots earlier; the profile's end is
    followed by its beginning. Its plant is not moved: neighbours see one sun.
    """

    load: str
    yearly_use_kwh: int
    shift_weeks: int = 0
    shift_slots: int = 0
    pv: str = ""
    pv_kw: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is known of a community before it is drawn.

    ``use_spread`` is the standard deviation of the logarithm of yearly use. ``supply_ratio`` is what all plants
    generate over what all households use, in the whole time of the profiles.
    """

    count: int
    seed: int
    pv_share: float
    supply_ratio: float
    yearly_use_kwh: int
    use_spread: float


def draw(plan: Plan, profiles: Profiles) -> list[Household]:
    """Return the households of a plan; share and ratio change their plants and nothing else.

    Raises ``ConfigError`` if energy is to be generated and nobody has a plant.
    """
    rng = np.random.default_rng([plan.seed, plan.count])
    names, plants = sorted(profiles.loads), sorted(profiles.plants)
    loads = rng.integers(len(names), size=plan.count)
    weeks = rng.integers(profiles.weeks, size=plan.count)
    slots = rng.integers(-MAX_SHIFT_SLOTS, MAX_SHIFT_SLOTS, size=plan.count, endpoint=True)
    normal = rng.standard_normal(plan.count)
    order = rng.permutation(plan.count)
    sites = rng.integers(len(plants), size=plan.count)
    sizes = rng.uniform(1 - PLANT_SPREAD, 1 + PLANT_SPREAD, size=plan.count)

    # Less half the variance, so that the mean is the mean of the uses and not of their logarithms.
    factors = np.clip(
        np.exp(plan.use_spread * normal - plan.use_spread**2 / 2), 1 / USE_RANGE, USE_RANGE
    )
    uses = np.rint(plan.yearly_use_kwh * factors).astype(np.int64)
    households = [
        Household(
            load=names[loads[index]],
            yearly_use_kwh=max(int(uses[index]), 1),
            shift_weeks=int(weeks[index]),
            shift_slots=int(slots[index]),
        )
        for index in range(plan.count)
    ]
    owners = order[: round(plan.pv_share * plan.count)]
    if len(owners) == 0 or plan.supply_ratio == 0:
        if plan.supply_ratio > 0:
            raise ConfigError(
                f"supply_ratio {plan.supply_ratio} with pv_share {plan.pv_share} of {plan.count}: nobody has a plant; "
                "raise pv_share or set supply_ratio: 0"
            )
        return households
    scale = _plant_scale(plan, profiles, households, [(plants[sites[i]], sizes[i]) for i in owners])
    for index in owners:
        size_kw = round(float(scale * sizes[index]), 2)
        households[index] = replace(households[index], pv=plants[sites[index]], pv_kw=size_kw)
    return households


def _plant_scale(
    plan: Plan,
    profiles: Profiles,
    households: list[Household],
    owned: list[tuple[str, float]],
) -> float:
    """Return the kW of a plant of relative size 1 with which generation is ``supply_ratio`` times use."""
    used = sum(
        int(profiles.loads[one.load].sum()) * one.yearly_use_kwh / REFERENCE_USE_KWH
        for one in households
    )
    generated = sum(
        int(profiles.plants[name].sum()) * size / REFERENCE_PLANT_KW for name, size in owned
    )
    return plan.supply_ratio * used / generated
