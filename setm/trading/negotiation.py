"""SETM's own mechanism: every buyer negotiates with every seller, slot by slot, offer by offer.

The engine says whose turn it is and what is answered; a ``Table`` carries it to the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from setm.agents.forecast_bidder import best_quantity
from setm.agents.negotiator import Answer, Negotiator, Proposal, Thread, Verdict, respond
from setm.slots import Slot
from setm.trading.day import Day, Rules
from setm.trading.mechanism import Outcome, added
from setm.trading.traders import Trader
from setm.types import GridTariff, Side, Trade
from setm.units import Money, Price, Wh, payment_down, payment_up


@dataclass(slots=True)
class Dialogue:
    """One negotiation between a buyer and a seller in a slot; each side keeps its own thread."""

    slot: Slot
    buyer: Trader
    seller: Trader
    number: int = 0
    round: int = 0
    offer: Proposal | None = None
    buyers_turn: bool = True
    threads: dict[Side, Thread] = field(
        default_factory=lambda: {Side.BID: Thread(), Side.ASK: Thread()}
    )

    @property
    def mover(self) -> Trader:
        """Whose turn it is."""
        return self.buyer if self.buyers_turn else self.seller

    @property
    def other(self) -> Trader:
        """Who made the last offer, or hears the first."""
        return self.seller if self.buyers_turn else self.buyer


class Table(Protocol):
    """Where the mover of a dialogue says something; everything is about ``dialogue.mover``."""

    def open(self, dialogue: Dialogue, proposal: Proposal) -> int:
        """Carry a first offer; return the number of the negotiation, from 1."""

    def counter(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Carry an answer with other terms."""

    def accept(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Agree to the other side's last offer."""

    def reject(self, dialogue: Dialogue) -> None:
        """End the negotiation without agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """SETM's negotiation; see ``trade``."""

    name: str = "negotiation"
    title: str = "Negotiation"
    after: str = "SETM (Ko & Praça 2021)"

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return the collateral that covers whatever the trader may agree to."""
        return margin(trader, day.slots, day.rules)

    def rehearse(self, day: Day) -> Outcome:
        """Return what all agreements come to."""
        paper = Paper()
        trade(day, paper, lambda: None)
        return paper.outcome()


@dataclass(slots=True)
class Paper:
    """A table without a chain: it writes down what is agreed."""

    trades: dict[Slot, dict[str, list[Trade]]] = field(default_factory=dict)
    count: int = 0

    def open(self, dialogue: Dialogue, proposal: Proposal) -> int:
        """Number the negotiation."""
        self.count += 1
        return self.count

    def counter(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Nothing to write down: an offer binds nobody."""

    def accept(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Write down both sides of the agreement."""
        slot = self.trades.setdefault(dialogue.slot, {})
        for trader, one in (
            (dialogue.buyer, bought(proposal)),
            (dialogue.seller, sold(proposal)),
        ):
            slot.setdefault(trader.name, []).append(one)

    def reject(self, dialogue: Dialogue) -> None:
        """Nothing to write down."""

    def outcome(self) -> Outcome:
        """Return everybody's trades of each slot in one."""
        return {
            slot: {name: added(each) for name, each in by_name.items()}
            for slot, by_name in self.trades.items()
        }


def bought(agreed: Proposal) -> Trade:
    """Return the buyer's side of an agreement."""
    return Trade(bought_wh=agreed.energy_wh, payment=payment_up(agreed.energy_wh, agreed.price))


def sold(agreed: Proposal) -> Trade:
    """Return the seller's side of an agreement."""
    return Trade(sold_wh=agreed.energy_wh, revenue=payment_down(agreed.energy_wh, agreed.price))


def wanted(trader: Trader, slot: Slot, tariff: GridTariff) -> Wh:
    """Return what a trader wants in a slot: the best quantity at the middle of its band."""
    middle = Price((trader.band.min_bid + trader.band.max_bid) // 2)
    return best_quantity(trader.side, middle, tariff, trader.forecasts[slot])


def margin(trader: Trader, slots: Sequence[Slot], rules: Rules) -> Money:
    """Return the collateral that covers whatever the trader may agree to in these slots, 1e-6 EUR."""
    buying = trader.side is Side.BID
    worst = trader.band.max_bid if buying else max(rules.cover_price - trader.band.min_bid, 0)
    # Each agreement of a slot rounds up on its own; there are at most as many as rounds.
    return Money(
        sum(
            payment_up(wanted(trader, slot, rules.tariff), worst) + rules.max_rounds
            for slot in slots
        )
    )


def trade(day: Day, table: Table, each_slot: Callable[[], None]) -> None:
    """Negotiate all slots of the day, the earliest first."""
    rng = day.rng()
    for slot in day.slots:
        _trade_slot(day, slot, table, rng)
        each_slot()


def _trade_slot(day: Day, slot: Slot, table: Table, rng: np.random.Generator) -> None:
    rules = day.rules
    remaining = {trader.name: wanted(trader, slot, rules.tariff) for trader in day.traders}
    dialogues = list(_pairs(day.traders, slot, remaining))
    # One at a time, in an order that favours nobody: whoever talks to two at once promises the same energy twice.
    for index in rng.permutation(len(dialogues)):
        while _move(dialogues[index], remaining, rules, table):
            pass


def _pairs(
    traders: Sequence[Trader], slot: Slot, remaining: Mapping[str, Wh]
) -> Iterator[Dialogue]:
    active = [trader for trader in traders if remaining[trader.name] > 0]
    sellers = [trader for trader in active if trader.side is Side.ASK]
    for buyer in active:
        if buyer.side is Side.BID:
            yield from (Dialogue(slot, buyer, seller) for seller in sellers)


def _move(dialogue: Dialogue, remaining: dict[str, Wh], rules: Rules, table: Table) -> bool:
    """Let the side whose turn it is answer; return whether the negotiation goes on."""
    answer = _answer(dialogue, remaining[dialogue.mover.name], rules)
    if answer.verdict is Verdict.PROPOSE and answer.proposal is not None:
        _propose(dialogue, answer.proposal, table)
        return True
    if answer.verdict is Verdict.ACCEPT and dialogue.offer is not None:
        table.accept(dialogue, dialogue.offer)
        for trader in (dialogue.buyer, dialogue.seller):
            left = remaining[trader.name] - dialogue.offer.energy_wh
            remaining[trader.name] = Wh(left)
        return False
    if dialogue.number:
        table.reject(dialogue)
    return False


def _answer(dialogue: Dialogue, energy_wh: Wh, rules: Rules) -> Answer:
    if energy_wh <= 0:
        return Answer(verdict=Verdict.REJECT)
    side = dialogue.mover.side
    policy = _policy(dialogue.mover, energy_wh, rules)
    answer, thread = respond(policy, dialogue.threads[side], dialogue.offer)
    dialogue.threads[side] = thread
    return answer


def _policy(trader: Trader, energy_wh: Wh, rules: Rules) -> Negotiator:
    limit = trader.band.max_bid if trader.side is Side.BID else trader.band.min_bid
    return Negotiator(
        side=trader.side,
        band=trader.band,
        reservation_price=limit,
        energy_wh=energy_wh,
        tick_size=rules.tick_size,
        opening_share=trader.strategy.opening_share,
        beta=trader.strategy.beta,
        time_weight=trader.strategy.time_weight,
        memory=trader.strategy.memory,
        concession_rounds=rules.max_rounds - 1,
        max_rounds=rules.max_rounds,
    )


def _propose(dialogue: Dialogue, proposal: Proposal, table: Table) -> None:
    if dialogue.number == 0:
        dialogue.number = table.open(dialogue, proposal)
    else:
        table.counter(dialogue, proposal)
    dialogue.round += 1
    dialogue.offer = proposal
    dialogue.buyers_turn = not dialogue.buyers_turn
