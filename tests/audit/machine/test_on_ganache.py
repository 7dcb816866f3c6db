"""The same machine on a real Ganache: 500 steps, the same reference, and the answers of the EVM in this process."""

import time
from datetime import UTC, datetime
from random import Random

import pytest

from setm.chain.node import local_node
from tests.audit.figures import record
from tests.audit.machine.choices import WEIGHTS
from tests.audit.machine.driver import START_AT, EvmDriver
from tests.audit.machine.ganache import GanacheDriver
from tests.audit.machine.liveness import drain
from tests.audit.machine.running import Run, Tally
from tests.audit.machine.stage import Stage

STEPS = 500
# What follows from the state; what follows from events is asked of the twin, whose events are the same.
STATE = ("I1", "I2", "I3", "I4", "I7", "I15", "I16")
# A look at everything takes Ganache as long as ten transactions.
LOOK_EVERY = 6


@pytest.mark.timeout(600)
def test_five_hundred_steps_on_ganache_as_in_process(tmp_path):
    started = time.monotonic()
    start_at = datetime.fromtimestamp(START_AT, tz=UTC)
    names = [name for name, weight in WEIGHTS.items() for _ in range(weight)]
    dice, outcomes = Random(2021), []
    with local_node("ganache", start_at=start_at, log=tmp_path / "chain.log") as node:
        run = Run(Stage(GanacheDriver(node)), Tally(), STATE, look_every=LOOK_EVERY)
        while len(run.trail) < STEPS:
            if run.act(dice.choice(names), dice.getrandbits(24)):
                outcomes.append(run.outcome)
        drain(run)
    seconds = time.monotonic() - started

    twin = Run(Stage(EvmDriver(block_seconds=1)), Tally())
    for step, there in zip(run.trail, outcomes, strict=True):
        here = twin.do(step)
        assert (here.error, here.events) == (there.error, there.events), step
    done = sum(not outcome.error for outcome in outcomes)
    record("machine", "steps on Ganache", STEPS, wanted="at least 500", ok=done > STEPS // 2)
    record("machine", "seconds on Ganache", round(seconds, 1), wanted="stated", ok=True)
    assert done > STEPS // 2
