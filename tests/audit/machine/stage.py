"""Chain and reference side by side: every step goes to both, and both must agree."""

from __future__ import annotations

from typing import Any, Protocol

from setm.anonymous.notes import to_bytes
from setm.messages import identity_commitment
from setm.types import Kind
from tests.audit.machine.minting import issuer, serial_of
from tests.audit.machine.model import Model, agrees
from tests.audit.machine.model_auction import RULES
from tests.audit.machine.model_conditional import CLASSES
from tests.audit.machine.model_settlement import FOUNDING
from tests.audit.machine.steps import NOBODY, WAIT, Minted, Outcome, Sig, Step
from tests.audit.machine.witness import Witness
from tests.audit.machine.world import CONFIG, MASKS, MEMBERS, World

FOREVER = 2**32 - 1
YEAR_SECONDS = 365 * 24 * 3600
CAPACITY_WH = 3_000
UNLIMITED = 2**256 - 1
PURSE = 50_000_000
VALUES = {name: tuple(CONFIG[name].values()) for name in CONFIG if isinstance(CONFIG[name], dict)}


class Driver(Protocol):
    """A chain."""

    world: World

    @property
    def now(self) -> int: ...

    @property
    def view_now(self) -> int: ...

    def advance_to(self, seconds: int) -> None: ...

    def deploy(self, role: str, *args: Any) -> None: ...

    def send(self, step: Step, data: bytes) -> Outcome: ...

    def read(self, role: str, function: str, *args: Any) -> list[int]: ...

    def undone(self) -> Any: ...


class Disagreement(AssertionError):
    """The chain did what the reference did not foresee."""


