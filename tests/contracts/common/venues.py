"""Every venue behind one face, so that one suite can ask of all what IVenue promises.

A case deploys its venue with a plain account in the place of settlement: nothing but the venue itself is under test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from setm.evm import Contract, Evm, Person, Reverted, System, default_config, deploy_system
from setm.evm.tariff import DEFAULTS as TARIFF
from setm.tags import ANY
from setm.tariff import State
from setm.types import Kind, Side, Terms
from tests.contracts.common import one_time

MARGIN = 20_000_000
# On a tick of both auctions; 333 Wh of it do not come out even.
PRICE = 46_100
ENERGY_WH = 335
SLOTS_AHEAD = 6
RING = 1024


@dataclass(kw_only=True)
class Case:
    """One venue with alice, bob and carol, who have margin in it, and the account that settles."""

    name: str
    evm: Evm
    system: System
    venue: Contract
    settler: Any
    alice: Person
    bob: Person
    carol: Person
    salts: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)

    @property
    def slot(self) -> int:
        """A slot whose gate is open and stays so for an hour."""
        return self.evm.now // self.system.config["slot_seconds"] + SLOTS_AHEAD

    def collateral(self, person: Person) -> int:
        return self.system.clearinghouse.collateralOf(self.venue, person.id)

    def free(self, person: Person) -> int:
        return self.system.clearinghouse.freeOf(person.id)

    def lock(self, person: Person, amount: int, sender: Any = None) -> None:
        sent = sender or person
        self.system.clearinghouse.send("lock", self.venue, amount, sender=sent)

    def revoke(self, person: Person) -> None:
        self.system.registry.send("revoke", person.id, sender=self.system.authority)

    def pass_gate(self, slot: int) -> None:
        """Go to gate closure of the slot."""
        config = self.system.config
        section = self.name if self.name in config else "auction"
        self._go_before(slot, config[section]["gate_lead"])

    def _go_before(self, slot: int, lead: int) -> None:
        """Go to ``lead`` seconds before the slot's delivery."""
        self.evm.now = slot * self.system.config["slot_seconds"] - lead

    def enter(
        self,
        slot: int,
        side: Side,
        person: Person,
        *,
        energy_wh: int = ENERGY_WH,
        sender: Any = None,
        salt: int = 7,
    ) -> None:
        """Let a participant enter something that binds it, or offer it; ``sender`` may be a session key."""
        raise NotImplementedError

    def decide(self, slot: int) -> None:
        """Do all that has to be done until the slot's outcome is final."""
        raise NotImplementedError

    def trade(self, slot: int, *, energy_wh: int = ENERGY_WH) -> None:
        """Let alice buy from bob."""
        self.enter(slot, Side.BID, self.alice, energy_wh=energy_wh)
        self.enter(slot, Side.ASK, self.bob, energy_wh=energy_wh)


class OpenAuction(Case):
    def tick(self) -> int:
        config = self.system.config["auction"]
        return (PRICE - config["floor_price"]) // config["tick_size"]

    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        order = (slot, side, self.tick(), energy_wh)
        self.venue.send("placeOrder", order, sender=sender or person)

    def decide(self, slot: int) -> None:
        self.pass_gate(slot)
        self.evm.now += self.system.config["auction"]["reveal_window"]
        self.venue.send("clear", slot)


class SealedAuction(OpenAuction):
    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        venue, tick = self.venue, self.tick()
        bond = self.system.config["auction"]["bond"]
        bound = max(bond, venue.coverOf(side, tick, energy_wh))
        digest = venue.digestOf(slot, person.id, side, tick, energy_wh, salt)
        venue.send("commit", (slot, side, bound, digest), sender=sender or person)
        self.salts[slot, person.id] = (tick, energy_wh, salt)

    def decide(self, slot: int) -> None:
        self.pass_gate(slot)
        openings = [
            number << 224 | tick << 208 | energy_wh << 160 | salt
            for (of_slot, number), (tick, energy_wh, salt) in self.salts.items()
            if of_slot == slot
        ]
        self.venue.send("open", slot, openings)
        super().decide(slot)


class NegotiationCase(Case):
    """A bid is an offer to bob; an ask accepts it."""

    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        if side is Side.ASK:
            number = self.venue.negotiationCount()
            self.venue.send("accept", number, 1, sender=sender or person)
            return
        terms = Terms(first_slot=slot, slot_count=1, energy_wh=energy_wh, price=PRICE)
        config = self.system.config
        gate_at = slot * config["slot_seconds"] - config["negotiation"]["gate_lead"]
        self.venue.send("offer", self.bob.id, True, terms, gate_at, sender=sender or person)

    def decide(self, slot: int) -> None:
        self.pass_gate(slot)


class ConditionalCase(Case):
    """A bid is posted for anyone; an ask takes it."""

    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        if side is Side.ASK:
            number = self.venue.orderCount()
            self.venue.send("take", number, energy_wh, PRICE, sender=sender or person)
            return
        order = (slot, energy_wh, PRICE, 0, 0, ANY, True)
        self.venue.send("post", order, sender=sender or person)

    def decide(self, slot: int) -> None:
        self.pass_gate(slot)


