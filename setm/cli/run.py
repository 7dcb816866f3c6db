"""``setm run``: a day of a scenario on a local chain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from setm.chain.node import NodeKind
from setm.cli.output import AsJson, console, print_json, say
from setm.cli.passwords import PasswordEnv, PasswordFile, read_password
from setm.cli.progress import bar_progress
from setm.cli.summary import print_summary
from setm.errors import ConfigError
from setm.keystore import KeySource, Keystore, StoredKeys
from setm.report.build import Built, built
from setm.report.summary import rows_of, totals_of
from setm.scenario import load_scenario
from setm.simulation.mechanism import Watch
from setm.simulation.run import run
from setm.simulation.timing import Clocked

NETWORKS: dict[str, NodeKind] = {"ganache": "ganache", "anvil": "anvil"}


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
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of continuing an interrupted run.")
    ] = False,
    keystore: Annotated[
        Path | None,
        typer.Option(
            help="Folder with the keys of participants and meters, made on first use; else the seed gives them."
        ),
    ] = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    as_json: AsJson = False,
) -> None:
    """Trade, meter and settle a scenario's day on a local chain, and write its report.

    A run that was interrupted, or whose chain ended, continues when the same command is given again.

    Examples:

        setm run scenarios/case_study.yaml

        setm run scenarios/case_study.yaml --network anvil --seed 7 --json

        setm run scenarios/case_study.yaml --keystore keys --password-file ~/.setm-password
    """
    loaded = load_scenario(scenario)
    if seed is not None:
        loaded = loaded.with_seed(seed)
    chosen = network or loaded.network
    if chosen not in NETWORKS:
        raise ConfigError(f"network {chosen}: expected {' or '.join(NETWORKS)}")
    folder = out or Path("reports") / f"{loaded.name}-seed{loaded.seed}"
    keys: KeySource | None = None
    if keystore is not None:
        is_new = not keystore.exists()
        password = read_password(password_file, password_env, is_new=is_new)
        keys = StoredKeys(Keystore(keystore), password)
    reports: list[Built] = []
    with bar_progress() as bars:
        progress = Clocked(bars)
        run(
            loaded,
            network=NETWORKS[chosen],
            out=folder,
            progress=progress,
            with_backtest=backtest,
            fresh=fresh,
            complete=lambda partial: reports.append(_report(partial, folder, progress)),
            watch=Watch(notice=say),
            keys=keys,
        )
    progress.end()
    page = folder / "index.html"
    mechanisms = reports[0].mechanisms
    rows, totals = rows_of(mechanisms), [totals_of(folded) for folded in mechanisms]
    if as_json:
        listed = {
            "summary": [asdict(row) for row in rows],
            "totals": [asdict(row) for row in totals],
        }
        seconds = progress.rounded()
        print_json({"run": str(folder), "report": str(page), "seconds": seconds, **listed})
        return
    print_summary(f"{loaded.name}, {loaded.day}, seed {loaded.seed}, {chosen}", rows, totals)
    spent = ", ".join(f"{name} {value}" for name, value in progress.rounded().items())
    console.print(f"seconds: {spent}", highlight=False)
    console.print(f"report: {page}", highlight=False)


def _report(partial: Path, folder: Path, progress: Clocked) -> Built:
    done = progress.stage("report", 1)
    report = built(partial, name=folder.name)
    done()
    return report
