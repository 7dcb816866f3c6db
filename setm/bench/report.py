"""The report of ``setm bench``: tables as CSV, Parquet and JSON, plots, the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from setm.bench.content import Found
from setm.bench.page import page
from setm.bench.plots import write_plots
from setm.bench.tables import tables
from setm.files import make_folder, write_whole
from setm.report.build import write_tables


def write_report(found: Found, folder: Path, command: str) -> Path:
    """Write ``tables/``, ``plots/``, ``bench.json`` and ``index.html`` into ``folder``; return the page's path."""
    make_folder(folder)
    made = tables(found)
    write_tables(made, folder / "tables")
    write_whole(folder / "bench.json", json.dumps(as_json(made), indent=1) + "\n")
    plots = write_plots(found, folder / "plots")
    target = folder / "index.html"
    write_whole(target, page(found, plots, made, command))
    return target


def as_json(made: dict[str, pl.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table by its name."""
    return {name: table.to_dicts() for name, table in made.items()}