class TariffCase(Case):
    """As much is offered as wanted, so that the price is the lowest one: PRICE."""

    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        self.venue.send("announce", (slot, side, energy_wh), sender=sender or person)

    def trade(self, slot: int, *, energy_wh: int = ENERGY_WH) -> None:
        super().trade(slot, energy_wh=energy_wh)
        self._take_all(slot)

    def decide(self, slot: int) -> None:
        self._take_all(slot)
        self.pass_gate(slot)

    def pass_gate(self, slot: int) -> None:
        self._go_before(slot, TARIFF["gate_lead"])

    def _take_all(self, slot: int) -> None:
        """Go to where the price is posted, and let all take it whole who have not."""
        self._go_before(slot, TARIFF["announce_lead"])
        price = self.venue.priceOf(slot)
        for person in (self.alice, self.bob):
            part = self.venue.announcementOf(slot, person.id)
            if part.state == State.ANNOUNCED:
                taking = (slot, part.side, part.announcedWh, price)
                self.venue.send("take", taking, sender=person)


class AnonymousCase(Case):
    """A bid buys a note; an ask buys one, agrees, and goes to gate closure, where both claim."""

    @cached_property
    def accounts(self) -> one_time.OneTime:
        return one_time.OneTime(self.system, self.venue)

    def enter(self, slot, side, person, *, energy_wh=ENERGY_WH, sender=None, salt=7):  # type: ignore[no-untyped-def]
        speaker = sender or person
        if side is Side.ASK:
            self._agree(slot, person, speaker)
            return
        account = self.accounts.fund(speaker)
        self.accounts.buyers[slot] = (account, person, speaker, energy_wh)

    def _agree(self, slot: int, person: Person, speaker: Any) -> None:
        """Agree and claim; whoever is refused finds itself before gate closure again, as at other venues."""
        before = self.evm.now
        try:
            self.accounts.agree(slot, person, speaker, PRICE)
        except Reverted:
            self.evm.now = before
            raise

    def decide(self, slot: int) -> None:
        self.pass_gate(slot)

    def pass_gate(self, slot: int) -> None:
        """Go to where nothing can be claimed or decided any more."""
        config = one_time.CONFIG
        start = slot * self.system.config["slot_seconds"]
        self.evm.now = start - config["gate_lead"] + config["decision_seconds"]


OPEN = {"is_sealed": False, "reveal_window": 0, "bond": 0}
KINDS: dict[str, tuple[type[Case], dict[str, Any]]] = {
    "sealed auction": (SealedAuction, {}),
    "open auction": (OpenAuction, OPEN),
    "negotiation": (NegotiationCase, {}),
    "tariff": (TariffCase, {}),
    "conditional": (ConditionalCase, {}),
    "anonymous": (AnonymousCase, {}),
}
CONDITIONAL = {
    "gate_lead": 1_800,
    "horizon_seconds": 172_800,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "tag_price": 10_000,
}


@cache
def deployed(name: str) -> Case:
    """Return the case of a venue, deployed once; undo what a test did with ``evm.snapshot`` and ``evm.revert``."""
    kind, changes = KINDS[name]
    evm = Evm()
    system = deploy_system(
        evm, default_config(auction=changes, tags={"sources": {}}, conditional=CONDITIONAL)
    )
    settler = evm.account("settler")
    venue = _deploy_venue(evm, system, settler, name)
    for address in (venue, settler):
        system.clearinghouse.send("addVenue", address, sender=system.governance)
    people = [
        system.enrol("alice", Kind.PERSONAL_CONSUMER),
        system.enrol("bob", Kind.GENERATION),
        system.enrol("carol", Kind.PROSUMER),
    ]
    for person in people:
        system.fund(person, venue, MARGIN)
        system.deposit(person, MARGIN)
    alice, bob, carol = people
    return kind(
        name=name,
        evm=evm,
        system=system,
        venue=venue,
        settler=settler,
        alice=alice,
        bob=bob,
        carol=carol,
    )


def _deploy_venue(evm: Evm, system: System, settler: Any, name: str) -> Contract:
    config = system.config
    if name == "tariff":
        values = tuple({**TARIFF, "feed_in_price": PRICE}.values())
        return evm.deploy("Tariff", system.clearinghouse, settler, values)
    if name == "negotiation":
        values = tuple(config["negotiation"].values())
        return evm.deploy("Negotiation", system.clearinghouse, settler, values)
    if name == "anonymous":
        return one_time.deploy(evm, system, settler)
    if name == "conditional":
        values = tuple(config["conditional"].values())
        return evm.deploy("ConditionalMarket", system.clearinghouse, settler, system.tags, values)
    values = tuple(config["auction"].values())
    return evm.deploy("Auction", system.clearinghouse, settler, system.rule, values)
