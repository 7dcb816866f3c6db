"""Changes to a run's event file, as someone might make who wants another outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[dict[str, Any]], None]


def read_events(folder: Path, mechanism: str) -> list[dict[str, Any]]:
    """Return the events of a mechanism."""
    path = folder / mechanism / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_events(folder: Path, mechanism: str, events: list[dict[str, Any]]) -> None:
    """Replace the events of a mechanism."""
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (folder / mechanism / "events.jsonl").write_text(lines)


def find(events: list[dict[str, Any]], name: str, slot: int | None = None) -> dict[str, Any]:
    """Return the last event of a name, of a slot if one is given."""
    return [
        event
        for event in events
        if event["event"] == name and (slot is None or event["args"].get("slot") == slot)
    ][-1]


def change_event(
    folder: Path, mechanism: str, name: str, change: Change, slot: int | None = None
) -> None:
    """Change the arguments of the last event of a name."""
    events = read_events(folder, mechanism)
    change(find(events, name, slot)["args"])
    write_events(folder, mechanism, events)


def drop_event(folder: Path, mechanism: str, name: str, slot: int | None = None) -> None:
    """Leave the last event of a name out."""
    events = read_events(folder, mechanism)
    events.remove(find(events, name, slot))
    write_events(folder, mechanism, events)


def append_events(
    folder: Path, mechanism: str, added: list[tuple[str, str, dict[str, Any]]], before: str = ""
) -> None:
    """Add events (contract, name, arguments) at the end, or before the first event of a name, as one block's logs."""
    events = read_events(folder, mechanism)
    names = [event["event"] for event in events]
    place = names.index(before) if before else len(events)
    last = events[place - 1]
    new = [
        last
        | {"contract": contract, "event": name, "args": args}
        | {"log_index": last["log_index"] + 1 + index}
        for index, (contract, name, args) in enumerate(added)
    ]
    write_events(folder, mechanism, events[:place] + new + events[place:])
