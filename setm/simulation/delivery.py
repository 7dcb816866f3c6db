"""After trading: meters sign what was delivered, anyone posts and settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from setm import messages
from setm.chain.contracts import SignedReading, Venue
from setm.data.series import MeterSeries
from setm.simulation.batches import batched
from setm.simulation.clock import Agenda
from setm.simulation.community import Community, Member
from setm.slots import Slot
from setm.types import Reading
from setm.units import Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The members, where they traded, what their meters will say, and the windows of metering in seconds."""

    community: Community
    venue: Venue
    members: Sequence[Member]
    delivered: Mapping[str, MeterSeries]
    slot_seconds: int
    dispute_window: int
    open_seconds: int


POST_AFTER_SECONDS = 60
# Each transaction takes a second of the chain's clock: what else is due at the time of a posting delays it.
SETTLE_AFTER_SECONDS = 900
# The gas ceiling of a batch (setm.chain.contracts) stays below what one transaction may ask for (EIP-7825).
POSTED_TOGETHER, COLLECTED_TOGETHER, SETTLED_TOGETHER = 250, 130, 40


def plan_delivery(delivery: Delivery, agenda: Agenda, slots: Sequence[Slot]) -> None:
    """Plan, for each slot, the posting of readings after its end and its settlement once they are final."""
    for slot in slots:
        posted_at = (slot + 1) * delivery.slot_seconds + POST_AFTER_SECONDS
        agenda.at(posted_at, partial(_post, delivery, slot))
        measured_at = posted_at + delivery.dispute_window
        traded_at = slot * delivery.slot_seconds + delivery.open_seconds
        settled_at = max(measured_at, traded_at) + SETTLE_AFTER_SECONDS
        agenda.at(settled_at, partial(_settle, delivery, slot))


def signed_reading(delivery: Delivery, member: Member, slot: Slot) -> SignedReading:
    """Return what the member's meter signs for a slot."""
    series = delivery.delivered[member.name].window(slot, slot + 1)
    measured = Reading(
        meter=member.meter,
        slot=slot,
        import_wh=Wh(int(series.import_wh[0])),
        export_wh=Wh(int(series.export_wh[0])),
    )
    domain = delivery.community.deployment.meters.domain
    r, vs = messages.reading(domain, measured).sign_compact(member.device)
    return measured, r, vs


def _post(delivery: Delivery, slot: Slot) -> None:
    community = delivery.community
    readings = [signed_reading(delivery, member, slot) for member in delivery.members]
    for part in batched(readings, POSTED_TOGETHER):
        community.deployment.meters.post(community.collector, part)


def _settle(delivery: Delivery, slot: Slot) -> None:
    community = delivery.community
    ids = [member.participant_id for member in delivery.members]
    parts = list(batched(ids, SETTLED_TOGETHER))
    if len(parts) > 1:
        # Sellers of one part may be paid by buyers of another: first everybody pays, then everybody is settled.
        for part in batched(ids, COLLECTED_TOGETHER):
            delivery.venue.collect(community.collector, slot, part)
    for part in parts:
        community.deployment.settlement.settle(community.collector, slot, part)
