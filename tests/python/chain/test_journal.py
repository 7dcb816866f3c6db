"""The journal by itself: what is written survives, once, and only one process writes it."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from setm.chain.journal import Intent, Journal, Mined, Signed, State
from setm.errors import JournalLocked, JournalMismatch, StorageFull

ROOT = Path(__file__).resolve().parents[3]
ALICE, BOB = "0xA11CE", "0xB0B"
MINT = Intent(
    participant="alice",
    action="mint",
    contract="token",
    target="0x70",
    selector="0x40c10f19",
    value=0,
)


def signed(nonce, *, fee=100, raw=b"raw"):
    return Signed(nonce=nonce, tx_hash=f"0x{nonce}-{fee}", max_fee=fee, raw=raw)


def mined(block, tx_hash="0x0-100", *, ok=True):
    return Mined(
        tx_hash=tx_hash,
        block=block,
        block_hash=f"0xb{block}",
        timestamp=1000 + block,
        ok=ok,
        gas_used=21_000,
        receipt={"logs": []},
    )


def sent(journal, ordinal, block=None, sender=ALICE, intent=MINT):
    entry = journal.plan(sender, ordinal, intent)
    entry = journal.sent(journal.sign(entry, signed(ordinal, raw=f"{sender}{ordinal}".encode())))
    return entry if block is None else journal.mined(entry, mined(block, f"0x{ordinal}-100"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@contextmanager
def no_file_beyond(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_every_state_is_found_again(path):
    with Journal(path) as journal:
        sent(journal, 0, block=7)
        sent(journal, 1)
        journal.sign(journal.plan(ALICE, 2, MINT), signed(2))
        journal.plan(ALICE, 3, MINT)
        journal.finalise(7)
        before = journal.entries()
    with Journal(path) as journal:
        assert journal.entries() == before
        assert [entry.state for entry in before] == [
            State.FINAL,
            State.SENT,
            State.SIGNED,
            State.PLANNED,
        ]
        assert before[0].mined == mined(7)
        assert journal.counts() == (1, 4)


def test_each_sender_counts_by_itself_and_all_share_one_order(path):
    with Journal(path) as journal:
        for ordinal in (0, 1):
            sent(journal, ordinal, block=2 * ordinal + 1)
            entry = journal.plan(BOB, ordinal, MINT)
            journal.mined(journal.sign(entry, signed(ordinal, fee=7)), mined(2 * ordinal + 2))
        assert [(item.sender, item.block) for item in journal.history()] == [
            (ALICE, 1),
            (BOB, 2),
            (ALICE, 3),
            (BOB, 4),
        ]
        assert (journal.next_nonce(ALICE), journal.next_nonce("0xC")) == (2, None)


def test_a_raised_fee_keeps_the_nonce_and_both_bytes(path):
    with Journal(path) as journal:
        entry = sent(journal, 0)
        journal.sign(entry, signed(0, fee=113), "replaced")
        assert [item.max_fee for item in journal.signatures(entry)] == [100, 113]
        assert journal.next_nonce(ALICE) == 1


def test_what_was_lost_counts_as_sent_and_is_remembered(path):
    with Journal(path) as journal:
        entry = journal.lost(sent(journal, 0, block=5))
        assert (entry.state, entry.mined) == (State.SENT, mined(5))
        assert journal.newest() is None
        assert journal.history() == []
        assert journal.counts() == (0, 1)
        assert journal.seen() == [entry]


def test_another_intent_at_the_same_place_is_refused_with_the_difference(path):
    other = Intent(
        participant="alice",
        action="mint",
        contract="token",
        target="0x71",
        selector="0x40c10f19",
        value=0,
    )
    with Journal(path) as journal:
        sent(journal, 0)
        assert journal.expect(ALICE, 0, MINT) is not None
        assert journal.expect(ALICE, 1, other) is None
        with pytest.raises(
            JournalMismatch, match=r"was mint of alice, now target '0x70' became '0x71'"
        ):
            journal.expect(ALICE, 0, other)


def test_two_bytes_of_one_hash_are_impossible(path):
    with Journal(path) as journal:
        sent(journal, 0)
        with pytest.raises(sqlite3.IntegrityError):
            journal.sign(journal.plan(ALICE, 1, MINT), signed(0))


def test_every_write_is_told_after_it_is_made(path):
    told = []

    def observe(change, entries):
        (entry,) = entries
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as other:
            rows = other.execute("SELECT state FROM transactions WHERE number = ?", (entry.number,))
            told.append((change, *rows.fetchone()))
        other.close()

    with Journal(path, observe) as journal:
        entry = sent(journal, 0)
        journal.sign(entry, signed(0, fee=113), "replaced")
        journal.mined(entry, mined(3, "0x0-113"))
        journal.lost(entry)
        journal.mined(entry, mined(4, "0x0-113"))
        journal.finalise(4)
    assert told == [
        ("planned", "planned"),
        ("signed", "signed"),
        ("sent", "sent"),
        ("replaced", "signed"),
        ("mined", "mined"),
        ("lost", "sent"),
        ("mined", "mined"),
        ("final", "final"),
    ]


def test_signed_bytes_are_on_disk_before_anybody_sees_them(path):
    """SQLite is told to flush for them, and for them alone."""
    statements = []
    with Journal(path) as journal:
        journal._database.set_trace_callback(statements.append)
        sent(journal, 0, block=1)
    words = [
        "flush" if "= FULL" in line else "no flush" if "= NORMAL" in line else line.split()[0]
        for line in statements
        if not line.startswith("SELECT")
    ]
    assert words == [
        *("BEGIN", "INSERT", "COMMIT"),
        *("flush", "BEGIN", "INSERT", "UPDATE", "COMMIT", "no flush"),
        *("BEGIN", "UPDATE", "COMMIT") * 2,
    ]


def test_a_second_process_is_told_that_the_journal_is_in_use(path):
    with Journal(path):
        asked = subprocess.run(
            [
                sys.executable,
                "-c",
                f"from pathlib import Path; from setm.chain.journal import Journal; Journal(Path({str(path)!r}))",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "JournalLocked" in asked.stderr
        assert "is in use by another process" in asked.stderr
        with pytest.raises(JournalLocked):
            Journal(path)
    Journal(path).close()


def test_a_process_that_was_killed_leaves_its_journal_whole_and_free(path):
    program = f"""
