"""The state machine that Hypothesis drives: one rule for each action, on the whole system.

Hypothesis picks the rule and the seed of its dice. Its own habit of switching rules off for a whole run is left out:
the way of one kilowatt-hour needs twenty rules, and a run that lacks one of them stops half-way. Each run mutes a few
rules by dice instead.
"""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.audit.machine.choices import WEIGHTS
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.liveness import Stuck, drain
from tests.audit.machine.recording import reduced, written
from tests.audit.machine.running import Ground, Run, Tally
from tests.audit.machine.stage import Disagreement
from tests.audit.machine.walking import Broken, drive

STEPS = 500
DRAIN_EVERY = 125
SEEDS = st.integers(0, 2**24 - 1)


class WholeSystem(RuleBasedStateMachine):
    """Everything that anybody may do, chain and reference side by side."""

    ground: ClassVar[Ground]
    tally: ClassVar[Tally]
    checks: ClassVar[tuple[str, ...]] = tuple(INVARIANTS)

    def __init__(self) -> None:
        super().__init__()
        by_name = {found.function.__name__: found for found in self.rules()}
        weighted = [by_name[name] for name, weight in WEIGHTS.items() for _ in range(weight)]
        # What run_state_machine_as_test draws rules from.
        self._rules_strategy = st.tuples(
            st.sampled_from(weighted), st.fixed_dictionaries({"seed": SEEDS})
        )

    @initialize(seed=SEEDS)
    def start(self, seed: int) -> None:
        dice = Random(seed)
        self.run = Run(self.ground.fresh(), self.tally, self.checks)
        self.run.stage.driver.block_seconds = dice.randrange(2)
        share = dice.choice([0, 0, 10, 25])
        self.muted = {name for name in WEIGHTS if dice.randrange(100) < share}

    def act(self, name: str, seed: int) -> None:
        """Run an action, and now and then look whether everybody could still get out."""
        is_done = self.run.act("time_passes" if name in self.muted else name, seed)
        if is_done and len(self.run.trail) % DRAIN_EVERY == 0:
            drain(self.run)

    def teardown(self) -> None:
        if hasattr(self, "run") and not self.run.is_broken:
            drain(self.run)


def _rule_of(name: str) -> Any:
    def act(self: WholeSystem, seed: int) -> None:
        self.act(name, seed)

    act.__name__ = act.__qualname__ = name
    return rule(seed=SEEDS)(act)


for _name in WEIGHTS:
    setattr(WholeSystem, _name, _rule_of(_name))


def explore(ground: Ground, *, runs: int, number: int, steps: int = STEPS) -> Tally:
    """Let Hypothesis drive so many runs; raise with a short list of steps if one breaks.

    ``number`` seeds a shard: the same number walks the same ways.
    """
    tally = Tally()
    machine = type(f"Shard{number}", (WholeSystem,), {"ground": ground, "tally": tally})
    try:
        drive(machine, tally, runs=runs, steps=steps, number=number)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{written(reduced(ground, tally.failing))}") from error
    return tally


def search(ground: Ground, *, checks: tuple[str, ...], most: int) -> tuple[str, int]:
    """Return which of some invariants breaks first, and after how many steps; empty if none does in ``most`` steps.

    ``answers`` is the comparison of each call's answer with the reference's, where the stage makes it.
    """
    tally, number = Tally(), 0
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    while tally.steps < most:
        dice = Random(number)
        number += 1
        run = Run(ground.fresh(), tally, checks)
        try:
            for _ in range(STEPS):
                run.act(dice.choice(names), dice.getrandbits(24))
            drain(run)
        except Broken as error:
            return error.name, tally.steps
        except Disagreement:
            return "answers", tally.steps
        except Stuck:
            if not checks:
                return "I14", tally.steps
    return "", tally.steps
