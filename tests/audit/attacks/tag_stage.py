"""The small community with energy tags: who produces what is certified, and a venue owes tags."""

from __future__ import annotations

from typing import Any

from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Contract, Evm, Person, Receipt, abi, default_config, deploy_system
from setm.evm.machine import NOBODY
from setm.tags import ANY, Source, tag_id
from setm.types import Kind
from tests.audit.attacks.stage import DAY, DEPOSIT, FIRST_SLOT, MARGIN, SLOT, Stage

SOLAR_CLASS, WIND_CLASS = 7, 8
MARKET = {
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "tag_price": 10_000,
}
SOURCES = {"sources": {str(SOLAR_CLASS): "solar", str(WIND_CLASS): "wind"}}
# Name and device class; sunny and windy produce, carol stands in another zone.
PEOPLE = {
    "alice": (0, 1),
    "bob": (0, 1),
    "sunny": (SOLAR_CLASS, 1),
    "windy": (WIND_CLASS, 1),
    "carol": (0, 2),
}
PRICE = 43_000
# What an AttackTagReceiver does when it is asked.
REFUSES, BURNS_GAS, CALLS_BACK = 1, 2, 3


class TagStage(Stage):
    """One deployment with tags; everybody has a meter, numbered from 1, and margin everywhere."""

    def __init__(self, **config: Any) -> None:
        self.evm = Evm(now=FIRST_SLOT * SLOT - DAY)
        self.system = deploy_system(
            self.evm, default_config(tags=SOURCES, conditional=MARKET, **config)
        )
        self.people = {
            name: self.system.enrol(name, Kind.PROSUMER, zone=zone, device_class=device_class)
            for name, (device_class, zone) in PEOPLE.items()
        }
        for number, person in enumerate(self.people.values(), start=1):
            self.system.deposit(person, DEPOSIT)
            for venue in self.venues:
                self.system.clearinghouse.send("lock", venue, MARGIN, sender=person)
            self.bind(person, number)
        self.system.fund(self.system.operator, self.system.settlement, DEPOSIT)
        self.system.tags.send("register", [person.id for person in self.people.values()])
        self.slot = FIRST_SLOT
        self._mark = self.evm.snapshot()

    @property
    def venues(self) -> tuple[Contract, ...]:  # type: ignore[override]
        return (*super().venues, self.system.conditional)

    # Orders

    def order(self, **changes: Any) -> tuple[Any, ...]:  # type: ignore[override]
        """Return a bid of anyone for 1,000 Wh of anything at 43 EUR/MWh, as changed."""
        fields: dict[str, Any] = {
            "slot": self.slot,
            "energy_wh": 1_000,
            "price": PRICE,
            "partner_id": 0,
            "green_share": 0,
            "sources": ANY,
            "is_bid": True,
            **changes,
        }
        return tuple(fields.values())

    def post(self, person: Person, **changes: Any) -> int:
        """Post an order; return its number."""
        sent = self.system.conditional.send("post", self.order(**changes), sender=person)
        return int(sent.value)

    def take(
        self, person: Person, order_id: int, energy_wh: int = 1_000, price: int = PRICE
    ) -> int:
        """Take an order; return the number of the trade."""
        sent = self.system.conditional.send("take", order_id, energy_wh, price, sender=person)
        return int(sent.value)

    def sell(self, seller: Person, buyer: Person, energy_wh: int = 1_000, **changes: Any) -> int:
        """Let ``buyer`` bid and ``seller`` take it; return the number of the trade."""
        order_id = self.post(buyer, energy_wh=energy_wh, **changes)
        return self.take(seller, order_id, energy_wh)

    # Tags

    def id_of(self, source: Source, zone: int = 1) -> int:
        return tag_id(source, zone, self.slot)

    def mint(self, *people: Person) -> Receipt:
        return self.system.tags.send("mint", self.slot, [person.id for person in people])

    def balance(self, account: Any, number: int) -> int:
        return int(self.system.tags.call("balanceOf", account, number))

    def claimed_of(self, number: int) -> int:
        return int(self.system.tags.call("claimedOf", number))

    def measured(self, **readings: tuple[int, int]) -> None:
        """Post readings of imports and exports, and settle everybody who has one."""
        self.read(**readings)
        self.settle(*(self.people[name] for name in readings))

    def renew(
        self,
        person: Person,
        *,
        device_class: int,
        serial: int,
        zone: int = 1,
        valid_until: int | None = None,
    ) -> None:
        """Let the authority certify somebody anew."""
        credential = messages.credential(
            self.system.domain(self.system.registry),
            account=person.address,
            kind=Kind.PROSUMER,
            device_class=device_class,
            zone=zone,
            commitment=self.commitment_of(person),
            valid_until=valid_until or self.evm.now + 365 * DAY,
            serial=serial,
        )
        authority = self.system.authority
        values = (tuple(credential.values.values()), authority, credential.sign(authority))
        self.system.registry.send("renew", *values)

    @staticmethod
    def commitment_of(person: Person) -> bytes:
        """Return the commitment with which ``System.enrol`` identified somebody."""
        return messages.identity_commitment(person.name, bytes(keccak(text=person.name)))

    def revoke(self, person: Person) -> None:
        self.system.registry.send("revoke", person.id, sender=self.system.authority)

    # A producer whose account is a contract

    def enrol_receiver(self, recovery: str = NOBODY) -> Person:
        """Let an ``AttackTagReceiver`` of alice join as a certified solar producer with meter 6 and margin."""
        receiver = self.evm.deploy("AttackTagReceiver", self.alice)
        system = self.system
        credential = messages.credential(
            system.domain(system.registry),
            account=receiver.address,
            kind=Kind.PROSUMER,
            device_class=SOLAR_CLASS,
            zone=1,
            commitment=keccak(text="receiver"),
            valid_until=self.evm.now + 365 * DAY,
        )
        signed = (system.authority, credential.sign(system.authority))
        values = tuple(credential.values.values())
        self.act(receiver, system.registry, "join", values, *signed, recovery, 0, b"")
        number = system.registry.call("participantCount")
        # Its key is alice's: it stands for a contract that she steers.
        person = Person("receiver", self.alice.key, number)
        binding = self.binding(person, 6)
        values = tuple(binding.values.values())
        proof = (system.authority, binding.sign(system.authority))
        self.act(receiver, system.meters, "bindMeter", values, *proof)
        system.token.send("mint", self.alice, MARGIN)
        system.token.send("approve", system.clearinghouse, MARGIN, sender=self.alice)
        system.clearinghouse.send("deposit", number, MARGIN, sender=self.alice)
        self.act(receiver, system.clearinghouse, "lock", system.conditional, MARGIN)
        system.tags.send("register", [number])
        self.receiver = receiver
        return person

    def act(self, receiver: Contract, target: Contract, function: str, *args: Any) -> Receipt:
        """Call ``target`` as the receiver."""
        data = self.call_of(target, function, *args)
        return receiver.send("execute", target, data, sender=self.alice)

    @staticmethod
    def call_of(target: Contract, function: str, *args: Any) -> bytes:
        """Return the data of a call."""
        entry = target._functions[function, len(args)]
        return abi.selector_of(entry) + abi.encode(entry["inputs"], args)
