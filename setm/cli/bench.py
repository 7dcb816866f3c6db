"""``setm bench``: what things cost."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from setm.bench.gas import GasRow, measure, steps
from setm.cli.output import AsJson, console, print_json, print_rows
from setm.cli.progress import bar_progress

app = typer.Typer(no_args_is_help=True, help="Measure what SETM costs.")


@app.callback()
def _bench() -> None:
    """Measure what SETM costs."""


@app.command("gas")
def gas(
    out: Annotated[Path, typer.Option(help="Folder for gas.csv and gas.json.")] = Path(
        "reports/bench"
    ),
    as_json: AsJson = False,
) -> None:
    """Measure the gas of every operation (median over N = 100) against its ceiling.

    Steady state: storage words were used by an earlier turn of the ring; `in_new_words` shows the first use.

    Example: setm bench gas --json
    """
    with bar_progress() as progress:
        done = progress.stage("measure gas", steps())
        rows = measure(done)
    listed = [{**asdict(row), "is_met": row.is_met} for row in rows]
    _write(out, listed)
    if as_json:
        print_json(listed)
        return
    print_rows("gas, medians", [_shown(row) for row in rows])
    console.print(f"written: {out / 'gas.csv'}, {out / 'gas.json'}", highlight=False)


def _shown(row: GasRow) -> dict[str, object]:
    verdict = {None: "", True: "met", False: "MISSED"}[row.is_met]
    return {
        "contract": row.contract,
        "operation": row.scenario.replace("_", " "),
        "gas": row.median_gas,
        "ceiling": "" if row.ceiling_gas is None else f"{row.ceiling_gas:,}",
        "": verdict,
    }


def _write(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gas.json").write_text(json.dumps(rows, indent=2) + "\n")
    with (folder / "gas.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
