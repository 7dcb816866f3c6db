"""``setm bench``: what things cost."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Measure what SETM costs.")


@app.callback()
def _bench() -> None:
    """Measure what SETM costs."""
