"""Every function of Negotiation in every phase of a slot, one second before, at and after each edge.

::

      horizon            expiry of the offer          gate closure
         H                       E                         G
   early |         open          |         expired         |  final

In `open` alice's offer to bob stands, and an agreement of the two binds both; each bound belongs to the later phase.
"""

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace

import pytest

from setm import messages
from setm.evm import Evm, Reverted, artifact, default_config, deploy_system
from setm.types import Kind, Terms

MARGIN = 10_000_000
PHASES = ("early", "open", "expired", "final")
# What each function says in each phase to the one who may call it; None: it does its work.
EXPECTED = {
    "offer": ("BeyondHorizon", None, None, "GateClosed"),
    "agree": ("BeyondHorizon", None, None, "GateClosed"),
    "counter": ("NotOpen", None, "OfferExpired", "OfferExpired"),
    "accept": ("NotOpen", None, "OfferExpired", "OfferExpired"),
    "reject": ("NotOpen", None, "OfferExpired", "OfferExpired"),
    "withdrawOffer": ("NotOpen", None, "OfferExpired", "OfferExpired"),
    "expire": ("NotOpen", "NotExpired", None, None),
    "collect": ("OutcomeOpen", "OutcomeOpen", "OutcomeOpen", None),
    "close": ("OutcomeOpen", "OutcomeOpen", "OutcomeOpen", None),
    "tradeOf": ("OutcomeOpen", "OutcomeOpen", "OutcomeOpen", None),
    "addMargin": (None, None, None, None),
    "releaseMargin": (None, None, None, None),
    "releaseMarginOf": ("StillActive", "StillActive", "StillActive", "StillActive"),
}
# What only tells, in every phase.
READERS = {
    "MAX_SLOTS",
    "agreementDigest",
    "boundOf",
    "clearinghouse",
    "config",
    "eip712Domain",
    "isFinal",
    "isUsed",
    "marginOf",
    "negotiationCount",
    "negotiationOf",
    "nonces",
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
    evm: Evm
    system: object
    venue: object
    settler: object
    alice: object
    bob: object
    slot: int
    times: SimpleNamespace

    def terms(self):
        return Terms(first_slot=self.slot, slot_count=1, energy_wh=333, price=46_001)

    def agree(self, salt):
        message = messages.agreement(
            self.system.domain(self.venue),
            buyer_id=self.alice.id,
            seller_id=self.bob.id,
            terms=self.terms(),
            salt=salt,
            deadline=2**40,
        )
        signatures = message.sign(self.alice.key), message.sign(self.bob.key)
        values = tuple(message.values.values())
        self.venue.agree(values, self.alice, signatures[0], self.bob, signatures[1])

    def call(self, function):
        """Call a function as the one who may; expiries are the latest that are allowed, or just ahead."""
        venue, alice, bob = self.venue, self.alice, self.bob
        ahead = max(self.times.gate, self.evm.now + 1)
        calls = {
            "offer": lambda: venue.offer(bob.id, True, self.terms(), ahead, sender=alice),
            "agree": lambda: self.agree(salt=2),
            "counter": lambda: venue.counter(1, 300, 47_000, ahead, sender=bob),
            "accept": lambda: venue.accept(1, 1, sender=bob),
            "reject": lambda: venue.reject(1, sender=bob),
            "withdrawOffer": lambda: venue.withdrawOffer(1, sender=alice),
            "expire": lambda: venue.expire(1),
            "collect": lambda: venue.collect(self.slot, [alice.id]),
            "close": lambda: venue.close(self.slot, alice.id, sender=self.settler),
            "tradeOf": lambda: venue.tradeOf(self.slot, alice.id),
            "addMargin": lambda: self.system.clearinghouse.lock(venue, 1, sender=alice),
            "releaseMargin": lambda: venue.releaseMargin(1, sender=alice),
            "releaseMarginOf": lambda: venue.releaseMarginOf(alice.id),
        }
        return calls[function]()

    def outcome(self, function):
        try:
            self.call(function)
        except Reverted as refusal:
            return refusal.name
        return None

    def phase(self):
        now, times = self.evm.now, self.times
        return sum(now >= edge for edge in (times.horizon, times.expiry, times.gate))


@cache
def town():
    evm = Evm()
    system = deploy_system(evm, default_config())
    settler = evm.account("settler")
    config = system.config["negotiation"]
    venue = evm.deploy("Negotiation", system.clearinghouse, settler, tuple(config.values()))
    for address in (venue, settler):
        system.clearinghouse.send("addVenue", address, sender=system.governance)
    alice = system.enrol("alice", Kind.PERSONAL_CONSUMER)
    bob = system.enrol("bob", Kind.GENERATION)
    for person in (alice, bob):
        system.fund(person, venue, MARGIN)
        system.deposit(person, MARGIN)
    slot = (evm.now + config["horizon_seconds"]) // 900 + 4
    gate = slot * 900 - config["gate_lead"]
    times = SimpleNamespace(
        horizon=slot * 900 - config["horizon_seconds"], expiry=gate - 1000, gate=gate
    )
    return Town(evm, system, venue, settler, alice, bob, slot, times)


@pytest.fixture
def at():
    """Go to a time; the offer and the agreement are made when the slot comes within the horizon."""
    found = town()
    mark = found.evm.snapshot()

    def go(moment):
        if moment >= found.times.horizon:
            found.evm.now = found.times.horizon
            terms, expiry = found.terms(), found.times.expiry
            found.venue.offer(found.bob.id, True, terms, expiry, sender=found.alice)
            found.agree(salt=1)
        found.evm.now = moment
        return found

    yield go
    found.evm.revert(mark)


def test_names_every_external_function():
    abi = artifact("Negotiation")["abi"]
    functions = {entry["name"] for entry in abi if entry["type"] == "function"}
    assert functions == set(EXPECTED) | READERS


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("edge", ["horizon", "expiry", "gate"])
@pytest.mark.parametrize("function", EXPECTED)
def test_says_in_each_phase_what_belongs_to_it(at, function, edge, offset):
    found = at(getattr(town().times, edge) + offset)
    assert found.outcome(function) == EXPECTED[function][found.phase()]


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("edge", ["horizon", "expiry", "gate"])
def test_shows_state_and_finality_in_each_phase(at, edge, offset):
    found = at(getattr(town().times, edge) + offset)
    phase = PHASES[found.phase()]
    state = {"early": 0, "open": 1, "expired": 5, "final": 5}[phase]
    assert found.venue.negotiationOf(1).state == state
    assert found.venue.isFinal(found.slot) == (phase == "final")


@pytest.mark.parametrize(("offset", "outcome"), [(-1, None), (0, None), (1, "OfferExpired")])
def test_takes_an_agreement_up_to_and_with_its_deadline(at, offset, outcome):
    found = at(town().times.horizon + 500)
    message = messages.agreement(
        found.system.domain(found.venue),
        buyer_id=found.alice.id,
        seller_id=found.bob.id,
        terms=found.terms(),
        salt=3,
        deadline=found.evm.now,
    )
    signatures = message.sign(found.alice.key), message.sign(found.bob.key)
    values = tuple(message.values.values())
    found.evm.now += offset
    name = None
    try:
        found.venue.agree(values, found.alice, signatures[0], found.bob, signatures[1])
    except Reverted as refusal:
        name = refusal.name
    assert name == outcome


@pytest.mark.parametrize("function", ["counter", "accept", "reject", "withdrawOffer", "expire"])
@pytest.mark.parametrize(
    ("ending", "state"), [("accept", 2), ("reject", 3), ("withdrawOffer", 4), ("expire", 5)]
)
def test_does_nothing_more_with_a_negotiation_that_has_ended(at, ending, state, function):
    found = at(town().times.expiry - 1)
    if ending == "expire":
        found.evm.now += 1
    found.call(ending)
    with pytest.raises(Reverted) as caught:
        found.call(function)
    expected = {"negotiationId": 1, "found": state}
    assert (caught.value.name, caught.value.arguments) == ("NotOpen", expected)


@pytest.mark.parametrize("edge", ["horizon", "expiry", "gate"])
def test_closes_each_slot_of_an_agreement_at_its_own_gate(at, edge):
    found = at(getattr(town().times, edge))
    for later in (0, 1, 2):
        gate = found.times.gate + later * 900
        for offset in (-1, 0):
            found.evm.now = gate + offset
            assert found.venue.isFinal(found.slot + later) == (offset == 0)
