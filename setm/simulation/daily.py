"""After a day that was traded by signed schedules: each meter signs once, and whole groups are settled together.

::

    delivered ── post days ──┤ disputes ├── settle groups ── the rest: unpack their days, settle slot by slot
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from setm.chain.days import posting_days, settling_day, unpacking_day
from setm.chain.schedules import DayAheadVenue
from setm.chain.sender import send_all
from setm.days import DayReading, slots_a_day
from setm.simulation.batches import batched
from setm.simulation.delivery import (
    POST_AFTER_SECONDS,
    SETTLE_AFTER_SECONDS,
    Delivery,
    Meters,
    settle_slot,
)
from setm.simulation.scene import Scene
from setm.slots import Slot

# By the bytes and the gas of a transaction; unpacking by what a node is asked at once.
POSTED_TOGETHER, UNPACKED_TOGETHER = 128, 32


def plan_days(delivery: Delivery, scene: Scene, slots: Sequence[Slot]) -> None:
    """Plan the posting of each day's readings after its end, and its settlement once they are final.

    ``slots`` are those of whole days in order.
    """
    meters, length = Meters(delivery), slots_a_day(delivery.slot_seconds)
    for part in batched(slots, length):
        posted_at = (part[-1] + 1) * delivery.slot_seconds + POST_AFTER_SECONDS
        settled_at = posted_at + delivery.dispute_window + SETTLE_AFTER_SECONDS
        day = part[0] // length
        scene.agenda.at(posted_at, partial(_post, delivery, meters, day, part))
        scene.agenda.at(settled_at, partial(_settle, delivery, scene, meters, day, part))


def _post(delivery: Delivery, meters: Meters, day: int, slots: Sequence[Slot]) -> None:
    community = delivery.community
    registry, words = community.deployment.meters, [words for _, words in meters.days(day, slots)]
    parts = batched(words, POSTED_TOGETHER)
    send_all([posting_days(registry, community.collector, part) for part in parts])


def _settle(
    delivery: Delivery, scene: Scene, meters: Meters, day: int, slots: Sequence[Slot]
) -> None:
    """Settle whole groups, those first that pay most on balance: the pool of a day is one for all of them."""
    community = delivery.community
    signed = [reading for reading, _ in meters.days(day, slots)]
    ids = [member.participant_id for member in delivery.members]
    readings: dict[int, DayReading] = dict(zip(ids, signed, strict=True))
    groups = sorted(
        (one for one in scene.bound if one.key.span == day),
        key=lambda one: one.paid_on_balance,
        reverse=True,
    )
    settlement = community.deployment.settlement
    venue = community.deployment.part(DayAheadVenue).address
    send_all(
        [settling_day(settlement, community.collector, venue, one, readings) for one in groups]
    )
    whole = {outcome.participant_id for one in groups for outcome in one.outcomes}
    left = [one for one in delivery.members if one.participant_id not in whole]
    for part in batched(left, UNPACKED_TOGETHER):
        own = [readings[one.participant_id] for one in part]
        registry = community.deployment.meters
        send_all([unpacking_day(registry, community.collector, reading) for reading in own])
    for slot in slots if left else ():
        settle_slot(delivery, left, slot)
