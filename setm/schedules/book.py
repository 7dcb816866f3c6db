"""What a book of schedules comes to: margins of each slot, fills and money of each participant.

Pure integers. Every slot is cleared by the uniform price rule of ``setm.pricing``; at a margin, participants share in
ascending order of their numbers, by cumulative rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from setm.errors import OrderRefused
from setm.pricing import LADDER_TICKS, UniformPrice, best_losing_ask, best_losing_bid, fill_of
from setm.schedules.words import MAX_ORDER_WH, SlotOrder
from setm.types import Clearing, Grid, Side
from setm.units import Money, Price, Wh, payment_down, payment_up

NO_BID = 257
_ENERGY_SHIFTS = (27, 67, 107, 147)
_ASK_SHIFT, _PLACE, _PER_MILLE = 9, 0x1FF, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRules:
    """What holds for every slot of a day-ahead auction (IDayAheadAuction.Config without its windows)."""

    grid: Grid
    k: int
    span_slots: int
    cover_price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOutcome:
    """One participant's span: Wh a slot, negative if sold; payment, seller's cover and revenue, 1e-6 EUR."""

    participant_id: int
    fills: tuple[int, ...]
    payment: Money
    cover: Money
    revenue: Money

    @property
    def bound(self) -> Money:
        """What the outcome binds."""
        return Money(self.payment + self.cover)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearedBook:
    """Clearings and margin words by slot, outcomes in ascending order of participants."""

    clearings: tuple[Clearing, ...]
    margins: tuple[int, ...]
    outcomes: tuple[ScheduleOutcome, ...]


def cleared(
    schedules: Mapping[int, Sequence[SlotOrder | None]], rules: ScheduleRules
) -> ClearedBook:
    """Return what the schedules of a book come to; keys are participant numbers.

    Raises ``OrderRefused`` for a schedule of another length than the span, and for orders outside the band.
    """
    ids = sorted(schedules)
    for number in ids:
        _require_fits(number, schedules[number], rules)
    fills: dict[int, list[int]] = {number: [0] * rules.span_slots for number in ids}
    money: dict[int, list[int]] = {number: [0, 0, 0] for number in ids}
    clearings, margins = [], []
    for slot in range(rules.span_slots):
        bids, asks = [0] * LADDER_TICKS, [0] * LADDER_TICKS
        for number in ids:
            order = schedules[number][slot]
            if order is not None:
                (bids if order.side is Side.BID else asks)[order.tick] += order.energy_wh
        clearing = UniformPrice(k=rules.k).clear(rules.grid, bids, asks)
        clearings.append(clearing)
        margins.append(margin_word(clearing, bids, asks))
        _fill_slot(slot, ids, schedules, clearing, rules, fills, money)
    outcomes = tuple(
        ScheduleOutcome(
            participant_id=number,
            fills=tuple(fills[number]),
            payment=Money(money[number][0]),
            cover=Money(money[number][1]),
            revenue=Money(money[number][2]),
        )
        for number in ids
    )
    return ClearedBook(clearings=tuple(clearings), margins=tuple(margins), outcomes=outcomes)


def outcome_of(
    participant_id: int, fills: Sequence[int], margins: Sequence[int], rules: ScheduleRules
) -> ScheduleOutcome:
    """Return the outcome of which ``GroupBound`` tells the fills and ``BookCleared`` the margins.

    ``fills`` are Wh a slot, negative if sold; ``margins`` a word a slot.
    """
    payment = cover = revenue = 0
    for fill, margin in zip(fills, margins, strict=True):
        price = price_in(margin, rules)
        if fill < 0:
            cover += payment_up(Wh(-fill), Price(max(0, rules.cover_price - price)))
            revenue += payment_down(Wh(-fill), price)
        else:
            payment += payment_up(Wh(fill), price)
    return ScheduleOutcome(
        participant_id=participant_id,
        fills=tuple(fills),
        payment=Money(payment),
        cover=Money(cover),
        revenue=Money(revenue),
    )


def price_in(margin: int, rules: ScheduleRules) -> Price:
    """Return the price that margins mean, MarginLib.planned; zero without trade."""
    if margin >> _ENERGY_SHIFTS[0] == 0:
        return Price(0)
    bid, ask = (margin & _PLACE) - 1, (margin >> _ASK_SHIFT & _PLACE) - 1
    spread = (bid - ask) * rules.grid.tick_size
    return Price(
        rules.grid.floor_price + ask * rules.grid.tick_size + spread * rules.k // _PER_MILLE
    )


def margin_word(clearing: Clearing, bids: Sequence[int], asks: Sequence[int]) -> int:
    """Return a slot's margins as MarginLib has them, without a price; the cut is the lowest that serves.

    ``bids`` and ``asks`` hold the quantity at each tick, Wh.
    """
    if clearing.volume_wh == 0:
        highest = max((tick for tick, held in enumerate(bids) if held), default=-1)
        return NO_BID | (highest + 2) << 18
    cut = best_losing_bid(clearing, bids) + 2
    energies = (
        clearing.bid_margin_wh,
        clearing.bid_margin_filled_wh,
        clearing.ask_margin_wh,
        clearing.ask_margin_filled_wh,
    )
    word = (clearing.bid_margin_tick + 1) | (clearing.ask_margin_tick + 1) << 9 | cut << 18
    for shift, energy_wh in zip(_ENERGY_SHIFTS, energies, strict=True):
        word |= energy_wh << shift
    if best_losing_ask(clearing, asks) + 1 < cut:
        raise AssertionError("a bid that is left out crosses an ask that is left out")
    return word


def _require_fits(number: int, schedule: Sequence[SlotOrder | None], rules: ScheduleRules) -> None:
    if len(schedule) != rules.span_slots:
        raise OrderRefused(
            f"participant {number}: {len(schedule)} slots: expected {rules.span_slots}"
        )
    for order in schedule:
        if order is None:
            continue
        if not 0 <= order.tick < LADDER_TICKS:
            raise OrderRefused(
                f"participant {number}: tick {order.tick}: expected below {LADDER_TICKS}"
            )
        if not 0 < order.energy_wh <= MAX_ORDER_WH:
            raise OrderRefused(
                f"participant {number}: {order.energy_wh} Wh: expected 1 to {MAX_ORDER_WH}"
            )


def _fill_slot(
    slot: int,
    ids: Sequence[int],
    schedules: Mapping[int, Sequence[SlotOrder | None]],
    clearing: Clearing,
    rules: ScheduleRules,
    fills: Mapping[int, list[int]],
    money: Mapping[int, list[int]],
) -> None:
    ahead: dict[tuple[Side, int], int] = {}
    price, missing = clearing.bid_price, max(0, rules.cover_price - clearing.bid_price)
    for number in ids:
        order = schedules[number][slot]
        if order is None:
            continue
        place = (order.side, order.tick)
        filled = fill_of(clearing, order.side, order.tick, order.energy_wh, ahead.get(place, 0))
        ahead[place] = ahead.get(place, 0) + order.energy_wh
        if order.side is Side.BID:
            fills[number][slot] = filled
            money[number][0] += payment_up(filled, price)
        else:
            fills[number][slot] = -filled
            money[number][1] += payment_up(filled, missing)
            money[number][2] += payment_down(filled, price)
