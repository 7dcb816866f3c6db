"""What people do in a community with energy tags, drawn at random, each act on the chain and in the reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from setm import negotiation
from setm.evm import Person
from setm.negotiation import Refused
from setm.tags import ANY, GREEN, Source, certificates, tokens, venue
from setm.tags.orders import Order
from setm.tags.tokens import Measured
from setm.types import NOBODY, ParticipantId
from setm.units import Price, Wh
from tests.audit.attacks.stage import DAY, SLOT
from tests.audit.books.tag_world import CLASSES, NO_READING, WINDOWS, World

CAPACITY_WH = 3_000
PURPOSE = b"audit".ljust(32, b"\0")


class Acting(World):
    """A world in which everybody acts; each method of the names in ``ACTS`` is one act of somebody."""

    # Orders

    def order(self) -> Order:
        """Return mostly a bid that a green producer can take, else anything."""
        dice = self.dice
        slot = self.slot + dice.choice([3, 4, 4, 5])
        energy_wh, price = dice.randint(1, 3_000), dice.randint(30_000, 55_500)
        share = dice.choice([1, 333, 500, 1_000, 1_000])
        order = Order(
            slot=slot,  # type: ignore[arg-type]
            energy_wh=Wh(energy_wh),
            price=Price(price),
            green_share=share,
        )
        if dice.random() < 0.6:
            return order
        partners = [NOBODY, NOBODY, dice.choice(self.traders).id, 1, 99]
        return replace(
            order,
            slot=slot + dice.choice([-2, -1, 0, 0, 190]),
            energy_wh=dice.choice([0, energy_wh, energy_wh, 10**9 + 1]),
            price=dice.choice([29_999, 30_000, 55_500, 55_501, price, price]),
            partner_id=ParticipantId(dice.choice(partners)),
            green_share=dice.choice([0, 0, share, 1_001]),
            sources=dice.choice([ANY, ANY, GREEN, Source.SOLAR.bit, Source.GRID.bit, 0, 16]),
            is_bid=dice.random() < 0.5,
        )

    def post(self) -> None:
        person, one = self.somebody()
        order = self.order()

        def expect() -> None:
            self.authenticated(one)
            self.book = venue.post(self.book, one, order, self.known)

        values = tuple(getattr(order, name) for name in order.__dataclass_fields__)
        self.both(expect, lambda: self.send(person, self.market, "post", values))

    def cancel(self) -> None:
        order_id = self.order_id()
        maker = self.book.posted(order_id).maker_id
        person, one = self.somebody()
        if maker and self.dice.random() < 0.7:
            one = maker
            person = next(each for each in self.traders if each.id == maker)

        def expect() -> None:
            self.authenticated(one)
            self.book = venue.cancel(self.book, one, order_id)

        self.both(expect, lambda: self.send(person, self.market, "cancel", order_id))

    def order_id(self) -> int:
        """Return mostly the number of an order that can still be taken."""
        newest = len(self.book.orders)
        found = [
            number
            for number in range(max(newest - 9, 1), newest + 1)
            if self.book.posted(number).left_wh
            and self.evm.now < self.config.limits.gate_at(self.book.posted(number).order.slot)
        ]
        if found and self.dice.random() < 0.9:
            return self.dice.choice(found)
        return self.dice.randint(0, newest + 1)

    def take(self) -> None:
        order_id, dice = self.order_id(), self.dice
        posted = self.book.posted(order_id)
        person, one = self.somebody()
        if posted.order.is_bid and dice.random() < 0.8:
            person = dice.choice([self.stage.sunny, self.stage.windy, self.stage.villain])
            one = ParticipantId(person.id)
        part_wh = dice.randint(1, max(posted.left_wh, 1))
        energy_wh = dice.choice([posted.left_wh, part_wh, part_wh, 1, posted.left_wh + 1, 0])
        price = max(posted.order.price + dice.choice([0, 0, 0, 0, 0, 0, -1, 1, 100]), 0)

        def expect() -> None:
            self.authenticated(one)
            self.book = venue.take(self.book, one, order_id, energy_wh, price, self.known)

        self.both(
            expect, lambda: self.send(person, self.market, "take", order_id, energy_wh, price)
        )

    # Metering, settling, minting, delivering

    def wait(self) -> None:
        self.evm.now += self.dice.choice([1, 60, 300, 449, 450, 900, 900])

    def read(self) -> None:
        """Post readings of the slot that has just ended, of most who have none yet."""
        slot = self.slot - 1
        if slot < self.first:
            return
        for number, person in enumerate(self.traders, start=1):
            place = slot, ParticipantId(person.id)
            if place in self.readings or self.dice.random() < 0.2:
                continue
            measured = Measured(
                import_wh=self.dice.randint(0, CAPACITY_WH) // 2,
                export_wh=self.dice.choice([0, self.dice.randint(0, CAPACITY_WH)]),
            )
            signed = self.stage.signed(number, measured.import_wh, measured.export_wh, slot=slot)
            self.stage.meters.send("postReading", signed)
            self.readings[place] = measured

    def settle(self) -> None:
        """Settle some of a slot whose readings are final, all of its buyers collected before."""
        slot = self.slot - self.dice.choice([5, 5, 6, 7, 8])
        if (slot + 1) * SLOT + sum(WINDOWS.values()) > self.evm.now or slot < self.first:
            return
        ids = [ParticipantId(person.id) for person in self.traders]
        chosen = self.dice.sample(ids, self.dice.randint(1, len(ids)))
        self.market.send("collect", slot, ids)
        self.stage.settlement.send("settle", slot, chosen)
        ledger = negotiation.collect(self.book.ledger, slot, ids, self.evm.now)
        for one in chosen:
            if (slot, one) not in self.settled:
                ledger, _ = negotiation.close(ledger, slot, one, self.evm.now)
                self.settled.add((slot, one))
        self.book = replace(self.book, ledger=ledger)

    def measured(self, slot: int, one: ParticipantId) -> Measured | None:
        place = slot, one
        return self.readings.get(place, NO_READING) if place in self.settled else None

    def mint(self) -> None:
        slot, pool = self.past_slot(), sorted(self.certificates)
        due = sorted(self.settled - self.tokens.done)
        if due and self.dice.random() < 0.8:
            slot, _ = self.dice.choice(due)
            pool = [one for of_slot, one in due if of_slot == slot]
        chosen = self.dice.choices(pool, k=self.dice.randint(1, 4))

        def expect() -> None:
            book, state = self.book, self.tokens
            for one in chosen:
                found, number = self.certificates[one], self.tag_of(slot, one)
                measured, taken = self.measured(slot, one), 0
                if measured and measured.export_wh and (slot, one) not in state.done:
                    place = slot, one, number, measured.export_wh
                    book, taken = venue.collect_tags(book, *place)
                state = tokens.mint(
                    state,
                    slot,
                    one,
                    measured,
                    number,
                    found,
                    pledged_wh=taken,
                    pledge_book=self.market.address,
                )
            self.book, self.tokens = book, state

        self.both(expect, lambda: self.tags.send("mint", slot, chosen))

    def deliver(self) -> None:
        trade_id = self.dice.randint(0, self.book.trades + 1)
        due = [
            number
            for number, debt in self.book.debts.items()
            if not debt.is_delivered and (debt.slot, debt.seller_id) in self.tokens.done
        ]
        if due and self.dice.random() < 0.9:
            trade_id = self.dice.choice(due)
        debt = self.book.debts.get(trade_id)

        def expect() -> None:
            is_minted = debt is not None and (debt.slot, debt.seller_id) in self.tokens.done
            book, delivery = venue.deliver(self.book, trade_id, is_minted=is_minted)
            if delivery.energy_wh:
                assert debt
                number = book.pledge(debt.slot, debt.seller_id).id
                self.give_tags(self.market.address, debt.buyer_id, number, delivery.energy_wh)
            self.book = book

        self.both(expect, lambda: self.market.send("deliver", trade_id))

    # Tags

    def give_tags(self, giver: str, to: ParticipantId, number: int, energy_wh: int) -> None:
        found = self.certificates[to]
        self.tokens = tokens.give(self.tokens, giver, to, found, number, energy_wh)

    def tag(self, holder: str) -> int:
        """Return mostly an id of which somebody has tags, better this holder."""
        own = [n for (account, n), wh in self.tokens.balances.items() if wh and account == holder]
        others = [n for (_, n), wh in self.tokens.balances.items() if wh]
        if not others:
            return int(self.tag_of(self.past_slot(), ParticipantId(self.traders[0].id)))
        return (
            self.dice.choice(own) if own and self.dice.random() < 0.8 else self.dice.choice(others)
        )

    def amount(self, holder: str, number: int) -> int:
        balance = self.tokens.balance(holder, number)
        return self.dice.choice([0, 1, balance + 1, balance, *[self.dice.randint(0, balance)] * 4])

    def give(self) -> None:
        (person, one), (_, to) = self.somebody(), self.somebody()
        number = self.tag(self.account(one))
        energy_wh = self.amount(self.account(one), number)
        self.both(
            lambda: self.give_tags(self.account(one), to, number, energy_wh),
            lambda: self.send(person, self.tags, "give", to, number, energy_wh),
        )

    def withdraw(self) -> None:
        kept = [place for place, wh in self.tokens.kept.items() if wh]
        one, number = self.dice.choice(kept) if kept else (self.somebody()[1], 2 << 64)
        numbers = self.dice.choice([[number], [number], [number, number], []])

        def expect() -> None:
            found = self.certificates[one]
            possible_from = found.revoked_at + DAY
            if found.revoked_at and self.evm.now < possible_from:
                raise Refused("TooEarly", possibleFrom=possible_from, nowAt=self.evm.now)
            self.tokens = tokens.withdraw(self.tokens, one, found.account, numbers)

        self.both(expect, lambda: self.tags.send("withdraw", one, numbers))

    def claims(self, holder: str) -> list[tuple[int, int]]:
        numbers = [self.tag(holder) for _ in range(self.dice.choice([1, 1, 2, 3]))]
        return [(number, self.amount(holder, number)) for number in numbers]

    def claim(self) -> None:
        person, one = self.somebody()
        amounts = self.claims(self.account(one))
        values = [number for number, _ in amounts], [wh for _, wh in amounts]

        def expect() -> None:
            self.tokens = tokens.claim(self.tokens, self.account(one), amounts)

        more = (person.address, PURPOSE)
        self.both(expect, lambda: self.send(person, self.tags, "claim", *values, *more))

    def claim_consumption(self) -> None:
        person, one = self.somebody()
        account = self.account(one)
        amounts = self.claims(account)
        values = [number for number, _ in amounts], [wh for _, wh in amounts]
        readings = {
            slot: self.measured(slot, one) or NO_READING
            for slot, each in self.settled
            if each == one
        }

        def expect() -> None:
            self.authenticated(one, may_be_expired=True)
            zone = self.certificates[one].zone
            self.tokens = tokens.claim_consumption(
                self.tokens, account, one, zone, amounts, readings
            )

        self.both(expect, lambda: self.send(person, self.tags, "claimConsumption", *values))

    # Certificates

    def renew(self) -> None:
        """Certify somebody anew; mostly as before, now and then for a few hours only."""
        person, one = self.dice.choice([*self.people_with_keys()])
        found = self.certificates[one]
        if found.revoked_at:
            return
        is_same = self.dice.random() < 0.8
        device_class = next(code for code, source in CLASSES.items() if source is found.source)
        if not is_same:
            device_class = self.dice.choice(list(CLASSES))
        zone = found.zone if is_same else self.dice.choice([1, 1, 2])
        serial = found.serial + self.dice.choice([1, 1, 1, 2])
        seconds = self.dice.choice([5 * SLOT, DAY, 30 * DAY, 30 * DAY])
        valid_until = self.evm.now + seconds
        self.stage.renew(
            person, device_class=device_class, serial=serial, zone=zone, valid_until=valid_until
        )
        self.certificates[one] = replace(
            found,
            serial=serial,
            source=CLASSES[device_class],
            zone=zone,
            valid_until=valid_until,
        )

    def people_with_keys(self) -> Iterable[tuple[Person, ParticipantId]]:
        return [(each, ParticipantId(each.id)) for each in self.stage.people.values()]

    def register(self) -> None:
        person, _ = self.somebody()
        chosen = self.dice.choices(list(self.certificates), k=self.dice.randint(1, 3))

        def expect() -> None:
            for one in chosen:
                found = self.certificates[one]
                self.devices[one] = certificates.registered(
                    self.devices.get(one),
                    found,
                    caller=self.account(ParticipantId(person.id)),
                    now=self.evm.now,
                    slot_seconds=SLOT,
                )

        self.both(expect, lambda: self.send(person, self.tags, "register", chosen))

    def revoke(self) -> None:
        person, one = self.somebody()
        left = [each for each in self.certificates.values() if not each.revoked_at]
        if self.certificates[one].revoked_at or len(left) < 5 or self.dice.random() < 0.8:
            return
        self.stage.revoke(person)
        self.certificates[one] = replace(self.certificates[one], revoked_at=self.evm.now)


ACTS = (
    *("post", "post", "post", "take", "take", "take", "take", "cancel"),
    *("wait", "wait", "read", "read", "settle", "settle"),
    *("mint", "mint", "mint", "deliver", "deliver", "deliver"),
    *("give", "give", "withdraw", "claim", "claim_consumption", "claim_consumption"),
    *("renew", "register", "revoke"),
)
