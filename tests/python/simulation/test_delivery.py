"""When readings are posted and slots settled: not before what was measured and what was traded are both final."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from setm.simulation.delivery import (
    POST_AFTER_SECONDS,
    SETTLE_AFTER_SECONDS,
    Delivery,
    plan_delivery,
)

SLOT_SECONDS, DISPUTE_WINDOW = 3600, 600
SLOTS = [410_958, 410_959]


@dataclass
class Planned:
    """An agenda that only remembers when something is due."""

    times: list[int] = field(default_factory=list)

    def at(self, when, _action):
        self.times.append(when)


def settlement_times(open_seconds: int) -> list[int]:
    """Seconds after its slot began at which each slot is settled."""
    agenda = Planned()
    delivery = Delivery(
        community=None,
        traded_in=[],
        members=[],
        delivered={},
        slot_seconds=SLOT_SECONDS,
        dispute_window=DISPUTE_WINDOW,
        open_seconds=open_seconds,
    )
    plan_delivery(delivery, agenda, SLOTS)
    posted, settled = agenda.times[::2], agenda.times[1::2]
    assert posted == [(slot + 1) * SLOT_SECONDS + POST_AFTER_SECONDS for slot in SLOTS]
    return [when - slot * SLOT_SECONDS for when, slot in zip(settled, SLOTS, strict=True)]


@pytest.mark.parametrize("open_seconds", [0, SLOT_SECONDS])
def test_a_slot_is_settled_once_its_readings_are_final(open_seconds):
    waited = SLOT_SECONDS + DISPUTE_WINDOW + POST_AFTER_SECONDS + SETTLE_AFTER_SECONDS
    assert settlement_times(open_seconds) == [waited, waited]


def test_settlement_waits_for_an_outcome_that_can_still_change():
    assert settlement_times(86_400) == [86_400 + SETTLE_AFTER_SECONDS] * 2
