"""The slots of a scenario's day and the gate before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from setm.data import slots_per_day
from setm.scenario.models import Scenario
from setm.slots import Slot, slot_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The day's slots; ``gate_slot`` is the one in which the first gate closes, unknown to every forecast."""

    gate_slot: Slot
    first_slot: Slot
    last_slot: Slot

    @property
    def slots(self) -> list[Slot]:
        """All slots of the day."""
        return [Slot(slot) for slot in range(self.first_slot, self.last_slot + 1)]


def times_of(scenario: Scenario) -> Times:
    """Return the day's slots; the forecasts of all its slots are made at the first gate closure of its mechanisms."""
    seconds = scenario.slot_seconds
    midnight = datetime.combine(scenario.day, datetime.min.time(), UTC)
    first = slot_at(midnight, seconds)
    leads = [scenario.auction.gate_lead_minutes, scenario.negotiation.gate_lead_minutes]
    if "day_ahead" in scenario.mechanisms:
        leads.append(scenario.day_ahead.gate_lead_minutes + scenario.day_ahead.force_minutes)
    lead = 60 * max(leads)
    gate = (int(midnight.timestamp()) - lead) // seconds
    return Times(
        gate_slot=Slot(gate),
        first_slot=first,
        last_slot=Slot(first + slots_per_day(seconds) - 1),
    )
