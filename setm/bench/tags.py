"""What energy tags and orders with conditions cost: each scenario returns the gas, or its share of a batch.

Every id of a slot is new, and so is each balance of it: tags have no steady state, but positions have; theirs were
written a turn of the ring before. Machines are metered: every transaction begins cold, as on a chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Any

from setm.bench.metering import Quarter
from setm.evm import Contract, Evm, Person
from setm.metering import RING
from setm.tags import ANY, Source, tag_id
from setm.tags.orders import PER_MILLE

SOLAR_CLASS = 7
ORDERS = 25
MARGIN = 10_000_000
PRICE, ENERGY_WH = 46_001, 500
AHEAD = 6
CONDITIONAL: Mapping[str, int] = {
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "tag_price": 10_000,
}
# What we hold ourselves to, gas.
CEILINGS: Mapping[str, int] = {"mint_share": 75_000, "take_with_tags": 190_000}


class Village(Quarter):
    """A hundred certified producers with a settled slot to be minted, and a venue in which half sell to half."""

    def __init__(self) -> None:
        sources = {"sources": {str(SOLAR_CLASS): "solar"}}
        super().__init__(SOLAR_CLASS, tags=sources, conditional=CONDITIONAL)
        system = self.system
        self.sellers, self.buyers = self.people[:ORDERS], self.people[-ORDERS:]
        for person in (*self.sellers, *self.buyers):
            system.fund(person, system.conditional, MARGIN)
        system.tags.send("register", [person.id for person in self.people])
        self.traded = self.evm.now // self.seconds + AHEAD
        for place in range(ORDERS):
            number = self.post_order(system.conditional, place, self.traded, 0).value
            self.take(system.conditional, place, number)
        self._settle(self.traded)
        # So that its settlement is over before the gate of the slot that the same words hold next.
        self.slot = self.traded + RING - AHEAD - self.final_after() // self.seconds
        self._settle(self.slot)

    def _settle(self, slot: int) -> None:
        self.evm.now = (slot + 1) * self.seconds
        self.post(self.system.meters, slot)
        self.evm.now += self.final_after()
        self.settle(self.system.settlement, slot)

    def post_order(self, venue: Contract, place: int, slot: int, green_share: int) -> Any:
        """Let a buyer post a bid; return the receipt."""
        order = (slot, ENERGY_WH, PRICE, 0, green_share, ANY, True)
        return venue.send("post", order, sender=self.buyers[place])

    def take(self, venue: Contract, place: int, number: int) -> int:
        """Let a seller take a bid; return its gas."""
        sender = self.sellers[place]
        return venue.send("take", number, ENERGY_WH, PRICE, sender=sender).gas_used


@cache
def village() -> Village:
    return Village()


class Metered:
    """A metered copy of the village."""

    def __init__(self) -> None:
        self.village = village()
        self.evm: Evm = self.village.evm.metered()
        self.tags = self.village.system.tags.on(self.evm)
        self.venue = self.village.system.conditional.on(self.evm)
        self.slot = self.village.traded + RING

    def mint(self, people: list[Person]) -> int:
        ids = [person.id for person in people]
        return self.tags.send("mint", self.village.slot, ids).gas_used

    def orders(self, green_share: int = 0) -> list[int]:
        """Let all buyers post; return the gas of each."""
        return [
            int(self.village.post_order(self.venue, place, self.slot, green_share).gas_used)
            for place in range(ORDERS)
        ]

    def takes(self) -> list[int]:
        """Let all sellers take, each its buyer's order; return the gas of each."""
        first = ORDERS + 1
        return [self.village.take(self.venue, place, first + place) for place in range(ORDERS)]


def mint_share() -> list[int]:
    """One producer's share of a transaction that mints a slot for a hundred."""
    people = village().people
    return [Metered().mint(people) // len(people)]


def mint_alone() -> list[int]:
    """A slot minted for one producer."""
    return [Metered().mint(village().people[:1])]


def claim_consumption() -> list[int]:
    """A producer's own tags, claimed for what it took in the same slot."""
    metered = Metered()
    metered.mint(metered.village.people)
    number = tag_id(Source.SOLAR, 1, metered.village.slot)
    return [
        metered.tags.send("claimConsumption", [number], [1], sender=person).gas_used
        for person in metered.village.people[:ORDERS]
    ]


def post_order() -> list[int]:
    """An order with conditions."""
    return Metered().orders(PER_MILLE)


def take_order() -> list[int]:
    """A whole order taken that asks for no green share."""
    metered = Metered()
    metered.orders()
    return metered.takes()


def take_with_tags() -> list[int]:
    """A whole order taken that asks for green energy only."""
    metered = Metered()
    metered.orders(PER_MILLE)
    return metered.takes()


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (
        mint_share,
        mint_alone,
        claim_consumption,
        post_order,
        take_order,
        take_with_tags,
    )
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
