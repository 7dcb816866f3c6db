"""Every function of Auction in every phase of a slot, one second before, at and after each edge.

::

      horizon             gate closure          reveal window ends      clear window ends
         H                     G                        R                       V
   early |      ordering       |       revealing        |        clearing       |  void
                                                         `- cleared at R -------|- late

alice bids, bob asks and carol bids as soon as the slot comes within the horizon; alice's and bob's orders are opened at
gate closure, carol's is not, so its bond is forfeited with the clearing. dave has no order. An open auction has no
revealing phase: G is R. Each bound belongs to the later phase.
"""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import pytest

from setm import messages
from setm.evm import Evm, Reverted, artifact, default_config, deploy_system
from setm.evm.market import OPEN_MODE, order_of
from setm.orders import digest, opening_word
from setm.types import Kind, Side

MARGIN = 20_000_000
BOUND = 1_000_000
SALT = 7
PHASES = ("early", "ordering", "revealing", "clearing", "cleared", "late", "void")
WRONG, OUTCOME = "WrongPhase", "OutcomeOpen"
ANY = (None,) * 7
ONLY_ORDERING = (WRONG, None, WRONG, WRONG, WRONG, WRONG, WRONG)
ONCE_FINAL = (OUTCOME, OUTCOME, OUTCOME, OUTCOME, None, None, None)
NEVER = ("ModeMismatch",) * 7
COMMON = {
    "clear": (WRONG, WRONG, WRONG, None, WRONG, WRONG, WRONG),
    "collect": ONCE_FINAL,
    "close": ONCE_FINAL,
    "tradeOf": ONCE_FINAL,
    "addMargin": ANY,
    "releaseMargin": ANY,
    "releaseMarginOf": ("StillActive",) * 7,
    # One price for all leaves nothing over; tests/audit/attacks/test_surplus.py has rules that do.
    "payOutSurplus": ("NoSurplus",) * 7,
}
# What each function says in each phase to the one who may call it; None: it does its work.
EXPECTED = {
    "sealed": {
        "commit": ONLY_ORDERING,
        "commitMany": ONLY_ORDERING,
        "commitFor": ONLY_ORDERING,
        "cancel": ONLY_ORDERING,
        "placeOrder": NEVER,
        "placeOrderFor": NEVER,
        "open": (WRONG, WRONG, None, WRONG, WRONG, WRONG, WRONG),
        "forfeit": (WRONG, WRONG, WRONG, None, None, None, WRONG),
        "compensate": (*("CompensationOpen",) * 5, None, "NoCompensation"),
        **COMMON,
    },
    "open": {
        "commit": NEVER,
        "commitMany": NEVER,
        "commitFor": NEVER,
        "cancel": NEVER,
        "placeOrder": ONLY_ORDERING,
        "placeOrderFor": ONLY_ORDERING,
        "open": NEVER,
        "forfeit": NEVER,
        "compensate": NEVER,
        **COMMON,
    },
}
# What only tells, in every phase.
READERS = {
    "boundOf",
    "clearinghouse",
    "clearingOf",
    "config",
    "coverOf",
    "digestOf",
    "eip712Domain",
    "fillOf",
    "isFinal",
    "ladderOf",
    "marginOf",
    "nonces",
    "orderOf",
    "phase",
    "pricingRule",
    "registry",
    "settlement",
    "slotPool",
    "slotSeconds",
}


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@dataclass(frozen=True)
class Town:
    mode: str
    evm: Evm
    system: object
    venue: object
    settler: object
    people: SimpleNamespace
    slot: int
    times: SimpleNamespace

    def order(self, person):
        side = Side.ASK if person is self.people.bob else Side.BID
        return order_of(person, self.slot, side, 100 if side is Side.ASK else 150, 500)

    def commitment(self, person):
        order = self.order(person)
        sealed = digest(self.evm.chain_id, self.venue.address, order, SALT)
        return self.slot, order.side, BOUND, sealed

    def placed(self, person):
        order = self.order(person)
        return self.slot, order.side, order.tick, order.energy_wh

    def opening(self, person):
        return opening_word(self.order(person), SALT)

    def enter(self):
        """Bring the orders of alice, bob and carol in."""
        for person in (self.people.alice, self.people.bob, self.people.carol):
            if self.mode == "sealed":
                self.venue.commit(self.commitment(person), sender=person)
            else:
                self.venue.placeOrder(self.placed(person), sender=person)

    def reveal(self):
        openings = [self.opening(person) for person in (self.people.alice, self.people.bob)]
        self.venue.open(self.slot, openings)

    def decide(self):
        self.venue.clear(self.slot)
        if self.mode == "sealed":
            self.venue.forfeit(self.slot, [self.people.carol.id])

    def commit_for(self):
        dave, domain = self.people.dave, self.system.domain(self.venue)
        slot, side, bound, sealed = self.commitment(dave)
        message = messages.commit(
            domain, slot=slot, side=side, bound=bound, digest=sealed, nonce=0, deadline=2**40
        )
        signature = message.sign(dave.key)
        self.venue.commitFor(self.commitment(dave), dave, 0, 2**40, signature)

    def place_for(self):
        dave, domain = self.people.dave, self.system.domain(self.venue)
        slot, side, tick, energy_wh = self.placed(dave)
        message = messages.place_order(
            domain, slot=slot, side=side, tick=tick, energy_wh=energy_wh, nonce=0, deadline=2**40
        )
        signature = message.sign(dave.key)
        self.venue.placeOrderFor(self.placed(dave), dave, 0, 2**40, signature)

    def call(self, function):
        """Call a function as the one who may."""
        venue, slot, who = self.venue, self.slot, self.people
        calls = {
            "commit": lambda: venue.commit(self.commitment(who.dave), sender=who.dave),
            "commitMany": lambda: venue.commitMany([self.commitment(who.dave)], sender=who.dave),
            "commitFor": self.commit_for,
            "cancel": lambda: venue.cancel(slot, sender=who.carol),
            "placeOrder": lambda: venue.placeOrder(self.placed(who.dave), sender=who.dave),
            "placeOrderFor": self.place_for,
            "open": lambda: venue.open(slot, [self.opening(who.carol)]),
            "clear": lambda: venue.clear(slot),
            "forfeit": lambda: venue.forfeit(slot, [who.carol.id]),
            "compensate": lambda: venue.compensate(slot, who.bob.id),
            "collect": lambda: venue.collect(slot, [who.alice.id]),
            "close": lambda: venue.close(slot, who.alice.id, sender=self.settler),
            "tradeOf": lambda: venue.tradeOf(slot, who.alice.id),
            "addMargin": lambda: self.system.clearinghouse.lock(venue, 1, sender=who.alice),
            "releaseMargin": lambda: venue.releaseMargin(1, sender=who.alice),
            "releaseMarginOf": lambda: venue.releaseMarginOf(who.alice.id),
            "payOutSurplus": lambda: venue.payOutSurplus(slot),
        }
        return calls[function]()

    def outcome(self, function):
        try:
            self.call(function)
        except Reverted as refusal:
            return refusal.name
        return None

    def phase(self, is_cleared):
        now, times = self.evm.now, self.times
        passed = sum(now >= edge for edge in (times.horizon, times.gate, times.reveal))
        if passed < 3:
            return PHASES[passed]
        if is_cleared:
            return "late" if now >= times.void else "cleared"
        return "void" if now >= times.void else "clearing"


