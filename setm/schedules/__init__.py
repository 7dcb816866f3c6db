"""Signed schedules: a participant's orders of a whole span of slots under one signature, and what a book comes to.

The reference of DayAheadAuction: packed words, the messages that are signed, the collector who gathers them, and the
walk that clears a book.
"""

from setm.schedules.book import (
    ClearedBook,
    ScheduleOutcome,
    ScheduleRules,
    cleared,
    outcome_of,
    price_in,
)
from setm.schedules.collector import Collector, Speaker
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
from setm.schedules.posting import (
    MAX_TRANSACTION_GAS,
    Batch,
    Opened,
    batch_argument,
    entries_of,
    gas_of,
    member_of,
    opened,
    worst_of,
)
from setm.schedules.receipts import (
    Receipt,
    is_under,
    proves_omission,
    receipt_digest,
    verify_receipt,
)
from setm.schedules.signed import BookKey, SignedSchedule, sign_schedule
from setm.schedules.stream import (
    Entry,
    Source,
    pack_entries,
    pack_lanes,
    unpack_entries,
    unpack_members,
)
from setm.schedules.windows import Windows
from setm.schedules.words import (
    MAX_ORDER_WH,
    SlotOrder,
    group_size,
    pack_fills,
    pack_orders,
    unpack_fills,
    unpack_orders,
    word_count,
)

__all__ = [
    "BOOK_DOMAIN",
    "MAX_ORDER_WH",
    "MAX_TRANSACTION_GAS",
    "SCHEDULE",
    "Batch",
    "BookKey",
    "ClearedBook",
    "Collector",
    "Entry",
    "Opened",
    "Receipt",
    "ScheduleOutcome",
    "ScheduleRules",
    "SignedSchedule",
    "SlotOrder",
    "Source",
    "Speaker",
    "Windows",
    "batch_argument",
    "chained",
    "cleared",
    "entries_of",
    "gas_of",
    "group_size",
    "head_word",
    "is_under",
    "leaf_of_schedule",
    "member_of",
    "opened",
    "outcome_of",
    "pack_entries",
    "pack_fills",
    "pack_lanes",
    "pack_orders",
    "price_in",
    "proves_omission",
    "receipt_digest",
    "schedule_digest",
    "schedule_hash",
    "sign_schedule",
    "unpack_entries",
    "unpack_fills",
    "unpack_members",
    "unpack_orders",
    "verify_receipt",
    "word_count",
    "words_hash",
    "worst_of",
]
