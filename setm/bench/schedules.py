"""Signed schedules as ``setm bench`` measures them: everybody signs, one collector commits and posts, one pass clears.

A schedule of a day is metered and paid by the day; single-slot orders are written out and paid slot by slot.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from setm.bench.measured import (
    DAY_AHEAD,
    SIGNED_ORDERS,
    Machine,
    Measured,
    StageGas,
    in_process,
    stage_gas,
)
from setm.bench.street import SLOT_SECONDS, Street
from setm.chain.days import BoundGroup, settle_arguments
from setm.chain.schedules import pages_of
from setm.days import DAY_RING, DayReading, day_digest, posted_words
from setm.evm.machine import Receipt
from setm.metering import RING
from setm.schedules import (
    BOOK_DOMAIN,
    BookKey,
    Opened,
    ScheduleRules,
    SignedSchedule,
    SlotOrder,
    batch_argument,
    chained,
    entries_of,
    member_of,
    opened,
    pack_fills,
    sign_schedule,
)
from setm.signatures import private_key, separator_of, sign
from setm.simulation.batches import batched
from setm.simulation.daily import POSTED_TOGETHER
from setm.types import Grid, Side
from setm.units import Price, Wh

Role = Literal["day_ahead", "intraday"]

ZONE = 1
# What an unpackMany writes out, for the positions of one slot each.
UNPACKED_TOGETHER = 104
# A page of the roster counts from the second after it was written.
ROSTER_SECONDS = 60

# In the order of IScheduleBook.Config.
PRICES: Mapping[str, int] = MappingProxyType({"floor_price": 30_000, "tick_size": 100, "k": 500})
COVER_PRICE = 55_500
CONFIGS: Mapping[Role, Mapping[str, int]] = MappingProxyType(
    {
        "day_ahead": {
            **PRICES,
            "span_slots": 96,
            "force_window": 3_600,
            "gate_lead": 43_200,
            "post_window": 43_200,
            "lease_seconds": 900,
            "horizon_seconds": 259_200,
            "cover_price": COVER_PRICE,
        },
        "intraday": {
            **PRICES,
            "span_slots": 1,
            "force_window": 300,
            "gate_lead": 900,
            "post_window": 600,
            "lease_seconds": 120,
            "horizon_seconds": 86_400,
            "cover_price": COVER_PRICE,
        },
    }
)


@dataclass(frozen=True, slots=True)
class SchedulesBench:
    """Signed schedules of a day, or signed orders of a slot."""

    role: Role

    @property
    def name(self) -> str:
        """What tables call it."""
        return DAY_AHEAD if self.role == "day_ahead" else SIGNED_ORDERS

    def measure(self, participants: int, machine: Machine = in_process) -> list[Measured]:
        """Return one span in which everybody has an order in each slot, at the case study's prices."""
        config = dict(CONFIGS[self.role])
        is_daily = self.role == "day_ahead"
        sections: dict[str, Any] = {self.role: config}
        street = Street(participants, self.role, machine, is_daily=is_daily, **sections)
        slots = config["span_slots"]
        early = _Span(street=street, role=self.role, number=street.slot // slots + 1)
        for page in pages_of(street.ids):
            street.system.roster.send("write", page)
        for stage in early.stages():
            assert stage.transactions
        # The rings of slots and of days have turned.
        turns = DAY_RING if is_daily else RING
        late = _Span(street=street.later(), role=self.role, number=early.number + turns)
        return [
            Measured(
                venue=self.name,
                participants=participants,
                slots=slots,
                orders=participants * slots,
                stages=tuple(late.stages()),
            )
        ]


@dataclass(slots=True, kw_only=True)
class _Span:
    """One span of a street: what everybody signs, and what becomes of it."""

    street: Street
    role: Role
    number: int
    key: BookKey = field(init=False)
    made: Opened = field(init=False)

    def __post_init__(self) -> None:
        self.street.slot = self.number * self.slots
        collector = str(self.street.evm.account("collector").address)
        self.key = BookKey(span=self.number, zone=ZONE, collector=collector)

    @property
    def config(self) -> Mapping[str, int]:
        return CONFIGS[self.role]

    @property
    def slots(self) -> int:
        return self.config["span_slots"]

    @property
    def rules(self) -> ScheduleRules:
        prices = self.config
        grid = Grid(floor_price=Price(prices["floor_price"]), tick_size=Price(prices["tick_size"]))
        return ScheduleRules(
            grid=grid,
            k=prices["k"],
            span_slots=self.slots,
            cover_price=Price(COVER_PRICE),
        )

    def stages(self) -> Iterator[StageGas]:
        """Let the span happen, and yield its stages."""
        street = self.street
        gate = street.start_of(street.slot) - self.config["gate_lead"]
        book = getattr(street.system, f"{self.role}_book").on(street.evm)
        collector = street.evm.account("collector")
        street.evm.now = gate - self.config["force_window"] - ROSTER_SECONDS
        signed = self._signed(separator_of(BOOK_DOMAIN, street.system.domain(book)))
        digest = chained(one.leaf for one in signed)
        yield stage_gas(
            "commit", [book.send("commit", self.number, ZONE, digest, sender=collector)]
        )
        street.evm.now = gate
        self.made = opened(entries_of(signed, {}), self.rules)
        sent: list[Receipt] = []
        sums: list[int] = []
        for batch in self.made.batches:
            values = batch_argument(batch, self.made.cleared.margins, sums)
            sent.append(book.send("post", self.key.values, values, sender=collector))
            sums = [] if batch.is_last else list(sent[-1].only("BatchWalked")["sums"])
        yield stage_gas("post", sent)
        yield from self._day() if self.role == "day_ahead" else self._slot()

    def _signed(self, separator: bytes) -> list[SignedSchedule]:
        rng = random.Random(f"schedules {self.role} {self.number}")
        return [
            sign_schedule(
                private_key(bytes(person.key.key)),
                bytes.fromhex(person.address[2:]),
                separator,
                self.key,
                person.id,
                [_order(rng) for _ in range(self.slots)],
            )
            for person in self.street.people
        ]

    def _day(self) -> Iterator[StageGas]:
        street = self.street
        meters, settlement = (
            contract.on(street.evm) for contract in (street.system.meters, street.system.settlement)
        )
        street.evm.now = street.start_of(street.slot + self.slots) + 60
        readings = {person.id: self._reading(place) for place, person in enumerate(street.people)}
        digest = day_digest(street.system.domain(street.system.meters))
        signed = []
        for place, reading in enumerate(readings.values()):
            key = private_key(bytes(street.device(place).key))
            hashed = digest(reading.meter, reading.day, *reading.words())
            signed.append(posted_words(reading, sign(key, hashed)))
        parts = batched(signed, POSTED_TOGETHER)
        posts = [[word for one in part for word in one] for part in parts]
        yield stage_gas("readings", [meters.send("postDays", words) for words in posts])
        street.evm.now += sum(street.system.config["metering"].values()) + SLOT_SECONDS
        groups = [
            BoundGroup(key=self.key, number=number, outcomes=outcomes)
            for number, outcomes in enumerate(self.made.groups)
        ]
        # Who pays most on balance comes first: the pool is one for all of them.
        groups.sort(key=lambda one: one.paid_on_balance, reverse=True)
        venue = street.venue.address
        sent = [
            settlement.send("settleDay", *settle_arguments(venue, one, readings)) for one in groups
        ]
        yield stage_gas("settle", sent)

    def _reading(self, place: int) -> DayReading:
        # From the grid or into it; the slot's balance is what a meter behind a household tells.
        rng = random.Random(f"day {place} {self.number}")
        net = [rng.randrange(-1_500, 3_000) for _ in range(self.slots)]
        return DayReading(
            meter=place + 1,
            day=self.number,
            imports_wh=tuple(Wh(max(0, one)) for one in net),
            exports_wh=tuple(Wh(max(0, -one)) for one in net),
        )

    def _slot(self) -> Iterator[StageGas]:
        street = self.street
        yield street.readings()
        margins = list(self.made.cleared.margins)
        street.evm.now += sum(street.system.config["metering"].values()) + SLOT_SECONDS
        written = []
        for number, group in enumerate(self.made.groups):
            members = [member_of(one) for one in group]
            for part in batched(list(enumerate(group)), UNPACKED_TOGETHER):
                places = [place for place, _ in part]
                fills = [word for _, one in part for word in pack_fills(one.fills)]
                values = (self.key.values, number, members, places, fills, margins)
                written.append(street.venue.send("unpackMany", *values))
        yield stage_gas("settle", [*written, *street.settled()])


def _order(rng: random.Random) -> SlotOrder:
    side = Side(rng.randrange(2))
    tick = rng.randrange(40, 181) if side is Side.BID else rng.randrange(100, 221)
    return SlotOrder(side=side, tick=tick, energy_wh=Wh(rng.randrange(1, 5_000)))
