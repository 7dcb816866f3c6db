"""Signed schedules: a participant's orders of a whole span of slots under one signature, and what a book comes to.

The reference of DayAheadAuction: packed words, the messages that are signed, and the walk that clears a book.
"""

from setm.schedules.book import ClearedBook, ScheduleOutcome, ScheduleRules, cleared, outcome_of
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
from setm.schedules.stream import Entry, Source, pack_entries, pack_lanes, unpack_members
from setm.schedules.words import (
    SlotOrder,
    pack_fills,
    pack_orders,
    unpack_fills,
    unpack_orders,
    word_count,
)

__all__ = [
    "BOOK_DOMAIN",
    "SCHEDULE",
    "ClearedBook",
    "Entry",
    "ScheduleOutcome",
    "ScheduleRules",
    "SlotOrder",
    "Source",
    "chained",
    "cleared",
    "head_word",
    "leaf_of_schedule",
    "outcome_of",
    "pack_entries",
    "pack_fills",
    "pack_lanes",
    "pack_orders",
    "schedule_digest",
    "schedule_hash",
    "unpack_fills",
    "unpack_members",
    "unpack_orders",
    "word_count",
    "words_hash",
]
