"""Fingerprints of a run: the same scenario and seed give the same ones, on every chain and at every time of day."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import StringIO

import polars as pl

from setm.report import schema
from setm.report.schema import Table

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def canonical_csv(table: Table, frame: pl.DataFrame) -> str:
    """Return a table as CSV without the columns that differ from run to run (hashes of transactions, chain times)."""
    stable = [column.name for column in table.columns if not column.is_volatile]
    text = StringIO()
    frame.select(stable).write_csv(text, datetime_format=TIME_FORMAT)
    return text.getvalue()


def table_hash(table: Table, frame: pl.DataFrame) -> str:
    """Return the SHA-256 of a table's canonical CSV as hex."""
    return hashlib.sha256(canonical_csv(table, frame).encode()).hexdigest()


def hashes(
    run: Mapping[str, pl.DataFrame], mechanisms: Mapping[str, Mapping[str, pl.DataFrame]]
) -> dict[str, str]:
    """Return the hash of every table of a run, by file name without ending, sorted."""
    found = {table.name: table_hash(table, run[table.name]) for table in schema.RUN_TABLES}
    for mechanism, frames in mechanisms.items():
        for table in schema.MECHANISM_TABLES:
            found[f"{mechanism}_{table.name}"] = table_hash(table, frames[table.name])
    return dict(sorted(found.items()))
