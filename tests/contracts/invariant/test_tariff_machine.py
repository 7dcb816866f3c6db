"""The Tariff contract and its reference get the same messages: always the same answer and the same state."""

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

from setm import tariff as reference
from setm.evm import Reverted
from setm.evm.tariff import TariffMarket, announcement, book_of, taking
from setm.tariff import Phase, State
from setm.types import Side

EXAMPLES, STEPS = 20, 100
MARGIN = 400_000
CONFIG = {"max_energy_wh": 3_000, "horizon_seconds": 10_800, "announce_lead": 5_400}
dices = st.randoms(use_true_random=True)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@cache
def stage(prices):
    """A tariff with four participants whose margin is soon used up."""
    feed_in, retail, cover = prices
    return TariffMarket(
        4,
        margin=MARGIN,
        feed_in_price=feed_in,
        retail_price=retail,
        cover_price=cover,
        **CONFIG,
    )


class TariffMachine(RuleBasedStateMachine):
    """Slots are drawn around the present; a leap comes to the same places of the ring.

    Every rule draws from a seeded random generator: Hypothesis itself prefers edges, and a message with one value
    off its edge is refused whatever the others are.
    """

    prices = (30_000, 55_500, 55_500)

    def __init__(self):
        super().__init__()
        self.market = stage(self.prices)
        self.evm, self.venue = self.market.evm, self.market.venue
        self.mark = self.evm.snapshot()
        self.book = book_of(self.market)
        self.slots = {self.first}

    def teardown(self):
        self.evm.revert(self.mark)

    def both(self, expect, do):
        """Let the reference and the chain do the same; both refuse alike, or both change."""
        expected = found = result = value = None
        try:
            result = expect()
        except reference.Refused as refusal:
            expected = (refusal.name, refusal.arguments)
        try:
            value = do()
        except Reverted as refusal:
            found = (refusal.name, refusal.arguments)
        assert found == expected
        if result is not None:
            self.book = result
        return value

    @property
    def first(self):
        """The first slot whose gate is open."""
        return (self.evm.now + self.market.settings["gate_lead"]) // 900 + 1

    def person(self, dice):
        return dice.choice(self.market.people)

    def slot(self, dice, phase):
        """Return mostly a slot of that phase."""
        near = range(self.first - 6, self.first + 12)
        found = [s for s in near if self.book.config.phase(s, self.evm.now) is phase]
        slot = dice.choice(found) if found and dice.random() < 0.95 else dice.choice(near)
        self.slots.add(slot)
        return slot

    def energy(self, dice, limit):
        return dice.choice((dice.randint(1, max(1, limit)), limit, dice.randint(0, 3), limit + 1))

    @rule(dice=dices)
    def announce(self, dice):
        person, side = self.person(dice), dice.choice(list(Side))
        energy = dice.randint(1, 3_000) if dice.random() < 0.8 else self.energy(dice, 3_000)
        message = announcement(self.slot(dice, Phase.ANNOUNCING), side, energy)
        self.both(
            lambda: reference.announce(self.book, person.id, message, self.evm.now),
            lambda: self.venue.announce(
                (message.slot, message.side, message.energy_wh), sender=person
            ),
        )

    @rule(dice=dices)
    def announce_many(self, dice):
        person = self.person(dice)
        drawn = {self.slot(dice, Phase.ANNOUNCING) for _ in range(4)}
        messages = [
            announcement(slot, dice.choice(list(Side)), dice.randint(1, 800)) for slot in drawn
        ]
        self.both(
            lambda: reference.announce_many(self.book, person.id, messages, self.evm.now),
            lambda: self.venue.announceMany(
                [(one.slot, one.side, one.energy_wh) for one in messages], sender=person
            ),
        )

    def message(self, dice, person, slot):
        part = self.book.part(slot, person.id)
        side = part.side if dice.random() < 0.95 else Side(1 - part.side)
        energy = part.announced_wh if dice.random() < 0.5 else self.energy(dice, part.announced_wh)
        try:
            price = reference.price_of(self.book, slot, self.evm.now)
        except reference.Refused:
            price = 30_000
        return taking(slot, side, energy, price + (dice.random() < 0.05))

    def words(self, message):
        return message.slot, message.side, message.energy_wh, message.price

    @rule(dice=dices)
    def take(self, dice):
        open_parts = [
            (person, part.slot)
            for person in self.market.people
            for part in self.book.parts.values()
            if self.book.part(part.slot, person.id).state is State.ANNOUNCED
            and self.book.config.phase(part.slot, self.evm.now) is Phase.TAKING
        ]
        person, slot = self.person(dice), self.slot(dice, Phase.TAKING)
        if open_parts and dice.random() < 0.9:
            person, slot = dice.choice(open_parts)
        message = self.message(dice, person, slot)
        self.both(
            lambda: reference.take(self.book, person.id, message, self.evm.now),
            lambda: self.venue.take(self.words(message), sender=person),
        )

    @rule(dice=dices)
    def take_many(self, dice):
        person = self.person(dice)
        slots = {self.slot(dice, Phase.TAKING) for _ in range(2)}
        messages = [self.message(dice, person, slot) for slot in slots]
        self.both(
            lambda: reference.take_many(self.book, person.id, messages, self.evm.now),
            lambda: self.venue.takeMany([self.words(one) for one in messages], sender=person),
        )

    @rule(dice=dices)
    def collect(self, dice):
        slot = self.slot(dice, Phase.FINAL)
        ids = [dice.choice([*self.market.people]).id for _ in range(dice.randint(1, 5))]
        self.both(
            lambda: reference.collect(self.book, slot, ids, self.evm.now),
            lambda: self.venue.collect(slot, ids),
        )

    @rule(dice=dices)
    def close(self, dice):
        slot = self.slot(dice, Phase.FINAL)
        if known := [s for s in self.slots if self.evm.now >= self.market.gate_of(s)]:
            slot = dice.choice(known)
        person = self.person(dice)
        told = []

        def expect():
            book, credit = reference.close(self.book, slot, person.id, self.evm.now)
            told.append(credit)
            return book

        receipt = self.both(
            expect, lambda: self.venue.close(slot, person.id, sender=self.market.settler)
        )
        if receipt is not None:
            assert tuple(receipt.value) == told[0]

    @rule(dice=dices)
    def margin(self, dice):
        person, amount = self.person(dice), dice.randint(0, 20_000)
        self.both(
            lambda: reference.release_margin(self.book, person.id, amount),
            lambda: self.venue.releaseMargin(amount, sender=person),
        )

    @rule(dice=dices)
    def wait(self, dice):
        self.evm.now += dice.choice((1, 60, 300, 900, 1_800))

    @rule(dice=dices)
    def leap(self, dice):
        """Close what is over and go to the next turn of the ring, now and then."""
        if dice.random() < 0.9:
            return
        if dice.random() < 0.7:
            self.close_all()
        self.evm.now += 1024 * 900

    def close_all(self):
        for slot in sorted(self.slots):
            if self.evm.now >= self.market.gate_of(slot):
                ids = [person.id for person in self.market.people]
                self.both(
                    lambda s=slot, i=ids: reference.collect(self.book, s, i, self.evm.now),
                    lambda s=slot, i=ids: self.venue.collect(s, i),
                )
                for number in ids:
                    self.both(
                        lambda s=slot, n=number: reference.close(self.book, s, n, self.evm.now)[0],
                        lambda s=slot, n=number: self.venue.close(s, n, sender=self.market.settler),
                    )

    @invariant()
    def same_state(self):
        house = self.market.system.clearinghouse
        bound = dict.fromkeys((person.id for person in self.market.people), 0)
        for (number, _), part in self.book.parts.items():
            bound[number] += part.bound
            assert self.venue.announcementOf(part.slot, number) == (
                part.state,
                part.side,
                part.bound,
                part.announced_wh,
                part.taken_wh,
                part.ahead_wh,
            )
            if self.evm.now >= self.market.gate_of(part.slot):
                trade = reference.trade_of(self.book, part.slot, number, self.evm.now)
                found = tuple(self.venue.tradeOf(part.slot, number))
                expected = (trade.bought_wh, trade.sold_wh, trade.payment, trade.revenue)
                assert found == expected
        for person in self.market.people:
            margin = self.venue.marginOf(person.id)
            assert margin == self.book.margin_of(person.id)
            assert house.collateralOf(self.venue, person.id) == margin + bound[person.id]

    @invariant()
    def same_slots(self):
        pools = 0
        for slot, sums in self.book.sums.items():
            assert tuple(self.venue.sumsOf(slot)) == (*sums.announced, *sums.taken)
            if self.book.config.phase(slot, self.evm.now) >= Phase.TAKING:
                price = reference.price_of(self.book, slot, self.evm.now)
                assert self.venue.priceOf(slot) == price
            pool = self.book.pools.get(slot, 0)
            assert self.venue.slotPool(slot) == pool
            pools += pool
        assert self.market.system.clearinghouse.poolOf(self.venue) == pools


@pytest.mark.parametrize(
    "prices",
    [(30_000, 55_500, 55_500), (0, 55_500, 60_000), (30_001, 30_001, 30_001), (0, 0, 30_000)],
    ids=["usual", "no feed-in price", "no spread", "all for nothing"],
)
def test_contract_and_reference_are_one(prices):
    class Machine(TariffMachine):
        pass

    Machine.prices = prices
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None),
    )
