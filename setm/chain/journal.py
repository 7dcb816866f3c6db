"""The write-ahead journal of a run: what each key sent, or is about to send, in the order in which it was meant.

One SQLite file for each mechanism. Every change is written before the act that it announces, so that a program that
was killed anywhere finds its last step when it is started again::

    planned ──▶ signed ──▶ sent ──▶ mined ──▶ final
       │           │         ▲         │        │
       │           └─ fsync  └─────────┴────────┴── lost: the chain no longer has the block
       └── number, key, nonce to come, what for

A program that repeats its steps asks with its sender's address and the count of what that sender did before; what is
signed there is handed in again byte for byte, and what is mined is not sent again. Nothing secret is in it: signed
bytes are public once sent.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from setm.errors import JournalMismatch
from setm.files import lock, storage_full

SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
    number      INTEGER PRIMARY KEY,
    sender      TEXT NOT NULL,
    ordinal     INTEGER NOT NULL,
    participant TEXT NOT NULL,
    action      TEXT NOT NULL,
    contract    TEXT NOT NULL,
    target      TEXT NOT NULL,
    selector    TEXT NOT NULL,
    value       TEXT NOT NULL,
    state       TEXT NOT NULL,
    nonce       INTEGER,
    hash        TEXT,
    block       INTEGER,
    block_hash  TEXT,
    timestamp   INTEGER,
    ok          INTEGER,
    gas_used    INTEGER,
    receipt     TEXT,
    refusal     TEXT,
    UNIQUE (sender, ordinal)
) STRICT;
CREATE TABLE IF NOT EXISTS signatures (
    number      INTEGER NOT NULL REFERENCES transactions,
    sender      TEXT NOT NULL,
    nonce       INTEGER NOT NULL,
    hash        TEXT NOT NULL UNIQUE,
    max_fee     INTEGER NOT NULL,
    raw         BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS signatures_of ON signatures (number);
CREATE INDEX IF NOT EXISTS nonces_of ON signatures (sender, nonce);
CREATE INDEX IF NOT EXISTS blocks ON transactions (block);
"""
# The last two are of the file beside the write-ahead log that SQLite shares between processes.
NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_SHMOPEN")
IN_BLOCK = "state IN ('mined', 'final')"


class State(StrEnum):
    """How far a transaction is."""

    PLANNED = "planned"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a transaction is for; ``selector`` is the function that it calls, ``value`` wei.

    The rest of the calldata may differ between two executions of a program, because deadlines follow the chain's clock.
    """

    participant: str
    action: str
    contract: str
    target: str
    selector: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Signed bytes with their hash; ``max_fee`` is wei per gas."""

    nonce: int
    tx_hash: str
    max_fee: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """A transaction's place in the chain; ``refusal`` is the revert data as hex if it was refused."""

    tx_hash: str
    block: int
    block_hash: str
    timestamp: int
    ok: bool
    gas_used: int
    receipt: Mapping[str, Any]
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal; ``ordinal`` counts within its sender, ``number`` over all senders."""

    number: int
    sender: str
    ordinal: int
    intent: Intent
    state: State
    nonce: int | None
    mined: Mined | None

    @property
    def name(self) -> str:
        """What it is, for messages."""
        return f"{self.intent.action} of {self.intent.participant}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction in a block, with what it was for."""

    tx_hash: str
    block: int
    timestamp: int
    sender: str
    participant: str
    action: str
    contract: str
    gas_used: int
    ok: bool


Observer = Callable[[str, Sequence[Entry]], None]
"""Called after each write with its name (planned, signed, sent, mined, replaced, lost, final) and its lines."""


def unobserved(change: str, entries: Sequence[Entry]) -> None:
    """Watch nothing."""


