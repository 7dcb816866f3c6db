"""``setm study``: a question asked of many rehearsed days."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from setm.cli.output import AsJson, console, print_json, print_rows
from setm.cli.progress import bar_progress
from setm.compare.confirm import confirm_folder
from setm.scenario import load_outline, load_scenario
from setm.simulation.foresight import foresee_all
from setm.simulation.settings import day_of, load, questions
from setm.study import mengelkamp as market
from setm.study.anonymity import Learned
from setm.study.anonymity import study as learn
from setm.study.files import shown, with_interval, write_study
from setm.study.summary import Row, day_rows, summary_rows

app = typer.Typer(no_args_is_help=True, help="Ask a question of many rehearsed days.")


@app.command("mengelkamp")
def mengelkamp(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario whose community and market are studied.")
    ] = Path("scenarios/mengelkamp.yaml"),
    seeds: Annotated[
        int, typer.Option(min=2, help="Communities, each with a day of its own.")
    ] = 20,
    out: Annotated[Path, typer.Option(help="Folder of tables and plot.")] = Path(
        "reports/study-mengelkamp"
    ),
    as_json: AsJson = False,
) -> None:
    """Measure what forecast errors leave of the saving in Mengelkamp's market.

    Balanced, over- and undersupplied; zero intelligence and forecast bidders; with quantities as they will be delivered
    and as they are forecast. The reference clears and bills every quarter-hour.

    Example: setm study mengelkamp --seeds 20
    """
    outline = load_outline(scenario)
    with bar_progress() as progress:
        done = progress.stage("communities", len(market.SUPPLIES) * seeds)
        found = market.study(outline, seeds, done)
    files = write_study(found, out)
    summary = summary_rows(found)
    if as_json:
        listed = [path.as_posix() for path in files]
        print_json({"summary": summary, "days": day_rows(found), "files": listed})
        return
    title = f"{outline.name}, {seeds} communities, means over their days (95 % interval)"
    print_rows(title, [_line(row) for row in summary])
    published = ", ".join(f"{name} {lost} %" for name, lost in market.PUBLISHED_LOST.items())
    console.print(f"Kostmann & Härdle 2019: {published}", highlight=False, soft_wrap=True)
    console.print(f"files: {out}", highlight=False)


@app.command("confirm")
def confirm(
    run: Annotated[Path, typer.Argument(help="Run folder, such as reports/mengelkamp-seed1.")],
    as_json: AsJson = False,
) -> None:
    """Compare every trade and every bill of a run on a chain with its rehearsal, to the unit.

    Example: setm study confirm reports/mengelkamp-seed1
    """
    loaded = load(load_scenario(run / "scenario.yaml"))
    asked = questions(loaded, with_backtest=False)
    with bar_progress() as progress:
        done = progress.stage("forecast", len(asked))
        answers = foresee_all(asked, lambda _name: done())
    day = day_of(loaded, answers)
    rows = [asdict(confirm_folder(name, day, run / name)) for name in loaded.scenario.mechanisms]
    if as_json:
        print_json(rows)
        return
    print_rows("equal to the unit, chain and reference", rows)


@app.command("anonymity")
def anonymity(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario whose participants are looked for.")
    ] = Path("scenarios/case_study.yaml"),
    seeds: Annotated[int, typer.Option(min=1, help="Days, each with chance of its own.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Measure what an observer of the chain learns of who stands behind a one-time account, before claims.

    By how people buy and redeem notes, and by what the observer knows besides.

    Example: setm study anonymity --seeds 20
    """
    loaded = load(load_scenario(scenario))
    asked = questions(loaded, with_backtest=False)
    with bar_progress() as progress:
        done = progress.stage("forecast", len(asked))
        answers = foresee_all(asked, lambda _name: done())
        found = learn(day_of(loaded, answers), seeds, progress.stage("days", seeds))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    title = (
        f"{loaded.scenario.name}, {seeds} days, {found[0].accounts} one-time accounts before claims; "
        f"by chance {found[0].chance_percent:.1f} % are found"
    )
    print_rows(title, [_learned_line(one) for one in found])


def _learned_line(one: Learned) -> dict[str, str]:
    return {
        "notes": one.habit,
        "observer knows": one.knowing,
        "candidates": f"{one.candidates:.2f}",
        "bits": f"{one.bits:.2f}",
        "buyers\n%": f"{one.buyers_found_percent:.1f}",
        "sellers\n%": f"{one.sellers_found_percent:.1f}",
    }


def _line(row: Row) -> dict[str, str]:
    return {
        "supply": str(row["supply"]),
        "bidder": str(row["bidder"]),
        "quantities": str(row["quantities"]),
        "saved\nEUR": shown(row["saving_eur"], 2),
        "\n%": shown(row["saving_percent"], 1),
        "errors eat\n%": with_interval(row, "lost_percent", 0),
    }
