"""``setm experiment``: one random bid each against negotiation."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from setm.agents.types import Band
from setm.cli.output import AsJson, print_json, print_rows
from setm.errors import ConfigError
from setm.experiment import Row, Trader, run
from setm.scenario import Scenario, load_scenario
from setm.types import Kind, Side


def command(
    scenario: Annotated[Path, typer.Argument(help="Scenario whose bands are used.")] = Path(
        "scenarios/case_study.yaml"
    ),
    draws: Annotated[int, typer.Option(min=100, help="Random encounters per consumer.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Compare one-shot random bids with negotiation: how often each trades, and what it is worth.

    Example: setm experiment --draws 100000
    """
    consumers, generator = _sides(load_scenario(scenario))
    rows = run(consumers, generator, draws=draws, seed=seed)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    title = f"trade rate and welfare per unit tradable, {draws:,} encounters each, seed {seed}"
    print_rows(title, [_shown(row) for row in rows])


def _sides(scenario: Scenario) -> tuple[list[Trader], Trader]:
    traders = {Side.BID: list[Trader](), Side.ASK: list[Trader]()}
    for item in scenario.participants:
        side = Side.ASK if item.kind_number is Kind.GENERATION else Side.BID
        band = Band(min_bid=item.min_bid, max_bid=item.max_bid)
        traders[side].append(Trader(name=item.name, band=band))
    if len(traders[Side.ASK]) != 1:
        raise ConfigError(
            f"{len(traders[Side.ASK])} generators: the experiment expects exactly one"
        )
    return traders[Side.BID], traders[Side.ASK][0]


def _shown(row: Row) -> dict[str, object]:
    return {
        "agent": row.agent,
        "closed\nform": row.closed_form,
        "one-shot\nrate": row.one_shot_rate,
        "95 %\ninterval": f"{row.one_shot_low:.3f}-{row.one_shot_high:.3f}",
        "€/MWh": row.one_shot_welfare_eur_per_mwh,
        "negot.\nrate": row.negotiated_rate,
        "negot.\n€/MWh": row.negotiated_welfare_eur_per_mwh,
    }
