"""From a ``community`` to its households: ordinary participants, whose data are made from profiles."""

from __future__ import annotations

from typing import Any

from setm.households import Household, draw, read_profiles
from setm.scenario.models import CommunitySpec, Scenario

OWN_FIELDS = (
    "days_for_forecasting",
    "min_bid_eur_per_mwh",
    "max_bid_eur_per_mwh",
    "model",
    "bidder",
    "quantities",
)


def populated(scenario: Scenario) -> Scenario:
    """Return the scenario with its community's households behind its other participants; itself if it has none.

    Raises ``DataError`` for profiles that cannot be used, ``ConfigError`` for a community that cannot be drawn, and
    ``ValidationError`` for households that cannot take part.
    """
    community = scenario.community
    if community is None:
        return scenario
    profiles = read_profiles(community.profiles, scenario.slot_seconds)
    households = draw(community.plan, profiles)
    values = {name: getattr(scenario, name) for name in Scenario.model_fields}
    drawn = [_participant(number, one, community) for number, one in enumerate(households, 1)]
    return Scenario.model_validate(
        {**values, "community": None, "participants": [*scenario.participants, *drawn]}
    )


def _participant(number: int, household: Household, community: CommunitySpec) -> dict[str, Any]:
    has_plant = household.pv_kw > 0
    return {
        "name": f"household {number:03d}",
        "kind": "prosumer" if has_plant else "personal consumer",
        "device": "solar plant" if has_plant else "",
        "side": "net" if has_plant else "buy",
        "data": community.profiles,
        "household": {
            "load": household.load,
            "yearly_use_kwh": household.yearly_use_kwh,
            "shift_weeks": household.shift_weeks,
            "shift_slots": household.shift_slots,
            "pv": household.pv,
            "pv_kw": household.pv_kw,
        },
        **{name: getattr(community, name) for name in OWN_FIELDS},
    }
