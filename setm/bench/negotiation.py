"""What negotiation costs: each scenario returns the gas of every transaction that it measures.

Steady state means that the ring's words were written by an earlier epoch, whose trades are closed. Machines are
metered: every transaction begins cold, as on a chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Any

from setm import messages
from setm.evm import Contract, Evm, Person, System, default_config, deploy_system
from setm.slots import Slot
from setm.types import Kind, Terms
from setm.units import Price, Wh

AGREEMENTS = 100
PAIRS = 50
RING = 1024
MARGIN = 50_000_000
AHEAD = 6
DAY = 96
# The first slot of every scenario, whose place was used an epoch earlier, and one whose place never was.
USED, NEW = 0, DAY


class Town:
    """Fifty buyers and fifty sellers who traded a day one turn of the ring ago, all closed."""

    def __init__(self) -> None:
        evm = Evm()
        self.system: System = deploy_system(evm, default_config())
        self.settler: Any = evm.account("settler")
        values = tuple(self.system.config["negotiation"].values())
        clearinghouse = self.system.clearinghouse
        self.evm = evm
        self.venue: Contract = evm.deploy("Negotiation", clearinghouse, self.settler, values)
        for address in (self.venue, self.settler):
            clearinghouse.send("addVenue", address, sender=self.system.governance)
        self.buyers = self._people("buyer", Kind.PERSONAL_CONSUMER)
        self.sellers = self._people("seller", Kind.GENERATION)
        self.first = evm.now // self.system.config["slot_seconds"] + AHEAD
        self._trade_and_close()

    def _people(self, role: str, kind: Kind) -> list[Person]:
        people = [self.system.enrol(f"{role} {number}", kind) for number in range(PAIRS)]
        for person in people:
            self.system.fund(person, self.venue, MARGIN)
        return people

    def _trade_and_close(self) -> None:
        for number in range(PAIRS):
            slot_count = DAY if number == 0 else 1
            self.agree(self.venue, number, self.first, slot_count=slot_count)
        self.evm.now += RING * self.system.config["slot_seconds"]
        for number in range(PAIRS):
            slots = range(self.first, self.first + (DAY if number == 0 else 1))
            for slot in slots:
                for person in (self.buyers[number], self.sellers[number]):
                    self.venue.send("close", slot, person.id, sender=self.settler)

    def terms(self, first_slot: int, slot_count: int = 1) -> Terms:
        return Terms(
            first_slot=Slot(first_slot),
            slot_count=slot_count,
            energy_wh=Wh(500),
            price=Price(46_001),
        )

    def agree(self, venue: Contract, number: int, first_slot: int, *, slot_count: int = 1) -> int:
        """Bring an agreement of one pair; return its gas."""
        buyer, seller = self.pair(number)
        message = messages.agreement(
            self.system.domain(self.venue),
            buyer_id=buyer.id,
            seller_id=seller.id,
            terms=self.terms(first_slot, slot_count),
            salt=number,
            deadline=self.evm.now + RING * 900,
        )
        signatures = message.sign(buyer.key), message.sign(seller.key)
        values = tuple(message.values.values())
        return venue.send("agree", values, buyer, signatures[0], seller, signatures[1]).gas_used

    def pair(self, number: int) -> tuple[Person, Person]:
        """Return a buyer and a seller; a hundred numbers give a hundred different pairs."""
        return self.buyers[number % PAIRS], self.sellers[(number + number // PAIRS) % PAIRS]


@cache
def town() -> Town:
    return Town()


class Steady:
    """A metered copy of the town, one turn of the ring after its trades."""

    def __init__(self) -> None:
        self.town = town()
        self.evm: Evm = self.town.evm.metered()
        self.venue = self.town.venue.on(self.evm)
        self.slot = self.town.first + RING

    def agree(self, number: int, ahead: int, slot_count: int = 1) -> int:
        return self.town.agree(self.venue, number, self.slot + ahead, slot_count=slot_count)

    def offer(self, number: int) -> int:
        buyer, seller = self.town.pair(number)
        terms = self.town.terms(self.slot)
        expires_at = self.evm.now + 600
        sent = self.venue.send("offer", seller.id, True, terms, expires_at, sender=buyer)
        return sent.gas_used

    def counter(self, number: int) -> int:
        _, seller = self.town.pair(number)
        expires_at = self.evm.now + 600
        sent = self.venue.send("counter", number + 1, 500, 47_000, expires_at, sender=seller)
        return sent.gas_used

    def accept(self, number: int) -> int:
        buyer, _ = self.town.pair(number)
        return self.venue.send("accept", number + 1, 2, sender=buyer).gas_used


def agree() -> list[int]:
    """An agreement signed by both sides, for one slot."""
    steady = Steady()
    return [steady.agree(number, USED) for number in range(AGREEMENTS)]


def agree_in_new_words() -> list[int]:
    """The first agreement of both sides in a place of the ring that neither ever used."""
    steady = Steady()
    return [steady.agree(number, NEW) for number in range(PAIRS)]


def agree_day_share() -> list[int]:
    """One slot's share of an agreement for a day of quarter-hours."""
    return [Steady().agree(0, USED, slot_count=DAY) // DAY]


def offer() -> list[int]:
    """An offer that opens a negotiation."""
    steady = Steady()
    return [steady.offer(number) for number in range(PAIRS)]


def counter() -> list[int]:
    """A counter-offer."""
    steady = Steady()
    for number in range(PAIRS):
        steady.offer(number)
    return [steady.counter(number) for number in range(PAIRS)]


def accept() -> list[int]:
    """The acceptance of a counter-offer for one slot."""
    steady = Steady()
    for number in range(PAIRS):
        steady.offer(number)
        steady.counter(number)
    return [steady.accept(number) for number in range(PAIRS)]


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (agree, agree_in_new_words, agree_day_share, offer, counter, accept)
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
