"""Opening a book on the chain: which schedules stand in it how, and in how many transactions it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm.schedules.book import ClearedBook, ScheduleOutcome, ScheduleRules, cleared
from setm.schedules.messages import head_word, words_hash
from setm.schedules.signed import SignedSchedule
from setm.schedules.stream import Entry, Source, entry_bytes, pack_entries
from setm.schedules.words import SlotOrder, group_size, pack_fills, unpack_orders
from setm.types import Side
from setm.units import Money, payment_up

# What one transaction may ask for (EIP-7825), and what nodes take of its bytes.
MAX_TRANSACTION_GAS = 16_777_216
MAX_TRANSACTION_BYTES = 128 * 1024
WORD_BYTES = 32
# Ceilings of what a batch, an entry and a slot of it cost; tests/python/simulation/test_day_ahead.py holds posts below.
BATCH_GAS, ENTRY_GAS, SLOT_ORDER_GAS, SLOT_GAS = 500_000, 20_000, 520, 4_000
BATCH_BYTES = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The entries of one transaction."""

    entries: tuple[Entry, ...]
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A book as it is posted: what it comes to, and in which batches."""

    cleared: ClearedBook
    batches: tuple[Batch, ...]

    @property
    def groups(self) -> list[tuple[ScheduleOutcome, ...]]:
        """The outcomes of each group, numbered as the contract does; a batch ends its last one."""
        outcomes = {one.participant_id: one for one in self.cleared.outcomes}
        size = group_size(len(self.cleared.margins))
        found = []
        for batch in self.batches:
            entered = [
                outcomes[one.participant_id]
                for one in batch.entries
                if one.source is not Source.SET_ASIDE
            ]
            found += [tuple(entered[at : at + size]) for at in range(0, len(entered), size)]
        return found


def entries_of(
    signed: Sequence[SignedSchedule],
    forced: Mapping[int, Sequence[int]],
    unusable: frozenset[int] = frozenset(),
) -> list[Entry]:
    """Return a book's entries in ascending order of participants.

    ``forced`` are the words that participants put in from the chain, ``unusable`` the participants whose schedules
    the contract finds a fault with: they are set aside.
    """
    by_id = {one.participant_id: one for one in signed}
    found = []
    for number in sorted({*by_id, *forced}):
        own = by_id.get(number)
        if number in forced:
            source, words = Source.FORCED, tuple(forced[number])
            r, vs = (own.leaf if own else bytes(32)), bytes(32)
        else:
            assert own is not None
            source, words, r, vs = Source.SIGNED, own.words, own.r, own.vs
        if number in unusable:
            source = Source.SET_ASIDE
        found.append(Entry(participant_id=number, source=source, orders=words, r=r, vs=vs))
    return found


def opened(entries: Sequence[Entry], rules: ScheduleRules) -> Opened:
    """Return what the entries come to, and the batches in which they fit; anyone who has them gets the same."""
    schedules: dict[int, Sequence[SlotOrder | None]] = {
        one.participant_id: unpack_orders(one.orders, rules.span_slots)
        for one in entries
        if one.source is not Source.SET_ASIDE
    }
    size = entries_together(rules.span_slots)
    parts = [tuple(entries[at : at + size]) for at in range(0, len(entries), size)]
    batches = tuple(
        Batch(entries=part, is_last=place == len(parts) - 1) for place, part in enumerate(parts)
    )
    return Opened(cleared=cleared(schedules, rules), batches=batches)


def entries_together(span_slots: int) -> int:
    """Return how many entries one transaction holds, by its bytes and by its gas; whole groups where that is possible.

    >>> entries_together(96), entries_together(24), entries_together(1)
    (208, 416, 624)
    """
    by_bytes = (MAX_TRANSACTION_BYTES - BATCH_BYTES - 2 * WORD_BYTES * span_slots) // (
        entry_bytes(span_slots)
    )
    by_gas = (MAX_TRANSACTION_GAS - BATCH_GAS - SLOT_GAS * span_slots) // (
        ENTRY_GAS + SLOT_ORDER_GAS * span_slots
    )
    most = min(by_bytes, by_gas)
    group = group_size(span_slots)
    return most // group * group or most


def gas_of(batch: Batch, span_slots: int) -> int:
    """Return the gas ceiling of a batch."""
    each = ENTRY_GAS + SLOT_ORDER_GAS * span_slots
    return BATCH_GAS + SLOT_GAS * span_slots + each * len(batch.entries)


def batch_argument(batch: Batch, margins: Sequence[int], sums: Sequence[int]) -> tuple[Any, ...]:
    """Return the struct IScheduleBook.Batch; ``sums`` as the batch before told (BatchWalked), empty at the first."""
    return (
        list(margins),
        list(sums),
        pack_entries(batch.entries, len(margins)),
        batch.is_last,
    )


def worst_of(words: Sequence[int], rules: ScheduleRules) -> Money:
    """Return what a schedule can cost at its own limits, 1e-6 EUR: who has so much margin is never set aside."""
    worst = 0
    for order in unpack_orders(words, rules.span_slots):
        if order is not None:
            price = rules.grid.price(order.tick)
            dearest = price if order.side is Side.BID else max(rules.cover_price - price, 0)
            worst += payment_up(order.energy_wh, dearest)
    return Money(worst)


def member_of(outcome: ScheduleOutcome) -> tuple[int, bytes]:
    """Return a member of a group (IDayAheadAuction.Member): head, and hash of its fills."""
    head = head_word(outcome.participant_id, outcome.payment, outcome.cover, outcome.revenue)
    return head, words_hash(pack_fills(outcome.fills))
