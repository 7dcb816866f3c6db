"""``setm forecast-value``: what a longer history is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from setm.cli.output import AsJson, console, print_json, print_rows
from setm.cli.progress import bar_progress
from setm.errors import ConfigError
from setm.forecast.models import MODEL_NAMES
from setm.forecast_value.output import tables, write
from setm.forecast_value.study import Options, study
from setm.report.value_schema import VALUES
from setm.scenario import load_scenario
from setm.simulation.settings import load


def command(
    scenario: Annotated[Path, typer.Argument(help="Scenario whose participants trade.")] = Path(
        "scenarios/case_study.yaml"
    ),
    days: Annotated[int, typer.Option(min=1, help="Trading days, spread over the data.")] = 20,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds under which each is traded.")] = 10,
    mechanisms: Annotated[
        str, typer.Option(help="Mechanisms, with commas between.")
    ] = "negotiation,auction,distributed",
    model: Annotated[
        str, typer.Option(help="One model for all; without it each takes the scenario's.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder for tables and plot.")] = Path(
        "reports/forecast_value"
    ),
    cache: Annotated[Path, typer.Option(help="Folder that keeps forecasts.")] = Path(
        "reports/forecasts"
    ),
    as_json: AsJson = False,
) -> None:
    """Trade the same days on 1, 4, 8, … 1,393 days of history and on perfect foresight, and compare the bills.

    Example: setm forecast-value scenarios/case_study.yaml --seeds 10
    """
    if model and model not in MODEL_NAMES:
        raise ConfigError(f"model {model!r}: expected one of {', '.join(MODEL_NAMES)}")
    loaded = load(load_scenario(scenario))
    options = Options(days=days, seeds=seeds, mechanisms=mechanisms.split(","), model=model or None)
    with bar_progress() as progress:
        made = study(loaded, options, cache, progress)
    consumers = frozenset(one.name for one in loaded.scenario.participants if not one.sells)
    found = tables(made, consumers)
    files = write(found, out)
    if as_json:
        print_json({name: table.to_dicts() for name, table in found.items()})
        return
    traded = f"{made.plan.days[0]} to {made.plan.days[-1]}"
    for name in options.mechanisms:
        rows = found[VALUES.name].filter(pl.col("mechanism") == name)
        alone = rows["grid_eur_per_mwh"][0]
        title = f"{name}, {days} days from {traded}; without trade {alone:.3f} €/MWh"
        print_rows(title, [_shown(row) for row in rows.to_dicts()])
    for name, allowed in made.plan.allowed.items():
        console.print(f"{name}: at most {allowed[-1]} days of history", highlight=False)
    console.print("written: " + ", ".join(map(str, files)), highlight=False)


def _shown(row: dict[str, Any]) -> dict[str, object]:
    half = (row["behind_high_eur_per_mwh"] - row["behind_low_eur_per_mwh"]) / 2
    return {
        "history": "perfect" if row["history_days"] is None else f"{row['history_days']:,} d",
        "kWh\na day": row["traded_wh"] / 1000,
        "cost\n€/MWh": row["cost_eur_per_mwh"],
        "saving\n€/MWh": row["saving_eur_per_mwh"],
        "imbalance\n€/MWh": row["imbalance_eur_per_mwh"],
        "net\n€/MWh": row["net_eur_per_mwh"],
        "behind\n€/MWh": row["behind_eur_per_mwh"],
        "95 %\n±": half,
    }
