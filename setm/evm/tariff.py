"""A tariff with people in it: announces, takes, collects and settles whole slots as a test or a benchmark asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setm import tariff as reference
from setm.evm.machine import Contract, Evm, Receipt
from setm.evm.system import Person, System, default_config, deploy_system
from setm.slots import Slot
from setm.types import Kind, Side
from setm.units import Price, Wh

DEFAULTS: Mapping[str, int] = {
    "feed_in_price": 30_000,
    "retail_price": 55_500,
    "announce_lead": 3_600,
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
}
PLENTY = 2**54


def deploy_tariff(
    system: System, settings: Mapping[str, int], settler: Any | None = None
) -> Contract:
    """Deploy a tariff beside the other venues, open at once; ``settler`` is a plain account in settlement's place."""
    venue = system.evm.deploy(
        "Tariff", system.clearinghouse, settler or system.settlement, tuple(settings.values())
    )
    for address in (venue, *([settler] if settler else [])):
        system.clearinghouse.send("addVenue", address, sender=system.governance)
    return venue


class TariffMarket:
    """One deployment with ``count`` people who have ``margin``; a plain account settles unless ``is_settled``."""

    def __init__(
        self,
        count: int,
        *,
        first_slot: int = 2_000_000,
        margin: int = PLENTY,
        is_settled: bool = False,
        **changes: int,
    ) -> None:
        unknown = set(changes) - set(DEFAULTS)
        if unknown:
            raise KeyError(f"tariff: no such fields {sorted(unknown)}")
        self.first_slot = first_slot
        self.settings = {**DEFAULTS, **changes}
        self.evm = Evm(now=first_slot * 900 - 86_400)
        feed_in = min(30_000, self.settings["cover_price"])
        config = default_config(settlement={"feed_in_price": feed_in})
        self.system: System = deploy_system(self.evm, config)
        self.settler: Any = None if is_settled else self.evm.account("settler")
        self.venue = deploy_tariff(self.system, self.settings, self.settler)
        self.people = [self.system.enrol(f"person {i}", Kind.PROSUMER) for i in range(count)]
        for person in self.people:
            self.system.fund(person, self.venue, margin)
        self._mark = self.evm.snapshot()

    def reset(self) -> None:
        """Go back to the deployment."""
        self.evm.revert(self._mark)
        self._mark = self.evm.snapshot()

    @property
    def rules(self) -> reference.Config:
        """The configuration for the reference."""
        found = self.settings
        return reference.Config(
            feed_in_price=Price(found["feed_in_price"]),
            retail_price=Price(found["retail_price"]),
            announce_lead=found["announce_lead"],
            gate_lead=found["gate_lead"],
            horizon_seconds=found["horizon_seconds"],
            cover_price=Price(found["cover_price"]),
            max_energy_wh=Wh(found["max_energy_wh"]),
            slot_seconds=self.system.config["slot_seconds"],
        )

    # Times of a slot, UTC Unix seconds

    def start_of(self, slot: int) -> int:
        return int(slot * self.system.config["slot_seconds"])

    def announcing_from(self, slot: int) -> int:
        return self.start_of(slot) - self.settings["horizon_seconds"]

    def taking_from(self, slot: int) -> int:
        return self.start_of(slot) - self.settings["announce_lead"]

    def gate_of(self, slot: int) -> int:
        return self.start_of(slot) - self.settings["gate_lead"]

    # Acts

    def announce(
        self, person: Person, slot: int, side: Side, energy_wh: int, *, sender: Any = None
    ) -> Receipt:
        sent = sender or person
        return self.venue.send("announce", (slot, side, energy_wh), sender=sent)

    def take(
        self, person: Person, slot: int, side: Side, energy_wh: int, *, sender: Any = None
    ) -> Receipt:
        """Take the price that is posted now."""
        price = self.venue.call("priceOf", slot)
        sent = sender or person
        return self.venue.send("take", (slot, side, energy_wh, price), sender=sent)

    def post(self, slot: int, wanted: Sequence[tuple[Person, Side, int]]) -> None:
        """Let everybody announce, and go to where the price is posted."""
        self.evm.now = self.taking_from(slot) - 1
        for person, side, energy_wh in wanted:
            self.announce(person, slot, side, energy_wh)
        self.evm.now = self.taking_from(slot)

    def close(self, slot: int) -> None:
        """Collect everybody and let the plain account close everybody's trade."""
        ids = [person.id for person in self.people]
        self.evm.now = max(self.evm.now, self.gate_of(slot))
        self.venue.send("collect", slot, ids)
        for number in ids:
            self.venue.send("close", slot, number, sender=self.settler)


def book_of(market: TariffMarket) -> reference.Book:
    """Return the reference's book of a market in which nothing was announced yet."""
    margins = {person.id: market.venue.call("marginOf", person.id) for person in market.people}
    return reference.Book(config=market.rules, margins=margins)  # type: ignore[arg-type]


def announcement(slot: int, side: Side, energy_wh: int) -> reference.Announcement:
    """Return the message of the reference."""
    return reference.Announcement(slot=Slot(slot), side=side, energy_wh=Wh(energy_wh))


def taking(slot: int, side: Side, energy_wh: int, price: int) -> reference.Taking:
    """Return the message of the reference."""
    return reference.Taking(slot=Slot(slot), side=side, energy_wh=Wh(energy_wh), price=Price(price))
