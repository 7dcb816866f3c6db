"""``setm bench``: what things cost."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from setm.bench import lines, peers
from setm.bench.content import SECTIONS, Found, Plan, Section
from setm.bench.content import measure as measure_all
from setm.bench.gas import measure, steps
from setm.bench.report import as_json as listed_tables
from setm.bench.report import write_report
from setm.bench.tables import tables
from setm.chain.node import NodeKind
from setm.cli.output import AsJson, console, print_json, print_rows
from setm.cli.progress import bar_progress
from setm.errors import ConfigError
from setm.files import make_folder
from setm.scenario.models import MAX_PARTICIPANTS

NETWORKS: dict[str, tuple[NodeKind, ...]] = {
    "anvil": ("anvil",),
    "ganache": ("ganache",),
    "both": ("anvil", "ganache"),
}
SIZES, QUICK_SIZES = "10,100,400,1000", "4,8"
QUICK_SECTIONS = tuple(section for section in SECTIONS if section != "operations")

app = typer.Typer()


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    network: Annotated[
        str, typer.Option(help="Where days are timed and gas is compared: anvil, ganache or both.")
    ] = "both",
    sizes: Annotated[
        str | None, typer.Option(help=f"Numbers of participants, ascending; {SIZES} if left out.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help=f"Some sections, with commas between: {', '.join(SECTIONS)}.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=f"N = {QUICK_SIZES}, Anvil, no single operations.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("reports/bench"),
    as_json: AsJson = False,
) -> None:
    """Measure everything: gas by operation, venue and number of participants, seconds and memory, growth, promises.

    Gas is counted on an EVM in process and compared with Anvil's and Ganache's; days of N households are timed there.
    Days of hundreds of households take most of the time; --only and --sizes leave them out.
    docs/benchmarks.md explains the figures.

    Examples:

        setm bench

        setm bench --quick --json

        setm bench --only venues,speeds --sizes 10,100,1000

        setm bench --only seconds --network anvil --sizes 100,400
    """
    if context.invoked_subcommand is not None:
        return
    plan = Plan(
        sections=_sections(only, QUICK_SECTIONS if quick else SECTIONS),
        sizes=_sizes((QUICK_SIZES if quick else SIZES) if sizes is None else sizes),
        networks=_networks("anvil" if quick and network == "both" else network),
        is_quick=quick,
    )
    make_folder(out)
    with bar_progress() as progress:
        found = measure_all(plan, progress)
        done = progress.stage("report", 1)
        page = write_report(found, out, _command())
        done()
    if as_json:
        print_json({"report": str(page), **listed_tables(tables(found))})
        return
    _print(found)
    console.print(f"report: {page}", highlight=False)


def _sections(only: str | None, otherwise: tuple[Section, ...]) -> tuple[Section, ...]:
    if only is None:
        return otherwise
    wanted = [word.strip() for word in only.split(",")]
    unknown = [word for word in wanted if word not in SECTIONS]
    if unknown:
        raise ConfigError(f"--only {unknown[0]}: expected some of {', '.join(SECTIONS)}")
    return tuple(section for section in SECTIONS if section in wanted)


def _sizes(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    bad = [word for word in words if not word.isdecimal() or not 2 <= int(word) <= MAX_PARTICIPANTS]
    if bad:
        raise ConfigError(
            f"--sizes {bad[0]!r}: expected whole numbers from 2 to {MAX_PARTICIPANTS}, such as {SIZES}"
        )
    return tuple(sorted({int(word) for word in words}))


def _networks(name: str) -> tuple[NodeKind, ...]:
    if name not in NETWORKS:
        raise ConfigError(f"--network {name}: expected {', '.join(NETWORKS)}")
    return NETWORKS[name]


def _command() -> str:
    return " ".join(["setm", *sys.argv[1:]])


def _print(found: Found) -> None:
    compared = peers.ratios(found.venues)
    shown: list[tuple[str, Sequence[lines.Line]]] = [
        ("gas of single operations, medians", lines.operation_lines(found.operations)),
        ("gas per order by venue and number of participants", lines.venue_lines(found)),
        ("gas per participant-day, its growth in N", lines.growth_lines(found)),
        ("gas per order of peers, quoted, and over ours at N = 100", compared),
        ("how peers pay, and whether an order can be left out", peers.notes() if compared else []),
        ("what many participants would take of a chain", lines.scale_lines(found)),
        ("the same calls on a chain", lines.same_lines(found)),
        *lines.day_lines(found).items(),
        ("what is promised", lines.headline_lines(found)),
    ]
    for title, rows in shown:
        if rows:
            print_rows(title, rows)
    if compared:
        console.print(peers.CAVEAT, highlight=False)


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
    make_folder(out)
    with bar_progress() as progress:
        done = progress.stage("measure gas", steps())
        rows = measure(done)
    listed = [{**asdict(row), "is_met": row.is_met} for row in rows]
    _write(out, listed)
    if as_json:
        print_json(listed)
        return
    print_rows("gas, medians", lines.operation_lines(rows))
    console.print(f"written: {out / 'gas.csv'}, {out / 'gas.json'}", highlight=False)


def _write(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "gas.json").write_text(json.dumps(rows, indent=2) + "\n")
    with (folder / "gas.csv").open("w", newline="") as lines_out:
        writer = csv.DictWriter(lines_out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
