"""The walk can fail: contracts with one thing wrong are found out, each by the invariant that forbids it, alone.

Four faults at SETM_DEPTH=1; in `make audit` all of them, at least one for each invariant. The first two are errors that
this walk found in the contracts.
"""

import pytest

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.machine.faults import FaultyEvm
from tests.audit.schedules.walk.faults import FAULTS
from tests.audit.schedules.walk.ground import Stage
from tests.audit.schedules.walk.invariants import INVARIANTS
from tests.audit.schedules.walk.machine import ALL, search
from tests.audit.schedules.walk.terms import DAYS, SHORT

WITHIN = 20_000
FEW = 4


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", FAULTS[: FEW if DEPTH == 1 else None], ids=str)
def test_the_walk_finds_a_fault_by_the_invariant_that_forbids_it(fault):
    terms = DAYS if "a day's" in fault.says else SHORT
    stage = Stage(terms, FaultyEvm(fault))
    stage.is_compared = fault.breaks == "answers"
    checks = () if fault.breaks == "answers" else (fault.breaks,)
    found, steps = search(stage, checks=checks, most=WITHIN)
    record(
        "schedules",
        f"walk: steps until {fault.breaks} finds its fault in {fault.contract}",
        steps,
        wanted=f"at most {WITHIN}",
        ok=found == fault.breaks and steps <= WITHIN,
        fault=fault.says,
    )
    assert found == fault.breaks
    assert steps <= WITHIN


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_of_the_walk_has_its_place_in_the_source(fault):
    """Asked of all of them at every depth: sources change."""
    assert (ROOT / fault.file).read_text().count(fault.right) == 1


def test_there_is_a_fault_for_every_invariant_of_the_walk():
    assert {fault.breaks for fault in FAULTS} == {*ALL, "answers"}
    assert all(check.__doc__ for check in INVARIANTS.values())
