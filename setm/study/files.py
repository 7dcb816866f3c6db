"""A study on disk: tables as CSV and Parquet, a short table in Markdown, a plot."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import polars as pl

from setm.files import make_folder, storing, write_whole
from setm.study.mengelkamp import Rehearsed
from setm.study.plot import write_plot
from setm.study.summary import Row, day_rows, summary_rows

HEAD = (
    "supply",
    "bidder",
    "quantities",
    "saving, EUR",
    "saving, %",
    "imbalance, EUR",
    "traded, kWh",
    "price, EUR/MWh",
    "own supply, %",
    "Gini",
    "errors eat, %",
    "of consumers', %",
    "published, %",
)


def write_study(found: Sequence[Rehearsed], folder: Path) -> list[Path]:
    """Write all files of a study into ``folder`` and return them."""
    make_folder(folder)
    summary = summary_rows(found)
    files = [
        *_write_table("days", day_rows(found), folder),
        *_write_table("summary", summary, folder),
    ]
    short = folder / "summary.md"
    write_whole(short, markdown(summary))
    return [*files, short, write_plot(summary, folder)]


def _write_table(name: str, rows: Sequence[Row], folder: Path) -> list[Path]:
    table = pl.DataFrame(rows, infer_schema_length=None)
    text, packed = folder / f"{name}.csv", folder / f"{name}.parquet"
    write_whole(text, table.write_csv())
    # Through memory: Polars has errors of its own for a full disk.
    content = BytesIO()
    table.write_parquet(content)
    with storing(packed):
        packed.write_bytes(content.getvalue())
    return [text, packed]


def markdown(summary: Sequence[Row]) -> str:
    """Return the summary as a table in Markdown: means over seeds, and 95 % intervals of the shares."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in summary]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    return [
        str(row["supply"]),
        str(row["bidder"]),
        str(row["quantities"]),
        with_interval(row, "saving_eur", 2),
        shown(row["saving_percent"], 1),
        shown(row["imbalance_cost_eur"], 2),
        shown(row["traded_kwh"], 1),
        shown(row["mean_price_eur_per_mwh"], 1),
        shown(row["self_sufficiency_percent"], 1),
        shown(row["savings_gini"], 3),
        with_interval(row, "lost_percent", 1),
        with_interval(row, "consumers_lost_percent", 1),
        str(row["published_lost_percent"] or "-"),
    ]


def shown(value: object, decimals: int) -> str:
    """Return a number with so many decimals, a dash for none."""
    return f"{value:.{decimals}f}" if isinstance(value, int | float) else "-"


def with_interval(row: Row, name: str, decimals: int) -> str:
    """Return a mean and its interval, such as ``45.1 (40.2 to 50.0)``."""
    if row[name] is None:
        return "-"
    low, high = shown(row[f"{name}_low"], decimals), shown(row[f"{name}_high"], decimals)
    return f"{shown(row[name], decimals)} ({low} to {high})"
