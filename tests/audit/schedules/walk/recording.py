"""A failing run as a list of steps: made short by leaving out what it does not need, and written as Python."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.audit.machine.steps import Step
from tests.audit.schedules.walk.ground import Stage
from tests.audit.schedules.walk.liveness import drain
from tests.audit.schedules.walk.running import Broken, Run, Tally

REDUCING_SECONDS = 30.0


def failure_of(stage: Stage, steps: Sequence[Step]) -> str:
    """Return what breaks when these steps are done again, empty if nothing does."""
    run = Run(stage.fresh(), Tally())
    try:
        for step in steps:
            run.do(step)
        drain(run)
    except Broken as error:
        return error.name
    except AssertionError as error:
        return type(error).__name__
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # Without an earlier step this one means nothing.
        return ""
    return ""


def reduced(stage: Stage, steps: Sequence[Step]) -> list[Step]:
    """Return as few of the steps as still break the same, as far as time allows."""
    kept, until = list(steps), time.monotonic() + REDUCING_SECONDS
    wanted = failure_of(stage, kept)
    size = max(len(kept) // 2, 1)
    while wanted and time.monotonic() < until:
        at, has_shrunk = 0, False
        while at < len(kept) and time.monotonic() < until:
            shorter = kept[:at] + kept[at + size :]
            if shorter and failure_of(stage, shorter) == wanted:
                kept, has_shrunk = shorter, True
            else:
                at += size
        if size == 1 and not has_shrunk:
            break
        size = max(size // 2, 1)
    return kept


def written(steps: Sequence[Step]) -> str:
    """Return the steps as Python for ``failure_of`` or ``running.replay``."""
    listed = "\n".join(f"    {step!r}," for step in steps)
    return f"Steps:\nSTEPS = [\n{listed}\n]"
