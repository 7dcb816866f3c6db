"""``setm report``: build the report of a run again from its events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setm.cli.output import AsJson, console, print_json
from setm.report.build import build


def command(
    run: Annotated[Path, typer.Argument(help="Run folder, such as reports/case_study-1.")],
    as_json: AsJson = False,
) -> None:
    """Build a run's tables, plots and page again, from its events alone.

    Example: setm report reports/case_study-1
    """
    page = build(run)
    if as_json:
        print_json({"report": str(page)})
    else:
        console.print(f"report: {page}", highlight=False)
