"""The machine can fail: contracts with one thing wrong are found out, each by the invariant that forbids it, alone.

Neither the comparison of answers, which has a fault of its own, nor any other invariant helps. Five faults at
SETM_DEPTH=1, one for each invariant in `make audit`.
"""

import pytest

from tests.audit.figures import DEPTH, record
from tests.audit.machine.driver import EvmDriver
from tests.audit.machine.faults import FAULTS, FaultyEvm
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.machine import search
from tests.audit.machine.running import Ground

WITHIN = 10_000
FEW = 5


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS[: FEW if DEPTH == 1 else None], ids=str)
def test_a_fault_is_found_by_the_invariant_that_forbids_it(fault):
    ground = Ground(EvmDriver(evm=FaultyEvm(fault)))
    ground.stage.is_compared = fault.breaks == "answers"
    checks = (fault.breaks,) if fault.breaks in INVARIANTS else ()
    found, steps = search(ground, checks=checks, most=WITHIN)
    record(
        "machine",
        f"steps until {fault.breaks} finds its fault",
        steps,
        wanted=f"at most {WITHIN}",
        ok=found == fault.breaks,
        fault=fault.says,
    )
    assert found == fault.breaks


def test_there_is_a_fault_for_every_invariant():
    assert {fault.breaks for fault in FAULTS} == {*INVARIANTS, "I14", "answers"}
