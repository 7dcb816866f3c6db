"""SETM's own day: every buyer negotiates with every seller, slot by slot, offer by offer on the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from setm.agents.forecast_bidder import best_quantity
from setm.agents.negotiator import Answer, Negotiator, Proposal, Thread, Verdict, respond
from setm.chain.contracts import Negotiation
from setm.simulation.clock import Agenda
from setm.simulation.traders import Enrolled, Trader
from setm.slots import Slot
from setm.types import GridTariff, Side, Terms
from setm.units import Price, Wh, payment_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for every negotiation of the day; times in seconds."""

    tariff: GridTariff
    cover_price: Price
    tick_size: Price
    max_rounds: int
    offer_seconds: int
    gate_lead: int
    slot_seconds: int


@dataclass(slots=True)
class _Dialogue:
    """One negotiation between a buyer and a seller in a slot; each side keeps its own thread."""

    buyer: Enrolled
    seller: Enrolled
    number: int = 0
    round: int = 0
    offer: Proposal | None = None
    buyers_turn: bool = True
    threads: dict[Side, Thread] = field(
        default_factory=lambda: {Side.BID: Thread(), Side.ASK: Thread()}
    )


def wanted(trader: Trader, slot: Slot, tariff: GridTariff) -> Wh:
    """Return what a trader wants in a slot: the best quantity at the middle of its band."""
    middle = Price((trader.band.min_bid + trader.band.max_bid) // 2)
    return best_quantity(trader.side, middle, tariff, trader.forecasts[slot])


def margin(trader: Trader, slots: Sequence[Slot], rules: Rules) -> int:
    """Return the collateral that covers whatever the trader may agree to in these slots, 1e-6 EUR."""
    buying = trader.side is Side.BID
    worst = trader.band.max_bid if buying else max(rules.cover_price - trader.band.min_bid, 0)
    # Each agreement of a slot rounds up on its own; there are at most as many as rounds.
    return sum(
        payment_up(wanted(trader, slot, rules.tariff), worst) + rules.max_rounds for slot in slots
    )


def trade(
    contract: Negotiation,
    enrolled: Sequence[Enrolled],
    slots: Sequence[Slot],
    rules: Rules,
    agenda: Agenda,
    rng: np.random.Generator,
    each_slot: Callable[[], None],
) -> None:
    """Negotiate all slots of the day, the earliest first."""
    for slot in slots:
        _trade_slot(contract, enrolled, slot, rules, agenda, rng)
        each_slot()


def _trade_slot(
    contract: Negotiation,
    enrolled: Sequence[Enrolled],
    slot: Slot,
    rules: Rules,
    agenda: Agenda,
    rng: np.random.Generator,
) -> None:
    remaining = {item.trader.name: wanted(item.trader, slot, rules.tariff) for item in enrolled}
    dialogues = list(_pairs(enrolled, remaining))
    # One at a time, in an order that favours nobody: whoever talks to two at once promises the same energy twice.
    for index in rng.permutation(len(dialogues)):
        while _move(contract, dialogues[index], slot, remaining, rules, agenda):
            pass


def _pairs(enrolled: Sequence[Enrolled], remaining: Mapping[str, Wh]) -> Iterator[_Dialogue]:
    active = [item for item in enrolled if remaining[item.trader.name] > 0]
    sellers = [item for item in active if item.trader.side is Side.ASK]
    for buyer in active:
        if buyer.trader.side is Side.BID:
            yield from (_Dialogue(buyer=buyer, seller=seller) for seller in sellers)


def _move(
    contract: Negotiation,
    dialogue: _Dialogue,
    slot: Slot,
    remaining: dict[str, Wh],
    rules: Rules,
    agenda: Agenda,
) -> bool:
    """Let the side whose turn it is answer; return whether the negotiation goes on."""
    mover = dialogue.buyer if dialogue.buyers_turn else dialogue.seller
    answer = _answer(dialogue, mover.trader, remaining[mover.trader.name], rules)
    if answer.verdict is Verdict.PROPOSE and answer.proposal is not None:
        _propose(contract, dialogue, mover, answer.proposal, slot, rules, agenda)
        return True
    if answer.verdict is Verdict.ACCEPT and dialogue.offer is not None:
        contract.accept(mover.member.sender, dialogue.number, dialogue.round)
        for side in (dialogue.buyer, dialogue.seller):
            left = remaining[side.trader.name] - dialogue.offer.energy_wh
            remaining[side.trader.name] = Wh(left)
        return False
    if dialogue.number:
        contract.reject(mover.member.sender, dialogue.number)
    return False


def _answer(dialogue: _Dialogue, trader: Trader, energy_wh: Wh, rules: Rules) -> Answer:
    if energy_wh <= 0:
        return Answer(verdict=Verdict.REJECT)
    policy = _policy(trader, energy_wh, rules)
    answer, thread = respond(policy, dialogue.threads[trader.side], dialogue.offer)
    dialogue.threads[trader.side] = thread
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


def _propose(
    contract: Negotiation,
    dialogue: _Dialogue,
    mover: Enrolled,
    proposal: Proposal,
    slot: Slot,
    rules: Rules,
    agenda: Agenda,
) -> None:
    gate = slot * rules.slot_seconds - rules.gate_lead
    expires_at = min(agenda.now() + rules.offer_seconds, gate - 1)
    sender, energy_wh, price = mover.member.sender, proposal.energy_wh, proposal.price
    if dialogue.number == 0:
        terms = Terms(first_slot=slot, slot_count=1, energy_wh=energy_wh, price=price)
        other = dialogue.seller if dialogue.buyers_turn else dialogue.buyer
        dialogue.number = contract.offer(
            sender,
            other.member.participant_id,
            is_bid=dialogue.buyers_turn,
            terms=terms,
            expires_at=expires_at,
        )
    else:
        contract.counter(
            sender, dialogue.number, energy_wh=energy_wh, price=price, expires_at=expires_at
        )
    dialogue.round += 1
    dialogue.offer = proposal
    dialogue.buyers_turn = not dialogue.buyers_turn
