"""All commands under one roof; a user's mistake ends in one clear line, never in a traceback."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from setm import __version__
from setm.cli import (
    bench,
    compare,
    doctor,
    experiment,
    explain,
    forecast_value,
    keys,
    report,
    run,
    scenario,
    study,
    verify,
)
from setm.cli.output import errors
from setm.errors import SetmError

app = typer.Typer(
    name="setm",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Secure Energy Trading Model: authenticated peer-to-peer electricity trading on smart contracts.

    Start with [bold]setm run scenarios/case_study.yaml[/bold], then open the report that it names.
    """,
)
app.command("run")(run.command)
app.command("compare")(compare.command)
app.command("report")(report.command)
app.command("explain")(explain.command)
app.command("experiment")(experiment.command)
app.command("forecast-value")(forecast_value.command)
app.command("verify")(verify.command)
app.command("doctor")(doctor.command)
app.add_typer(scenario.app, name="scenario")
app.add_typer(keys.app, name="keys")
app.add_typer(bench.app, name="bench")
app.add_typer(study.app, name="study")


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        typer.echo(f"setm {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; exit code 1 for an error, 2 for wrong usage, 130 after Ctrl-C."""
    signal.signal(signal.SIGTERM, _leave)
    # A script that starts it in the background has told it to ignore interrupts; one that is sent all the same counts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        app()
    except SetmError as error:
        errors.print(f"[bold red]error:[/bold red] {_escaped(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("stopped; every process that was started is ended")
        sys.exit(130)


def _leave(number: int, _frame: FrameType | None) -> None:
    # Turned into an exception, so that everything started is ended on the way out.
    sys.exit(128 + number)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
