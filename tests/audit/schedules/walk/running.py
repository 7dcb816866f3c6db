"""One run of the walk: steps on both sides, and every invariant after each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

from tests.audit.machine.steps import Outcome, Step
from tests.audit.machine.walking import Broken
from tests.audit.schedules.walk import actions_book, actions_days, actions_people  # noqa: F401
from tests.audit.schedules.walk.choosing import ACTIONS, Chooser, Memory
from tests.audit.schedules.walk.ground import PEOPLE, Stage
from tests.audit.schedules.walk.invariants import INVARIANTS
from tests.audit.schedules.walk.lens import Lens
from tests.audit.schedules.walk.witness import Witness

FILLERS = (
    "post",
    "post",
    "unpack",
    "unpack",
    "settle",
    "settle",
    "commit",
    "force",
    "read_meters",
    "refund",
    "dispute_day",
    "resolve_day",
    "settle_day",
)


class Tally:
    """How often each rule ran and each outcome was reached, over many runs."""

    def __init__(self) -> None:
        self.steps = self.runs = self.drains = 0
        self.rules: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.told: Counter[str] = Counter()
        self.failing: list[Step] = []

    def note(self, rule: str, step: Step, outcome: Outcome) -> None:
        """Count a step."""
        self.steps += 1
        self.rules[rule] += 1
        error = outcome.error.partition("(")[0] or "wordless"
        self.outcomes[step.function, error if outcome.error else "done"] += 1
        self.told.update(event.name for event in outcome.events)
        faults = (e.args["fault"] for e in outcome.events if e.name == "ScheduleSetAside")
        self.told.update(f"fault {fault}" for fault in faults)
        days = (e.args["words"] for e in outcome.events if e.name == "DaysSettled")
        self.told["a day settled as a whole"] += sum(map(len, days))


class Run:
    """What the invariants look at; see ``invariants.Run``."""

    def __init__(
        self, stage: Stage, tally: Tally, checks: Iterable[str] = tuple(INVARIANTS)
    ) -> None:
        self.stage, self.tally = stage, tally
        self.memory = Memory()
        self.trail: list[Step] = []
        self.checks = {name: INVARIANTS[name] for name in checks}
        self.lens = Lens(stage.chain, PEOPLE)
        self.before = self.after = self.lens.balances()
        self.is_broken = False
        tally.runs += 1

    @property
    def witness(self) -> Witness:
        return self.stage.witness

    def act(self, rule: str, seed: int) -> None:
        """Let the dice choose what a rule does, and do it; if it can do nothing, somebody trades or time passes."""
        dice = Random(seed)
        for name in (rule, *dice.sample(FILLERS, 3), "time_passes"):
            step = ACTIONS[name](Chooser(self.stage, self.memory, dice))
            if step is not None:
                self.do(step, name)
                return

    def do(self, step: Step, rule: str = "replayed") -> Outcome:
        """Do one step on both sides, then check every invariant."""
        self.trail.append(step)
        try:
            return self._do(step, rule)
        except AssertionError:
            self.fail()
            raise

    def fail(self) -> None:
        """Note the way here as one that must not be."""
        self.is_broken = True
        self.tally.failing = list(self.trail)

    def _do(self, step: Step, rule: str) -> Outcome:
        self.step = step
        self.outcome = outcome = self.stage.do(step)
        self.memory.note(step, outcome, self.stage.model)
        self.tally.note(rule, step, outcome)
        # What the clock decides is asked at the second of the step.
        with self.stage.at_step():
            self._check(step)
        return outcome

    def _check(self, step: Step) -> None:
        self.before, self.after = self.after, self.lens.balances()
        for name, check in self.checks.items():
            try:
                check(self)
            except AssertionError as error:
                raise Broken(name, step, error) from error


def replay(stage: Stage, steps: Sequence[Step], checks: Iterable[str] = tuple(INVARIANTS)) -> Run:
    """Do a list of steps at their times, invariants included, and return the run."""
    run = Run(stage, Tally(), checks)
    for step in steps:
        run.do(step)
    return run
