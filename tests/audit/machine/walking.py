"""What every state machine here does the same: actions with weights, runs driven by Hypothesis, short failing lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.audit.machine.steps import Step

# Hypothesis begins with some examples that are as short as can be: a few steps each.
SHORT_RUNS = 11
REDUCING_SECONDS = 30.0
Action = TypeVar("Action", bound=Callable[..., Any])


class Broken(AssertionError):
    """An invariant does not hold; ``name`` says which."""

    def __init__(self, name: str, step: Step, reason: object) -> None:
        self.name = name
        super().__init__(f"{name} after {step}: {reason}")


class Deck(Generic[Action]):
    """Actions by their functions' names, and how often each of them comes."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.weights: dict[str, int] = {}

    def action(self, weight: int) -> Callable[[Action], Action]:
        """Note an action under its function's name; ``weight`` says how often it comes."""

        def note(choose: Action) -> Action:
            name = choose.__name__
            self.actions[name], self.weights[name] = choose, weight
            return choose

        return note


class Counting(Protocol):
    """What a walk counts."""

    steps: int


def drive(
    machine: type[RuleBasedStateMachine], tally: Counting, *, runs: int, steps: int, number: int
) -> None:
    """Let Hypothesis drive a machine that counts in ``tally`` until it has done so many runs of so many steps.

    ``number`` seeds a shard: the same number walks the same ways.
    """
    # Some ways are short: walk more of them until there are as many steps as asked for.
    while tally.steps < runs * steps:
        lacking = -(-(runs * steps - tally.steps) // steps)
        limits = settings(
            max_examples=lacking + SHORT_RUNS,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=(Phase.generate,),
            suppress_health_check=HealthCheck.all(),
        )
        run_state_machine_as_test(seed(number)(machine), settings=limits)
        number += 1000


def what_breaks(do: Callable[[], None]) -> str:
    """Return which invariant breaks, or what else is not as it was said; empty if nothing does."""
    try:
        do()
    except Broken as error:
        return error.name
    except AssertionError as error:
        return type(error).__name__
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # Without an earlier step this one means nothing.
        return ""
    return ""


def shortened(failure_of: Callable[[Sequence[Step]], str], steps: Sequence[Step]) -> list[Step]:
    """Return as few of the steps as still break the same, as far as time allows."""
    kept, until = list(steps), time.monotonic() + REDUCING_SECONDS
    wanted = failure_of(kept)
    size = max(len(kept) // 2, 1)
    while wanted and time.monotonic() < until:
        at, has_shrunk = 0, False
        while at < len(kept) and time.monotonic() < until:
            shorter = kept[:at] + kept[at + size :]
            if shorter and failure_of(shorter) == wanted:
                kept, has_shrunk = shorter, True
            else:
                at += size
        if size == 1 and not has_shrunk:
            break
        size = max(size // 2, 1)
    return kept


def listed(steps: Sequence[Step]) -> str:
    """Return the steps as Python."""
    lines = "\n".join(f"    {step!r}," for step in steps)
    return f"STEPS = [\n{lines}\n]"
