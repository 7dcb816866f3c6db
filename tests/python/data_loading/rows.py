"""Rows of small CSV files."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

WriteCsv = Callable[..., Path]


def hourly_rows(count: int, step_seconds: int = 3600, value: str = "100") -> list[str]:
    """Return rows from 2024-01-01 UTC on, each importing ``value``."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    return [
        f"{(start + timedelta(seconds=step_seconds * i)).isoformat()},{value}" for i in range(count)
    ]
