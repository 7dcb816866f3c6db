"""Signed schedules at random, chain against reference, with every invariant after every step.

Eight shards walk their own ways, two each with spans of three slots, of one, of nine, and of a whole day.
Together 12,000 steps at SETM_DEPTH=1 and 180,000 at 15. The shard that ends last asks whether all of them have
reached everything.
"""

import json
import os
import time
from collections import Counter
from functools import cache

import pytest

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.schedules.walk.choosing import WEIGHTS
from tests.audit.schedules.walk.ground import Stage
from tests.audit.schedules.walk.invariants import INVARIANTS
from tests.audit.schedules.walk.machine import STEPS, explore
from tests.audit.schedules.walk.reached import EVENTS, SELDOM, missing
from tests.audit.schedules.walk.recording import failure_of, reduced
from tests.audit.schedules.walk.running import Run, Tally
from tests.audit.schedules.walk.terms import GROUNDS

SHARDS = [(number, name) for number, name in enumerate((*GROUNDS, *GROUNDS))]
RUNS = 6 * DEPTH
# All shards of one session, whichever process runs them.
SESSION = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
FOLDER = ROOT / "reports" / "audit" / "walk" / SESSION


@cache
def stage(name: str) -> Stage:
    return Stage(GROUNDS[name])


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("number", "ground"), SHARDS)
def test_every_invariant_of_schedules_holds_after_every_step(number, ground):
    started = time.process_time()
    tally = explore(stage(ground), runs=RUNS, number=number)
    seconds = time.process_time() - started
    assert tally.steps >= RUNS * STEPS
    plain = {
        "steps": tally.steps,
        "runs": tally.runs,
        "drains": tally.drains,
        "seconds": seconds,
        "rules": tally.rules,
        "told": tally.told,
        "outcomes": Counter({" ".join(key): count for key, count in tally.outcomes.items()}),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    partial = FOLDER / f"{number}.partial"
    partial.write_text(json.dumps(plain))
    partial.rename(FOLDER / f"{number}.json")
    files = sorted(FOLDER.glob("*.json"))
    if len(files) == len(SHARDS):
        ask_all_shards([json.loads(file.read_text()) for file in files])


def ask_all_shards(shards):
    """Everything was reached by somebody; and the figures."""
    rules, told, outcomes = (
        sum((Counter(shard[name]) for shard in shards), Counter())
        for name in ("rules", "told", "outcomes")
    )
    lacking = missing(rules, told, outcomes)
    steps, wanted = sum(shard["steps"] for shard in shards), len(SHARDS) * RUNS * STEPS
    record("schedules", "walk: steps", steps, wanted=f"at least {wanted}", ok=steps >= wanted)
    reached = sum(told[name] > 0 for name in EVENTS)
    record("schedules", "walk: kinds of event", reached, wanted="all", ok=not lacking)
    record("schedules", "walk: outcomes told apart", len(outcomes), wanted="counted", ok=True)
    for name in ("BookCleared", "ScheduleSetAside", "OutcomeUnpacked", "SlotSettled"):
        record("schedules", f"walk: {name}", told[name], wanted="some", ok=told[name] > 0)
    drains = sum(shard["drains"] for shard in shards)
    record("schedules", "walk: states emptied", drains, wanted="one in 50 steps", ok=drains > 0)
    spent = round(1000 * sum(shard["seconds"] for shard in shards) / steps, 2)
    record("schedules", "walk: ms of processor time a step", spent, wanted="stated", ok=True)
    assert not lacking, lacking


def test_what_the_walk_never_reaches_is_named():
    lacking = missing(Counter(), Counter(), Counter())
    assert {f"rule {name}" for name in WEIGHTS if name not in SELDOM} <= set(lacking)
    assert {f"event {name}" for name in EVENTS} <= set(lacking)


def test_each_invariant_of_the_walk_has_its_sentence():
    assert len(INVARIANTS) == 9, "W10 is liveness.drain"
    for name, check in INVARIANTS.items():
        assert check.__doc__.startswith(f"{name}: ")


def test_a_way_that_fails_is_made_short():
    """A wrong expectation, planted at the end of a way, is found again with few of its steps."""
    ground = stage("three slots").fresh()
    run = Run(ground, Tally(), checks=())
    for seed in range(30):
        run.act("lock" if seed % 3 else "time_passes", seed)
    wrong = ground.step("mallory", "token", "mint", "mallory", 1)
    steps = [*run.trail, wrong._replace(function="transfer", args=("house", 0)), wrong]
    assert failure_of(ground, steps) == ""
    steps[-1] = wrong._replace(function="mint", args=("house", 1), at=steps[-1].at)
    assert failure_of(ground, steps) == "W1"
    assert reduced(ground, steps) == [steps[-1]]
