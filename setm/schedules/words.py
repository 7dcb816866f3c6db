"""Orders and fills as words: eight slots each, 32 bits a slot (IDayAheadAuction)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setm.errors import OrderRefused
from setm.types import Side
from setm.units import Wh

SLOTS_PER_WORD = 8
LANE_BITS = 32
LANE = (1 << LANE_BITS) - 1
TICK_SHIFT = 23
MAX_ORDER_WH = Wh((1 << TICK_SHIFT) - 1)
MAX_TICK = 255
SOLD = 1 << 31
# Most words of a group, heads and fills, and most members (ScheduleWalk).
GROUP_WORDS = 1_352
GROUP_MEMBERS = 208


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOrder:
    """What a schedule asks for in one slot; energy in Wh."""

    side: Side
    tick: int
    energy_wh: Wh


def word_count(slots: int) -> int:
    """Return how many words hold that many slots.

    >>> [word_count(slots) for slots in (1, 8, 9, 96)]
    [1, 1, 2, 12]
    """
    return -(-slots // SLOTS_PER_WORD)


def group_size(slots: int) -> int:
    """Return how many members a group of outcomes has at most, in a span of so many slots.

    >>> [group_size(slots) for slots in (1, 24, 96)]
    [208, 208, 104]
    """
    return min(GROUP_WORDS // (word_count(slots) + 1), GROUP_MEMBERS)


def pack_orders(orders: Sequence[SlotOrder | None]) -> list[int]:
    """Return the words of a schedule, one order or None a slot.

    Raises ``OrderRefused`` for a tick above 255 and for energy of zero or above 2^23 - 1 Wh.

    >>> [hex(word) for word in pack_orders([None, SlotOrder(side=Side.ASK, tick=2, energy_wh=Wh(5))])]
    ['0x8100000500000000']
    """
    return _packed([0 if order is None else _lane(order) for order in orders])


def unpack_orders(words: Sequence[int], slots: int) -> list[SlotOrder | None]:
    """Return the orders of a schedule's words, one or None a slot."""
    return [_order(lane) for lane in _lanes(words, slots)]


def pack_fills(fills: Sequence[int]) -> list[int]:
    """Return the words of fills: Wh bought, negative if sold.

    >>> [hex(word) for word in pack_fills([3, -4])]
    ['0x8000000400000003']
    """
    return _packed([SOLD | -fill if fill < 0 else fill for fill in fills])


def unpack_fills(words: Sequence[int], slots: int) -> list[int]:
    """Return fills in Wh, negative if sold.

    >>> unpack_fills(pack_fills([3, 0, -4]), 3)
    [3, 0, -4]
    """
    return [-(lane ^ SOLD) if lane & SOLD else lane for lane in _lanes(words, slots)]


def _lane(order: SlotOrder) -> int:
    if not 0 <= order.tick <= MAX_TICK:
        raise OrderRefused(f"tick {order.tick}: expected 0 to {MAX_TICK}")
    if not 0 < order.energy_wh <= MAX_ORDER_WH:
        raise OrderRefused(f"energy of {order.energy_wh} Wh: expected 1 to {MAX_ORDER_WH} a slot")
    return (int(order.side) << 31) | (order.tick << TICK_SHIFT) | order.energy_wh


def _order(lane: int) -> SlotOrder | None:
    energy_wh = lane & MAX_ORDER_WH
    if energy_wh == 0:
        return None
    return SlotOrder(
        side=Side(lane >> 31), tick=(lane >> TICK_SHIFT) & MAX_TICK, energy_wh=Wh(energy_wh)
    )


def _packed(lanes: Sequence[int]) -> list[int]:
    words = [0] * word_count(len(lanes))
    for place, lane in enumerate(lanes):
        words[place // SLOTS_PER_WORD] |= lane << LANE_BITS * (place % SLOTS_PER_WORD)
    return words


def _lanes(words: Sequence[int], slots: int) -> list[int]:
    if len(words) != word_count(slots):
        raise OrderRefused(f"{len(words)} words: expected {word_count(slots)} for {slots} slots")
    return [
        (words[slot // SLOTS_PER_WORD] >> LANE_BITS * (slot % SLOTS_PER_WORD)) & LANE
        for slot in range(slots)
    ]
