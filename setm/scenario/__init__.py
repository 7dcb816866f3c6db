"""Scenarios: a day of a community as a YAML file, checked before anything runs."""

from setm.scenario.community import populated
from setm.scenario.loading import check_scenario, load_meter_data, load_outline, load_scenario
from setm.scenario.models import ParticipantSpec, Scenario
from setm.scenario.times import Times, times_of

__all__ = [
    "ParticipantSpec",
    "Scenario",
    "Times",
    "check_scenario",
    "load_meter_data",
    "load_outline",
    "load_scenario",
    "populated",
    "times_of",
]
