"""What metering and settlement cost: each scenario returns the gas, or its share of a batch, that it measures.

Steady state means that a meter's word was written one turn of the ring before. Machines are metered: every transaction
begins cold, as on a chain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, Evm, Person, System, default_config, deploy_system
from setm.metering import RING
from setm.slots import Slot
from setm.types import Kind, Reading
from setm.units import Wh

METERS = 100
SINGLE = 20
GUARANTEE = 50_000_000
FOREVER = 2**32 - 1


class Quarter:
    """A hundred prosumers whose meters each posted one reading a turn of the ring ago, which was settled."""

    def __init__(self, device_class: int = 0, **sections: Any) -> None:
        self.evm = Evm()
        self.system: System = deploy_system(self.evm, default_config(**sections))
        self.seconds = self.system.config["slot_seconds"]
        people = [
            self.system.enrol(f"p{number}", Kind.PROSUMER, device_class=device_class)
            for number in range(METERS)
        ]
        self.people: list[Person] = people
        for person in (*people, self.system.operator):
            self.system.fund(person, self.system.settlement, GUARANTEE)
        self.bindings = [self.bind(self.system.meters, place) for place in range(METERS)]
        self.slot = self.evm.now // self.seconds + 1
        self.evm.now = (self.slot + 1) * self.seconds
        self.post(self.system.meters, self.slot)
        self.evm.now += self.final_after()
        self.settle(self.system.settlement, self.slot)
        self.slot += RING
        self.evm.now = (self.slot + 1) * self.seconds

    def final_after(self) -> int:
        """Return how long after its slot every reading is final, seconds."""
        return sum(self.system.config["metering"].values())

    def bind(self, meters: Contract, place: int) -> int:
        """Bind one meter; return its gas."""
        system = self.system
        values: dict[str, Any] = {
            "meter_id": keccak(text=f"serial {place}"),
            "participant_id": self.people[place].id,
            "device_key": self.evm.account(f"device {place}").address,
            "capacity_wh": 10_000,
            "valid_until_slot": FOREVER,
        }
        binding = messages.binding(system.domain(system.meters), **values)
        terms = tuple(binding.values.values())
        signature = binding.sign(system.authority)
        sender = self.people[place]
        return meters.send("bindMeter", terms, system.authority, signature, sender=sender).gas_used

    def signed(self, place: int, slot: int) -> tuple[int, bytes, bytes]:
        """Return the reading of one meter, with random values of a household."""
        rng = random.Random(f"{place} {slot}")
        reading = Reading(
            meter=place + 1,
            slot=Slot(slot),
            import_wh=Wh(rng.randrange(3_000)),
            export_wh=Wh(rng.randrange(3_000)),
        )
        message = messages.reading(self.system.domain(self.system.meters), reading)
        return (reading.word, *message.sign_compact(self.evm.account(f"device {place}")))

    def post(self, meters: Contract, slot: int) -> int:
        """Post everybody's reading in one batch; return its gas."""
        batch = [self.signed(place, slot) for place in range(METERS)]
        receipt = meters.send("postReadings", batch)
        (posted,) = receipt.named("ReadingsPosted")
        assert len(posted.args["readings"]) == METERS
        return receipt.gas_used

    def settle(self, settlement: Contract, slot: int) -> int:
        """Settle everybody in one batch; return its gas."""
        return settlement.send("settle", slot, [person.id for person in self.people]).gas_used


@cache
def quarter() -> Quarter:
    return Quarter()


def metered() -> tuple[Quarter, Evm, Contract]:
    """Return the quarter, a metered copy of its machine and the meter registry on it."""
    found = quarter()
    copy = found.evm.metered()
    return found, copy, found.system.meters.on(copy)


def bind_meter() -> list[int]:
    """A participant's first meter."""
    return quarter().bindings


def reading_in_batch() -> list[int]:
    """One reading's share of a batch of 100 meters."""
    found, _, meters = metered()
    return [found.post(meters, found.slot) // METERS]


def reading_in_batch_in_new_words() -> list[int]:
    """The same in the first turn of the ring."""
    found, copy, meters = metered()
    copy.now += found.seconds
    return [found.post(meters, found.slot + 1) // METERS]


def reading_alone() -> list[int]:
    """A reading posted by itself."""
    found, _, meters = metered()
    signed = [found.signed(place, found.slot) for place in range(SINGLE)]
    return [meters.send("postReading", one).gas_used for one in signed]


def dispute() -> list[int]:
    """A participant disputes its reading."""
    found, _, meters = metered()
    found.post(meters, found.slot)
    return [
        meters.send("dispute", place + 1, found.slot, sender=found.people[place]).gas_used
        for place in range(SINGLE)
    ]


def settle_in_batch() -> list[int]:
    """One participant's share of settling 100 who traded nothing."""
    found, copy, meters = metered()
    found.post(meters, found.slot)
    copy.now += found.final_after()
    return [found.settle(found.system.settlement.on(copy), found.slot) // METERS]


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (
        bind_meter,
        reading_in_batch,
        reading_in_batch_in_new_words,
        reading_alone,
        dispute,
        settle_in_batch,
    )
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
