"""A day-ahead auction whose people have daily meters: posts readings, settles groups, and knows what they come to."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from setm.days import DayReading, day_bill, day_digest, posted_words
from setm.evm import Evm, Person
from setm.schedules import ClearedBook, ScheduleOutcome, group_size, pack_fills
from setm.settlement import Account, Movement, settle
from setm.signatures import keccak, private_key, sign
from setm.types import Bill, GridTariff
from setm.units import Money, Wh
from tests.audit.schedules.world import (
    PLENTY,
    World,
    members_of,
    random_schedules,
    world,
)

CAPACITY_WH = 100_000
GUARANTEE = 2**44


@dataclass(slots=True)
class Days:
    """A world and its people's meters; ``meters[person.id]`` is a meter's number."""

    place: World
    meters: Mapping[int, int]

    @property
    def system(self) -> Any:
        return self.place.system

    @property
    def day(self) -> int:
        return self.place.span

    @property
    def slots(self) -> int:
        return self.place.slots

    @property
    def tariff(self) -> GridTariff:
        prices = self.system.config["settlement"]
        return GridTariff(
            retail_price=prices["retail_price"], feed_in_price=prices["feed_in_price"]
        )

    @property
    def end(self) -> int:
        """When the day is over."""
        return self.place.start + self.slots * int(self.system.config["slot_seconds"])

    @property
    def final(self) -> int:
        """When a reading that is posted at the day's end, and not disputed, is final."""
        return self.end + int(self.system.config["metering"]["dispute_window"])

    @property
    def silent(self) -> int:
        """When a day without a reading is final."""
        return self.end + int(self.system.config["metering"]["reading_window"])

    # Readings

    def reading(self, person: Person, dice: random.Random, *, most_wh: int = 5_000) -> DayReading:
        """Return a day in which a person takes energy from the grid or feeds it in, slot by slot."""
        values = [(dice.random() < 0.35, Wh(dice.randint(1, most_wh))) for _ in range(self.slots)]
        return DayReading(
            meter=self.meters[person.id],
            day=self.day,
            imports_wh=tuple(Wh(0) if feeds else value for feeds, value in values),
            exports_wh=tuple(value if feeds else Wh(0) for feeds, value in values),
        )

    def signature(self, person: Person, reading: DayReading) -> bytes:
        digest = day_digest(self.system.domain(self.system.meters))
        key = private_key(bytes(self.system.meter_key(person).key))
        return sign(key, digest(reading.meter, reading.day, *reading.words()))

    def signed(self, person: Person, reading: DayReading) -> list[int]:
        return posted_words(reading, self.signature(person, reading))

    def post(self, readings: Mapping[int, DayReading], *, evm: Evm | None = None) -> Any:
        """Post readings of people by their numbers; anyone does."""
        words: list[int] = []
        for number in sorted(readings):
            words += self.signed(self.place.person(number), readings[number])
        meters = self.system.meters.on(evm) if evm else self.system.meters
        return meters.send("postDays", words, sender=self.place.collector)

    # Settling

    def settle(
        self,
        group: int,
        outcomes: Sequence[ScheduleOutcome],
        readings: Mapping[int, DayReading],
        *,
        without: Sequence[int] = (),
        **changes: Any,
    ) -> Any:
        """Settle a group of outcomes, some of them passed over."""
        given = [o for o in outcomes if o.participant_id not in without]
        arguments = {
            "venue": self.place.venue.address,
            "key": self.place.key,
            "group": group,
            "members": passing_over(outcomes, without),
            "fills": [word for o in given for word in pack_fills(o.fills)],
            "values": [
                word
                for o in given
                for words in readings[o.participant_id].words()
                for word in words
            ],
            **changes,
        }
        evm = arguments.pop("evm", None)
        sender = arguments.pop("sender", self.place.collector)
        settlement = self.system.settlement.on(evm) if evm else self.system.settlement
        return settlement.send("settleDay", *arguments.values(), sender=sender)

    def bills(
        self,
        outcomes: Sequence[ScheduleOutcome],
        readings: Mapping[int, DayReading],
        frauds: Sequence[int] = (),
    ) -> dict[Any, Bill]:
        penalty = Money(self.system.config["settlement"]["fraud_penalty"])
        return {
            o.participant_id: day_bill(
                o.fills,
                readings[o.participant_id],
                self.tariff,
                trade_credit=Money(o.revenue + o.cover),
                penalty=penalty if o.participant_id in frauds else Money(0),
            )
            for o in outcomes
        }

    def accounts(self) -> dict[Any, Account]:
        """Return what settlement knows of everybody."""
        settlement = self.system.settlement
        return {
            number: Account(
                guarantee=Money(settlement.call("guaranteeOf", number)),
                arrears=Money(settlement.call("arrearsOf", number)),
            )
            for number in (self.system.operator.id, *(p.id for p in self.place.people))
        }

    def expected(self, bills: Mapping[Any, Bill]) -> Movement:
        return settle(bills, self.accounts(), self.system.operator.id)

    def free(self) -> dict[int, int]:
        house = self.system.clearinghouse
        return {p.id: house.call("freeOf", p.id) for p in self.place.people}


def leaf_of(head: int, fills: bytes) -> bytes:
    """Return what a group keeps of a member."""
    return keccak(head.to_bytes(32, "big") + fills)


def groups_of(book: ClearedBook) -> list[tuple[int, list[ScheduleOutcome]]]:
    """Return groups with their numbers in order of falling net payment."""
    outcomes = list(book.outcomes)
    size = group_size(len(book.margins))
    groups = [outcomes[at : at + size] for at in range(0, len(outcomes), size)]

    def net(numbered: tuple[int, list[ScheduleOutcome]]) -> int:
        return sum(o.revenue - o.payment for o in numbered[1])

    return sorted(enumerate(groups), key=net)


def passing_over(
    outcomes: Sequence[ScheduleOutcome], without: Sequence[int]
) -> list[tuple[int, bytes]]:
    """Return a group's members, of whom some are told by their leaf alone."""
    members = members_of(outcomes)
    return [
        (0, leaf_of(*member)) if o.participant_id in without else member
        for o, member in zip(outcomes, members, strict=True)
    ]


@cache
def days(count: int, role: str = "day_ahead", first: int = 2, apart: int = 1) -> Days:
    """Return a deployment of people with daily meters, guarantees, and margin in the venue."""
    place = world.__wrapped__(count, role, first, apart)
    place.evm.revert(place.mark)
    system = place.system
    system.fund(system.operator, system.settlement, GUARANTEE)
    meters = {}
    for person in place.people:
        system.fund(person, system.settlement, PLENTY)
        meters[person.id] = system.bind_meter(person, capacity_wh=CAPACITY_WH, is_daily=True)
    place.mark = place.evm.snapshot()
    place.reset()
    return Days(place, meters)


@dataclass(frozen=True, slots=True)
class Cleared:
    """A book that was cleared, and the readings of its people."""

    book: ClearedBook
    readings: dict[int, DayReading]


def cleared_day(
    made: Days, dice: random.Random, count: int, *, is_posted: bool = True, **options: Any
) -> Cleared:
    """Clear a random book of ``count`` people, and post their readings at the day's end."""
    place = made.place
    place.reset()
    people = place.people[:count]
    _, book = place.clear(random_schedules(dice, [p.id for p in people], place.slots, **options))
    readings = {p.id: made.reading(p, dice) for p in people}
    place.at(made.end)
    if is_posted:
        made.post(readings)
        place.at(made.final)
    return Cleared(book, readings)
