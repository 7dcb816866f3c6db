"""Metering and settlement with two venues that trade whatever they are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, Evm, Person, System, default_config
from setm.metering import Windows
from setm.types import GridTariff, Kind, Reading
from setm.units import Price, Wh

NAMES = ("alice", "bob", "carol", "dave")
CAPACITY_WH = 1_000_001
FOREVER = 2**32 - 1
PLENTY = 2**50


@dataclass(slots=True, repr=False)
class Metered:
    """One deployment that every run starts from."""

    system: System
    people: dict[str, Person]
    sponsor: Person
    venues: list[Contract]
    windows: Windows
    tariff: GridTariff
    mark: Any = None

    @property
    def evm(self) -> Evm:
        return self.system.evm

    def reset(self) -> None:
        """Go back to the deployment."""
        if self.mark is not None:
            self.evm.revert(self.mark)
        self.mark = self.evm.snapshot()

    def device(self, meter: int) -> Any:
        """Return the key inside a meter of `bind`."""
        return self.evm.account(f"meter {meter}")

    def bind(self, person: Person, meter: int, *, until: int = FOREVER, **changes: Any) -> Any:
        """Bind the next meter, whose number the caller foresees."""
        values = {
            "meter_id": keccak(text=f"serial {meter}"),
            "participant_id": person.id,
            "device_key": self.device(meter).address,
            "capacity_wh": CAPACITY_WH,
            "valid_until_slot": until,
            **changes,
        }
        system = self.system
        binding = messages.binding(system.domain(system.meters), **values)
        return system.meters.send(
            "bindMeter",
            tuple(binding.values.values()),
            system.authority,
            binding.sign(system.authority),
            sender=person,
        )

    def signed(self, meter: int, slot: int, import_wh: int, export_wh: int) -> tuple[Any, ...]:
        """Return a reading as its meter signs it."""
        values = {"import_wh": Wh(import_wh), "export_wh": Wh(export_wh)}
        measured = Reading(meter=meter, slot=slot, **values)  # type: ignore[arg-type]
        message = messages.reading(self.system.domain(self.system.meters), measured)
        return (measured.word, *message.sign_compact(self.device(meter)))


def deploy_metered(venue_count: int = 2, **metering: int) -> Metered:
    """Deploy what settlement needs; the operator is participant 1, each of `NAMES` has the meter of its number."""
    config = default_config(metering=metering)
    evm = Evm()
    governance, authority = evm.account("governance"), evm.account("authority")
    token = evm.deploy("TestEuro")
    registry = evm.deploy(
        "ParticipantRegistry", governance, 900, 86_400, config["recovery_delay"], [authority]
    )
    house = evm.deploy("Clearinghouse", token, registry, 86_400)
    system = System(evm, config, governance, authority, token, registry, house)
    system.operator = system.enrol("operator", Kind.GRID_OPERATOR)
    windows = config["metering"]
    system.meters = evm.deploy("MeterRegistry", registry, system.operator.id, *windows.values())
    terms = config["settlement"]
    system.settlement = evm.deploy(
        "Settlement", registry, house, system.meters, system.operator.id, tuple(terms.values())
    )
    venues = [evm.deploy("SettlementVenue", house) for _ in range(venue_count)]
    for venue in (system.settlement, *venues):
        house.send("addVenue", venue, sender=governance)
    people = {name: system.enrol(name, Kind.PROSUMER) for name in NAMES}
    sponsor = system.enrol("sponsor", Kind.PROSUMER)
    for person in (*people.values(), sponsor):
        for venue in venues:
            system.fund(person, venue, PLENTY)
    for venue in venues:
        venue.send("charge", sponsor.id, PLENTY)
    found = Metered(
        system=system,
        people=people,
        sponsor=sponsor,
        venues=venues,
        windows=Windows(slot_seconds=900, **windows),
        tariff=GridTariff(
            retail_price=Price(terms["retail_price"]), feed_in_price=Price(terms["feed_in_price"])
        ),
    )
    for number, person in enumerate(people.values(), start=1):
        found.bind(person, number)
    return found
