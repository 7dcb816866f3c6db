"""A failing run as a list of steps: made short by leaving out what it does not need, and written as Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.audit.machine.steps import Step
from tests.audit.machine.walking import listed, shortened, what_breaks
from tests.audit.schedules.walk.ground import Stage
from tests.audit.schedules.walk.liveness import drain
from tests.audit.schedules.walk.running import Run, Tally


def failure_of(stage: Stage, steps: Sequence[Step]) -> str:
    """Return what breaks when these steps are done again, empty if nothing does."""
    run = Run(stage.fresh(), Tally())

    def do() -> None:
        for step in steps:
            run.do(step)
        drain(run)

    return what_breaks(do)


def reduced(stage: Stage, steps: Sequence[Step]) -> list[Step]:
    """Return as few of the steps as still break the same, as far as time allows."""
    return shortened(partial(failure_of, stage), steps)


def written(steps: Sequence[Step]) -> str:
    """Return the steps as Python for ``failure_of``."""
    return f"What `failure_of` does again:\n{listed(steps)}"
