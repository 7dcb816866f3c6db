"""After trading: meters sign what was delivered, anyone posts and settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from coincurve import PrivateKey

from setm import messages
from setm.chain.contracts import SignedReading
from setm.chain.sender import send_all
from setm.data.series import MeterSeries
from setm.days import DayReading, day_digest, posted_words
from setm.signatures import COMPACT_BYTES, Digest, digest_of, private_key, sign
from setm.simulation.batches import batched
from setm.simulation.clock import Agenda
from setm.simulation.community import Community, Member
from setm.slots import Slot
from setm.types import Reading
from setm.units import Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The members, roles of the venues where they traded, what meters will say, and windows in seconds."""

    community: Community
    traded_in: Sequence[str]
    members: Sequence[Member]
    delivered: Mapping[str, MeterSeries]
    slot_seconds: int
    dispute_window: int
    open_seconds: int


HALF = COMPACT_BYTES // 2
POST_AFTER_SECONDS = 60
# Each transaction takes a second of the chain's clock: what else is due at the time of a posting delays it.
SETTLE_AFTER_SECONDS = 900
# The gas ceiling of a batch (setm.chain.contracts) stays below what one transaction may ask for (EIP-7825).
POSTED_TOGETHER, COLLECTED_TOGETHER, SETTLED_TOGETHER = 250, 130, 40


def plan_delivery(delivery: Delivery, agenda: Agenda, slots: Sequence[Slot]) -> None:
    """Plan, for each slot, the posting of readings after its end and its settlement once they are final."""
    meters = Meters(delivery)
    for slot in slots:
        posted_at = (slot + 1) * delivery.slot_seconds + POST_AFTER_SECONDS
        agenda.at(posted_at, partial(_post, delivery, meters, slot))
        measured_at = posted_at + delivery.dispute_window
        traded_at = slot * delivery.slot_seconds + delivery.open_seconds
        settled_at = max(measured_at, traded_at) + SETTLE_AFTER_SECONDS
        agenda.at(settled_at, partial(settle_slot, delivery, delivery.members, slot))


class Meters:
    """The members' meters: what they measure, and their keys in the form that signs fast."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    @cached_property
    def _digest(self) -> Digest:
        domain = self._delivery.community.deployment.meters.domain
        return digest_of(messages.METER_DOMAIN, domain, "Reading", messages.READING)

    @cached_property
    def _day_digest(self) -> Digest:
        return day_digest(self._delivery.community.deployment.meters.domain)

    @cached_property
    def _keys(self) -> list[PrivateKey]:
        return [private_key(bytes(member.device.key)) for member in self._delivery.members]

    def readings(self, slot: Slot) -> list[SignedReading]:
        """Return what every meter signs for a slot, in the order of the members."""
        return [
            self._signed(member, key, slot)
            for member, key in zip(self._delivery.members, self._keys, strict=True)
        ]

    def days(self, day: int, slots: Sequence[Slot]) -> list[tuple[DayReading, list[int]]]:
        """Return what every daily meter signs for the slots of a day, and the words that are posted of it."""
        found = []
        for member, key in zip(self._delivery.members, self._keys, strict=True):
            series = self._delivery.delivered[member.name]
            first = slots[0] - series.first_slot
            reading = DayReading(
                meter=member.meter,
                day=day,
                imports_wh=tuple(map(Wh, series.import_wh[first : first + len(slots)].tolist())),
                exports_wh=tuple(map(Wh, series.export_wh[first : first + len(slots)].tolist())),
            )
            signature = sign(key, self._day_digest(reading.meter, day, *reading.words()))
            found.append((reading, posted_words(reading, signature)))
        return found

    def _signed(self, member: Member, key: PrivateKey, slot: Slot) -> SignedReading:
        series = self._delivery.delivered[member.name]
        place = slot - series.first_slot
        measured = Reading(
            meter=member.meter,
            slot=slot,
            import_wh=Wh(int(series.import_wh[place])),
            export_wh=Wh(int(series.export_wh[place])),
        )
        values = (measured.meter, measured.slot, measured.import_wh, measured.export_wh)
        signature = sign(key, self._digest(*values))
        return measured, signature[:HALF], signature[HALF:]


def _post(delivery: Delivery, meters: Meters, slot: Slot) -> None:
    community = delivery.community
    parts = batched(meters.readings(slot), POSTED_TOGETHER)
    posting = community.deployment.meters.posting
    send_all([posting(community.collector, part) for part in parts])


def settle_slot(delivery: Delivery, members: Sequence[Member], slot: Slot) -> None:
    """Settle a slot whose trades and readings are final for these members."""
    community = delivery.community
    ids = [member.participant_id for member in members]
    anyone, settlement = community.collector, community.deployment.settlement
    parts = list(batched(ids, SETTLED_TOGETHER))
    calls = []
    if len(parts) > 1:
        # Sellers of one part may be paid by buyers of another: first everybody pays, then everybody is settled.
        calls += [
            venue.collecting(anyone, slot, part)
            for venue in map(community.deployment.venue, delivery.traded_in)
            for part in batched(ids, COLLECTED_TOGETHER)
        ]
    send_all([*calls, *(settlement.settling(anyone, slot, part) for part in parts)])
