"""Many books at once through one auction, each in a slot of its own, against the Python reference.

::

    everybody commits for all slots | slot 1 opens | slot 1 clears, slot 2 opens | ... | all readings final: settle

Who calls what, in which order, in how many pieces and with what behind the arguments is chance: the outcome may depend
on the orders and on the order of their openings alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import pytest

from setm.errors import Reverted
from setm.evm.market import Market, order_of
from setm.evm.system import Person
from setm.orders import AuctionBook, BookedOrder, OrderOutcome, clear_book, cover, digest
from setm.pricing import MAX_TICK_WH, pack_ladder
from setm.types import Clearing, Order, Side, Trade
from setm.units import Money
from tests.audit.books.plain import Plain
from tests.audit.books.random_books import PEOPLE, Book, Entry

# IAuction.OrderState
NONE, COMMITTED, OPENED, COLLECTED, FORFEITED, CLOSED = range(6)
MOST_BOUND = 2**48 - 1
UNCLEARED = Clearing()
# Bits and place of each field of an opening, see IAuction.open.
OPENING_FIELDS = {
    "participantId": (32, 224),
    "tick": (16, 208),
    "energyWh": (48, 160),
    "salt": (160, 0),
}


@dataclass(slots=True)
class Tally:
    """What was compared."""

    books: int = 0
    orders: int = 0
    full_books: int = 0
    voids: int = 0
    trades: int = 0
    unopened: int = 0
    perturbed: int = 0
    surpluses: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Tally)))

    def add(self, play: Play) -> None:
        outcomes = play.outcome.outcomes.values()
        self.books += 1
        self.orders += len(play.booked)
        self.full_books += len(play.booked) == PEOPLE
        self.voids += not play.book.is_cleared
        self.surpluses += play.outcome.clearing.surplus > 0
        self.trades += sum(outcome.filled_wh > 0 for outcome in outcomes)
        self.unopened += sum(not outcome.is_opened for outcome in outcomes)


@dataclass
class Play:
    """One book in its slot."""

    book: Book
    slot: int
    booked: list[BookedOrder]
    cancelled: list[BookedOrder]
    dice: random.Random
    outcome: AuctionBook
    words: dict[int, int] = field(default_factory=dict)

    @cached_property
    def ids(self) -> list[int]:
        return [int(entry.order.participant_id) for entry in self.booked]

    @cached_property
    def bounds(self) -> dict[int, int]:
        return {entry.order.participant_id: entry.bound for entry in self.booked}

    def outcome_of(self, number: int) -> OrderOutcome:
        return self.outcome.outcomes[number]  # type: ignore[index]

    def pieces(self, items: Sequence[int]) -> list[Sequence[int]]:
        """Return the items cut at random into one to four pieces, none of them lost."""
        cuts = sorted(self.dice.randint(0, len(items)) for _ in range(self.dice.randint(0, 3)))
        ends = [0, *cuts, len(items)]
        return [items[start:end] for start, end in pairwise(ends)]


class Trading:
    """An auction in which books are played; ``check`` raises AssertionError where chain and reference differ."""

    def __init__(self, **auction: Any) -> None:
        self.market = Market(PEOPLE, **auction)
        # Other events would cost more time than all transactions.
        self.market.evm.decode_only("TradeClosed")
        system = self.market.system
        self.auction, self.settlement = Plain(system.auction), Plain(system.settlement)
        self.house, self.token = Plain(system.clearinghouse), Plain(system.token)
        self.rules = self.market.rules
        self.is_sealed = bool(self.market.config["is_sealed"])
        self.home = self.market.first_slot
        self.tally = Tally()
        self.stranger = self.market.evm.account("stranger")
        self.callers = [*self.market.people, self.market.system.operator, self.stranger]
        self.held = self.house.ask_one("held")
        self.reset()

    def reset(self) -> None:
        """Go back to the deployment, with every margin whole."""
        self.market.reset()
        self.market.first_slot = self.home
        self.margin = {
            person.id: self.auction.ask_one("marginOf", person.id) for person in self.market.people
        }
        self.pooled = 0
        self.paid_out: set[int] = set()

    # A batch

    def check(self, books: Sequence[Book], first_slot: int | None = None) -> Tally:
        """Play the books in consecutive slots, compare all that can be seen of them; return how much that was."""
        self.tally = Tally()
        first = self.home if first_slot is None else first_slot
        plays = [self._play(book, first + place) for place, book in enumerate(books)]
        self._order(plays, self.market.gate_of(first) - 1)
        agenda = []
        for play in plays:
            slot = play.slot
            agenda.append((self.market.gate_of(slot), slot, self._open, play))
            agenda.append((self.market.clearing_from(slot), slot, self._clear, play))
            agenda.append((self.market.void_from(slot), slot, self._collect, play))
        for moment, _, action, play in sorted(agenda, key=lambda item: item[:2]):
            self.market.evm.now = moment
            action(play)
        self.market.evm.now = self.market.settled_from(plays[-1].slot)
        for play in plays:
            self._settle(play)
            self.tally.add(play)
        self._check_money()
        return self.tally

    def entered(self, book: Book) -> Play:
        """Play a book in the home slot until everything is open that will be."""
        play = self._play(book, self.home)
        self._order([play], self.market.gate_of(self.home) - 1)
        self.market.evm.now = self.market.gate_of(self.home)
        self._open(play)
        return play

    def perturbed_commitments(self, change: str, count: int) -> list[str]:
        """Commit ``count`` orders of which the chain is told something else; return how their openings are refused."""
        market, dice = self.market, random.Random(change)
        market.evm.now = market.gate_of(self.home) - 1
        refusals = []
        for _ in range(count):
            with market.evm.undone():
                entry = Entry(
                    *dice.sample(range(PEOPLE), 1),
                    dice.randrange(2),
                    dice.randrange(256),
                    dice.randint(1, 5_000),
                )
                order = self._booked(entry, self.home).order
                person, other = self._person(order), dice.choice(market.people)
                sealed = int.from_bytes(market.digest_of(person, order), "big")
                side = int(order.side)
                if change == "side":
                    side = 1 - side
                elif change == "digest":
                    sealed ^= 1 << dice.randrange(72, 256)
                else:
                    other = market.people[(entry.person + 1) % PEOPLE]
                    sealed = int.from_bytes(market.digest_of(other, order), "big")
                record = (self.home, side, 10**9, sealed)
                self.auction.tell_records("commitMany", [record], sender=person)
                market.evm.now = market.gate_of(self.home)
                word = market.opening_of(person, order)
                refusals.append(self.auction.refusal("open", self.home, array=[word]))
        return refusals

    def _play(self, book: Book, slot: int) -> Play:
        dice = random.Random(book.chance)
        booked, cancelled = [], []
        for entry in book.entries:
            found = self._booked(entry, slot)
            if entry.kind == "cancelled" and self.is_sealed:
                cancelled.append(found)
            elif self.is_sealed or entry.kind in ("exact", "more", "changed"):
                booked.append(found)
        dice.shuffle(booked)
        if not self.is_sealed:
            booked = _held(booked)
        outcome = clear_book(self.rules, booked)
        if not book.is_cleared:
            outcome = _void(booked, outcome)
        return Play(book, slot, booked, cancelled, dice, outcome)

    def _booked(self, entry: Entry, slot: int) -> BookedOrder:
        person = self.market.people[entry.person]
        order = order_of(person, slot, Side(entry.side), entry.tick, entry.energy_wh)
        price = self.rules.grid.price(order.tick)
        needed = cover(order.side, price, order.energy_wh, self.rules.cover_price)
        if not self.is_sealed:
            return BookedOrder(order=order, bound=needed)
        bound = {"more": min(2 * needed + 1, MOST_BOUND), "less": needed - 1}.get(
            entry.kind, needed
        )
        is_opened = entry.kind != "unopened"
        return BookedOrder(
            order=order, bound=Money(max(bound, self.rules.bond)), is_opened=is_opened
        )

    # Ordering

    def _order(self, plays: Sequence[Play], moment: int) -> None:
        self.market.evm.now = moment
        if not self.is_sealed:
            for play in plays:
                for entry in play.booked:
                    order = entry.order
                    values = (order.slot, order.side, order.tick, order.energy_wh)
                    self.auction.tell("placeOrder", *values, sender=self._person(order))
                    self.margin[order.participant_id] -= entry.bound
            return
        self._commit([(p, e) for p in plays for e in p.cancelled])
        for play in plays:
            for entry in play.cancelled:
                self.auction.tell("cancel", play.slot, sender=self._person(entry.order))
                self.margin[entry.order.participant_id] += entry.bound
        changed = [
            (play, entry)
            for play in plays
            for entry, drawn in self._drawn(play)
            if drawn.kind == "changed"
        ]
        self._commit([(p, _another(e, self.rules.bond)) for p, e in changed])
        for play, entry in changed:
            self.auction.tell("cancel", play.slot, sender=self._person(entry.order))
            self.margin[entry.order.participant_id] += _another(entry, self.rules.bond).bound
        self._commit([(p, e) for p in plays for e in p.booked])

    def _drawn(self, play: Play) -> list[tuple[BookedOrder, Entry]]:
        kinds = {self.market.people[e.person].id: e for e in play.book.entries}
        return [(entry, kinds[entry.order.participant_id]) for entry in play.booked]

    def _commit(self, wanted: Sequence[tuple[Play, BookedOrder]]) -> None:
        """Commit each person's orders of all slots in one transaction."""
        records: dict[int, list[tuple[int, int, int, int]]] = {}
        for play, entry in wanted:
            order = entry.order
            person = self._person(order)
            secret = self.market.salt_of(person, play.slot)
            chain_id, auction = self.market.evm.chain_id, self.auction.contract.address
            sealed = int.from_bytes(digest(chain_id, auction, order, secret), "big")
            record = (order.slot, int(order.side), entry.bound, sealed)
            records.setdefault(person.id, []).append(record)
            play.words[person.id] = (
                order.participant_id << 224 | order.tick << 208 | order.energy_wh << 160 | secret
            )
            self.margin[person.id] -= entry.bound
        for number, commitments in records.items():
            sender = self.market.people[number - self.market.people[0].id]
            self.auction.tell_records("commitMany", commitments, sender=sender)

    # Opening and clearing

    def _open(self, play: Play) -> None:
        if not self.is_sealed:
            return
        self._perturb(play)
        opened = [e.order.participant_id for e in play.booked if e.is_opened]
        for piece in play.pieces(opened):
            array = [play.words[number] for number in piece]
            if array and play.dice.random() < 0.2:
                # Once more what is open already, or was refused and will be again.
                array.append(play.dice.choice(array))
            self.auction.tell("open", play.slot, array=array, sender=self._anyone(play))

    def _perturb(self, play: Play) -> None:
        """Bring openings with another value in one field, before anything is open: each is refused."""
        opened = [e.order.participant_id for e in play.booked]
        for number in opened if len(opened) <= 32 else play.dice.sample(opened, 32):
            others = [other for other in opened if other != number]
            for name, (width, shift) in OPENING_FIELDS.items():
                if name == "participantId":
                    taken = play.dice.choice([*others, number + PEOPLE]) if others else 2**32 - 1
                    changed = taken ^ number
                else:
                    changed = play.dice.choice(
                        [1, 1 << width - 1, play.dice.randrange(1, 1 << width)]
                    )
                word = play.words[number] ^ changed << shift
                # A static call: an opening that went through would fail in another way.
                refusal = self.auction.refusal("open", play.slot, array=[word])
                wanted = ["CommitmentMismatch", "NoCommitment"][
                    name == "participantId" and taken not in others
                ]
                assert refusal == wanted, f"opening of {number} with another {name}"
                self.tally.perturbed += 1

    def _clear(self, play: Play) -> None:
        if play.book.is_cleared:
            unopened = [n for n in play.ids if not play.outcome_of(n).is_opened]
            if self.is_sealed and play.dice.random() < 0.3:
                self.auction.tell("forfeit", play.slot, array=[], sender=self._anyone(play))
            else:
                # Whatever else the caller says is not heard.
                solution = play.dice.randbytes(play.dice.choice([0, 0, 32, 289]))
                self.auction.tell("clear", play.slot, tail=solution, sender=self._anyone(play))
            for piece in play.pieces(unopened) if self.is_sealed else ():
                self.auction.tell("forfeit", play.slot, array=piece, sender=self._anyone(play))
            for number in unopened:
                forfeited = play.outcome_of(number).forfeited
                self.margin[number] += play.bounds[number] - forfeited
            for side, ladder in ((0, play.outcome.bids), (1, play.outcome.asks)):
                assert self.auction.ask("ladderOf", play.slot, side)[2:] == pack_ladder(ladder)
        found = self.auction.ask("clearingOf", play.slot)
        assert found == values_of(play.outcome.clearing), "clearing"
        surplus = play.outcome.clearing.surplus
        if self.auction.ask_one("slotPool", play.slot) < surplus:
            with pytest.raises(Reverted, match="SlotPoolTooLow"):
                self.auction.tell("payOutSurplus", play.slot, sender=self.stranger)

    # Who gets what

    def _collect(self, play: Play) -> None:
        ids = play.ids[:]
        play.dice.shuffle(ids)
        for piece in play.pieces(ids):
            self.auction.tell("collect", play.slot, array=piece, sender=self._anyone(play))
        for number in play.ids:
            outcome = play.outcome_of(number)
            if outcome.is_opened or not play.book.is_cleared:
                self.margin[number] += play.bounds[number] - outcome.trade.payment - outcome.kept
        inflow = sum(o.trade.payment + o.forfeited for o in play.outcome.outcomes.values())
        assert self.auction.ask_one("slotPool", play.slot) == inflow, "pool after collecting"
        self._compensate(play, ids)
        if play.dice.random() < 0.5:
            self._pay_out_surplus(play)
        for entry in play.booked:
            self._check_order(play, entry)

    def _compensate(self, play: Play, ids: Sequence[int]) -> None:
        if not self.is_sealed:
            return
        refused = 0
        for number in ids:
            owed = play.outcome_of(number).compensation
            if owed:
                self.auction.tell("compensate", play.slot, number, sender=self._anyone(play))
                self.margin[number] += owed
            elif refused < 4:
                refused += 1
                with pytest.raises(Reverted, match="NoCompensation"):
                    self.auction.tell("compensate", play.slot, number, sender=self.stranger)

    def _pay_out_surplus(self, play: Play) -> None:
        """To the grid operator, by whomever, once: before or after the sellers, who all get theirs."""
        operator, surplus = self.market.system.operator.id, play.outcome.clearing.surplus
        before = self.house.ask_one("freeOf", operator)
        if surplus and play.slot not in self.paid_out:
            self.auction.tell("payOutSurplus", play.slot, sender=self._anyone(play))
            self.paid_out.add(play.slot)
            assert self.house.ask_one("freeOf", operator) == before + surplus, "surplus"
        assert self.auction.refusal("payOutSurplus", play.slot) == "NoSurplus"

    def _check_order(self, play: Play, entry: BookedOrder) -> None:
        order, slot = entry.order, play.slot
        number = order.participant_id
        outcome = play.outcome_of(number)
        trade = outcome.trade
        if not play.book.is_cleared:
            state = CLOSED
        elif not outcome.is_opened:
            state = FORFEITED
        else:
            state = COLLECTED if outcome.filled_wh else CLOSED
        found = self.auction.ask("orderOf", slot, number)
        shown = [order.tick, order.energy_wh, outcome.ahead_wh] if outcome.is_opened else [0, 0, 0]
        assert found[:6] == [state, int(order.side), outcome.kept, *shown], f"order of {number}"
        assert self.auction.ask_one("fillOf", slot, number) == outcome.filled_wh, f"fill {number}"
        assert self.auction.ask("tradeOf", slot, number) == values_of(trade), f"trade of {number}"
        assert self.auction.ask_one("boundOf", slot, number) == outcome.kept, f"bound {number}"
        margin = self.auction.ask_one("marginOf", number)
        assert margin == self.margin[number], f"margin of {number}"

    def _settle(self, play: Play) -> None:
        ids = play.ids[:]
        play.dice.shuffle(ids)
        closed: dict[int, Any] = {}
        for piece in play.pieces(ids):
            events = self.settlement.tell(
                "settle", play.slot, array=piece, sender=self._anyone(play)
            )
            closed |= {event.args["participantId"]: event.args for event in events}
        for number, outcome in play.outcome.outcomes.items():
            trade = outcome.trade
            told = closed.pop(number, {})
            assert told.get("boughtWh", 0) == trade.bought_wh, f"bought by {number}"
            assert told.get("soldWh", 0) == trade.sold_wh, f"sold by {number}"
            assert told.get("revenue", 0) == trade.revenue, f"revenue of {number}"
            assert self.auction.ask_one("boundOf", play.slot, number) == 0
        assert closed == {}
        self._pay_out_surplus(play)
        assert self.auction.ask_one("slotPool", play.slot) == play.outcome.dust, "dust"
        self.pooled += play.outcome.dust

    def _check_money(self) -> None:
        """What is held has an owner to the unit: free, collateral of a venue, or a venue's pool."""
        system = self.market.system
        venues = [
            int(venue.address, 16)
            for venue in (system.auction, system.negotiation, system.settlement)
        ]
        everybody = [system.operator, *self.market.people]
        free = sum(self.house.ask_one("freeOf", person.id) for person in everybody)
        bound = sum(
            self.house.ask_one("collateralOf", venue, person.id)
            for venue in venues
            for person in everybody
        )
        pools = [self.house.ask_one("poolOf", venue) for venue in venues]
        assert pools == [self.pooled, 0, 0]
        assert free + bound + sum(pools) == self.held == self.house.ask_one("held")
        tokens = self.token.ask_one("balanceOf", int(self.house.contract.address, 16))
        assert tokens == self.held
        for person in self.market.people:
            collateral = self.house.ask_one("collateralOf", venues[0], person.id)
            assert collateral == self.margin[person.id], "nothing is bound any more"

    def _person(self, order: Order) -> Person:
        return self.market.person(order)

    def _anyone(self, play: Play) -> Any:
        return play.dice.choice(self.callers)


