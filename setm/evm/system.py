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
        if isinstance(config[name], dict):
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
    delay = settings["governance_delay"]

    def deploy(name: str, *args: Any) -> Contract:
        return evm.deploy(name, *args, sender=governance)

    token = deploy("TestEuro")
    registry = deploy(
        "ParticipantRegistry",
        governance,
        settings["slot_seconds"],
        delay,
        settings["recovery_delay"],
        [authority],
    )
    clearinghouse = deploy("Clearinghouse", token, registry, delay)
    system = System(evm, settings, governance, authority, token, registry, clearinghouse)
    system.operator = system.enrol("operator", Kind.GRID_OPERATOR)
    system.meters = deploy(
        "MeterRegistry", registry, system.operator.id, *settings["metering"].values()
    )
    system.settlement = deploy(
        "Settlement",
        registry,
        clearinghouse,
        system.meters,
        system.operator.id,
        tuple(settings["settlement"].values()),
    )
    system.rule = deploy("UniformPriceRule")
    system.auction = deploy(
        "Auction",
        clearinghouse,
        system.settlement,
        system.rule,
        tuple(settings["auction"].values()),
    )
    system.negotiation = deploy(
        "Negotiation", clearinghouse, system.settlement, tuple(settings["negotiation"].values())
    )
    for venue in (system.settlement, system.auction, system.negotiation):
        clearinghouse.send("addVenue", venue, sender=governance)
    return system