@cache
def town(mode):
    evm = Evm()
    system = deploy_system(evm, default_config(auction=OPEN_MODE if mode == "open" else {}))
    settler = evm.account("settler")
    config = system.config["auction"]
    values = tuple(config.values())
    venue = evm.deploy("Auction", system.clearinghouse, settler, system.rule, values)
    for address in (venue, settler):
        system.clearinghouse.send("addVenue", address, sender=system.governance)
    people = {name: system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob", "carol", "dave")}
    for person in people.values():
        system.fund(person, venue, MARGIN)
        system.deposit(person, MARGIN)
    slot = (evm.now + config["horizon_seconds"]) // 900 + 4
    gate = slot * 900 - config["gate_lead"]
    times = SimpleNamespace(
        horizon=slot * 900 - config["horizon_seconds"],
        gate=gate,
        reveal=gate + config["reveal_window"],
        void=gate + config["reveal_window"] + config["clear_window"],
    )
    return Town(mode, evm, system, venue, settler, SimpleNamespace(**people), slot, times)


@pytest.fixture
def at():
    """Go to a time, doing on the way what belongs to it."""
    marks = []

    def go(mode, edge, offset, is_cleared):
        found = town(mode)
        marks.append((found.evm, found.evm.snapshot()))
        times = found.times
        moment = getattr(times, edge) + offset
        steps = [(times.horizon, found.enter)]
        if mode == "sealed":
            steps.append((times.gate, found.reveal))
        if is_cleared:
            steps.append((times.reveal, found.decide))
        for due, act in steps:
            if moment >= due:
                found.evm.now = due
                act()
        found.evm.now = moment
        return found

    yield go
    for evm, mark in marks:
        evm.revert(mark)


EVERYWHERE = [
    (mode, edge, offset, is_cleared)
    for mode in ("sealed", "open")
    for edge in ("horizon", "gate", "reveal", "void")
    for offset in (-1, 0, 1)
    for is_cleared in (False, True)
]


def test_names_every_external_function():
    abi = artifact("Auction")["abi"]
    functions = {entry["name"] for entry in abi if entry["type"] == "function"}
    for expected in EXPECTED.values():
        assert functions == set(expected) | READERS


@pytest.mark.parametrize(("mode", "edge", "offset", "is_cleared"), EVERYWHERE)
@pytest.mark.parametrize("function", EXPECTED["sealed"])
def test_says_in_each_phase_what_belongs_to_it(at, function, mode, edge, offset, is_cleared):
    found = at(mode, edge, offset, is_cleared)
    place = PHASES.index(found.phase(is_cleared))
    assert found.outcome(function) == EXPECTED[mode][function][place]


@pytest.mark.parametrize(("mode", "edge", "offset", "is_cleared"), EVERYWHERE)
def test_shows_phase_and_finality(at, mode, edge, offset, is_cleared):
    found = at(mode, edge, offset, is_cleared)
    name = found.phase(is_cleared)
    phase = ("early", "ordering", "revealing", "clearing", "cleared", "void").index(
        "cleared" if name == "late" else name
    )
    assert found.venue.phase(found.slot) == phase
    assert found.venue.isFinal(found.slot) == (name in ("cleared", "late", "void"))


def test_a_void_slot_gives_everything_back(at):
    found = at("sealed", "void", 0, False)
    people = vars(found.people).values()
    found.venue.collect(found.slot, [person.id for person in people])
    for person in people:
        assert found.venue.marginOf(person.id) == MARGIN
        assert found.venue.boundOf(found.slot, person.id) == 0
        assert found.venue.close(found.slot, person.id, sender=found.settler).value == (0, 0, 0)
    assert found.venue.slotPool(found.slot) == 0


def test_each_commitment_ends_in_one_way_only(at):
    """alice is opened and traded, carol forfeited, dave cancelled: nothing of it can be done again."""
    found = at("sealed", "horizon", 1, True)
    venue, slot, who = found.venue, found.slot, found.people
    venue.commit(found.commitment(who.dave), sender=who.dave)
    venue.cancel(slot, sender=who.dave)
    assert found.outcome("commit") is None
    venue.cancel(slot, sender=who.dave)
    with pytest.raises(Reverted, match="NoCommitment"):
        venue.cancel(slot, sender=who.dave)
    found.evm.now = found.times.gate
    with pytest.raises(Reverted, match="NoCommitment"):
        venue.open(slot, [found.opening(who.dave)])
    found.reveal()
    assert venue.open(slot, [found.opening(who.alice)]).events == ()
    found.evm.now = found.times.reveal
    found.decide()
    assert venue.forfeit(slot, [who.carol.id]).events == ()
    assert venue.forfeit(slot, [who.dave.id]).events == ()
    with pytest.raises(Reverted, match="NothingForfeited"):
        venue.forfeit(slot, [who.alice.id])
    everybody = [person.id for person in vars(who).values()]
    collected = venue.collect(slot, everybody).named("TradeCollected")
    assert [event.args["participantId"] for event in collected] == [who.alice.id, who.bob.id]
    assert venue.collect(slot, everybody).events == ()
    found.evm.now = found.times.void
    assert venue.compensate(slot, who.bob.id).only("CompensationPaid")["amount"] == 100_000
    with pytest.raises(Reverted, match="NoCompensation"):
        venue.compensate(slot, who.bob.id)
    assert venue.close(slot, who.bob.id, sender=found.settler).value[1] == 500
    assert venue.close(slot, who.bob.id, sender=found.settler).value == (0, 0, 0)


def test_an_unfinished_order_of_an_earlier_turn_is_never_overwritten(at):
    found = at("sealed", "void", 0, True)
    venue, who = found.venue, found.people
    later = found.slot + 1024
    found.evm.now = later * 900 - found.system.config["auction"]["horizon_seconds"]

    def commit(person):
        venue.commit((later, Side.BID, BOUND, bytes(32)), sender=person)

    with pytest.raises(Reverted) as refusal:
        commit(who.alice)
    assert (refusal.value.name, refusal.value.arguments) == (
        "EarlierSlotOpen",
        {"earlierSlot": found.slot},
    )
    commit(who.carol)
    venue.close(found.slot, who.alice.id, sender=found.settler)
    commit(who.alice)
    assert venue.orderOf(found.slot, who.alice.id).state == 0
    assert venue.orderOf(later, who.alice.id).state == 1
    assert venue.fillOf(found.slot, who.bob.id) == 500


def test_forfeiting_clears_a_slot_first_so_that_it_cannot_become_void(at):
    found = at("sealed", "reveal", 0, False)
    receipt = found.venue.forfeit(found.slot, [found.people.carol.id])
    assert [event.name for event in receipt.events][:2] == ["SlotCleared", "BondForfeited"]
    found.evm.now = found.times.void
    assert found.venue.isFinal(found.slot)
    assert found.venue.fillOf(found.slot, found.people.alice.id) == 500


def test_a_bond_forfeited_late_is_shared_as_one_forfeited_at_once(at):
    found = at("sealed", "horizon", 0, False)
    venue, slot, who = found.venue, found.slot, found.people
    venue.commit(found.commitment(who.dave), sender=who.dave)
    found.evm.now = found.times.gate
    venue.open(slot, [found.opening(who.bob)])
    found.evm.now = found.times.reveal
    venue.forfeit(slot, [who.alice.id])
    found.evm.now = found.times.void
    first = venue.compensate(slot, who.bob.id).only("CompensationPaid")["amount"]
    venue.forfeit(slot, [who.carol.id, who.dave.id])
    rest = venue.compensate(slot, who.bob.id).only("CompensationPaid")["amount"]
    assert (first, rest) == (100_000, 200_000)
    assert venue.slotPool(slot) == 0
