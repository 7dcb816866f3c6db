"""Every function of Tariff in every phase of a slot, one second before, at and after each edge.

::

      horizon             price posted           gate closure
         H                      P                     G
   early |      announcing      |        taking       |  final

alice has announced as soon as the slot was open for it; each bound belongs to the later phase.
"""

from functools import cache

import pytest

from setm import messages
from setm.evm import Reverted, artifact
from setm.evm.tariff import TariffMarket
from setm.tariff import Phase
from setm.types import Side

MARGIN = 10_000_000
EDGES = ("horizon", "posting", "gate")
WRONG, OPEN = "WrongPhase", "OutcomeOpen"
# What each function says in each phase to the one who may call it; None: it does its work.
EXPECTED = {
    "announce": (WRONG, None, WRONG, WRONG),
    "announceMany": (WRONG, None, WRONG, WRONG),
    "announceFor": (WRONG, None, WRONG, WRONG),
    "take": (WRONG, WRONG, None, WRONG),
    "takeMany": (WRONG, WRONG, None, WRONG),
    "takeFor": (WRONG, WRONG, None, WRONG),
    "collect": (OPEN, OPEN, OPEN, None),
    "close": (OPEN, OPEN, OPEN, None),
    "tradeOf": (OPEN, OPEN, OPEN, None),
    "priceOf": ("PriceOpen", "PriceOpen", None, None),
    "addMargin": (None, None, None, None),
    "releaseMargin": (None, None, None, None),
    "releaseMarginOf": ("StillActive", "StillActive", "StillActive", "StillActive"),
}
# What only tells, in every phase.
READERS = {
    "announcementOf",
    "boundOf",
    "clearinghouse",
    "config",
    "coverOf",
    "eip712Domain",
    "isFinal",
    "marginOf",
    "nonces",
    "phase",
    "registry",
    "settlement",
    "slotPool",
    "slotSeconds",
    "sumsOf",
}


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


class Town:
    """alice announces for a slot in all phases, bob tries everything."""

    def __init__(self):
        self.market = TariffMarket(2, margin=MARGIN)
        self.evm, self.venue = self.market.evm, self.market.venue
        self.alice, self.bob = self.market.people
        for person in self.market.people:
            self.market.system.deposit(person, MARGIN)
        self.slot = self.market.first_slot + 1024
        self.times = {
            "horizon": self.market.announcing_from(self.slot),
            "posting": self.market.taking_from(self.slot),
            "gate": self.market.gate_of(self.slot),
        }

    def signed(self, message_of, **values):
        message = message_of(
            self.market.system.domain(self.venue),
            slot=self.slot,
            side=Side.BID,
            energy_wh=100,
            nonce=0,
            deadline=2**40,
            **values,
        )
        words = tuple(message.values.values())[:-2]
        key = self.bob.key if message_of is messages.announce else self.alice.key
        return words, key, 0, 2**40, message.sign(key)

    def call(self, function):
        """Call a function as the one who may: bob announces, alice takes."""
        venue, alice, bob, slot = self.venue, self.alice, self.bob, self.slot
        announcement, taking = (slot, Side.BID, 100), (slot, Side.BID, 100, 55_500)
        calls = {
            "announce": lambda: venue.announce(announcement, sender=bob),
            "announceMany": lambda: venue.announceMany([announcement], sender=bob),
            "announceFor": lambda: venue.announceFor(*self.signed(messages.announce)),
            "take": lambda: venue.take(taking, sender=alice),
            "takeMany": lambda: venue.takeMany([taking], sender=alice),
            "takeFor": lambda: venue.takeFor(*self.signed(messages.take, price=55_500)),
            "collect": lambda: venue.collect(slot, [alice.id]),
            "close": lambda: venue.close(slot, alice.id, sender=self.market.settler),
            "tradeOf": lambda: venue.tradeOf(slot, alice.id),
            "priceOf": lambda: venue.priceOf(slot),
            "addMargin": lambda: self.market.system.clearinghouse.lock(venue, 1, sender=alice),
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
        return sum(self.evm.now >= moment for moment in self.times.values())


town = cache(Town)


@pytest.fixture
def at():
    """Go to a time; alice announces when the slot comes within the horizon."""
    found = town()
    mark = found.evm.snapshot()

    def go(moment):
        if moment >= found.times["horizon"]:
            found.evm.now = found.times["horizon"]
            found.venue.announce((found.slot, Side.BID, 100), sender=found.alice)
        found.evm.now = moment
        return found

    yield go
    found.evm.revert(mark)


def test_names_every_external_function():
    abi = artifact("Tariff")["abi"]
    functions = {entry["name"] for entry in abi if entry["type"] == "function"}
    assert functions == set(EXPECTED) | READERS


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("function", EXPECTED)
def test_says_in_each_phase_what_belongs_to_it(at, function, edge, offset):
    found = at(town().times[edge] + offset)
    assert found.outcome(function) == EXPECTED[function][found.phase()]


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("edge", EDGES)
def test_one_function_says_the_phase_as_the_reference_does(at, edge, offset):
    found = at(town().times[edge] + offset)
    now, rules = found.evm.now, found.market.rules
    assert found.venue.phase(found.slot) == rules.phase(found.slot, now) == found.phase()
    assert found.venue.isFinal(found.slot) == (found.phase() == Phase.FINAL)


@pytest.mark.parametrize("slot", [0, 1, 2**32 - 1])
def test_the_first_and_the_last_slot_of_all_time_are_in_no_phase_that_takes_anything(slot):
    found = town()
    expected = Phase.EARLY if slot > found.slot else Phase.FINAL
    assert found.venue.phase(slot) == found.market.rules.phase(slot, found.evm.now) == expected


@pytest.mark.parametrize("end", ["take", "nothing"])
@pytest.mark.parametrize("function", ["collect", "close"])
def test_each_part_ends_once(at, end, function):
    found = at(town().times["posting"])
    if end == "take":
        found.call("take")
    found.evm.now = found.times["gate"]
    found.call(function)
    before = found.venue.marginOf(found.alice.id)
    assert before == MARGIN
    found.call("collect")
    found.call("close")
    assert found.venue.marginOf(found.alice.id) == before
