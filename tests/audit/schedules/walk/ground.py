"""The small world of the walk: registry, clearinghouse, meters, settlement, one venue of signed schedules, and people.

Names instead of addresses, as in tests/audit/machine, whose drivers and references serve here too.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from eth_account import Account

from setm.evm import Evm
from setm.evm.compiler import artifact
from setm.messages import identity_commitment
from setm.types import Kind
from tests.audit.machine import world as machine_world
from tests.audit.machine.driver import START_AT, EvmDriver
from tests.audit.machine.model import agrees
from tests.audit.machine.stage import CAPACITY_WH, FOREVER, UNLIMITED, VALUES, YEAR_SECONDS
from tests.audit.machine.stage import Disagreement as Disagreement
from tests.audit.machine.steps import NOBODY, WAIT, Outcome, Sig, Step
from tests.audit.machine.world import CONFIG, secret_of
from tests.audit.schedules.walk.encoding import plain_args
from tests.audit.schedules.walk.model import Model
from tests.audit.schedules.walk.terms import SHORT, Terms
from tests.audit.schedules.walk.witness import Witness

CONTRACTS = {
    "token": "TestEuro",
    "registry": "ParticipantRegistry",
    "house": "Clearinghouse",
    "meters": "MeterRegistry",
    "settlement": "Settlement",
    "venue": "DayAheadAuction",
    "roster": "KeyRoster",
    "book": "ScheduleBook",
}
# Whom the lens reads: the grid operator is participant 1.
ZONES: Mapping[str, int] = {
    "alice": 1,
    "bob": 1,
    "carol": 1,
    "dave": 1,
    "erin": 2,
    "frank": 2,
    "grace": 1,
}
MEMBERS = tuple(ZONES)
PEOPLE = tuple(range(1, 2 + len(MEMBERS)))
COLLECTORS = ("collector", "gatherer")
SPARE_KEYS = tuple(f"key {n}" for n in range(8))
ACCOUNTS = (
    "operator",
    *MEMBERS,
    *COLLECTORS,
    *SPARE_KEYS,
    "governance",
    "authority",
    "mallory",
    "stranger",
    *(f"device {who}" for who in PEOPLE),
)
PURSE = 4_000_000
MARGIN, LITTLE = 500_000, 40_000
# Bills go unpaid now and then.
GUARANTEE = 30_000


class Names(machine_world.World):
    """Names and addresses of this world."""

    def __init__(self, chain_id: int) -> None:
        self.chain_id = chain_id
        self.speaks_for = lambda key: 0
        self.permit_nonce = lambda key: 0
        self._addresses = {name: Account.from_key(secret_of(name)).address for name in ACCOUNTS}
        self._addresses[NOBODY] = NOBODY
        self._names = {address: name for name, address in self._addresses.items()}
        self.entries = {
            role: {e["name"]: e for e in artifact(contract)["abi"] if e["type"] == "function"}
            for role, contract in CONTRACTS.items()
        }

    def calldata(self, step: Step) -> bytes:
        return super().calldata(step._replace(args=plain_args(self, step)))


class Chain(EvmDriver):
    """An EVM in this process with those contracts."""

    def __init__(self, evm: Evm | None = None) -> None:
        self.evm = evm or Evm(now=START_AT)
        self.world: Any = Names(self.evm.chain_id)
        self.block_seconds = 0

    def deploy(self, role: str, *args: Any) -> None:
        plain = [self._plain(value) for value in args]
        deployer = self.world.address("governance")
        self.world.put(role, self.evm.deploy(CONTRACTS[role], *plain, sender=deployer).address)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.world.address(value)
        return [self._plain(part) for part in value] if isinstance(value, list) else value


class Stage:
    """A deployment with its people on a chain, and the reference of the same; every step goes to both."""

    def __init__(self, terms: Terms = SHORT, evm: Evm | None = None) -> None:
        self.terms = terms
        self.chain = chain = Chain(evm)
        self.names = chain.world
        self.names.span_slots = terms.span_slots
        self.witness = Witness(terms)
        # Off where the invariants alone are to find what is wrong.
        self.is_compared = True
        chain.deploy("token")
        slot_seconds, delay = terms.slot_seconds, CONFIG["governance_delay"]
        recovery = CONFIG["recovery_delay"]
        started_at = chain.now
        chain.deploy("registry", "governance", slot_seconds, delay, recovery, ["authority"])
        chain.deploy("house", "token", "registry", delay)
        self.model = Model(self.names, terms, started_at)
        self.must("stranger", "registry", "join", *_joining(chain.now, "operator", 1))
        chain.deploy("meters", "registry", 1, *VALUES["metering"])
        chain.deploy("settlement", "registry", "house", "meters", 1, VALUES["settlement"])
        chain.deploy("venue", "house", "settlement", terms.config)
        chain.deploy("roster", "registry")
        chain.deploy("book", "venue", "registry", "roster")
        for venue in ("settlement", "venue"):
            self.must("governance", "house", "addVenue", venue)
        self.must("governance", "venue", "setBook", "book")
        self._set_up_people()
        self._mark = chain.evm.snapshot()
        self._kept = (self.model, copy.deepcopy(self.witness))

    def fresh(self) -> Stage:
        """Go back to the beginning."""
        self.chain.evm.revert(self._mark)
        self._mark = self.chain.evm.snapshot()
        self.model = self._kept[0].copy()
        self.witness = copy.deepcopy(self._kept[1])
        return self

    # Steps

    def step(self, sender: str, contract: str, function: str, *args: Any) -> Step:
        """Return a step of this second."""
        return Step(self.chain.now, sender, contract, function, args)

    def do(self, step: Step) -> Outcome:
        """Do a step on both sides; raise ``Disagreement`` if they differ."""
        chain = self.chain
        chain.advance_to(step.at)
        step = step._replace(at=chain.now)
        self.model.now = chain.now
        if step.function == WAIT:
            nothing = Outcome("", b"", (), 0)
            self.witness.note(step, nothing, self.names)
            return nothing
        data = self.names.calldata(step)
        _, expected = self.model.call(step)
        outcome = chain.send(step, data)
        if self.is_compared and not agrees_with(outcome.error, expected):
            raise Disagreement(f"{step}: chain says {outcome.error!r}, reference {expected!r}")
        self.witness.note(step, outcome, self.names)
        return outcome

    @contextmanager
    def at_step(self) -> Iterator[None]:
        """Turn the clock back to the second of the last step."""
        later, self.chain.evm.now = self.chain.now, self.model.now
        try:
            yield
        finally:
            self.chain.evm.now = later

    def must(self, sender: str, contract: str, function: str, *args: Any) -> None:
        """Do a step that must succeed."""
        outcome = self.do(self.step(sender, contract, function, *args))
        if outcome.error:
            raise Disagreement(f"{sender} {contract}.{function}{args}: {outcome.error}")

    # Everybody

    def _set_up_people(self) -> None:
        for name, zone in ZONES.items():
            self.must("stranger", "registry", "join", *_joining(self.chain.now, name, zone))
        for who, name in enumerate(("operator", *MEMBERS), 1):
            self.must(name, "token", "mint", name, 2 * PURSE)
            self.must(name, "token", "approve", "house", UNLIMITED)
            self.must(name, "house", "deposit", who, PURSE)
            self.must(name, "house", "lock", "settlement", GUARANTEE)
            if name == "operator":
                continue
            margin = LITTLE if name in ("dave", "frank") else MARGIN
            self.must(name, "house", "lock", "venue", margin)
            meter_id = "0x" + identity_commitment(f"meter {who}", bytes(32)).hex()
            binding = (meter_id, who, f"device {who}", CAPACITY_WH, FOREVER, self.terms.is_daily)
            self.must(name, "meters", "bindMeter", binding, "authority", Sig("authority"))


def agrees_with(found: str, expected: str) -> bool:
    """Return whether a refusal is the expected one; what ends in ``*`` says only how it begins."""
    if expected.endswith("*") and len(expected) > 1:
        return found.startswith(expected[:-1])
    return agrees(found, expected)


def credential_values(
    name: str, account: str, zone: int, valid_until: int, serial: int
) -> tuple[Any, ...]:
    """Return a credential's values."""
    commitment = "0x" + identity_commitment(name, bytes(32)).hex()
    return (account, int(Kind.PROSUMER), 0, zone, commitment, valid_until, serial)


def _joining(now: int, name: str, zone: int) -> tuple[Any, ...]:
    values = credential_values(name, name, zone, now + YEAR_SECONDS, 1)
    if name == "operator":
        values = (values[0], int(Kind.GRID_OPERATOR), *values[2:])
    return (values, "authority", Sig("authority"), NOBODY, now + 3600, Sig(name))
