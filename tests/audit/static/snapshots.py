"""Rewrites the snapshots of interfaces and storage layouts: ``.venv/bin/python -m tests.audit.static.snapshots``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.audit.static.code import deployed, snapshot

FOLDER = Path(__file__).parent / "snapshots"


def file_of(name: str) -> Path:
    return FOLDER / f"{name}.json"


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for stale in FOLDER.glob("*.json"):
        stale.unlink()
    for name in deployed():
        file_of(name).write_text(json.dumps(snapshot(name), indent=1) + "\n")


if __name__ == "__main__":
    write()
