"""What calls handed in and events tell by a hash, or not at all: readings of whole days, and the entries of books."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from setm.chain.abi import ROLES, arguments_of
from setm.chain.connection import request
from setm.chain.events import Event
from setm.chain.keeper import Keeper
from setm.days import DayReading, slots_a_day, told_word
from setm.errors import ChainError
from setm.files import storing
from setm.schedules import Entry, unpack_entries, unpack_fills, word_count
from setm.units import Wh

POSTED = ("BatchWalked", "BookCleared")


def write_handed_in(
    keeper: Keeper, events: Sequence[Event], config: Mapping[str, Any], folder: Path
) -> None:
    """Write ``days.jsonl`` and ``schedules.jsonl`` into a folder, each if there is something of it.

    ``config`` is the deployment's. Raises ``ChainError`` if the node does not give a transaction's input.
    """
    days = (
        {
            "meter": one.meter,
            "day": one.day,
            "imports_wh": one.imports_wh,
            "exports_wh": one.exports_wh,
        }
        for one in days_handed_in(keeper, events, config["slot_seconds"])
    )
    schedules = (
        {
            "tx_hash": tx_hash,
            "participant_id": one.participant_id,
            "source": one.source.name.lower(),
            "r": one.r.hex(),
            "vs": one.vs.hex(),
            "orders": one.orders,
        }
        for tx_hash, one in entries_handed_in(keeper, events, config)
    )
    for name, rows in (("days.jsonl", days), ("schedules.jsonl", schedules)):
        lines = [json.dumps(row) + "\n" for row in rows]
        if lines:
            with storing(folder / name):
                (folder / name).write_text("".join(lines))


def days_handed_in(
    keeper: Keeper, events: Iterable[Event], slot_seconds: int
) -> Iterator[DayReading]:
    """Yield the values of every day that was posted; those that ``DaysPosted`` tells of, by their hash."""
    for event in events:
        if event.event != "DaysPosted":
            continue
        told: list[int] = event.args["readings"]

        def right(data: str, told: list[int] = told) -> list[DayReading] | None:
            found = {told_word(one): one for one in _days_in(data, slots_a_day(slot_seconds))}
            return [found[word] for word in told] if found.keys() >= set(told) else None

        yield from _read(keeper, event, right)


def entries_handed_in(
    keeper: Keeper, events: Iterable[Event], config: Mapping[str, Any]
) -> Iterator[tuple[str, Entry]]:
    """Yield every entry of every batch that was walked, with its transaction."""
    for event in events:
        venue, is_book, _ = event.contract.partition("_book")
        if not is_book or event.event not in POSTED:
            continue
        slots: int = config[venue]["span_slots"]

        def right(data: str, slots: int = slots) -> list[Entry] | None:
            arguments = arguments_of("ScheduleBook", "post", 2, data)
            return None if arguments is None else unpack_entries(arguments[1][2], slots)

        yield from ((event.tx_hash, one) for one in _read(keeper, event, right))


def _read(keeper: Keeper, event: Event, right: Callable[[str], list[Any] | None]) -> list[Any]:
    """Return what the input of an event's transaction holds; asked again while it is not ``right``."""
    for _ in range(keeper.patience.attempts):
        sent = request(keeper.web3, "eth_getTransactionByHash", event.tx_hash) or {}
        found = right(sent.get("input", "0x"))
        if found is not None:
            return found
    raise ChainError(
        f"the node does not give the input of transaction {event.tx_hash}, of which {event.event} tells: run the same "
        "command again to ask again"
    )


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
