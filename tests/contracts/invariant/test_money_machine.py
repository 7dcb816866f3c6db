"""Money under random use: the chain equals the reference, and a faulty venue takes only what was locked for it."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from setm import ledger as book
from setm.errors import LedgerError, Reverted
from setm.evm import Evm, System, abi
from setm.ledger import Ledger
from setm.types import Kind

DEPTH = int(os.environ.get("SETM_DEPTH", "1"))
NAMES = ("alice", "bob", "carol")
BIG = (2**64 - 1, 2**64, 2**128)

PEOPLE = st.sampled_from(NAMES)
VENUES = st.integers(0, 3)
HEIRS = st.integers(-1, 3)
SMALL = st.integers(0, 200)
AMOUNTS = st.one_of(SMALL, SMALL, SMALL, st.sampled_from(BIG))
# Percent of what there is; above 100 it is one unit too much.
PARTS = st.integers(0, 105)


def part_of(available, percent):
    return available + 1 if percent > 100 else available * percent // 100


class Ground:
    """One deployment that every run starts from: three people, four venues of which the last is faulty."""

    def __init__(self) -> None:
        evm = Evm()
        governance, authority = evm.account("governance"), evm.account("authority")
        token = evm.deploy("TestEuro")
        registry = evm.deploy("ParticipantRegistry", governance, 900, 86_400, 172_800, [authority])
        house = evm.deploy("Clearinghouse", token, registry, 86_400)
        self.system = System(evm, {}, governance, authority, token, registry, house)
        self.people = {name: self.system.enrol(name, Kind.PROSUMER) for name in NAMES}
        self.venues = [evm.deploy("ClearingVenue") for _ in range(4)]
        for venue in self.venues:
            house.send("addVenue", venue, sender=governance)
        for person in (*self.people.values(), evm.account("donor")):
            token.send("mint", person, 2**200, sender=person)
            token.send("approve", house, 2**256 - 1, sender=person)
        self.mark = evm.snapshot()

    def reset(self) -> None:
        self.system.evm.revert(self.mark)
        self.mark = self.system.evm.snapshot()


@pytest.fixture(scope="module")
def ground():
    return Ground()


class MoneyMachine(RuleBasedStateMachine):
    ground: Ground

    @initialize(locked=st.lists(SMALL, min_size=12, max_size=12))
    def start(self, locked):
        self.ground.reset()
        self.house, self.token = self.ground.system.clearinghouse, self.ground.system.token
        self.people, self.venues = self.ground.people, self.ground.venues
        self.ledger = Ledger()
        self.donated = 0
        for place, amount in enumerate(locked):
            name, venue = NAMES[place % 3], place // 3
            self.deposit_amount(name, name, 300)
            self.lock_amount(name, venue, amount)

    def both(self, send, move):
        """Do the same on the chain and in the reference: both change alike or refuse alike."""
        try:
            expected, refusal = move(self.ledger), ""
        except LedgerError as error:
            expected, refusal = self.ledger, str(error).partition(";")[0]
        try:
            send()
            found = ""
        except Reverted as error:
            listed = ", ".join(f"{key}={value}" for key, value in error.arguments.items())
            found = f"{error.name}({listed})"
        assert found == refusal
        self.ledger = expected

    def from_venue(self, venue, function, *args):
        entry = next(e for e in self.house._entries if e.get("name") == function)
        data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
        self.venues[venue].send("act", self.house, data)

    def others_than(self, faulty):
        """What must not fall whatever the faulty venue does: free balances, other collateral, other pools."""
        state = self.ledger
        owned = {("free", person): amount for person, amount in state.free.items()}
        owned |= {key: amount for key, amount in state.collateral.items() if key[0] != faulty}
        owned |= {
            ("pool", venue): amount for venue, amount in state.pools.items() if venue != faulty
        }
        return owned

    @rule(name=PEOPLE, payer=PEOPLE, amount=AMOUNTS)
    def deposit(self, name, payer, amount):
        self.deposit_amount(name, payer, amount)

    def deposit_amount(self, name, payer, amount):
        person = self.people[name]
        self.both(
            lambda: self.house.send("deposit", person.id, amount, sender=self.people[payer]),
            lambda state: book.deposit(state, person.id, amount),
        )

    @rule(name=PEOPLE, percent=PARTS)
    def withdraw(self, name, percent):
        person = self.people[name]
        amount = part_of(self.ledger.free_of(person.id), percent)
        self.both(
            lambda: self.house.send("withdraw", amount, sender=person),
            lambda state: book.withdraw(state, person.id, amount),
        )

    @rule(name=PEOPLE, venue=VENUES, percent=PARTS)
    def lock(self, name, venue, percent):
        self.lock_amount(name, venue, part_of(self.ledger.free_of(self.people[name].id), percent))

    def lock_amount(self, name, venue, amount):
        person, where = self.people[name], self.venues[venue].address
        told = self.venues[venue].added()
        before = self.ledger
        self.both(
            lambda: self.house.send("lock", where, amount, sender=person),
            lambda state: book.lock(state, person.id, where, amount),
        )
        assert self.venues[venue].added() - told == (0 if self.ledger is before else amount)

    @rule(venue=VENUES, name=PEOPLE, percent=PARTS)
    def release(self, venue, name, percent):
        person, where = self.people[name], self.venues[venue].address
        amount = part_of(self.ledger.collateral_of(where, person.id), percent)
        self.both(
            lambda: self.from_venue(venue, "release", person.id, amount),
            lambda state: book.release(state, where, person.id, amount),
        )

    @rule(venue=VENUES, name=PEOPLE, heir=HEIRS, charge=PARTS, rest=PARTS, pay=PARTS)
    def close(self, venue, name, heir, charge, rest, pay):
        person, where = self.people[name], self.venues[venue].address
        available = self.ledger.collateral_of(where, person.id)
        charged = part_of(available, min(charge, 100))
        released = part_of(available - charged, rest)
        paid = part_of(self.ledger.pool_of(where) + charged, pay)
        self.close_any(venue, name, heir, charged, released, paid)

    @rule(name=PEOPLE, heir=HEIRS, charged=AMOUNTS, released=AMOUNTS, paid=AMOUNTS)
    def a_faulty_venue_tries(self, name, heir, charged, released, paid):
        before = self.others_than(self.venues[3].address)
        self.close_any(3, name, heir, charged, released, paid)
        after = self.others_than(self.venues[3].address)
        assert all(after.get(key, 0) >= amount for key, amount in before.items())

    def close_any(self, venue, name, heir, charged, released, paid):
        person, where = self.people[name], self.venues[venue].address
        to = None if heir < 0 else self.venues[heir].address
        args = (person.id, to or "0x" + "00" * 20, charged, released, paid)
        self.both(
            lambda: self.from_venue(venue, "close", *args),
            lambda state: book.close(
                state, where, person.id, heir=to, charged=charged, released=released, paid=paid
            ),
        )

    @rule(name=PEOPLE, amount=SMALL)
    def a_stranger_tries(self, name, amount):
        mallory = self.ground.system.evm.account("mallory")
        person = self.people[name]
        for attempt in (
            ("withdraw", amount),
            ("withdrawRevoked", person.id),
            ("lock", self.venues[0], amount),
            ("release", person.id, amount),
            ("close", person.id, mallory, 0, amount, 0),
            ("addVenue", mallory),
        ):
            with pytest.raises(Reverted):
                self.house.send(*attempt, sender=mallory)

    @rule(amount=SMALL)
    def donate(self, amount):
        self.token.send(
            "transfer", self.house, amount, sender=self.ground.system.evm.account("donor")
        )
        self.donated += amount

    @invariant()
    def the_chain_equals_the_reference(self):
        state = self.ledger
        for person in self.people.values():
            assert self.house.freeOf(person.id) == state.free_of(person.id)
            for venue in self.venues:
                found = self.house.collateralOf(venue, person.id)
                assert found == state.collateral_of(venue.address, person.id)
        for venue in self.venues:
            assert self.house.poolOf(venue) == state.pool_of(venue.address)
        assert self.house.held() == state.held == state.owned()

    @invariant()
    def all_balances_and_donations_are_the_tokens_held(self):
        assert self.token.balanceOf(self.house) == self.ledger.held + self.donated


def test_money_follows_the_reference_to_the_unit(ground):
    MoneyMachine.ground = ground
    limits = settings(
        max_examples=20 * DEPTH,
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        suppress_health_check=HealthCheck.all(),
    )
    run_state_machine_as_test(MoneyMachine, settings=limits)
