"""The state machine that Hypothesis drives: it picks the rule and the seed of its dice, as in tests/audit/machine."""

from __future__ import annotations

from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.audit.machine.walking import Broken, drive
from tests.audit.schedules.walk.choosing import WEIGHTS
from tests.audit.schedules.walk.ground import Disagreement, Stage
from tests.audit.schedules.walk.invariants import INVARIANTS
from tests.audit.schedules.walk.liveness import Stuck, drain
from tests.audit.schedules.walk.recording import reduced, written
from tests.audit.schedules.walk.running import Run, Tally

STEPS = 250
DRAIN_EVERY = 50
SEEDS = st.integers(0, 2**24 - 1)


class Walk(RuleBasedStateMachine):
    """Everything that anybody may do with signed schedules, chain and reference side by side."""

    stage: ClassVar[Stage]
    tally: ClassVar[Tally]

    def __init__(self) -> None:
        super().__init__()
        by_name = {found.function.__name__: found for found in self.rules()}
        weighted = [by_name[name] for name, weight in WEIGHTS.items() for _ in range(weight)]
        # What run_state_machine_as_test draws rules from: no rule is switched off for a whole run.
        self._rules_strategy = st.tuples(
            st.sampled_from(weighted), st.fixed_dictionaries({"seed": SEEDS})
        )

    @initialize(seed=SEEDS)
    def start(self, seed: int) -> None:
        self.run = Run(self.stage.fresh(), self.tally)
        self.stage.chain.block_seconds = Random(seed).randrange(2)

    def act(self, name: str, seed: int) -> None:
        """Run an action, and now and then look whether everybody could still get out."""
        self.run.act(name, seed)
        if len(self.run.trail) % DRAIN_EVERY == 0:
            drain(self.run)

    def teardown(self) -> None:
        if hasattr(self, "run") and not self.run.is_broken:
            drain(self.run)


def _rule_of(name: str) -> Any:
    def act(self: Walk, seed: int) -> None:
        self.act(name, seed)

    act.__name__ = act.__qualname__ = name
    return rule(seed=SEEDS)(act)


for _name in WEIGHTS:
    setattr(Walk, _name, _rule_of(_name))


def explore(stage: Stage, *, runs: int, number: int) -> Tally:
    """Let Hypothesis drive so many runs; raise with a short list of steps if one breaks.

    ``number`` seeds a shard: the same number walks the same ways.
    """
    tally = Tally()
    machine = type(f"Shard{number}", (Walk,), {"stage": stage, "tally": tally})
    try:
        drive(machine, tally, runs=runs, steps=STEPS, number=number)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{written(reduced(stage, tally.failing))}") from error
    return tally


def search(stage: Stage, *, checks: tuple[str, ...], most: int) -> tuple[str, int]:
    """Return which of some invariants breaks first, and after how many steps; empty if none does in ``most`` steps.

    ``answers`` is the comparison of each call's answer with the reference's, where the stage makes it.
    """
    tally, number = Tally(), 0
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    while tally.steps < most:
        dice = Random(number)
        number += 1
        run = Run(stage.fresh(), tally, [name for name in checks if name in INVARIANTS])
        stage.chain.block_seconds = dice.randrange(2)
        try:
            for _ in range(STEPS):
                run.act(dice.choice(names), dice.getrandbits(24))
            if "W10" in checks:
                drain(run)
        except Broken as error:
            return error.name, tally.steps
        except Disagreement:
            return "answers", tally.steps
        except Stuck:
            return "W10", tally.steps
    return "", tally.steps


ALL = (*INVARIANTS, "W10")
