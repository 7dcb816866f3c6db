"""``setm run``: a day of a scenario on a local chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from setm.chain.node import NodeKind
from setm.cli.output import AsJson, console, errors, print_json
from setm.cli.summary import print_summary
from setm.errors import ConfigError
from setm.report.build import build
from setm.report.summary import mechanism_totals, summary_rows
from setm.scenario import load_scenario
from setm.simulation.run import run

NETWORKS: dict[str, NodeKind] = {"ganache": "ganache", "anvil": "anvil"}


class BarProgress:
    """One bar for each stage, on standard error."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        """Begin a stage; the returned function moves its bar by one step."""
        task = self._bars.add_task(name, total=steps)

        def done() -> None:
            self._bars.advance(task)

        return done


@contextmanager
def bar_progress() -> Iterator[BarProgress]:
    """Show bars while the work goes on."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=errors) as bars:
        yield BarProgress(bars)


def command(
    scenario: Annotated[Path, typer.Argument(help="Scenario file, YAML.")],
    network: Annotated[
        str | None, typer.Option(help="ganache or anvil; the scenario's own if left out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed instead of the scenario's.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the report; reports/<name>-seed<seed> if left out."),
    ] = None,
    backtest: Annotated[bool, typer.Option(help="Measure the forecasts on earlier days.")] = True,
    as_json: AsJson = False,
) -> None:
    """Trade, meter and settle a scenario's day on a local chain, and write its report.

    Examples:

        setm run scenarios/case_study.yaml

        setm run scenarios/case_study.yaml --network anvil --seed 7 --json
    """
    loaded = load_scenario(scenario)
    if seed is not None:
        loaded = loaded.with_seed(seed)
    chosen = network or loaded.network
    if chosen not in NETWORKS:
        raise ConfigError(f"network {chosen}: expected {' or '.join(NETWORKS)}")
    folder = out or Path("reports") / f"{loaded.name}-seed{loaded.seed}"
    with bar_progress() as progress:
        run(loaded, network=NETWORKS[chosen], out=folder, progress=progress, with_backtest=backtest)
        done = progress.stage("report", 1)
        page = build(folder)
        done()
    rows, totals = summary_rows(folder), mechanism_totals(folder)
    if as_json:
        listed = {
            "summary": [asdict(row) for row in rows],
            "totals": [asdict(row) for row in totals],
        }
        print_json({"run": str(folder), "report": str(page), **listed})
        return
    print_summary(f"{loaded.name}, {loaded.day}, seed {loaded.seed}, {chosen}", rows, totals)
    console.print(f"report: {page}", highlight=False)
