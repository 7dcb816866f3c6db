"""The same day by sealed auction: everybody commits once, orders are opened after each gate closure, anyone clears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from setm.agents.forecast_bidder import ForecastBidder, decide
from setm.orders import cover, digest, opening_word, salt
from setm.simulation.clock import Agenda
from setm.simulation.community import Community
from setm.simulation.traders import Enrolled, Trader
from setm.slots import Slot
from setm.types import Grid, GridTariff, Order, Side
from setm.units import Money, Price, Wh

# Collateral is rounded up to a whole cent, so that it tells less about the order behind it.
BOUND_STEP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What holds for every slot of the auction; times in seconds, money 1e-6 EUR."""

    grid: Grid
    tick_count: int
    tariff: GridTariff
    cover_price: Price
    bond: Money
    gate_lead: int
    reveal_window: int
    slot_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order that a trader has decided on, before it knows its participant number."""

    slot: Slot
    side: Side
    tick: int
    energy_wh: Wh
    bound: Money


def draft_orders(trader: Trader, slots: Sequence[Slot], market: Market) -> list[Draft]:
    """Return the trader's orders for the day: quantity from its forecasts, price inside its band."""
    policy = ForecastBidder(
        side=trader.side,
        band=trader.band,
        grid=market.grid,
        tick_count=market.tick_count,
        tariff=market.tariff,
    )
    rng = trader.rng("auction")
    drafts = []
    for slot in slots:
        decision = decide(policy, trader.forecasts[slot], rng)
        if decision.energy_wh > 0:
            drafts.append(_draft(trader.side, slot, decision.tick, decision.energy_wh, market))
    return drafts


def _draft(side: Side, slot: Slot, tick: int, energy_wh: Wh, market: Market) -> Draft:
    needed = cover(side, market.grid.price(tick), energy_wh, market.cover_price)
    bound = -(-max(needed, market.bond) // BOUND_STEP) * BOUND_STEP
    return Draft(slot=slot, side=side, tick=tick, energy_wh=energy_wh, bound=Money(bound))


def trade(
    community: Community,
    enrolled: Sequence[Enrolled],
    slots: Sequence[Slot],
    market: Market,
    agenda: Agenda,
    done: Callable[[], None],
) -> None:
    """Let everybody commit its orders of the day, and plan what happens to each slot at its gate closure and after."""
    books: dict[Slot, list[tuple[Enrolled, Draft]]] = {slot: [] for slot in slots}
    for item in enrolled:
        drafts = draft_orders(item.trader, slots, market)
        for draft in drafts:
            books[draft.slot].append((item, draft))
        if drafts:
            commitments = [_commitment(community, item, draft) for draft in drafts]
            community.deployment.auction.commit_many(item.member.sender, commitments)
        done()
    for slot, book in books.items():
        gate = slot * market.slot_seconds - market.gate_lead
        if book:
            agenda.at(gate, partial(_open, community, slot, book))
            agenda.at(gate + market.reveal_window, partial(_clear, community, slot))


def _commitment(community: Community, item: Enrolled, draft: Draft) -> tuple[int, Side, int, bytes]:
    order, salt_value = _sealed(community, item, draft)
    auction = community.deployment.auction
    sealed = digest(community.web3.eth.chain_id, auction.address, order, salt_value)
    return draft.slot, draft.side, draft.bound, sealed


def _sealed(community: Community, item: Enrolled, draft: Draft) -> tuple[Order, int]:
    """Return the order and its salt, derived anew from the agent's secret: a restart loses nothing."""
    order = Order(
        participant_id=item.member.participant_id,
        slot=draft.slot,
        side=draft.side,
        tick=draft.tick,
        energy_wh=draft.energy_wh,
    )
    agent_secret = community.keys.secret("sealed orders", item.trader.name)
    return order, salt(agent_secret, community.deployment.auction.address, draft.slot)


def _open(community: Community, slot: Slot, book: Sequence[tuple[Enrolled, Draft]]) -> None:
    """After gate closure each trader tells its opening; anyone posts them together."""
    openings = [opening_word(*_sealed(community, item, draft)) for item, draft in book]
    community.deployment.auction.open(community.collector, slot, openings)


def _clear(community: Community, slot: Slot) -> None:
    community.deployment.auction.clear(community.collector, slot)
