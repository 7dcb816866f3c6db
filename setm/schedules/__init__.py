"""Signed schedules: a participant's orders of a whole span of slots under one signature, and what a book comes to.

The reference of DayAheadAuction: packed words, the messages that are signed, and the walk that clears a book.
"""

from setm.schedules.book import ClearedBook, ScheduleOutcome, ScheduleRules, cleared
from setm.schedules.messages import (
    ScheduleDomain,
    book_name,
    chained,
    group_hash,
    head_word,
    leaf_of_outcome,
    leaf_of_schedule,
)
from setm.schedules.words import SlotOrder, pack_fills, pack_orders, unpack_fills, unpack_orders

__all__ = [
    "ClearedBook",
    "ScheduleDomain",
    "ScheduleOutcome",
    "ScheduleRules",
    "SlotOrder",
    "book_name",
    "chained",
    "cleared",
    "group_hash",
    "head_word",
    "leaf_of_outcome",
    "leaf_of_schedule",
    "pack_fills",
    "pack_orders",
    "unpack_fills",
    "unpack_orders",
]
