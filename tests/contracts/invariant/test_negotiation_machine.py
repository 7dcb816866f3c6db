"""The Negotiation contract and its reference get the same messages: always the same answer and the same state."""

from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from setm import messages
from setm import negotiation as reference
from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.types import Kind, Slot, Terms
from setm.units import Price, Wh

EXAMPLES, STEPS = 20, 80
MARGIN = 500_000
dices = st.randoms(use_true_random=True)
CONFIG = {"cap_price": 60_000, "cover_price": 55_500, "max_energy_wh": 3000}


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@dataclass(frozen=True)
class Stage:
    evm: object
    system: object
    venue: object
    settler: object
    people: tuple


@cache
def stage():
    """A Negotiation whose settlement is a plain account, with four participants who have money for it."""
    evm = Evm()
    system = deploy_system(evm, default_config(negotiation=CONFIG))
    settler = evm.account("settler")
    values = tuple(system.config["negotiation"].values())
    venue = evm.deploy("Negotiation", system.clearinghouse, settler, values)
    for address in (venue, settler):
        system.clearinghouse.send("addVenue", address, sender=system.governance)
    people = tuple(system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob", "carol", "dave"))
    for person in people:
        system.deposit(person, 100 * MARGIN)
        system.clearinghouse.send("lock", venue, MARGIN, sender=person)
    return Stage(evm, system, venue, settler, people)


def reference_config(system):
    values = system.config["negotiation"]
    return reference.Config(**values, slot_seconds=system.config["slot_seconds"])


class NegotiationMachine(RuleBasedStateMachine):
    """Slots are counted from the first whose gate is open; a leap comes to the same places of the ring.

    Every rule draws from a seeded random generator: Hypothesis itself prefers edges, and a message with one value
    off its edge is refused whatever the others are.
    """

    def __init__(self):
        super().__init__()
        self.stage = stage()
        self.evm, self.venue = self.stage.evm, self.stage.venue
        self.mark = self.evm.snapshot()
        self.config = reference_config(self.stage.system)
        ids = [person.id for person in self.stage.people]
        self.book = reference.Book(
            config=self.config,
            active=frozenset([self.stage.system.operator.id, *ids]),
            margins=dict.fromkeys(ids, MARGIN),
        )
        self.brought = []

    def teardown(self):
        self.evm.revert(self.mark)

    def both(self, expect, do):
        """Let the reference and the chain do the same; both refuse alike, or both change."""
        expected = found = result = None
        try:
            result = expect()
        except reference.Refused as refusal:
            expected = (refusal.name, refusal.arguments)
        try:
            do()
        except Reverted as refusal:
            values = {
                name: "0x" + value.hex() if isinstance(value, bytes) else value
                for name, value in refusal.arguments.items()
            }
            found = (refusal.name, values)
        assert found == expected
        if result is not None:
            self.book = result

    @property
    def first(self):
        """The first slot whose gate is open."""
        return Slot((self.evm.now + self.config.gate_lead) // self.config.slot_seconds + 1)

    def number(self, dice):
        """Return mostly the number of an open negotiation."""
        found = [
            number
            for number in range(1, len(self.book.negotiations) + 1)
            if reference.view(self.book, number, self.evm.now).state is reference.State.OPEN
        ]
        if found and dice.random() < 0.9:
            return dice.choice(found)
        return dice.randint(0, len(self.book.negotiations) + 1)

    def expiry(self, dice, slot):
        gate_at, now = self.config.gate_at(slot), self.evm.now
        if dice.random() < 0.9:
            return min(gate_at, now + dice.randint(1, 2000))
        return dice.choice([now, now + 1, gate_at, gate_at + 1])

    def amounts(self, dice):
        if dice.random() < 0.95:
            return Wh(dice.randint(1, 3000)), Price(dice.randint(30_000, 60_000))
        return Wh(dice.choice([0, 1, 3000, 3001])), Price(dice.choice([29_999, 60_000, 60_001]))

    def terms(self, dice):
        places, counts = [0, 0, 0, 1, 2, 3], [1, 1, 2, 3]
        if dice.random() < 0.1:
            places, counts = [-1, 0, 1, 192, 300], [0, 1, 2, 96, 97]
        energy_wh, price = self.amounts(dice)
        return Terms(
            first_slot=Slot(self.first + dice.choice(places)),
            slot_count=dice.choice(counts),
            energy_wh=energy_wh,
            price=price,
        )

    def pair(self, dice):
        """Return two people, now and then the same twice."""
        one, other = dice.sample(self.stage.people, 2)
        return one, other if dice.random() < 0.95 else one

    def speaker(self, dice, right_id):
        """Return mostly the one who may speak."""
        found = [person for person in self.stage.people if person.id == right_id]
        if found and dice.random() < 0.85:
            return found[0]
        return dice.choice(self.stage.people)

    def slot(self, dice):
        """Return mostly a slot that is final and not yet closed."""
        slots = {position.slot for position in self.book.positions.values()}
        final = {
            position.slot
            for position in self.book.positions.values()
            if position.slot < self.first and position.state is not reference.PositionState.CLOSED
        }
        chosen = final if final and dice.random() < 0.9 else slots | {self.first}
        return dice.choice(sorted(chosen))

    @rule(dice=dices)
    def offer(self, dice):
        caller, other = self.pair(dice)
        other_id = other.id if dice.random() < 0.95 else 77
        is_bid, terms = dice.random() < 0.5, self.terms(dice)
        expires_at = self.expiry(dice, terms.first_slot)
        self.both(
            lambda: reference.offer(
                self.book,
                caller=caller.id,
                counterparty=other_id,
                is_bid=is_bid,
                terms=terms,
                expires_at=expires_at,
                now=self.evm.now,
            ),
            lambda: self.venue.offer(other_id, is_bid, terms, expires_at, sender=caller),
        )

    @rule(dice=dices)
    def counter(self, dice):
        number = self.number(dice)
        talk = self.book.negotiation(number)
        caller = self.speaker(dice, talk.turn_id())
        energy_wh, price = self.amounts(dice)
        expires_at = self.expiry(dice, talk.terms.first_slot)
        self.both(
            lambda: reference.counter(
                self.book,
                negotiation_id=number,
                caller=caller.id,
                energy_wh=energy_wh,
                price=price,
                expires_at=expires_at,
                now=self.evm.now,
            ),
            lambda: self.venue.counter(number, energy_wh, price, expires_at, sender=caller),
        )

    @rule(dice=dices)
    def accept(self, dice):
        number = self.number(dice)
        talk = self.book.negotiation(number)
        caller = self.speaker(dice, talk.turn_id())
        meant = talk.round + (dice.random() < 0.1)
        self.both(
            lambda: reference.accept(
                self.book,
                negotiation_id=number,
                caller=caller.id,
                offer_round=meant,
                now=self.evm.now,
            ),
            lambda: self.venue.accept(number, meant, sender=caller),
        )

    @rule(dice=dices)
    def reject_or_withdraw(self, dice):
        number = self.number(dice)
        talk = self.book.negotiation(number)
        if dice.random() < 0.5:
            expect, do, right_id = reference.reject, self.venue.reject, talk.turn_id()
        else:
            expect, do = reference.withdraw_offer, self.venue.withdrawOffer
            right_id = talk.maker_id()
        caller = self.speaker(dice, right_id)
        self.both(
            lambda: expect(self.book, negotiation_id=number, caller=caller.id, now=self.evm.now),
            lambda: do(number, sender=caller),
        )

    @rule(dice=dices)
    def expire(self, dice):
        number = self.number(dice)
        self.both(
            lambda: reference.expire(self.book, negotiation_id=number, now=self.evm.now),
            lambda: self.venue.expire(number),
        )

    @rule(dice=dices)
    def agree(self, dice):
        buyer, seller = self.pair(dice)
        values = buyer, seller, self.terms(dice), dice.getrandbits(256), self.evm.now + 60
        if dice.random() < 0.05:
            values = *values[:4], self.evm.now - dice.randint(0, 1)
        if self.brought and dice.random() < 0.1:
            values = self.brought[-1]
        self.brought.append(values)
        self.bring(*values)

    def bring(self, buyer, seller, terms, salt, deadline):
        message = messages.agreement(
            self.stage.system.domain(self.venue),
            buyer_id=buyer.id,
            seller_id=seller.id,
            terms=terms,
            salt=salt,
            deadline=deadline,
        )
        signatures = message.sign(buyer.key), message.sign(seller.key)
        self.both(
            lambda: reference.agree(
                self.book,
                buyer_id=buyer.id,
                seller_id=seller.id,
                terms=terms,
                digest=message.digest(),
                deadline=deadline,
                now=self.evm.now,
            ),
            lambda: self.venue.agree(
                dict(message.values), buyer, signatures[0], seller, signatures[1]
            ),
        )

    @rule(dice=dices)
    def collect(self, dice):
        slot = self.slot(dice)
        ids = [person.id for person in dice.choices(self.stage.people, k=dice.randint(0, 4))]
        self.both(
            lambda: reference.collect(self.book, slot, ids, self.evm.now),
            lambda: self.venue.collect(slot, ids),
        )

    @rule(dice=dices)
    def close(self, dice):
        slot, participant_id = self.slot(dice), dice.choice(self.stage.people).id
        result = []

        def expect():
            book, closing = reference.close(self.book, slot, participant_id, self.evm.now)
            result.append(closing)
            return book

        def do():
            receipt = self.venue.send("close", slot, participant_id, sender=self.stage.settler)
            assert [tuple(receipt.value)] == result

        self.both(expect, do)

    @rule(dice=dices)
    def lock(self, dice):
        person, amount = dice.choice(self.stage.people), dice.randint(1, MARGIN // 4)
        self.stage.system.clearinghouse.send("lock", self.venue, amount, sender=person)
        self.book = reference.add_margin(self.book, person.id, amount)

    @rule(dice=dices)
    def release(self, dice):
        person, amount = dice.choice(self.stage.people), dice.randint(0, MARGIN // 2)
        self.both(
            lambda: reference.release_margin(self.book, person.id, amount),
            lambda: self.venue.releaseMargin(amount, sender=person),
        )

    @rule(seconds=st.sampled_from([1, 60, 450, 700, 900]))
    def wait(self, seconds):
        self.evm.now += seconds

    @rule(dice=dices)
    def leap(self, dice):
        """To the same places of the ring, one epoch later."""
        if dice.random() < 0.2:
            self.evm.now += reference.RING * self.config.slot_seconds

    @invariant()
    def same_positions(self):
        for (participant_id, _), position in self.book.positions.items():
            slot = position.slot
            bound = reference.bound_of(self.book, slot, participant_id)
            assert self.venue.boundOf(slot, participant_id) == bound
            try:
                trade = reference.trade_of(self.book, slot, participant_id, self.evm.now)
            except reference.Refused:
                assert not self.venue.isFinal(slot)
                continue
            assert tuple(self.venue.tradeOf(slot, participant_id)) == (
                trade.bought_wh,
                trade.sold_wh,
                trade.payment,
                trade.revenue,
            )

    @invariant()
    def same_negotiations(self):
        assert self.venue.negotiationCount() == len(self.book.negotiations)
        for number in range(
            max(1, len(self.book.negotiations) - 8), len(self.book.negotiations) + 1
        ):
            expected = reference.view(self.book, number, self.evm.now)
            found = self.venue.negotiationOf(number)
            terms = expected.terms
            assert tuple(found) == (
                expected.state,
                expected.buyer_id,
                expected.seller_id,
                (terms.first_slot, terms.slot_count, terms.energy_wh, terms.price),
                expected.round,
                expected.buyer_moved,
                expected.expires_at,
            )

    @invariant()
    def collateral_is_margin_plus_what_is_bound(self):
        clearinghouse = self.stage.system.clearinghouse
        for person in self.stage.people:
            bound = sum(
                reference.bound_of(self.book, position.slot, person.id)
                for (participant_id, _), position in self.book.positions.items()
                if participant_id == person.id
            )
            margin = self.venue.marginOf(person.id)
            assert margin == self.book.margin_of(person.id)
            assert clearinghouse.collateralOf(self.venue, person.id) == margin + bound

    @invariant()
    def pools_are_what_the_venue_has_charged_and_not_paid(self):
        for slot, pool in self.book.pools.items():
            assert self.venue.slotPool(slot) == pool
        charged = self.stage.system.clearinghouse.poolOf(self.venue)
        assert charged == sum(self.book.pools.values())


def test_answers_and_changes_as_the_reference_does():
    run_state_machine_as_test(
        NegotiationMachine,
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, derandomize=True
        ),
    )
