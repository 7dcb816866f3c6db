"""Interface and storage of every contract stand in snapshots/: no change of them goes unseen.

A wanted change is written down by ``.venv/bin/python -m tests.audit.static.snapshots``.
"""

from __future__ import annotations

import json

import pytest

from tests.audit.figures import record
from tests.audit.static.code import deployed, snapshot
from tests.audit.static.snapshots import FOLDER, file_of


def test_every_contract_equals_its_snapshot() -> None:
    changes = [line for name in deployed() for line in changed(name)]
    lines = sum(len(part) for name in deployed() for part in snapshot(name).values())
    record(
        "static",
        "lines of interface and storage unlike their snapshots",
        len(changes),
        wanted="0",
        ok=not changes,
        lines=lines,
    )
    assert changes == [], "\n".join(["rewrite the snapshots if this is meant:", *changes])


def changed(name: str) -> list[str]:
    """Return what was added, removed and moved since the snapshot."""
    found = snapshot(name)
    wanted = json.loads(file_of(name).read_text()) if file_of(name).exists() else {}
    changes = []
    for part, lines in found.items():
        before = wanted.get(part, [])
        # Storage keeps its order: a line says the place too, so that a move shows as one line less and one more.
        changes += [f"{name} + {line}" for line in lines if line not in before]
        changes += [f"{name} - {line}" for line in before if line not in lines]
        if sorted(lines) == sorted(before) and lines != before:
            changes.append(f"{name}: {part} in another order")
    return changes


def test_there_is_a_snapshot_of_every_contract_and_of_nothing_else() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(deployed())


def test_a_snapshot_holds_what_a_client_or_a_migration_would_trip_over() -> None:
    found = snapshot("Auction")
    begun = "function clear(uint32 slot) nonpayable returns () 0x"
    assert [line for line in found["abi"] if line.startswith(begun)]
    assert [line for line in found["storage"] if line.endswith(": t_bool isCleared")]
    assert [line for line in found["storage"] if line.endswith(" _margins")]


def test_a_changed_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot("UniformPriceRule")
    monkeypatch.setattr(
        "tests.audit.static.test_snapshots.snapshot",
        lambda name: {**before, "storage": ["slot 0 byte 0, 1 bytes: t_bool isPaused"]},
    )
    assert changed("UniformPriceRule") == [
        "UniformPriceRule + slot 0 byte 0, 1 bytes: t_bool isPaused"
    ]
