"""The same day by sealed auction: everybody commits once, orders are opened after each gate closure, anyone clears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from setm.agents.forecast_bidder import ForecastBidder, decide
from setm.chain.contracts import Auction
from setm.chain.sender import Sender
from setm.orders import SealedOrder, cover, digest, opening_word, salt
from setm.simulation.clock import Agenda
from setm.simulation.keys import secret
from setm.simulation.traders import Enrolled, Trader
from setm.slots import Slot
from setm.types import Grid, GridTariff, Order, ParticipantId, Side
from setm.units import Money, Price

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
    energy_wh: int
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
