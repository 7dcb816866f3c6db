"""Households made from profiles: who they are follows from a seed, what their meters count from the profiles.

A file of profiles stands for a whole community: each household is one load profile, scaled to its yearly use and moved
in time, with or without a solar plant on its roof. Nothing else is stored.
"""

from setm.households.draw import Household, Plan, draw
from setm.households.profiles import Profiles, read_profiles
from setm.households.series import generated_and_used_wh, series_of

__all__ = [
    "Household",
    "Plan",
    "Profiles",
    "draw",
    "generated_and_used_wh",
    "read_profiles",
    "series_of",
]
