"""Delivery slots: ``slot = UTC Unix seconds // slot seconds``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NewType

from setm.errors import ConfigError

Slot = NewType("Slot", int)

SLOT_SECONDS_SUPPORTED = (900, 3600)


def slot_at(moment: datetime, slot_seconds: int) -> Slot:
    """Return the slot that contains ``moment`` (aware).

    >>> slot_at(datetime(1970, 1, 1, 1, 15, tzinfo=UTC), 900)
    5
    """
    if moment.tzinfo is None:
        raise ConfigError(f"time {moment.isoformat()}: expected an offset, such as +00:00")
    return Slot(int(moment.timestamp()) // slot_seconds)


def slot_start(slot: int, slot_seconds: int) -> datetime:
    """Return the UTC start of a slot.

    >>> slot_start(5, 900).isoformat()
    '1970-01-01T01:15:00+00:00'
    """
    return datetime.fromtimestamp(slot * slot_seconds, tz=UTC)
