"""What a tariff costs: each scenario returns the gas of every transaction that it measures.

Steady state means that the ring's words were written by an earlier epoch, whose trades are closed. Machines are
metered: every transaction begins cold, as on a chain.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cache
from statistics import median

from setm.evm import Contract, Evm, Person
from setm.evm.tariff import TariffMarket
from setm.types import Side

PEOPLE = 100
RING = 1024
DAY = 96
MARGIN = 2**40
# The longest day that is announced for, and an hour for its last price.
LONG_HORIZON = 200_000


@cache
def used_market() -> TariffMarket:
    """Return a market in which everybody traded one slot, and the first person a day, one turn of the ring ago."""
    market = TariffMarket(PEOPLE, margin=MARGIN, horizon_seconds=LONG_HORIZON)
    slots = range(market.first_slot, market.first_slot + DAY)
    first = market.people[0]
    market.evm.now = market.taking_from(market.first_slot) - 1
    market.venue.send("announceMany", [(slot, Side.BID, 500) for slot in slots], sender=first)
    for person, side, energy_wh in _wishes(market.people)[1:]:
        market.announce(person, market.first_slot, side, energy_wh)
    market.evm.now += 1
    for person, side, energy_wh in _wishes(market.people)[1:]:
        market.take(person, market.first_slot, side, energy_wh)
    market.evm.now = market.gate_of(slots[-1])
    market.close(market.first_slot)
    for slot in slots[1:]:
        market.venue.send("collect", slot, [first.id])
    return market


def _wishes(people: list[Person], seed: int = 1) -> list[tuple[Person, Side, int]]:
    rng = random.Random(seed)
    return [(person, Side(rng.randrange(2)), rng.randrange(1, 5_000)) for person in people]


class Steady:
    """A metered copy of the used market, one turn of the ring later."""

    def __init__(self, *, ahead: int = 0) -> None:
        self.market = used_market()
        self.slot = self.market.first_slot + RING + ahead
        self.evm: Evm = self.market.evm.metered()
        self.venue: Contract = self.market.venue.on(self.evm)
        self.evm.now = self.market.taking_from(self.slot) - 1

    def announce(self) -> list[int]:
        return [
            self.venue.send("announce", (self.slot, side, energy_wh), sender=person).gas_used
            for person, side, energy_wh in _wishes(self.market.people)
        ]

    def take(self) -> list[int]:
        self.announce()
        self.evm.now += 1
        price = self.venue.call("priceOf", self.slot)
        return [
            self.venue.send("take", (self.slot, side, energy_wh, price), sender=person).gas_used
            for person, side, energy_wh in _wishes(self.market.people)
        ]

    def day(self, ahead: int) -> int:
        slots = range(self.slot + ahead, self.slot + ahead + DAY)
        words = [(slot, Side.BID, 500) for slot in slots]
        sent = self.venue.send("announceMany", words, sender=self.market.people[0])
        return sent.gas_used // DAY


def announce() -> list[int]:
    """An announcement in a transaction of its own."""
    return Steady().announce()


def announce_in_new_words() -> list[int]:
    """The same by people who never used this place of the ring."""
    return Steady(ahead=DAY).announce()


def announce_day_share() -> list[int]:
    """One slot's share of announcing for a day of quarter-hours; whoever is first in a slot pays for its sums."""
    return [Steady().day(0)]


def take() -> list[int]:
    """Taking the posted price in a transaction of its own."""
    return Steady().take()


def collect_share() -> list[int]:
    """One participant's share of collecting everybody."""
    steady = Steady()
    steady.take()
    steady.evm.now = steady.market.gate_of(steady.slot)
    ids = [person.id for person in steady.market.people]
    return [steady.venue.send("collect", steady.slot, ids).gas_used // len(ids)]


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (announce, announce_in_new_words, announce_day_share, take, collect_share)
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