import os, signal
from pathlib import Path
from tests.python.chain.test_journal import sent
from setm.chain.journal import Journal
journal = Journal(Path({str(path)!r}))
for ordinal in range(50):
    sent(journal, ordinal, block=ordinal)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert done.returncode == -9
    with Journal(path) as journal:
        assert journal.counts() == (50, 50)
        assert journal._read("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_is_said_and_what_was_written_stays(path):
    with Journal(path) as journal:
        sent(journal, 0, block=1)
        with (
            no_file_beyond(journal_size(path)),
            pytest.raises(StorageFull, match=r"journal.sqlite: not written"),
        ):
            send_many(journal)
        kept = journal.entries()
    with Journal(path) as journal:
        assert journal.entries() == kept
        ordinal = len(kept) if kept[-1].state is not State.PLANNED else len(kept) - 1
        assert journal.next_nonce(ALICE) in (ordinal, ordinal + 1)
        sent(journal, len(kept) + 1, block=9)


@pytest.mark.parametrize("size", [1, 5_000, 20_000])
def test_a_disk_too_full_to_begin_is_said_and_leaves_the_journal_free(path, size):
    Journal(path).close()
    with no_file_beyond(size), pytest.raises(StorageFull, match=r"journal.sqlite: not written"):
        send_many(Journal(path))
    with Journal(path) as journal:
        assert journal.counts() == (0, 0)
        sent(journal, 0, block=1)


def send_many(journal):
    for ordinal in range(1, 100):
        sent(journal, ordinal, block=ordinal)


def journal_size(path):
    return path.with_name("journal.sqlite-wal").stat().st_size + 8192


def test_nothing_secret_is_in_it(path):
    """Its columns are what a chain shows to everybody, and names."""
    with Journal(path) as journal:
        columns = {
            row[1]
            for table in ("transactions", "signatures")
            for row in journal._read(f"PRAGMA table_info({table})")
        }
    assert columns == {
        *("number", "sender", "ordinal", "participant", "action", "contract", "target", "selector"),
        *("value", "state", "nonce", "hash", "block", "block_hash", "timestamp", "ok", "gas_used"),
        *("receipt", "refusal", "max_fee", "raw"),
    }
