"""``setm compare``: all mechanisms on the same day, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from setm.chain.node import NodeKind
from setm.cli.output import AsJson, console, print_json, print_rows, say
from setm.cli.progress import bar_progress
from setm.cli.run import NETWORKS
from setm.compare.content import Comparison, Entry
from setm.compare.run import Plan, able, compare
from setm.errors import ConfigError
from setm.scenario import load_scenario
from setm.simulation.mechanism import Watch


def command(
    scenario: Annotated[Path, typer.Argument(help="Scenario file, YAML.")],
    seeds: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many seeds the reference computes.")
    ] = 20,
    mechanisms: Annotated[
        str,
        typer.Option(
            help="Mechanisms with commas between them; all that can trade it if left out."
        ),
    ] = "",
    network: Annotated[
        str | None, typer.Option(help="ganache or anvil; the scenario's own if left out.")
    ] = None,
    chain: Annotated[
        bool, typer.Option(help="Run the scenario's own seed on a chain too, and compare.")
    ] = True,
    seed: Annotated[int | None, typer.Option(help="First seed instead of the scenario's.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder; reports/compare-<name>-seed<seed> if left out."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of continuing an interrupted one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare mechanisms on the same participants, forecasts, meter readings and seeds, and write one report.

    The reference computes every seed; the first one is traded on a chain as well and has to come to the same trades and
    bills, to the unit.

    Examples:

        setm compare scenarios/case_study.yaml

        setm compare scenarios/case_study.yaml --mechanisms auction,negotiation --seeds 50 --network anvil

        setm compare scenarios/case_study.yaml --no-chain --json
    """
    loaded = load_scenario(scenario)
    loaded = loaded if seed is None else loaded.with_seed(seed)
    named = [name.strip() for name in mechanisms.split(",") if name.strip()]
    plan = Plan(
        scenario=loaded,
        mechanisms=tuple(named) or able(loaded),
        seeds=seeds,
        network=_network(network or loaded.network) if chain else None,
        command=_command(scenario, seeds, named, seed, chain),
    )
    folder = out or Path("reports") / f"compare-{loaded.name}-seed{loaded.seed}"
    with bar_progress() as progress:
        content = compare(plan, folder, progress, fresh=fresh, watch=Watch(notice=say))
    report = folder / "index.html"
    if as_json:
        print_json(
            {
                "comparison": str(folder),
                "report": str(report),
                **content.about,
                "results": [_result(entry) for entry in content.entries],
            }
        )
        return
    print_rows(_title(content), [_row(entry) for entry in content.entries])
    console.print(f"report: {report}", highlight=False)


def _network(name: str) -> NodeKind:
    if name not in NETWORKS:
        raise ConfigError(f"network {name}: expected {' or '.join(NETWORKS)}")
    return NETWORKS[name]


def _command(
    scenario: Path, seeds: int, mechanisms: list[str], seed: int | None, chain: bool
) -> str:
    words = ["setm compare", str(scenario), f"--seeds {seeds}"]
    words += [f"--mechanisms {','.join(mechanisms)}"] if mechanisms else []
    words += [] if seed is None else [f"--seed {seed}"]
    return " ".join(words if chain else [*words, "--no-chain"])


def _title(content: Comparison) -> str:
    about = content.about
    where = f"seed {about['seed']} on {about['network']}" if about["network"] else "no chain"
    return f"{about['name']}, {about['day']}, mean of {about['seeds']} seeds, {where}"


def _row(entry: Entry) -> dict[str, object]:
    found = {name: one.mean for name, one in entry.intervals.items()}
    share = entry.intervals["welfare_share_percent"]
    half = None if share.mean is None or share.high is None else share.high - share.mean
    row: dict[str, object] = {
        "mechanism": entry.title,
        "traded\nkWh": _shown(found["traded_kwh"], 2),
        "welfare\n% of opt.": _shown(share.mean, 1),
        "±": _shown(half, 1),
        "price\n€/MWh": _shown(found["buyers_price_eur_per_mwh"], 2),
        "saved\n€": _shown(found["saving_eur"], 3),
        "imbal.\n€": _shown(found["imbalance_eur"], 3),
    }
    if entry.chain is not None:
        row["gas per\norder"] = _shown(entry.chain.effort.per_expression_gas, 0)
    return row


def _shown(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:,.{decimals}f}"


def _result(entry: Entry) -> dict[str, Any]:
    chain = entry.chain
    return {
        "mechanism": entry.name,
        "title": entry.title,
        "after": entry.after,
        "has_chance": entry.has_chance,
        "figures": {
            name: {"mean": one.mean, "low": one.low, "high": one.high, "seeds": one.count}
            for name, one in entry.intervals.items()
        },
        "chain": None
        if chain is None
        else {
            "confirmed_trades": chain.confirmed.trades,
            "confirmed_bills": chain.confirmed.bills,
            "transactions": chain.effort.transactions,
            "expressions": chain.effort.expressions,
            "trading_gas": chain.effort.trading_gas,
            "delivery_gas": chain.effort.delivery_gas,
            "per_expression_gas": chain.effort.per_expression_gas,
            "per_kwh_gas": chain.effort.per_kwh_gas(entry.own.figures.bought_wh / 1000),
            "seconds": chain.seconds,
            "public": list(chain.shown),
        },
    }
