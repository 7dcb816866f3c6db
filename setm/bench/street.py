"""A street of prosumers, each with a key and a meter, who trade at one venue on any machine.

Everything is measured in steady state: all traded, were metered and settled once, then the ring has turned.
"""

from __future__ import annotations

import copy
import random
from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.bench.measured import Machine, StageGas, stage_gas
from setm.evm import Contract, Evm, Person, System, default_config, deploy_system
from setm.evm.machine import Receipt
from setm.metering import RING
from setm.simulation.batches import batched
from setm.simulation.delivery import COLLECTED_TOGETHER, POSTED_TOGETHER, SETTLED_TOGETHER
from setm.slots import Slot
from setm.types import Kind, Reading, Side
from setm.units import Wh

FIRST_SLOT = 2_000_000
SLOT_SECONDS = 900
# Enough for everything that is traded here, 1e-6 EUR.
PLENTY = 10**12
CAPACITY_WH = 10_000
# The last slot that ends a day.
FOREVER = (2**32 - 1) // 96 * 96
# On a chain each transaction takes a second, and each of a participant's slots a few transactions.
SECONDS_EACH = 6
LEAD_SECONDS = 86_400

Wish = tuple[Person, Side, int]
"""Who wants which side, and how much, Wh."""


class Street:
    """``count`` prosumers, funded for the venue in the role ``role`` and for settlement, and metered."""

    def __init__(
        self, count: int, role: str, machine: Machine, *, is_daily: bool = False, **sections: Any
    ) -> None:
        self.evm: Evm = machine(FIRST_SLOT * SLOT_SECONDS - LEAD_SECONDS)
        self.system: System = deploy_system(self.evm, default_config(**sections))
        self.venue: Contract = getattr(self.system, role)
        self.slot = FIRST_SLOT
        self.people = [
            self.system.enrol(f"neighbour {number}", Kind.PROSUMER) for number in range(count)
        ]
        for place, person in enumerate(self.people):
            self.system.fund(person, self.venue, PLENTY)
            self.system.fund(person, self.system.settlement, PLENTY)
            self._bind(place, is_daily)
        self.system.fund(self.system.operator, self.system.settlement, PLENTY)

    @property
    def ids(self) -> list[int]:
        """Everybody's number."""
        return [person.id for person in self.people]

    def start_of(self, slot: int) -> int:
        """Return when a slot begins, UTC Unix seconds."""
        return slot * SLOT_SECONDS

    def until(self, timestamp: int) -> None:
        """Let it be so early before ``timestamp`` that everybody can still act, on a slow chain too."""
        self.evm.now = timestamp - SECONDS_EACH * len(self.people) - 60

    def later(self) -> Street:
        """Return the same street one turn of the ring later, on a machine whose gas is that of a chain."""
        later = copy.copy(self)
        later.evm = self.evm.metered()
        later.venue = self.venue.on(later.evm)
        later.slot = self.slot + RING
        return later

    def wishes(self) -> list[Wish]:
        """Return what everybody wants in this slot, by chance and the same on every machine."""
        rng = random.Random(f"wishes {self.slot}")
        return [(one, Side(rng.randrange(2)), rng.randrange(1, 5_000)) for one in self.people]

    def readings(self) -> StageGas:
        """Let the meters sign the slot after its end; anyone posts what they signed."""
        self.evm.now = self.start_of(self.slot + 1) + 60
        meters = self.system.meters.on(self.evm)
        signed = [self._signed(place) for place in range(len(self.people))]
        parts = batched(signed, POSTED_TOGETHER)
        return stage_gas("readings", [meters.send("postReadings", part) for part in parts])

    def settle(self) -> StageGas:
        """Settle everybody once the readings are final, in the batches of a run."""
        self.evm.now += sum(self.system.config["metering"].values()) + SLOT_SECONDS
        return stage_gas("settle", self.settled())

    def settled(self) -> list[Receipt]:
        """Settle everybody now, and return what that took."""
        settlement = self.system.settlement.on(self.evm)
        parts = list(batched(self.ids, SETTLED_TOGETHER))
        sent: list[Receipt] = []
        if len(parts) > 1:
            # Sellers of one part may be paid by buyers of another: first everybody pays.
            together = batched(self.ids, COLLECTED_TOGETHER)
            sent += [self.venue.send("collect", self.slot, part) for part in together]
        sent += [settlement.send("settle", self.slot, part) for part in parts]
        return sent

    def _bind(self, place: int, is_daily: bool) -> None:
        system, person = self.system, self.people[place]
        binding = messages.binding(
            system.domain(system.meters),
            meter_id=keccak(text=f"serial {place}"),
            participant_id=person.id,
            device_key=self.device(place).address,
            capacity_wh=CAPACITY_WH,
            valid_until_slot=FOREVER,
            is_daily=is_daily,
        )
        terms, signature = tuple(binding.values.values()), binding.sign(system.authority)
        system.meters.send("bindMeter", terms, system.authority, signature, sender=person)

    def device(self, place: int) -> Any:
        """Return the key in the meter of who stands at that place."""
        return self.evm.account(f"meter {place}")

    def _signed(self, place: int) -> tuple[int, bytes, bytes]:
        rng = random.Random(f"reading {place} {self.slot}")
        reading = Reading(
            meter=place + 1,
            slot=Slot(self.slot),
            import_wh=Wh(rng.randrange(3_000)),
            export_wh=Wh(rng.randrange(3_000)),
        )
        message = messages.reading(self.system.domain(self.system.meters), reading)
        return (reading.word, *message.sign_compact(self.device(place)))
