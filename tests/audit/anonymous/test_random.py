"""Random sequences of everything that the anonymous venue takes: chain and reference always answer alike, to the unit.

After every step the pool holds notes + accounts + escrow + pools of slots, exactly, and no note is made of nothing.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from setm import negotiation
from setm.anonymous.book import Outcome, State
from setm.anonymous.notes import to_bytes
from setm.evm import Person
from setm.types import Slot
from tests.audit.anonymous.stage import ISSUE_SECONDS, NAMES, Stage, issuer
from tests.audit.figures import DEPTH, record

EXAMPLES, STEPS = 6 * DEPTH, 120
RULES = (
    *("buy", "buy", "issue", "issue", "refund_note", "redeem", "redeem", "redeem", "broadcast"),
    *("cash_in", *["agree"] * 6, *["claim"] * 4, *["decide"] * 3, *["refund"] * 2),
    *("collect", "collect", "close", "close", "close", "release", "wait", "leap"),
)
ACCOUNTS = 3


class Players:
    """Four people with three accounts each who do whatever comes to mind, mostly what makes sense."""

    def __init__(self, stage: Stage, dice: random.Random) -> None:
        self.stage, self.dice = stage.reset(), dice
        self.bought: dict[int, Any] = {}
        self.signed: list[tuple[Any, bytes]] = []
        self.sides: dict[bytes, tuple[Any, Any]] = {}
        self.told = self.taken = 0
        for person in stage.people.values():
            stage.fund(person, 0, 5)

    def step(self) -> None:
        stage, before = self.stage, self.stage.book
        name = self.dice.choice(RULES)
        getattr(self, name)()
        self.told += 1
        self.taken += stage.book is not before
        stage.check()

    def person(self) -> Person:
        return self.stage.people[self.dice.choice(NAMES)]

    def account(self, person: Person) -> Any:
        return self.stage.account(person, self.dice.randrange(ACCOUNTS))

    def slot(self) -> Slot:
        first = (self.stage.evm.now + 1800) // 900 + 1
        return Slot(first + self.dice.choice([0, 0, 0, 0, 1, 1, 2, 2, 300, -1]))

    # Notes

    def buy(self) -> None:
        person, count = self.person(), self.dice.choice([1, 2, 3, 0])
        index = self.dice.randrange(ACCOUNTS)
        notes = [self.stage.note(person, index, self.dice.randrange(6)) for _ in range(count)]
        if self.stage.buy(person, notes):
            first = self.stage.book.counts.sold - count + 1
            self.bought.update(enumerate(notes, first))

    def issue(self) -> None:
        if not self.stage.book.waiting:
            return
        number = self.dice.choice(sorted(self.stage.book.waiting))
        signature = self.stage.sign_waiting(number)
        if self.dice.random() < 0.1:
            signature = to_bytes(issuer().sign(5))
        if self.stage.issue(number, [signature]):
            note = self.bought[number]
            self.signed.append((note, self.stage.unblinded(note, signature)))

    def refund_note(self) -> None:
        number = self.dice.randint(1, self.stage.book.counts.sold + 1)
        self.stage.refund_note(number)

    def redeem(self) -> None:
        if self.signed:
            place = self.dice.randrange(len(self.signed))
            note, signature = self.signed[place]
            if self.dice.random() < 0.9:
                self.signed.pop(place)
            self.stage.redeem(note, signature)

    # Accounts

    def broadcast(self) -> None:
        length = self.dice.choice([353, 353, 352])
        self.stage.broadcast(self.account(self.person()), bytes(length))

    def cash_in(self) -> None:
        person = self.person()
        account = self.account(person)
        balance = self.stage.book.balance(account.address) // 4
        amount = self.dice.choice([balance, balance // 2, balance + 1, 0])
        self.stage.cash_in(account, self.dice.choice([person.id, 99]), amount)

    # Agreements

    def agree(self) -> None:
        buyer, seller = self.dice.sample(NAMES, 2) if self.dice.random() < 0.9 else ("bob", "bob")
        one, other = (self.stage.people[name] for name in (buyer, seller))
        funded = [a for a in self.accounts(one) if self.stage.book.balance(a.address)]
        a = self.dice.choice(funded or self.accounts(one))
        b = self.dice.choice(
            [x for x in self.accounts(other) if self.stage.book.balance(x.address)]
            or self.accounts(other)
        )
        agreed = self.stage.agreement(
            a,
            b,
            slot=self.slot(),
            energy_wh=self.dice.choice([1, 999, 10_001, 20_001, 40_000, 40_001]),
            price=self.dice.choice([30_000, 46_101, 55_499, 55_500, 60_000, 60_001]),
            arbiter_id=self.stage.people[self.dice.choice(NAMES)].id,
            salt=self.dice.getrandbits(256),
            deadline=self.stage.evm.now + self.dice.choice([60, 0, -1]),
        )
        number = self.stage.agree(agreed, a, b)
        if number in self.stage.book.deals:
            self.sides[number] = ((one, a), (other, b))

    def accounts(self, person: Person) -> list[Any]:
        return [self.stage.account(person, index) for index in range(ACCOUNTS)]

    def deal(self) -> bytes | None:
        held = [n for n, d in self.stage.book.deals.items() if d.state is State.HELD]
        known = held if held and self.dice.random() < 0.9 else list(self.sides)
        return self.dice.choice(known) if known else None

    def claim(self) -> None:
        number = self.deal()
        if number is None:
            return
        deal = self.stage.book.deals[number]
        gate = self.stage.config.gate_at(deal.slot)
        if self.stage.evm.now < gate and self.dice.random() < 0.8:
            self.stage.evm.now = gate
        for is_buyer in self.dice.sample([True, False], 2):
            person, account = self.sides[number][0 if is_buyer else 1]
            if self.dice.random() < 0.1:
                person = self.person()
            self.stage.claim(number, is_buyer, person, account)

    def decide(self) -> None:
        number = self.deal()
        if number is None:
            return
        (_, a), (_, b) = self.sides[number]
        arbiter_id = self.stage.book.deals[number].arbiter_id
        arbiters = [p for p in self.stage.people.values() if p.id == arbiter_id]
        keys: dict[str, Any] = {"buyer": a, "seller": b, "arbiter": arbiters[0]}
        if self.dice.random() < 0.1:
            keys["arbiter"] = self.person()
        chosen = self.dice.sample(list(keys), self.dice.choice([1, 2, 2, 2, 3]))
        outcome = self.dice.choice(list(Outcome))
        self.stage.decide(number, outcome, **{name: keys[name] for name in chosen})

    def refund(self) -> None:
        number = self.deal()
        if number is not None:
            self.stage.refund(number)

    # From trade to settlement

    def collect(self) -> None:
        deals = list(self.stage.book.deals.values())
        if deals:
            slot, ids = self.dice.choice(deals).slot, [p.id for p in self.stage.people.values()]
            self.ledger(
                lambda: negotiation.collect(self.stage.book.ledger, slot, ids, self.stage.evm.now),
                lambda: self.stage.venue.send("collect", slot, ids),
            )

    def close(self) -> None:
        """Settlement closes for everybody who trades in the slot; the money goes there."""
        slots = [d.slot for d in self.stage.book.deals.values() if d.state is State.DELIVERED]
        if not slots:
            return
        slot, person = self.dice.choice(slots), self.person()
        self.ledger(
            lambda: negotiation.close(self.stage.book.ledger, slot, person.id, self.stage.evm.now)[
                0
            ],
            lambda: self.stage.venue.send("close", slot, person.id, sender=self.stage.settler),
        )

    def release(self) -> None:
        person, amount = self.person(), self.dice.randint(0, 3_000_000)
        self.ledger(
            lambda: negotiation.release_margin(self.stage.book.ledger, person.id, amount),
            lambda: self.stage.venue.send("releaseMargin", amount, sender=person),
        )

    def ledger(self, expect: Any, do: Any) -> None:
        self.stage.both(lambda: replace(self.stage.book, ledger=expect()), do)

    def wait(self) -> None:
        self.stage.evm.now += self.dice.choice([1, 60, 60, 900, ISSUE_SECONDS])

    def leap(self) -> None:
        """To the same places of the ring, one epoch later."""
        if self.dice.random() < 0.1:
            self.stage.evm.now += negotiation.RING * 900


@pytest.mark.timeout(1800)
def test_random_sequences_come_to_the_same_on_chain_and_in_the_reference() -> None:
    stage = Stage(settles_plainly=True)
    told = taken = 0
    ends: set[State] = set()
    for example in range(EXAMPLES):
        players = Players(stage, random.Random(f"anonymous {example}"))
        for _ in range(STEPS):
            players.step()
        told, taken = told + players.told, taken + players.taken
        ends |= {deal.state for deal in stage.book.deals.values()}
    record(
        "differential",
        "steps of the anonymous venue answered as in the reference",
        told,
        wanted=f"all {EXAMPLES * STEPS}",
        ok=told == EXAMPLES * STEPS,
        accepted=taken,
    )
    assert ends == set(State) - {State.NONE}, "some ends of agreements were not reached"
    assert taken * 4 >= told, "most are refused: too little is compared"