class Journal:
    """The journal of one mechanism; in memory if it has no path. One process writes it at a time."""

    def __init__(self, path: Path | None = None, observe: Observer = unobserved) -> None:
        self.path = path
        self._observe = observe
        self._lock = lock(path.with_name(path.name + ".lock")) if path else None
        self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
        try:
            with self._storage():
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.executescript(SCHEMA)
                self._flush_always(False)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file and let others have it."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- reading ----

    def entry(self, sender: str, ordinal: int) -> Entry | None:
        """Return the ``ordinal``-th line of a sender, counted from 0."""
        return next(self._entries("sender = ? AND ordinal = ?", sender, ordinal), None)

    def expect(self, sender: str, ordinal: int, intent: Intent) -> Entry | None:
        """Return the line at this place if there is one; raise ``JournalMismatch`` if it is of something else."""
        found = self.entry(sender, ordinal)
        if found is not None and found.intent != intent:
            changed = ", ".join(
                f"{item.name} {getattr(found.intent, item.name)!r} became {getattr(intent, item.name)!r}"
                for item in fields(Intent)
                if getattr(found.intent, item.name) != getattr(intent, item.name)
            )
            raise JournalMismatch(
                f"{self.path or 'journal'}: transaction {ordinal} of {found.intent.participant} was {found.name}, "
                f"now {changed}: the scenario or the program changed in between; start anew with --fresh"
            )
        return found

    def signatures(self, entry: Entry) -> list[Signed]:
        """Return everything that was signed for a line, the newest last; more than one after a raised fee."""
        rows = self._read(
            "SELECT nonce, hash, max_fee, raw FROM signatures WHERE number = ? ORDER BY rowid",
            entry.number,
        )
        return [Signed(nonce=n, tx_hash=h, max_fee=fee, raw=raw) for n, h, fee, raw in rows]

    def next_nonce(self, sender: str) -> int | None:
        """Return the nonce after the last that this sender signed, None if it signed nothing."""
        (last,) = self._read("SELECT max(nonce) FROM signatures WHERE sender = ?", sender)[0]
        return None if last is None else int(last) + 1

    def newest(self) -> Entry | None:
        """Return the line in the newest block."""
        return next(self._entries(IN_BLOCK, order="block DESC, number DESC"), None)

    def seen(self) -> list[Entry]:
        """Return every line that was ever seen in a block, the lost ones too, in the order in which it was meant."""
        return list(self._entries("block IS NOT NULL"))

    def is_before_others(self, entry: Entry, block: int) -> bool:
        """Return whether a line that comes before ``entry`` is in a block after ``block``."""
        later = f"number < ? AND block > ? AND {IN_BLOCK}"
        return next(self._entries(later, entry.number, block), None) is not None

    def entries(self) -> list[Entry]:
        """Return every line."""
        return list(self._entries("true"))

    def counts(self) -> tuple[int, int]:
        """Return how many lines are in blocks, and how many there are."""
        ((mined, planned),) = self._read(
            f"SELECT count(*) FILTER (WHERE {IN_BLOCK}), count(*) FROM transactions"
        )
        return int(mined), int(planned)

    def history(self) -> list[Sent]:
        """Return everything in blocks, in the order in which it was meant."""
        return [
            Sent(
                tx_hash=entry.mined.tx_hash,
                block=entry.mined.block,
                timestamp=entry.mined.timestamp,
                sender=entry.sender,
                participant=entry.intent.participant,
                action=entry.intent.action,
                contract=entry.intent.contract,
                gas_used=entry.mined.gas_used,
                ok=entry.mined.ok,
            )
            for entry in self._entries(IN_BLOCK)
            if entry.mined is not None
        ]

    # ---- writing ----

    def plan(self, sender: str, ordinal: int, intent: Intent) -> Entry:
        """Add a line."""
        return self.plan_many([(sender, ordinal, intent)])[0]

    def plan_many(self, planned: Sequence[tuple[str, int, Intent]]) -> list[Entry]:
        """Add a line for each sender, ordinal and intent, all or none."""
        numbers = []
        with self._written_together():
            for sender, ordinal, intent in planned:
                values = (sender, ordinal, *_columns(intent), State.PLANNED)
                added = self._database.execute(
                    "INSERT INTO transactions (sender, ordinal, participant, action, contract, target, "
                    f"selector, value, state) VALUES ({', '.join('?' * len(values))})",
                    values,
                )
                numbers.append(added.lastrowid)
        entries = [
            Entry(
                number=int(number or 0),
                sender=sender,
                ordinal=ordinal,
                intent=intent,
                state=State.PLANNED,
                nonce=None,
                mined=None,
            )
            for number, (sender, ordinal, intent) in zip(numbers, planned, strict=True)
        ]
        return self._seen("planned", entries)

    def sign(self, entry: Entry, signed: Signed, change: str = "signed") -> Entry:
        """Keep signed bytes; on disk when this returns, before anybody else can see them."""
        return self.sign_many([(entry, signed)], change)[0]

    def sign_many(
        self, listed: Sequence[tuple[Entry, Signed]], change: str = "signed"
    ) -> list[Entry]:
        """Keep the signed bytes of many lines; all of them on disk when this returns."""
        with self._storage():
            self._flush_always(True)
        with self._written_together():
            for entry, signed in listed:
                self._database.execute(
                    "INSERT INTO signatures (number, sender, nonce, hash, max_fee, raw) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        entry.number,
                        entry.sender,
                        signed.nonce,
                        signed.tx_hash,
                        signed.max_fee,
                        signed.raw,
                    ),
                )
                self._database.execute(
                    "UPDATE transactions SET state = ?, nonce = ?, hash = ? WHERE number = ?",
                    (State.SIGNED, signed.nonce, signed.tx_hash, entry.number),
                )
        with self._storage():
            self._flush_always(False)
        entries = [
            replace(entry, state=State.SIGNED, nonce=signed.nonce) for entry, signed in listed
        ]
        return self._seen(change, entries)

    def sent(self, entry: Entry) -> Entry:
        """Note that the signed bytes are about to be handed in."""
        return self.sent_many([entry])[0]

    def sent_many(self, entries: Sequence[Entry]) -> list[Entry]:
        """Note that the signed bytes of many lines are about to be handed in."""
        with self._written_together():
            for entry in entries:
                self._set_state(entry, State.SENT)
        return self._seen("sent", [replace(entry, state=State.SENT) for entry in entries])

    def mined(self, entry: Entry, mined: Mined) -> Entry:
        """Note in which block it is and what came of it."""
        return self.mined_many([(entry, mined)])[0]

    def mined_many(self, listed: Sequence[tuple[Entry, Mined]]) -> list[Entry]:
        """Note of many lines in which block each is and what came of it."""
        with self._written_together():
            for entry, mined in listed:
                self._database.execute(
                    "UPDATE transactions SET state = ?, hash = ?, block = ?, block_hash = ?, timestamp = ?, ok = ?, "
                    "gas_used = ?, receipt = ?, refusal = ? WHERE number = ?",
                    (
                        State.MINED,
                        mined.tx_hash,
                        mined.block,
                        mined.block_hash,
                        mined.timestamp,
                        int(mined.ok),
                        mined.gas_used,
                        json.dumps(mined.receipt, separators=(",", ":")),
                        mined.refusal,
                        entry.number,
                    ),
                )
        entries = [replace(entry, state=State.MINED, mined=mined) for entry, mined in listed]
        return self._seen("mined", entries)

    def lost(self, entry: Entry) -> Entry:
        """Note that its block is gone: it counts as sent until it is seen again. What came of it stays readable."""
        with self._storage():
            self._set_state(entry, State.SENT)
        return self._seen("lost", [replace(entry, state=State.SENT)])[0]

    def finalise(self, block: int) -> None:
        """Note that what is in this block or before it will stay."""
        is_watched = self._observe is not unobserved
        where = "state = ? AND block <= ?"
        deep = list(self._entries(where, State.MINED, block)) if is_watched else []
        with self._storage():
            self._database.execute(
                "UPDATE transactions SET state = ? WHERE state = ? AND block <= ?",
                (State.FINAL, State.MINED, block),
            )
        self._seen("final", [replace(entry, state=State.FINAL) for entry in deep])

    def _set_state(self, entry: Entry, state: State) -> None:
        self._database.execute(
            "UPDATE transactions SET state = ? WHERE number = ?", (state, entry.number)
        )

    def _seen(self, change: str, entries: list[Entry]) -> list[Entry]:
        if entries:
            self._observe(change, entries)
        return entries

    # ---- SQLite ----

    def _flush_always(self, always: bool) -> None:
        # Only what is signed has to be on disk before it is handed in. Any other change that a power failure takes back
        # is found out again from the chain; a killed program loses none of them.
        self._database.execute(f"PRAGMA synchronous = {'FULL' if always else 'NORMAL'}")

    def _entries(self, where: str, *values: Any, order: str = "number") -> Iterator[Entry]:
        rows = self._read(
            "SELECT number, sender, ordinal, participant, action, contract, target, selector, value, state, nonce, "
            "hash, block, block_hash, timestamp, ok, gas_used, receipt, refusal FROM transactions "
            f"WHERE {where} ORDER BY {order}",
            *values,
        )
        return map(_entry, rows)

    def _read(self, query: str, *values: Any) -> list[Sequence[Any]]:
        with self._storage():
            return self._database.execute(query, values).fetchall()

    @contextmanager
    def _written_together(self) -> Iterator[None]:
        """Write all or nothing of what is written inside."""
        with self._storage():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _storage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            if error.sqlite_errorname in NO_ROOM:
                raise storage_full(self.path, str(error)) from error
            raise


def _columns(intent: Intent) -> tuple[str, ...]:
    return (
        intent.participant,
        intent.action,
        intent.contract,
        intent.target,
        intent.selector,
        str(intent.value),
    )


def _entry(row: Sequence[Any]) -> Entry:
    number, sender, ordinal, participant, action, contract, target, selector, value = row[:9]
    state, nonce, tx_hash, block, block_hash, timestamp, ok, gas_used, receipt, refusal = row[9:]
    mined = None
    if block is not None:
        mined = Mined(
            tx_hash=tx_hash,
            block=block,
            block_hash=block_hash,
            timestamp=timestamp,
            ok=bool(ok),
            gas_used=gas_used,
            receipt=json.loads(receipt),
            refusal=refusal,
        )
    return Entry(
        number=number,
        sender=sender,
        ordinal=ordinal,
        intent=Intent(
            participant=participant,
            action=action,
            contract=contract,
            target=target,
            selector=selector,
            value=int(value),
        ),
        state=State(state),
        nonce=nonce,
        mined=mined,
    )
