"""The call auctions: each trader seals one order a slot, quantity from its forecasts, price inside its band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from setm.agents import forecast_bidder, zero_intelligence
from setm.agents.forecast_bidder import ForecastBidder
from setm.agents.types import Decision
from setm.agents.zero_intelligence import ZeroIntelligence
from setm.orders import AuctionRules, BookedOrder, clear_book, cover
from setm.pricing import PricingRule, UniformPrice
from setm.slots import Slot
from setm.trading.day import Day, Market
from setm.trading.mechanism import Outcome
from setm.trading.traders import Trader
from setm.types import GridTariff, Order, ParticipantId, Side
from setm.units import Money, Wh

# Collateral is rounded up to a whole cent, so that it tells less about the order behind it.
BOUND_STEP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An order that a trader has decided on, before it knows its participant number."""

    slot: Slot
    side: Side
    tick: int
    energy_wh: Wh
    bound: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAuction:
    """A sealed call auction with a pricing rule, all slots of the day committed at once."""

    name: str
    title: str
    after: str
    rule: Callable[[GridTariff], PricingRule] = lambda tariff: UniformPrice()

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return what the trader's orders of the day bind together."""
        return Money(sum(draft.bound for draft in draft_orders(trader, day.slots, day.market)))

    def rehearse(self, day: Day) -> Outcome:
        """Return the trades of every slot in which somebody ordered, opened in the order of the traders."""
        books: dict[Slot, list[BookedOrder]] = {}
        for index, trader in enumerate(day.traders):
            for draft in draft_orders(trader, day.slots, day.market):
                order = order_of(draft, ParticipantId(index))
                books.setdefault(draft.slot, []).append(BookedOrder(order=order, bound=draft.bound))
        rules = self.rules(day.market)
        return {
            slot: {
                day.traders[index].name: outcome.trade
                for index, outcome in clear_book(rules, book).outcomes.items()
            }
            for slot, book in books.items()
        }

    def rules(self, market: Market) -> AuctionRules:
        """Return what holds for every slot."""
        return AuctionRules(
            grid=market.grid,
            tick_count=market.tick_count,
            bond=market.bond,
            cover_price=market.cover_price,
            max_order_wh=market.max_order_wh,
            rule=self.rule(market.tariff),
        )


def draft_orders(trader: Trader, slots: Sequence[Slot], market: Market) -> list[Draft]:
    """Return the trader's orders for the day; none in a slot in which it wants nothing."""
    rng = trader.rng("auction")
    drafts = []
    for slot in slots:
        decision = _decide(trader, slot, market, rng)
        if decision.energy_wh > 0:
            side = trader.side_in(slot)
            drafts.append(_draft(side, slot, decision.tick, decision.energy_wh, market))
    return drafts


def _decide(trader: Trader, slot: Slot, market: Market, rng: np.random.Generator) -> Decision:
    """Return what the trader's kind of bidder decides; every kind draws its price alike."""
    if trader.bidder == "zero intelligence":
        prices = ZeroIntelligence(band=trader.band, grid=market.grid, tick_count=market.tick_count)
        return zero_intelligence.decide(prices, trader.forecasts[slot], rng)
    policy = ForecastBidder(
        side=trader.side_in(slot),
        band=trader.band,
        grid=market.grid,
        tick_count=market.tick_count,
        tariff=market.tariff,
    )
    return forecast_bidder.decide(policy, trader.forecasts[slot], rng)


def _draft(side: Side, slot: Slot, tick: int, energy_wh: Wh, market: Market) -> Draft:
    needed = cover(side, market.grid.price(tick), energy_wh, market.cover_price)
    bound = -(-max(needed, market.bond) // BOUND_STEP) * BOUND_STEP
    return Draft(slot=slot, side=side, tick=tick, energy_wh=energy_wh, bound=Money(bound))


def order_of(draft: Draft, participant_id: ParticipantId) -> Order:
    """Return the order of somebody who knows its number."""
    return Order(
        participant_id=participant_id,
        slot=draft.slot,
        side=draft.side,
        tick=draft.tick,
        energy_wh=draft.energy_wh,
    )
