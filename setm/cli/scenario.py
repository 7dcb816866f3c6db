"""``setm scenario``: check a scenario, or show it with every default filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml

from setm.cli.output import AsJson, console, errors, print_json
from setm.scenario import check_scenario, load_scenario

app = typer.Typer(no_args_is_help=True, help="Check and show scenario files.")

File = Annotated[Path, typer.Argument(help="Scenario file, YAML.")]


@app.command("check")
def check(file: File, as_json: AsJson = False) -> None:
    """Check a scenario file and its meter data; every problem in one line.

    Example: setm scenario check scenarios/case_study.yaml
    """
    problems = check_scenario(file)
    if as_json:
        print_json({"file": str(file), "ok": not problems, "problems": problems})
    elif not problems:
        console.print(f"{file}: ok")
    else:
        for problem in problems:
            errors.print(problem, markup=False, highlight=False)
    if problems:
        raise typer.Exit(1)


@app.command("show")
def show(file: File, as_json: AsJson = False) -> None:
    """Show a scenario with every default filled in.

    Example: setm scenario show scenarios/case_study.yaml
    """
    resolved = load_scenario(file).resolved()
    if as_json:
        print_json(resolved)
    else:
        typer.echo(yaml.safe_dump(resolved, sort_keys=False), nl=False)
