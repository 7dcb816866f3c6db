"""``setm explain``: from order to payment, in words and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from setm.cli.output import AsJson, print_json
from setm.report.explain import explain


def command(
    run: Annotated[Path, typer.Argument(help="Run folder, such as reports/case_study-1.")],
    participant: Annotated[str, typer.Argument(help="Participant's name in the scenario.")],
    slot: Annotated[
        str, typer.Argument(help="Slot number, or the UTC time of its start (2016-11-18T12:00).")
    ],
    mechanism: Annotated[
        str, typer.Option(help="Which of the run's mechanisms: negotiation or auction.")
    ] = "negotiation",
    as_json: AsJson = False,
) -> None:
    """Explain one participant's slot: why this price, why this quantity, how the bill adds up.

    Example: setm explain reports/case_study-1 "industrial consumer 1" 2016-11-18T12:00 --mechanism auction
    """
    lines = explain(run, mechanism, participant, slot)
    if as_json:
        print_json({"participant": participant, "slot": slot, "lines": lines})
    else:
        typer.echo("\n".join(lines))