def values_of(record: Clearing | Trade) -> list[int]:
    """Return the fields in the order of the contract's struct."""
    return [getattr(record, part.name) for part in fields(record)]


def _held(booked: Sequence[BookedOrder]) -> list[BookedOrder]:
    """An open auction refuses what a full tick cannot hold at once, so that it never enters the book."""
    held: dict[tuple[int, int], int] = {}
    kept = []
    for entry in booked:
        key = int(entry.order.side), entry.order.tick
        total = held.get(key, 0) + entry.order.energy_wh
        if total <= MAX_TICK_WH:
            held[key] = total
            kept.append(entry)
    return kept


def _void(booked: Sequence[BookedOrder], opened: AuctionBook) -> AuctionBook:
    """Nobody cleared: no trade, no forfeit, all that was bound is free again."""
    outcomes = {
        entry.order.participant_id: OrderOutcome(
            is_opened=opened.outcomes[entry.order.participant_id].is_opened,
            ahead_wh=opened.outcomes[entry.order.participant_id].ahead_wh,
        )
        for entry in booked
    }
    return AuctionBook(bids=opened.bids, asks=opened.asks, clearing=UNCLEARED, outcomes=outcomes)


def _another(entry: BookedOrder, bond: int) -> BookedOrder:
    """The first try of somebody who changed its mind: the other side, and another bound."""
    order = entry.order
    other = Order(
        participant_id=order.participant_id,
        slot=order.slot,
        side=Side(1 - order.side),
        tick=order.tick,
        energy_wh=order.energy_wh,
    )
    return BookedOrder(order=other, bound=Money(bond + entry.bound // 2))
