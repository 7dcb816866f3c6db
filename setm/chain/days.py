"""Whole days on the chain: posting readings of daily meters, writing them out, and settlement by groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm.chain.contracts import Meters, Settlement
from setm.chain.sender import Call, Sender
from setm.days import DayReading
from setm.schedules import (
    MAX_TRANSACTION_GAS,
    BookKey,
    ScheduleOutcome,
    member_of,
    pack_fills,
)

# The ceilings of what a call costs, a member of a group that never was settled before included.
POST_GAS, POSTED_GAS = 200_000, 80_000
UNPACK_GAS, UNPACKED_GAS = 300_000, 40_000
SETTLE_GAS, SETTLED_GAS = 600_000, 80_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundGroup:
    """A group of a final book, as it is settled: its number, and what became of its members."""

    key: BookKey
    number: int
    outcomes: Sequence[ScheduleOutcome]

    @property
    def paid_on_balance(self) -> int:
        """What its members pay for their trades beyond what they earn, 1e-6 EUR."""
        return sum(one.payment - one.revenue for one in self.outcomes)


def posting_days(meters: Meters, sender: Sender, days: Sequence[Sequence[int]]) -> Call:
    """Return the call that posts signed days (``setm.days.posted_words``); anyone may."""
    words = [word for one in days for word in one]
    gas = POST_GAS + POSTED_GAS * len(days)
    return meters.call(sender, "post days", "postDays", (words,), gas)


def unpacking_day(meters: Meters, sender: Sender, reading: DayReading) -> Call:
    """Return the call that writes a final day out as readings of its slots; anyone may."""
    imports, exports = reading.words()
    args = (reading.meter, reading.day, [*imports, *exports])
    gas = UNPACK_GAS + UNPACKED_GAS * len(reading.imports_wh)
    return meters.call(sender, "unpack day", "unpackDay", args, gas)


def settle_arguments(
    venue: str, group: BoundGroup, readings: Mapping[int, DayReading]
) -> tuple[Any, ...]:
    """Return the arguments of settleDay for a whole group; ``readings`` by participant."""
    own = [readings[one.participant_id].words() for one in group.outcomes]
    return (
        venue,
        group.key.values,
        group.number,
        [member_of(one) for one in group.outcomes],
        [word for one in group.outcomes for word in pack_fills(one.fills)],
        [word for both in own for words in both for word in words],
    )


def settling_day(
    settlement: Settlement,
    sender: Sender,
    venue: str,
    group: BoundGroup,
    readings: Mapping[int, DayReading],
) -> Call:
    """Return the call that settles the day of a whole group; anyone may."""
    args = settle_arguments(venue, group, readings)
    gas = min(MAX_TRANSACTION_GAS, SETTLE_GAS + SETTLED_GAS * len(group.outcomes))
    return settlement.call(sender, "settle day", "settleDay", args, gas)
