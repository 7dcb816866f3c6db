"""A small valid scenario to break in one place at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

Change = Callable[[dict[str, Any]], object]

DAYS = 6


def write_meter(path: Path, days: int = DAYS) -> None:
    """Write hourly rows from 2024-01-01 UTC on that take and feed in energy."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        f"{(start + timedelta(hours=i)).isoformat()},{300 + i % 24},{i % 24}"
        for i in range(24 * days)
    ]
    path.write_text("\n".join(["start_at,import_wh,export_wh", *rows]) + "\n", encoding="utf-8")


def valid() -> dict[str, Any]:
    """Return a scenario in which bob sells to alice."""
    people = {"alice": ("personal consumer", 34, 46), "bob": ("generation", 40, 52)}
    return {
        "name": "two",
        "day": "2024-01-06",
        "participants": [
            {
                "name": name,
                "kind": kind,
                "days_for_forecasting": 3,
                "min_bid_eur_per_mwh": low,
                "max_bid_eur_per_mwh": high,
                "data": "meter.csv",
            }
            for name, (kind, low, high) in people.items()
        ],
    }


def write_scenario(folder: Path, change: Change = lambda _: None) -> Path:
    """Write the valid scenario, changed, and its meter data; return the scenario's path."""
    write_meter(folder / "meter.csv")
    values = valid()
    change(values)
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path
