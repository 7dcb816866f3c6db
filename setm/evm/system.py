"""The whole system on an ``Evm``: deployed as scripts/deploy.py does it, with people who hold real keys."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm import messages
from setm.deployment_plan import FOUNDATION, OPTIONAL, Part, filled, foundation, house, openings
from setm.evm.compiler import ROOT
from setm.evm.machine import NOBODY, Contract, Evm, Receipt
from setm.types import Kind

YEAR_SECONDS = 365 * 24 * 3600
HUNDRED_EUR = 100_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """A participant and its owner key; stands for its address wherever one is expected."""

    name: str
    key: LocalAccount
    id: int

    @property
    def address(self) -> str:
        return str(self.key.address)


@dataclass(slots=True)
class System:
    """The contracts of one deployment, and who governs them."""

    evm: Evm
    config: dict[str, Any]
    governance: LocalAccount
    authority: LocalAccount
    token: Contract
    registry: Contract
    clearinghouse: Contract
    meters: Contract = field(init=False)
    settlement: Contract = field(init=False)
    rule: Contract = field(init=False)
    auction: Contract = field(init=False)
    negotiation: Contract = field(init=False)
    tags: Contract = field(init=False)
    conditional: Contract = field(init=False)
    tariff: Contract = field(init=False)
    notes: Contract = field(init=False)
    anonymous: Contract = field(init=False)
    roster: Contract = field(init=False)
    day_ahead: Contract = field(init=False)
    day_ahead_book: Contract = field(init=False)
    intraday: Contract = field(init=False)
    intraday_book: Contract = field(init=False)
    operator: Person = field(init=False)

    def domain(self, contract: Contract) -> messages.Domain:
        """Return where a message to ``contract`` counts."""
        return messages.Domain(chain_id=self.evm.chain_id, contract=contract.address)

    def enrol(self, name: str, kind: Kind, *, zone: int = 1, device_class: int = 0) -> Person:
        """Let the authority identify an account (uI) and the account join by its signature (uA)."""
        return self.join(name, kind, zone=zone, device_class=device_class)[0]

    def join(
        self, name: str, kind: Kind, *, zone: int = 1, device_class: int = 0
    ) -> tuple[Person, Receipt]:
        """The same, with the receipt of the transaction, which somebody else sends."""
        key = self.evm.account(name)
        domain = self.domain(self.registry)
        credential = messages.credential(
            domain,
            account=key.address,
            kind=kind,
            device_class=device_class,
            zone=zone,
            commitment=messages.identity_commitment(name, bytes(keccak(text=name))),
            valid_until=self.evm.now + YEAR_SECONDS,
        )
        deadline = self.evm.now + 3600
        join = messages.join(
            domain, credential_hash=credential.struct_hash(), recovery=NOBODY, deadline=deadline
        )
        joined = self.registry.send(
            "join",
            tuple(credential.values.values()),
            self.authority,
            credential.sign(self.authority),
            NOBODY,
            deadline,
            join.sign(key),
        )
        return Person(name, key, joined.value), joined

    def bind_meter(self, person: Person, **terms: Any) -> int:
        """Bind a meter to ``person`` on the terms of ``signed_binding``; return its number."""
        values = self.signed_binding(person, **terms)
        return int(self.meters.send("bindMeter", *values, sender=person).value)

    def signed_binding(
        self,
        person: Person,
        *,
        capacity_wh: int = 100_000,
        is_daily: bool = False,
        serial: int = 1,
        days: int = 400,
    ) -> tuple[Any, ...]:
        """Return what ``bindMeter`` takes, signed by the authority. The meter has ``meter_key(person, serial)``."""
        day_slots = self.meters.call("daySlots")
        domain = self.domain(self.meters)
        today = self.evm.now // int(self.config["slot_seconds"]) // day_slots
        binding = messages.binding(
            domain,
            meter_id=messages.identity_commitment(f"meter {serial} of {person.name}", bytes(32)),
            participant_id=person.id,
            device_key=self.meter_key(person, serial).address,
            capacity_wh=capacity_wh,
            valid_until_slot=(today + days) * day_slots,
            is_daily=is_daily,
        )
        return tuple(binding.values.values()), self.authority, binding.sign(self.authority)

    def meter_key(self, person: Person, serial: int = 1) -> LocalAccount:
        """Return the key inside a person's meter."""
        return self.evm.account(f"meter {serial} of {person.name}")

    def deposit(self, person: Person, amount: int) -> None:
        """Mint test euros for ``person`` and deposit them, 1e-6 EUR."""
        self.token.send("mint", person, amount, sender=person)
        self.token.send("approve", self.clearinghouse, amount, sender=person)
        self.clearinghouse.send("deposit", person.id, amount, sender=person)

    def fund(self, person: Person, venue: Contract, amount: int) -> None:
        """Deposit ``amount`` and lock it for ``venue``."""
        self.deposit(person, amount)
        self.clearinghouse.send("lock", venue, amount, sender=person)


def default_config(**changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return scripts/defaults.json with ``section={field: value}`` replaced."""
    config: dict[str, Any] = json.loads((ROOT / "scripts" / "defaults.json").read_text())
    for name, change in changes.items():
        if name not in config and name not in OPTIONAL:
            raise KeyError(f"no such section {name}")
        if isinstance(config.get(name), dict):
            unknown = set(change) - set(config[name])
            if unknown:
                raise KeyError(f"{name}: no such fields {sorted(unknown)}")
            config[name] = {**config[name], **change}
        else:
            config[name] = change
    return copy.deepcopy(config)


def deploy_system(evm: Evm, config: Mapping[str, Any] | None = None) -> System:
    """Deploy every contract; the grid operator is participant 1; venues are open at once."""
    settings = dict(config) if config is not None else default_config()
    governance, authority = evm.account("governance"), evm.account("authority")
    known: dict[str, Any] = {"governance": governance, "authority": authority}

    def deploy(part: Part) -> Contract:
        known[part.role] = evm.deploy(
            part.contract, *filled(part.arguments, known), sender=governance
        )
        deployed: Contract = known[part.role]
        return deployed

    for part in foundation(settings):
        deploy(part)
    system = System(evm, settings, governance, authority, *(known[role] for role in FOUNDATION))
    system.operator = system.enrol("operator", Kind.GRID_OPERATOR)
    known["operator_id"] = system.operator.id
    for part in house(settings):
        setattr(system, part.role, deploy(part))
    for call in openings(settings):
        known[call.role].send(call.function, *filled(call.arguments, known), sender=governance)
    return system
