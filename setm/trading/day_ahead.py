"""The day-ahead auction: each trader signs one schedule for the whole day, and all slots are cleared together.

Quantities and prices are those of the sealed auction (``draft_orders``); what differs is that one signature covers a
day, that a collector gathers the schedules off chain, and that every grid zone is a book of its own. If no book is
posted in its window, the day is traded slot by slot by the sealed auction, with the same orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from setm.schedules import (
    MAX_ORDER_WH,
    ClearedBook,
    ScheduleRules,
    SlotOrder,
    Windows,
    cleared,
)
from setm.slots import Slot
from setm.trading.auction import Draft, SealedAuction, draft_orders
from setm.trading.day import Day
from setm.trading.mechanism import Mechanism, Outcome
from setm.trading.traders import Trader
from setm.types import Trade
from setm.units import Money, Wh, payment_down, payment_up

DAY_SECONDS = 86_400

Orders = Sequence[SlotOrder | None]
"""One order or None for each slot of a span."""

WholeDays = Mapping[str, Sequence[Sequence[Slot]]]
"""By name the slots of each day that is settled as a whole; everything else is settled slot by slot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """The day-ahead auction of signed schedules; see the module."""

    name: str = "day_ahead"
    title: str = "Day-ahead auction"
    after: str = "day-ahead markets of power exchanges"
    fallback: SealedAuction = field(
        default_factory=lambda: SealedAuction(name="auction", title="", after="")
    )

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return what covers the schedule at its own limits, and the orders of the auction if it comes to that."""
        return self.fallback.margin(trader, day)

    def rehearse(self, day: Day) -> Outcome:
        """Return the trades of every book, those of each zone and span cleared together."""
        if not day.day_ahead.is_posted:
            return self.fallback.rehearse(day)
        outcome: dict[Slot, dict[str, Trade]] = {slot: {} for slot in day.slots}
        for span, zone in books_of(day):
            schedules = schedules_in(day, span, zone)
            numbers = dict(enumerate(schedules))
            book = cleared({n: schedules[name] for n, name in numbers.items()}, rules_of(day))
            for slot, trades in trades_of(book, numbers, windows_of(day).slots_of(span)).items():
                outcome.setdefault(slot, {}).update(trades)
        return outcome


def windows_of(day: Day) -> Windows:
    """Return the windows of the day's auction; a span is a day in UTC."""
    terms = day.day_ahead
    return Windows(
        slot_seconds=day.slot_seconds,
        span_slots=DAY_SECONDS // day.slot_seconds,
        force_window=terms.force_window,
        gate_lead=terms.gate_lead,
        post_window=terms.post_window,
    )


def rules_of(day: Day) -> ScheduleRules:
    """Return what holds for every slot."""
    return ScheduleRules(
        grid=day.market.grid,
        k=day.day_ahead.k,
        span_slots=windows_of(day).span_slots,
        cover_price=day.market.cover_price,
    )


def books_of(day: Day) -> list[tuple[int, int]]:
    """Return span and zone of every book that the day's traders may fill, in order."""
    spans = sorted({windows_of(day).span_of(slot) for slot in day.slots})
    zones = sorted({trader.certified.zone for trader in day.traders})
    return [(span, zone) for span in spans for zone in zones]


def is_read_daily(mechanism: Mechanism, day: Day) -> bool:
    """Whether meters sign a reading a day: the day is traded by signed schedules, and consists of whole spans."""
    windows = windows_of(day)
    spans = {windows.span_of(slot) for slot in day.slots}
    whole = [slot for span in sorted(spans) for slot in windows.slots_of(span)]
    return isinstance(mechanism, DayAhead) and sorted(day.slots) == whole


def whole_days(mechanism: Mechanism, day: Day) -> WholeDays:
    """Return whose days are settled as a whole: those of all who signed a schedule, unless no book was posted."""
    found: dict[str, list[Sequence[Slot]]] = {}
    if day.day_ahead.is_posted and is_read_daily(mechanism, day):
        for span, zone in books_of(day):
            slots = [Slot(slot) for slot in windows_of(day).slots_of(span)]
            for name in schedules_in(day, span, zone):
                found.setdefault(name, []).append(slots)
    return found


def signed_orders(mechanism: Mechanism, day: Day) -> int:
    """Return how many orders the schedules of a day hold that are posted; events do not count them."""
    if not (isinstance(mechanism, DayAhead) and day.day_ahead.is_posted):
        return 0
    books = (schedules_in(day, span, zone) for span, zone in books_of(day))
    return sum(order is not None for book in books for orders in book.values() for order in orders)


def schedules_in(day: Day, span: int, zone: int) -> dict[str, Orders]:
    """Return the orders of each trader of a zone for a span, in the order of the traders; who has none is missing."""
    found: dict[str, Orders] = {}
    for trader in day.traders:
        if trader.certified.zone == zone and (orders := schedule_of(trader, day, span)):
            found[trader.name] = orders
    return found


def schedule_of(trader: Trader, day: Day, span: int) -> list[SlotOrder | None] | None:
    """Return a trader's orders for a span; None if it wants nothing in all of it."""
    drafts = {draft.slot: draft for draft in draft_orders(trader, day.slots, day.market)}
    orders = [_order(drafts.get(Slot(slot))) for slot in windows_of(day).slots_of(span)]
    return orders if any(orders) else None


def trades_of(
    book: ClearedBook, names: Mapping[int, str], slots: Sequence[int]
) -> dict[Slot, dict[str, Trade]]:
    """Return what a cleared book comes to by slot and name; ``names`` by participant number."""
    found: dict[Slot, dict[str, Trade]] = {}
    for slot, clearing, fills in zip(
        slots, book.clearings, zip(*(one.fills for one in book.outcomes), strict=True), strict=False
    ):
        for outcome, fill in zip(book.outcomes, fills, strict=True):
            if fill:
                trade = (
                    _bought(fill, clearing.bid_price)
                    if fill > 0
                    else _sold(-fill, clearing.bid_price)
                )
                found.setdefault(Slot(slot), {})[names[outcome.participant_id]] = trade
    return found


def _bought(energy_wh: int, price: int) -> Trade:
    return Trade(bought_wh=Wh(energy_wh), payment=payment_up(energy_wh, price))


def _sold(energy_wh: int, price: int) -> Trade:
    return Trade(sold_wh=Wh(energy_wh), revenue=payment_down(energy_wh, price))


def _order(draft: Draft | None) -> SlotOrder | None:
    """Return a draft as a slot of a schedule; what the venue's word cannot hold is left to the grid operator."""
    if draft is None:
        return None
    energy_wh = min(draft.energy_wh, MAX_ORDER_WH)
    return SlotOrder(side=draft.side, tick=draft.tick, energy_wh=Wh(energy_wh))
