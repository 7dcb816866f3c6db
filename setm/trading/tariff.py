"""The posted tariff: traders announce what they would trade, and take the price that comes of it or leave it.

A trader announces the quantity that it would want at the middle of its band. When the price is posted it takes it if
it lies inside its band, and then what is best at that price, at most what it announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setm import tariff as book
from setm.agents.forecast_bidder import best_quantity
from setm.slots import Slot
from setm.tariff import Announcement, Book, Config, Taking
from setm.trading.day import Day, Market
from setm.trading.mechanism import Outcome
from setm.trading.traders import Trader
from setm.types import ParticipantId, Side, Trade
from setm.units import Money, Price, Wh

TAKING_SECONDS = 1800
HORIZON_SECONDS = 2 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedTariff:
    """The tariff venue, all slots of the day announced at once."""

    name: str = "tariff"
    title: str = "Posted tariff"
    after: str = "Park et al. 2018"

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return what the trader's announcements of the day bind together."""
        config = terms(day.market)
        return Money(
            sum(
                config.worst_cost(one.side, one.energy_wh)
                for one in announcements(trader, day.slots, day.market)
            )
        )

    def rehearse(self, day: Day) -> Outcome:
        """Return the trades of every slot in which somebody announced; all act in the order of the traders."""
        return {slot: trades for slot in day.slots if (trades := _rehearse_slot(day, slot))}


def terms(market: Market) -> Config:
    """Return what holds for every slot: the auction's gate, and half an hour before it to take the price."""
    return Config(
        feed_in_price=market.tariff.feed_in_price,
        retail_price=market.tariff.retail_price,
        announce_lead=market.gate_lead + TAKING_SECONDS,
        gate_lead=market.gate_lead,
        horizon_seconds=HORIZON_SECONDS,
        cover_price=market.cover_price,
        max_energy_wh=market.max_order_wh,
        slot_seconds=market.slot_seconds,
    )


def announcements(trader: Trader, slots: Sequence[Slot], market: Market) -> list[Announcement]:
    """Return what the trader announces for the day; nothing for a slot in which it wants nothing."""
    middle = Price((trader.band.min_bid + trader.band.max_bid) // 2)
    found = []
    for slot in slots:
        energy_wh = best_quantity(trader.side, middle, market.tariff, trader.forecasts[slot])
        if energy_wh > 0:
            found.append(Announcement(slot=slot, side=trader.side, energy_wh=energy_wh))
    return found


def taking(
    trader: Trader, slot: Slot, price: Price, announced_wh: Wh, market: Market
) -> Taking | None:
    """Return what the trader takes at the posted price; None if it leaves it."""
    is_bid = trader.side is Side.BID
    if price > trader.band.max_bid if is_bid else price < trader.band.min_bid:
        return None
    best = best_quantity(trader.side, price, market.tariff, trader.forecasts[slot])
    energy_wh = Wh(min(best, announced_wh))
    if energy_wh == 0:
        return None
    return Taking(slot=slot, side=trader.side, energy_wh=energy_wh, price=price)


def _rehearse_slot(day: Day, slot: Slot) -> dict[str, Trade]:
    """Return the trades of a slot; each slot has books of its own, with the margin that it needs."""
    config = terms(day.market)
    start_at = slot * config.slot_seconds
    state, announced = Book(config=config), {}
    for index, trader in enumerate(day.traders):
        who = ParticipantId(index)
        for one in announcements(trader, [slot], day.market):
            # One unit more, since even what binds nothing needs a margin.
            needed = config.worst_cost(one.side, one.energy_wh) + 1
            state = book.add_margin(state, who, needed)
            state = book.announce(state, who, one, start_at - config.announce_lead - 1)
            announced[who] = (trader, one.energy_wh)
    now = start_at - config.announce_lead
    price = book.price_of(state, slot, now)
    for who, (trader, energy_wh) in announced.items():
        if (message := taking(trader, slot, price, energy_wh, day.market)) is not None:
            state = book.take(state, who, message, now)
    gate = start_at - config.gate_lead
    return {
        trader.name: book.trade_of(state, slot, who, gate) for who, (trader, _) in announced.items()
    }
