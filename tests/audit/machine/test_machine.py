"""The whole system at random, chain against reference, with every invariant after every step.

Eight shards walk their own ways; together 20,000 steps at SETM_DEPTH=1 and 300,000 at 15. The shard that ends last asks
whether all of them together have reached everything: a machine that does nothing keeps every invariant.
"""

import json
import os
import time
from functools import cache
from pathlib import Path

import pytest

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.machine import STEPS, explore
from tests.audit.machine.model import KINDS, Model
from tests.audit.machine.reached import Reached, missing
from tests.audit.machine.running import Ground, changing_functions
from tests.audit.machine.steps import snake

SHARDS = 8
RUNS = 5 * DEPTH
# All shards of one session, whichever process runs them.
SESSION = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
FOLDER = ROOT / "reports" / "audit" / "machine" / SESSION


@cache
def ground():
    return Ground()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(SHARDS))
def test_every_invariant_holds_after_every_step(number):
    started = time.process_time()
    tally = explore(ground(), runs=RUNS, number=number)
    seconds = time.process_time() - started
    assert tally.steps >= RUNS * STEPS
    reached = Reached.of(tally, seconds)
    FOLDER.mkdir(parents=True, exist_ok=True)
    partial = FOLDER / f"{number}.partial"
    partial.write_text(json.dumps(reached.plain()))
    partial.rename(FOLDER / f"{number}.json")
    files = sorted(FOLDER.glob("*.json"))
    if len(files) == SHARDS:
        ask_all_shards(files)


def ask_all_shards(files: list[Path]):
    """Everything was reached by somebody; and the figures."""
    total = Reached.sum(Reached.read(json.loads(file.read_text())) for file in files)
    lacking = missing(total, changing_functions(ground().stage))
    steps, wanted = total.steps, SHARDS * RUNS * STEPS
    record("machine", "steps", steps, wanted=f"at least {wanted}", ok=steps >= wanted)
    record("machine", "runs", total.runs, wanted="of 500 steps", ok=True)
    record("machine", "rules reached", len(total.rules), wanted="all", ok=not lacking)
    outcomes = len(total.outcomes)
    record("machine", "outcomes of functions told apart", outcomes, wanted="counted", ok=True)
    checks = sum(total.checks.values())
    record("machine", "invariant checks", checks, wanted="16 a step", ok=len(total.checks) == 16)
    drains = total.checks["I14"]
    record("machine", "states emptied (I14)", drains, wanted="one in 125 steps", ok=drains > 0)
    spent = round(1000 * total.seconds / steps, 2)
    record("machine", "ms of processor time a step", spent, wanted="stated", ok=True)
    assert not lacking, lacking


def test_what_is_never_reached_is_named():
    """The question of the last shard can fail."""
    functions = changing_functions(ground().stage)
    assert missing(Reached.nothing(), functions)


def test_the_reference_knows_every_function():
    lacking = [
        f"{contract}.{name}"
        for contract, name in changing_functions(ground().stage)
        if not hasattr(Model, f"{KINDS.get(contract, contract)}_{snake(name)}")
    ]
    assert lacking == []


def test_there_are_sixteen_invariants_each_with_its_sentence():
    assert len(INVARIANTS) == 15, "I14 is liveness.drain"
    assert all(check.__doc__ for check in INVARIANTS.values())
