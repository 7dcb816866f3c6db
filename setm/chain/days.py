"""Whole days on the chain: readings of daily meters, settlement by groups, and the values that calls handed in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from setm.chain.abi import ROLES, arguments_of
from setm.chain.connection import request
from setm.chain.contracts import Meters, Settlement
from setm.chain.events import Event
from setm.chain.keeper import Keeper
from setm.chain.sender import Call, Sender
from setm.days import DayReading, slots_a_day, told_word
from setm.errors import ChainError
from setm.files import storing
from setm.schedules import BookKey, ScheduleOutcome, member_of, pack_fills, unpack_fills, word_count
from setm.units import Wh

# The ceilings of what a call costs, a member of a group that never was settled before included.
POST_GAS, POSTED_GAS = 200_000, 80_000
UNPACK_GAS, UNPACKED_GAS = 300_000, 40_000
SETTLE_GAS, SETTLED_GAS = 600_000, 130_000


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


def settling_day(
    settlement: Settlement,
    sender: Sender,
    venue: str,
    group: BoundGroup,
    readings: Mapping[int, DayReading],
) -> Call:
    """Return the call that settles the day of a whole group; ``readings`` by participant; anyone may."""
    own = [readings[one.participant_id].words() for one in group.outcomes]
    args = (
        venue,
        group.key.values,
        group.number,
        [member_of(one) for one in group.outcomes],
        [word for one in group.outcomes for word in pack_fills(one.fills)],
        [word for both in own for words in both for word in words],
    )
    gas = SETTLE_GAS + SETTLED_GAS * len(group.outcomes)
    return settlement.call(sender, "settle day", "settleDay", args, gas)


def days_handed_in(keeper: Keeper, events: Iterable[Event], slot_seconds: int) -> list[DayReading]:
    """Return the values of every day that was posted, read from the transactions: events tell their hash only.

    Raises ``ChainError`` if the node does not have them.
    """
    found: dict[int, DayReading] = {}
    posts = [event for event in events if event.event == "DaysPosted"]
    for event in posts:
        wanted = set(event.args["readings"])
        for _ in range(keeper.patience.attempts):
            if wanted <= found.keys():
                break
            sent = request(keeper.web3, "eth_getTransactionByHash", event.tx_hash) or {}
            for reading in _days_in(sent.get("input", "0x"), slots_a_day(slot_seconds)):
                found[told_word(reading)] = reading
        if not wanted <= found.keys():
            raise ChainError(
                f"the node does not give the input of transaction {event.tx_hash}, whose readings DaysPosted tells: "
                "run the same command again to ask again"
            )
    told = [word for event in posts for word in event.args["readings"]]
    return [found[word] for word in told]


def _days_in(data: str, day_slots: int) -> list[DayReading]:
    """Return the days of a call of postDays, none of other data."""
    arguments = arguments_of(ROLES["meters"], "postDays", 1, data)
    words = () if arguments is None else arguments[0]
    half = word_count(day_slots)
    size = 3 + 2 * half
    return [
        DayReading(
            meter=words[at] >> 32,
            day=words[at] & (1 << 32) - 1,
            imports_wh=_values(words[at + 3 : at + 3 + half], day_slots),
            exports_wh=_values(words[at + 3 + half : at + size], day_slots),
        )
        for at in range(0, len(words) // size * size, size)
    ]


def _values(words: Sequence[int], day_slots: int) -> tuple[Wh, ...]:
    return tuple(map(Wh, unpack_fills(words, day_slots)))


def write_days(days: Iterable[DayReading], path: Path) -> None:
    """Write one JSON line for each day."""
    with storing(path), path.open("w") as lines:
        for one in days:
            row = {
                "meter": one.meter,
                "day": one.day,
                "imports_wh": one.imports_wh,
                "exports_wh": one.exports_wh,
            }
            lines.write(json.dumps(row) + "\n")
