"""Bars on standard error for everything that takes more than two seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from setm.cli.output import errors


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
