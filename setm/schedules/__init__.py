"""Signed schedules: a participant's orders of a whole span of slots under one signature, and what a book comes to.

The reference of DayAheadAuction: packed words, the messages that are signed, and the walk that clears a book.
"""

from setm.schedules.book import ClearedBook, ScheduleOutcome, ScheduleRules, cleared
from setm.schedules.messages import (
    BOOK_DOMAIN,
    SCHEDULE,
    chained,
    head_word,
    leaf_of_schedule,
    schedule_digest,
    schedule_hash,
    words_hash,
)
from setm.schedules.words import SlotOrder, pack_fills, pack_orders, unpack_fills, unpack_orders

__all__ = [
    "BOOK_DOMAIN",
    "SCHEDULE",
    "ClearedBook",
    "ScheduleOutcome",
    "ScheduleRules",
    "SlotOrder",
    "chained",
    "cleared",
    "head_word",
    "leaf_of_schedule",
    "pack_fills",
    "pack_orders",
    "schedule_digest",
    "schedule_hash",
    "unpack_fills",
    "unpack_orders",
    "words_hash",
]
