"""The search finds what it looks for, wherever and however it is written: each leak is planted here first."""

import base64
import gzip
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.audit.figures import record
from tests.audit.keys.scan import Phrase, Secret, Watcher, contents, files_below, search

KEY = bytes(range(200, 232))
SECRET = Secret("a key", KEY)
WORDS = "zebra quantum lunar octave barrel mirror saddle tunnel velvet wisdom yellow zone"
PHRASE = Phrase("a mnemonic", WORDS.encode())
NUMBER = int.from_bytes(KEY, "big")

WRITTEN = {
    "hex": KEY.hex().encode(),
    "hex with 0x": b'{"key": "0x' + KEY.hex().encode() + b'"}',
    "capitals": KEY.hex().upper().encode(),
    "raw": b"\x00" + KEY + b"\x00",
    "decimal": f"salt={NUMBER};".encode(),
    "list": str(list(KEY)).encode(),
    "tight list": str(list(KEY)).replace(" ", "").encode(),
    "Python": repr(KEY).encode(),
    "reversed": KEY[::-1].hex().encode(),
    "spaced": KEY.hex(" ").encode(),
    "UTF-16": KEY.hex().encode("utf-16"),
    "base64": base64.b64encode(KEY),
    "base64 inside, by one": base64.b64encode(b"a" + KEY + b"bc"),
    "base64 inside, by two": base64.b64encode(b"ab" + KEY + b"c"),
    "base64 for addresses": base64.urlsafe_b64encode(KEY),
    "base32": base64.b32encode(KEY),
}
SPOKEN = {
    "words": WORDS.encode(),
    "lines": WORDS.replace(" ", "\n").encode(),
    "JSON list": str(WORDS.split()).replace("'", '"').encode(),
    "Python list": str(WORDS.split()).encode(),
    "query": WORDS.replace(" ", "%20").encode(),
    "hex": WORDS.encode().hex().encode(),
    "base64": base64.b64encode(WORDS.encode()),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_finds_a_key_however_it_is_written(how):
    assert search({"log": b"before " + WRITTEN[how] + b" after"}, [SECRET])


@pytest.mark.parametrize("how", SPOKEN)
def test_finds_words_however_they_are_written(how):
    assert search({"log": b"before " + SPOKEN[how] + b" after"}, [PHRASE])


def test_finds_nothing_where_there_is_nothing():
    other = bytes(reversed(range(100, 132)))
    text = b" ".join([other, other.hex().encode(), base64.b64encode(other), WORDS[:20].encode()])

    assert search({"log": text}, [SECRET, PHRASE]) == []


def in_text(folder: Path) -> None:
    (folder / "run.log").write_text(f"key {KEY.hex()}")


def in_sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (raw BLOB)")
        database.execute("INSERT INTO t VALUES (?)", (b"tx" + KEY,))
    database.close()


def in_parquet(folder: Path) -> None:
    pl.DataFrame({"account": ["0x" + KEY.hex()] * 3}).write_parquet(folder / "t.parquet")


def in_gzip(folder: Path) -> None:
    (folder / "state.json").write_bytes(gzip.compress(KEY.hex().encode()))


def in_a_name(folder: Path) -> None:
    (folder / f"{KEY.hex()}.txt").write_text("")


def in_a_hidden_folder(folder: Path) -> None:
    (folder / ".cache" / "deep").mkdir(parents=True)
    (folder / ".cache" / "deep" / ".x").write_bytes(KEY)


@pytest.mark.parametrize(
    "plant", [in_text, in_sqlite, in_parquet, in_gzip, in_a_name, in_a_hidden_folder]
)
def test_finds_a_key_wherever_it_is_kept(plant, tmp_path):
    plant(tmp_path)

    assert search(contents(files_below(tmp_path)), [SECRET])


def watched(*words: str, environment: dict[str, str] | None = None) -> dict[str, bytes]:
    """Return what was seen of a process whose child lives for a second."""
    child = f"import subprocess, sys; subprocess.run({list(words)!r})"
    with (
        subprocess.Popen([sys.executable, "-c", child], env=environment) as process,
        Watcher(process.pid, own_environment=False) as watcher,
    ):
        process.wait()
    return watcher.seen


def test_finds_a_key_in_a_command_line_of_a_child():
    seen = watched("sh", "-c", "sleep 1; :", KEY.hex())

    assert {finding.place.split()[0] for finding in search(seen, [SECRET])} == {"cmdline"}


def test_finds_a_key_in_an_environment_of_a_child():
    seen = watched("sleep", "1", environment={**os.environ, "KEY": KEY.hex()})

    places = {finding.place.split()[0] for finding in search(seen, [SECRET])}
    record(
        "keys",
        "ways to leak that the search finds",
        len(WRITTEN) + len(SPOKEN) + 8,
        wanted="all planted",
        ok=True,
    )
    assert places == {"environ"}
