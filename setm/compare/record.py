"""What a mechanism's day left on the chain: its events and transactions, read from the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setm.errors import RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One log: where it stands in the file, of which contract (by role), and its arguments by Solidity name."""

    line: str
    contract: str
    name: str
    args: Mapping[str, Any]

    def __getitem__(self, argument: str) -> Any:
        if argument not in self.args:
            raise RunError(
                f"{self.line}: {self.contract}.{self.name} lacks {argument!r}; run the comparison again with --fresh"
            )
        return self.args[argument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One transaction: what for, to which contract (by role, "" for none), at what cost."""

    action: str
    contract: str
    gas_used: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One mechanism's chain record; ``names`` are the participants' by their numbers."""

    mechanism: str
    names: Mapping[int, str]
    events: tuple[Event, ...]
    transactions: tuple[Transaction, ...]

    def of(self, name: str) -> Iterator[Event]:
        """Yield the events of one name, of whichever contract."""
        return (event for event in self.events if event.name == name)


def read_record(folder: Path, mechanism: str) -> Record:
    """Return the record that a mechanism's day wrote into ``folder``; raise ``RunError`` if it is not whole."""
    try:
        members = json.loads((folder / "members.json").read_text())
        events = [_event(*line) for line in _lines(folder / "events.jsonl")]
        sent = [_transaction(row) for _, row in _lines(folder / "transactions.jsonl")]
        names = {row["participant_id"]: row["name"] for row in members}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{folder}: the record of {mechanism} is missing, cut off or changed ({error}); "
            "run the comparison again with --fresh"
        ) from error
    return Record(mechanism=mechanism, names=names, events=tuple(events), transactions=tuple(sent))


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            yield f"{path}, line {number}", json.loads(line)


def _event(line: str, row: Mapping[str, Any]) -> Event:
    return Event(line=line, contract=row["contract"], name=row["event"], args=row["args"])


def _transaction(row: Mapping[str, Any]) -> Transaction:
    return Transaction(**{name: row[name] for name in Transaction.__dataclass_fields__})
