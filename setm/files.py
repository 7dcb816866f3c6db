"""Files that are whole or not there, locks that end with their process, and a full disk in clear words."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from setm.errors import ConfigError, JournalLocked, StorageFull

FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there with all of its text, on disk, or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    with storing(path):
        try:
            with draft.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def make_folder(folder: Path) -> Path:
    """Return a folder that is there now, with its parents; raise ``ConfigError`` if it cannot be made."""
    try:
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made ({error.strerror}); give a folder that you may write to"
        ) from None
    return folder


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Raise ``StorageFull`` for what cannot be written because the disk or a quota is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise storage_full(Path(str(error.filename or path)), str(error.strerror)) from error


def storage_full(path: Path | None, why: str) -> StorageFull:
    """Return the error for a file that could not be written."""
    return StorageFull(
        f"{path}: not written ({why}); make room, then run the same command again to continue"
    )


def lock(path: Path) -> int:
    """Return the descriptor of a lock that nobody else holds; raise ``JournalLocked`` if somebody does.

    It ends with the process that holds it, however that ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it before may have put its folder in place meanwhile: then this is the lock of nothing.
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    raise JournalLocked(
        f"{path.parent} is in use by another process: wait until it has ended, or end it"
    )
