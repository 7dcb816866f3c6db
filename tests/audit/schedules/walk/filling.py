"""One pass over orders against margins, in plain Python: what ScheduleWalk does with any margins, right or wrong.

``setm.schedules.cleared`` says what the right margins are; this says what becomes of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from setm.units import payment_down, payment_up
from tests.audit.schedules.walk.terms import Terms

NO_BID = 257
ASK = 1 << 31
MAX_WH = (1 << 23) - 1
ENERGY = (1 << 40) - 1
CUT = 0x1FF << 18


class Plan(NamedTuple):
    """A slot's margins (MarginLib): places are ticks plus one."""

    bid: int
    ask: int
    cut: int
    bid_margin: int
    bid_filled: int
    ask_margin: int
    ask_filled: int
    rest: int


class Sums(NamedTuple):
    """Wh better than the margins and at them."""

    bid: int = 0
    ask: int = 0
    bid_margin: int = 0
    ask_margin: int = 0

    @property
    def word(self) -> int:
        return self.bid | self.ask << 48 | self.bid_margin << 96 | self.ask_margin << 144


class Filled(NamedTuple):
    """What a participant's orders come to; ``left_out`` is the last slot that must not leave it out, or None."""

    fills: tuple[int, ...]
    payment: int
    cover: int
    revenue: int
    left_out: int | None

    @property
    def bound(self) -> int:
        return self.payment + self.cover


def plan_of(word: int) -> Plan:
    """Return margins by field."""
    energies = (word >> shift & ENERGY for shift in (27, 67, 107, 147))
    return Plan(word & 0x1FF, word >> 9 & 0x1FF, word >> 18 & 0x1FF, *energies, word >> 187)


def is_consistent(word: int) -> bool:
    """Return whether a word can be a slot's margins."""
    plan = plan_of(word)
    if word >> 27 == 0:
        return plan.bid == NO_BID and plan.ask == 0
    if plan.rest or plan.bid >= NO_BID or plan.ask == 0 or plan.bid < plan.ask:
        return False
    if not 0 < plan.bid_filled <= plan.bid_margin or not 0 < plan.ask_filled <= plan.ask_margin:
        return False
    if plan.bid_filled < plan.bid_margin and plan.cut <= plan.bid:
        return False
    return plan.ask_filled == plan.ask_margin or plan.cut <= plan.ask


def price_of(word: int, terms: Terms) -> int:
    """Return the price that margins come to, rounded down; zero without trade."""
    plan = plan_of(word)
    if word >> 27 == 0:
        return 0
    spread = (plan.bid - plan.ask) * terms.tick_size
    return terms.floor_price + (plan.ask - 1) * terms.tick_size + spread * terms.k // 1000


def missing_of(word: int, terms: Terms) -> int:
    """Return what the price lacks to the cover price; zero without trade."""
    return 0 if word >> 27 == 0 else max(terms.cover_price - price_of(word, terms), 0)


def lanes_of(words: Sequence[int], slots: int) -> list[int]:
    """Return the orders, or fills, of a schedule's words."""
    return [words[slot // 8] >> 32 * (slot % 8) & 0xFFFFFFFF for slot in range(slots)]


def is_in_span(words: Sequence[int], terms: Terms) -> bool:
    """Return whether nothing stands beyond the span."""
    used = terms.span_slots % 8
    return used == 0 or words[-1] >> 32 * used == 0


def worst_of(words: Sequence[int], terms: Terms) -> int:
    """Return what a schedule can cost at its own limits, 1e-6 EUR."""
    bound = 0
    for lane in lanes_of(words, terms.span_slots):
        price = terms.floor_price + (lane >> 23 & 0xFF) * terms.tick_size
        if lane & ASK:
            price = max(terms.cover_price - price, 0)
        bound += payment_up(lane & MAX_WH, price)
    return bound


def fill(words: Sequence[int], margins: Sequence[int], sums: list[Sums], terms: Terms) -> Filled:
    """Return what a participant gets, and add its orders to ``sums``."""
    fills, left_out = [], None
    payment = cover = revenue = 0
    for slot, lane in enumerate(lanes_of(words, terms.span_slots)):
        energy_wh, tick = lane & MAX_WH, lane >> 23 & 0xFF
        word, found = margins[slot], sums[slot]
        plan, price = plan_of(word), price_of(word, terms)
        cut = max(plan.cut - 1, 0)
        filled = 0
        if not energy_wh:
            pass
        elif not lane & ASK:
            if tick > plan.bid - 1:
                filled, found = energy_wh, found._replace(bid=found.bid + energy_wh)
            elif tick < plan.bid - 1:
                left_out = left_out if tick < cut else slot
            else:
                filled = share(found.bid_margin, energy_wh, plan.bid_margin, plan.bid_filled)
                found = found._replace(bid_margin=found.bid_margin + energy_wh)
            payment += payment_up(filled, price)
        else:
            if tick > plan.ask - 1:
                left_out = left_out if tick >= cut else slot
            elif tick < plan.ask - 1:
                filled, found = energy_wh, found._replace(ask=found.ask + energy_wh)
            else:
                filled = share(found.ask_margin, energy_wh, plan.ask_margin, plan.ask_filled)
                found = found._replace(ask_margin=found.ask_margin + energy_wh)
            revenue += payment_down(filled, price)
            cover += payment_up(filled, missing_of(word, terms))
            filled = -filled
        fills.append(filled)
        sums[slot] = found
    return Filled(tuple(fills), payment, cover, revenue, left_out)


def share(ahead_wh: int, energy_wh: int, margin_wh: int, filled_wh: int) -> int:
    """Return an order's part at the margin by cumulative rounding."""
    return (ahead_wh + energy_wh) * filled_wh // margin_wh - ahead_wh * filled_wh // margin_wh


def is_matched(word: int, sums: Sums) -> bool:
    """Return whether both sides come to the same, and what stood at the margins is what was said."""
    plan = plan_of(word)
    is_even = sums.bid + plan.bid_filled == sums.ask + plan.ask_filled
    return is_even and (sums.bid_margin, sums.ask_margin) == (plan.bid_margin, plan.ask_margin)
