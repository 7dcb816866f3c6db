"""One run of the machine: a fresh deployment, steps on both sides, and every invariant after each of them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from tests.audit.machine import actions_anonymous, lens
from tests.audit.machine.actions_conditional import FILLERS as TAG_FILLERS
from tests.audit.machine.adversary import OURS
from tests.audit.machine.choices import ACTIONS, Chooser, Memory
from tests.audit.machine.driver import EvmDriver
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.lens import SlotView
from tests.audit.machine.lens_anonymous import hidden
from tests.audit.machine.stage import Driver, Stage
from tests.audit.machine.steps import WAIT, Outcome, Sig, Step
from tests.audit.machine.walking import Broken
from tests.audit.machine.world import CONFIG

SLOT = CONFIG["slot_seconds"]
FILLERS = (
    *TAG_FILLERS,
    "commit",
    "commit",
    "place_order",
    "announce",
    "take",
    "agree",
    "offer",
    "accept",
    "open_orders",
    "post_reading",
    "deposit",
    "lock",
    *actions_anonymous.FILLERS,
)


class Ground:
    """A deployment that every run starts from."""

    def __init__(self, driver: EvmDriver | None = None) -> None:
        self.driver = driver or EvmDriver()
        self.stage = Stage(self.driver)
        self._mark = self.driver.evm.snapshot()
        self._model, self._witness = self.stage.model, self.stage.witness

    def fresh(self) -> Stage:
        """Return the deployment as it was in the beginning."""
        self.driver.evm.revert(self._mark)
        self._mark = self.driver.evm.snapshot()
        self.stage.model = self._model.copy()
        self.stage.witness = copy.deepcopy(self._witness)
        return self.stage


class Tally:
    """How often each rule ran and each outcome was reached, over many runs."""

    def __init__(self) -> None:
        self.steps = 0
        self.runs = 0
        self.drains = 0
        self.rules: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.checks: Counter[str] = Counter()
        self.failing: list[Step] = []

    def note(self, rule: str, step: Step, outcome: Outcome) -> None:
        """Count a step."""
        self.steps += 1
        self.rules[rule] += 1
        name = (outcome.error.partition("(")[0] or "wordless") if outcome.error else "done"
        self.outcomes[step.contract, step.function, name] += 1

    def functions_done(self) -> set[tuple[str, str]]:
        """Return what succeeded at least once."""
        return {
            (contract, name) for (contract, name, how), _ in self.outcomes.items() if how == "done"
        }


class Run:
    """What the invariants look at; see ``invariants.Run``."""

    def __init__(
        self,
        stage: Stage,
        tally: Tally,
        checks: Iterable[str] = tuple(INVARIANTS),
        *,
        look_every: int = 1,
    ) -> None:
        """``look_every`` says after how many steps the whole state is read and held to ``checks``; gas is each time."""
        self.look_every = look_every
        self.stage, self.tally = stage, tally
        self.driver: Driver = stage.driver
        self.memory = Memory()
        self.trail: list[Step] = []
        self.checks = {name: INVARIANTS[name] for name in checks}
        self.history: dict[int, SlotView] = {}
        self.before = self.after = lens.balances(self.driver)
        self.dice = Random(0)
        self.actors: frozenset[int] = frozenset()
        self.is_broken = False
        tally.runs += 1

    @property
    def model(self) -> Any:
        return self.stage.model

    @property
    def witness(self) -> Any:
        return self.stage.witness

    def act(self, rule: str, seed: int) -> bool:
        """Let the dice choose what a rule does, and do it; if it can do nothing, somebody trades or time passes.

        Return whether anything was done.
        """
        self.dice = Random(seed)
        for name in (rule, self.dice.choice(FILLERS), "time_passes"):
            world = self.stage.world
            chooser = Chooser(self.model, world, self.memory, self.driver.now, self.dice)
            step = ACTIONS[name](chooser)
            if step is not None:
                self.do(step, name)
                return True
        return False

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
        self.actors = self._actors(step)
        self.step = step
        outcome = self.stage.do(step)
        self.outcome = outcome
        self.memory.note(step, not outcome.error)
        self.tally.note(rule, step, outcome)
        if len(self.trail) % self.look_every:
            INVARIANTS["I15"](self)  # type: ignore[arg-type]
            return outcome
        self.before, self.after = self.after, lens.balances(self.driver)
        self.slot = self._slot_at_hand(step, outcome)
        self.view = lens.records(self.driver, self.slot)
        self.hidden = hidden(self.driver, self.slot, list(self.model.hidden.deals))
        for name, check in self.checks.items():
            try:
                check(self)  # type: ignore[arg-type]
            except AssertionError as error:
                raise Broken(name, step, error) from error
            self.tally.checks[name] += 1
        self.history[self.slot] = self.view
        return outcome

    def _slot_at_hand(self, step: Step, outcome: Outcome) -> int:
        """Return the slot that the step is about, or one that is traded, in turn."""
        for event in outcome.events:
            if "slot" in event.args:
                return int(event.args["slot"])
        found = Chooser(self.model, self.stage.world, self.memory, self.driver.now, self.dice)
        slots = found.traded_slots() or [self.driver.now // SLOT]
        return slots[len(self.trail) % len(slots)]

    def _actors(self, step: Step) -> frozenset[int]:
        """Return the participants whose keys sent or signed the step."""
        if step.function == WAIT:
            return frozenset()
        # Senders and signers are told from keys, not from what the contract makes of them.
        signers = [arg.signer for arg in step.args if isinstance(arg, Sig) and arg.form == "good"]
        found = {self._speaks_for(key) for key in (step.sender, *signers)}
        return frozenset(found - {0})

    def _speaks_for(self, key: str) -> int:
        owned = self.model.owned_by(key)
        if owned:
            return int(owned)
        for who, one in enumerate(self.model.registry.participants, 1):
            session = one.sessions.get(key)
            if session and session.opened_at <= self.driver.now < session.ends_at:
                return who
        return 0


def replay(stage: Stage, steps: Iterable[Step], tally: Tally | None = None) -> Run:
    """Do a list of steps at their times, invariants included, and return the run."""
    run = Run(stage, tally or Tally())
    for step in steps:
        run.do(step)
    return run


def changing_functions(stage: Stage) -> Mapping[tuple[str, str], Any]:
    """Return every function of our contracts that changes something."""
    return {
        (contract, name): entry
        for contract in OURS
        for name, entry in stage.world.entries[contract].items()
        if entry["stateMutability"] not in ("view", "pure")
    }
