"""A failing run as a list of steps: made short by leaving out what it does not need, and written as Python."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.audit.machine.liveness import drain
from tests.audit.machine.running import Ground, Run, Tally
from tests.audit.machine.steps import Step
from tests.audit.machine.walking import listed, shortened, what_breaks


def failure_of(ground: Ground, steps: Sequence[Step]) -> str:
    """Return what breaks when these steps are done again, empty if nothing does."""
    ground.driver.block_seconds = 0
    run = Run(ground.fresh(), Tally())

    def do() -> None:
        for step in steps:
            run.do(step)
        drain(run)

    return what_breaks(do)


def reduced(ground: Ground, steps: Sequence[Step]) -> list[Step]:
    """Return as few of the steps as still break the same, as far as time allows."""
    return shortened(partial(failure_of, ground), steps)


def written(steps: Sequence[Step]) -> str:
    """Return the steps as Python for tests/audit/machine/test_regressions.py."""
    return f"Keep it in tests/audit/machine/test_regressions.py:\n{listed(steps)}"
