"""Build the report of a run: tables, fingerprints, plots and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import polars as pl

from setm.errors import RunError
from setm.files import storing, write_whole
from setm.report import schema
from setm.report.dictionary import dictionary_csv
from setm.report.figures import figures
from setm.report.fold import Folded, fold, run_tables
from setm.report.hashes import TIME_FORMAT, hashes
from setm.report.page import page
from setm.report.png import write_plots
from setm.report.prepare import prepare
from setm.report.run import read_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A report: its page, and what the events of each mechanism came to."""

    page: Path
    mechanisms: list[Folded]


def build(run_dir: Path, name: str | None = None) -> Path:
    """Write the report as ``built`` does; return the page's path."""
    return built(run_dir, name).page


def built(run_dir: Path, name: str | None = None) -> Built:
    """Write ``tables/``, ``hashes.json``, ``plots/`` and ``index.html`` into a run folder; return what was written.

    ``name`` is what the page calls the folder, if it will have another one. Raise ``RunError`` if a file is missing or
    cut off, or if the events contradict each other.
    """
    run = read_run(run_dir)
    mechanisms = [fold(record) for record in run.mechanisms.values()]
    if not mechanisms:
        raise RunError(f"{run_dir}/run.json: names no mechanism; start the run again")
    private = run_tables(run, mechanisms)
    tables = private | _named(mechanisms)
    found = hashes(private, {folded.record.name: folded.tables for folded in mechanisms})

    write_tables(tables, run_dir / "tables")
    record = {
        "scenario_sha256": run.info["scenario_sha256"],
        "seed": run.info["seed"],
        "tables": found,
    }
    write_whole(run_dir / "hashes.json", json.dumps(record, indent=2) + "\n")
    prepared = prepare(run, mechanisms)
    with storing(run_dir / "plots"):
        write_plots(prepared, run_dir / "plots")
    target = run_dir / "index.html"
    named = replace(run, folder=run_dir.with_name(name or run_dir.name))
    write_whole(target, page(named, mechanisms, figures(prepared), tables, found))
    return Built(page=target, mechanisms=mechanisms)


def _named(mechanisms: list[Folded]) -> dict[str, pl.DataFrame]:
    """Return every mechanism's tables by file name."""
    return {
        f"{folded.record.name}_{table.name}": folded.tables[table.name]
        for folded in mechanisms
        for table in schema.MECHANISM_TABLES
    }


def write_tables(tables: Mapping[str, pl.DataFrame], folder: Path) -> None:
    """Write each table by its name as CSV and Parquet into a folder, with the data dictionary."""
    folder.mkdir(exist_ok=True)
    write_whole(folder / "data_dictionary.csv", dictionary_csv())
    for name, table in tables.items():
        write_whole(folder / f"{name}.csv", table.write_csv(datetime_format=TIME_FORMAT))
        # Through memory: Polars has errors of its own for a full disk.
        packed = BytesIO()
        table.write_parquet(packed)
        path = folder / f"{name}.parquet"
        with storing(path):
            path.write_bytes(packed.getvalue())