class Stage:
    """A deployment with its members on a chain, and the reference of the same."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.world = driver.world
        self.witness = Witness()
        # Off where the invariants alone are to find what is wrong.
        self.is_compared = True
        driver.deploy("token")
        slot_seconds, delay = CONFIG["slot_seconds"], CONFIG["governance_delay"]
        recovery = CONFIG["recovery_delay"]
        started_at = driver.now
        driver.deploy("registry", "governance", slot_seconds, delay, recovery, ["authority"])
        driver.deploy("house", "token", "registry", delay)
        self.model = Model(self.world, started_at)
        self.do_all(self.enrolment("operator", Kind.GRID_OPERATOR))
        driver.deploy("meters", "registry", 1, *VALUES["metering"])
        driver.deploy("settlement", "registry", "house", "meters", 1, VALUES["settlement"])
        for venue, rule in (("auction", "rule"), ("open_auction", "open_rule")):
            driver.deploy(rule, *RULES[venue].rule.arguments)
            driver.deploy(venue, "house", "settlement", rule, VALUES[venue])
        driver.deploy("negotiation", "house", "settlement", VALUES["negotiation"])
        driver.deploy("tariff", "house", "settlement", VALUES["tariff"])
        classes = [(number, int(source)) for number, source in CLASSES.items()]
        driver.deploy("tags", "registry", "meters", "settlement", classes)
        driver.deploy("conditional", "house", "settlement", "tags", VALUES["conditional"])
        driver.deploy("tag_lens", "conditional", "tags")
        driver.deploy("notes", to_bytes(issuer().public.modulus), *VALUES["notes"])
        driver.deploy("anonymous", "house", "settlement", VALUES["anonymous"], "notes")
        driver.deploy("anonymous_lens", "anonymous")
        driver.deploy("lens", "house", "meters", "settlement", "negotiation", "tariff")
        driver.deploy("liar", "house")
        driver.deploy("brick")
        for venue in FOUNDING:
            self.do(self.step("governance", "house", "addVenue", venue))
        self.do(self.step("governance", "tags", "setPledgeBook", "conditional"))
        self.set_up_people()

    # Steps

    def step(self, sender: str, contract: str, function: str, *args: Any) -> Step:
        """Return a step of this second."""
        return Step(self.driver.now, sender, contract, function, args)

    def do(self, step: Step) -> Outcome:
        """Do a step on both sides; raise ``Disagreement`` if they differ."""
        self.driver.advance_to(step.at)
        step = step._replace(at=self.driver.now)
        if step.function == WAIT:
            self.model.now = self.driver.view_now
            nothing = Outcome("", b"", (), 0)
            self.witness.note(step, nothing)
            return nothing
        # Before the reference moves on: some messages hold what only the present state knows.
        data = self.world.calldata(step)
        value, expected = self.model.call(step)
        outcome = self.driver.send(step, data)
        if self.is_compared and not agrees(outcome.error, expected):
            raise Disagreement(f"{step}: chain says {outcome.error!r}, reference {expected!r}")
        # A transaction on a node returns nothing that its sender could see.
        is_told = isinstance(value, int) and outcome.value != b""
        if self.is_compared and is_told and int.from_bytes(outcome.value, "big") != value:
            raise Disagreement(f"{step}: chain returns {outcome.value.hex()}, reference {value}")
        self.model.now = self.driver.view_now
        self.witness.note(step, outcome)
        return outcome

    def do_all(self, steps: list[Step]) -> None:
        """Do steps that must succeed."""
        for step in steps:
            outcome = self.do(step._replace(at=self.driver.now))
            if outcome.error:
                raise Disagreement(f"{step}: {outcome.error}")

    # Everybody

    def set_up_people(self) -> None:
        """Enrol the members, give everybody tokens, and margins, guarantees and meters to the members."""
        for name in MEMBERS:
            self.do_all(self.enrolment(name, Kind.PROSUMER))
        for name in ("operator", *MEMBERS, "frank", "grace", "mallory", "stranger"):
            self.do_all(
                [
                    self.step(name, "token", "mint", name, PURSE),
                    self.step(name, "token", "approve", "house", UNLIMITED),
                ]
            )
        for who, name in enumerate(("operator", *MEMBERS), 1):
            self.do_all([self.step(name, "house", "deposit", who, PURSE // 6)])
            # Little enough for bills to go unpaid now and then.
            guarantee = PURSE // 400 if name == "operator" else PURSE // 1000
            self.do_all([self.step(name, "house", "lock", "settlement", guarantee)])
            if name != "operator":
                self.do_all(self.equipment(who, name))
        for place, mask in enumerate(MASKS[: len(MEMBERS)]):
            self.do_all(self.funding(MEMBERS[place], mask, 1 + 2 * place))

    def equipment(self, who: int, name: str) -> list[Step]:
        """Return the steps that give a member margins and a meter."""
        locks = [self.step(name, "house", "lock", venue, PURSE // 40) for venue in FOUNDING[1:]]
        meter_id = "0x" + identity_commitment(f"meter {who}", bytes(32)).hex()
        binding = (meter_id, who, f"device {who}", CAPACITY_WH, FOREVER, False)
        bind = self.step(name, "meters", "bindMeter", binding, "authority", Sig("authority"))
        return [*locks, bind, self.step(name, "tags", "register", [who])]

    def funding(self, name: str, mask: str, first_note_id: int) -> list[Step]:
        """Return the steps that give a one-time account two notes."""
        notes = [Minted(mask, number) for number in range(2)]
        signed = [note._replace(form="signed") for note in notes]
        buy = self.step(name, "anonymous", "buyNotes", notes)
        issue = self.step("stranger", "notes", "issue", "anonymous", first_note_id, signed)
        paid = [(mask, serial_of(note), note._replace(form="note")) for note in notes]
        redeem = [self.step("stranger", "anonymous", "redeem", *args) for args in paid]
        return [buy, issue, *redeem]

    def enrolment(self, name: str, kind: Kind) -> list[Step]:
        """Return the step by which somebody joins on signatures."""
        values = credential(name, name, kind, self.driver.now + YEAR_SECONDS)
        deadline = self.driver.now + 3600
        args = (values, "authority", Sig("authority"), NOBODY, deadline, Sig(name))
        return [self.step("stranger", "registry", "join", *args)]


def credential(
    identity: str, account: str, kind: int, valid_until: int, serial: int = 1
) -> tuple[Any, ...]:
    """Return a credential's values; the commitment follows from the identity."""
    commitment = "0x" + identity_commitment(identity, bytes(32)).hex()
    return (account, int(kind), 0, 1, commitment, valid_until, serial)
