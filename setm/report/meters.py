"""Whose meter is whose, by the events of a run."""

from __future__ import annotations

from collections.abc import Mapping

from setm.errors import RunError
from setm.report.run import Event, MechanismRun


def owners(record: MechanismRun) -> dict[int, int]:
    """Return whose each meter is: participant by meter."""
    bound = record.of("MeterBound", "meters")
    return {event["meter"]: event["participantId"] for event in bound}


def owner(known: Mapping[int, int], meter: int, event: Event) -> int:
    """Return whose a meter is that an event names; raise ``RunError`` if it was never bound."""
    if meter not in known:
        raise RunError(f"{event.line}: meter {meter} was never bound (MeterBound is missing)")
    return known[meter]
