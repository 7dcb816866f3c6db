"""Looks for secrets in whatever a program wrote or showed, in every form in which one may leak."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import os
import sys
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import psutil

SAMPLE_SECONDS = 0.02
# So many bytes of a form are compared first; each form has at least as many.
START = 8


@dataclass(frozen=True)
class Secret:
    """What must not be found, under a name that may be told."""

    name: str
    value: bytes

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Yield each way to write it, by the name of that way."""
        number = int.from_bytes(self.value, "big")
        digits = self.value.hex()
        yield "raw bytes", self.value
        yield "bytes in reverse", self.value[::-1]
        yield "hex", digits.encode()
        yield "hex in capitals", digits.upper().encode()
        yield "hex in reverse", self.value[::-1].hex().encode()
        yield "hex by bytes", self.value.hex(" ").encode()
        yield "hex by bytes with colons", self.value.hex(":").encode()
        yield "hex in UTF-16", digits.encode("utf-16-le")
        yield "decimal", str(number).encode()
        yield "list of numbers", ", ".join(str(byte) for byte in self.value).encode()
        yield "list of numbers, tight", ",".join(str(byte) for byte in self.value).encode()
        yield "bytes as Python writes them", repr(self.value)[2:-1].encode()
        for shift in range(3):
            # Inside longer data base64 depends on where a secret begins; its ends mix with the neighbours.
            padded = bytes(shift) + self.value
            whole = base64.b64encode(padded)[4 if shift else 0 : len(padded) // 3 * 4]
            yield f"base64 from {shift}", whole
            yield (
                f"base64 for addresses from {shift}",
                whole.replace(b"+", b"-").replace(b"/", b"_"),
            )
        yield "base32", base64.b32encode(self.value).rstrip(b"=")[: len(self.value) * 8 // 5]


@dataclass(frozen=True)
class Phrase(Secret):
    """Words: a password or a mnemonic; also found with other spaces and as hex."""

    def forms(self) -> Iterator[tuple[str, bytes]]:
        yield "text", self.value
        yield "text in UTF-16", self.value.decode().encode("utf-16-le")
        yield "text in lines", self.value.replace(b" ", b"\n")
        yield "text in JSON", self.value.replace(b" ", b'", "')
        yield "text in a list", self.value.replace(b" ", b"', '")
        yield "text tight", self.value.replace(b" ", b",")
        yield "hex", self.value.hex().encode()
        yield "base64", base64.b64encode(self.value).rstrip(b"=")[: len(self.value) // 3 * 4]
        yield "text in an address", self.value.replace(b" ", b"%20")
        yield "text in a form", self.value.replace(b" ", b"+")


@dataclass(frozen=True, order=True)
class Finding:
    """Where which secret was found, and how it was written."""

    place: str
    secret: str
    form: str


def search(places: Mapping[str, bytes], secrets: Iterable[Secret]) -> list[Finding]:
    """Return every secret that is found in one of the places."""
    forms: dict[int, list[tuple[str, str, bytes]]] = {}
    for secret in secrets:
        for form, text in secret.forms():
            start = int.from_bytes(text[:START], sys.byteorder)
            forms.setdefault(start, []).append((secret.name, form, text))
    starts = np.array(sorted(forms), dtype=np.uint64)
    return sorted(
        {
            Finding(place, name, form)
            for place, content in places.items()
            for at, start in _candidates(content, starts)
            for name, form, text in forms[start]
            if content.startswith(text, at)
        }
    )


def _candidates(content: bytes, starts: npt.NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Yield where something begins as one of the forms does, in one pass however many forms there are."""
    for shift in range(min(START, len(content))):
        count = (len(content) - shift) // START
        words = np.frombuffer(content, dtype=np.uint64, count=count, offset=shift)
        places = np.searchsorted(starts, words)
        hits = np.flatnonzero(starts[np.minimum(places, len(starts) - 1)] == words)
        for hit in hits:
            yield shift + int(hit) * START, int(words[hit])


def contents(paths: Iterable[Path]) -> dict[str, bytes]:
    """Return what is in files, unpacked as well where it is packed, and the names of the files themselves."""
    found: dict[str, bytes] = {}
    for path in paths:
        try:
            raw = path.read_bytes()
        except OSError:
            # Gone meanwhile, or a socket.
            continue
        found[str(path)] = raw
        for how, unpacked in _unpacked(raw):
            found[f"{path} ({how})"] = unpacked
    found["names of files"] = "\n".join(found).encode()
    return found


def _unpacked(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is in packed data; of a file that is only half written nothing but its bytes is looked at."""
    with contextlib.suppress(OSError, EOFError, zlib.error, pl.exceptions.PolarsError):
        if raw[:2] == b"\x1f\x8b":
            yield "unpacked", gzip.decompress(raw)
        elif raw[:4] == b"PAR1":
            yield "as table", pl.read_parquet(io.BytesIO(raw)).write_csv().encode()
        elif raw[:1] == b"x":
            yield "inflated", zlib.decompress(raw)


def files_below(*folders: Path, since: float = 0, but: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield all files that were written since a time; nothing below ``but``."""
    left_out = tuple(str(path) for path in but)
    for folder in folders:
        for root, _, names in os.walk(folder):
            if not root.startswith(left_out) if left_out else True:
                for name in names:
                    path = Path(root, name)
                    if str(path) not in left_out and _changed(path, since):
                        yield path


def _changed(path: Path, since: float) -> bool:
    try:
        return path.lstat().st_mtime >= since and path.is_file()
    except OSError:
        return False


@dataclass
class Watcher:
    """Collects command lines of a process and its children, and the children's environments, while it is entered."""

    process_id: int
    own_environment: bool
    seen: dict[str, bytes] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)

    def __enter__(self) -> Watcher:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                parent = psutil.Process(self.process_id)
                processes = [parent, *parent.children(recursive=True)]
            except psutil.Error:
                return
            for process in processes:
                self._look(process.pid)

    def _look(self, process_id: int) -> None:
        try:
            words = Path(f"/proc/{process_id}/cmdline").read_bytes()
            environment = Path(f"/proc/{process_id}/environ").read_bytes()
        except OSError:
            return
        program = Path(words.split(b"\0")[0].decode(errors="replace")).name
        self.programs.add(program)
        self.seen[f"cmdline of {program} {process_id}: {hash(words)}"] = words
        if process_id != self.process_id or self.own_environment:
            self.seen[f"environ of {program} {process_id}: {hash(environment)}"] = environment
