"""The machine can fail: contracts with one thing wrong are found out, each by the invariant that forbids it, alone.

Neither the comparison of answers, which has a fault of its own, nor any other invariant helps. Five faults at
SETM_DEPTH=1; in `make audit` all of them, at least one for each invariant and for each venue.
"""

import pytest

from tests.audit.figures import DEPTH, ROOT, record
from tests.audit.machine.driver import EvmDriver
from tests.audit.machine.faults import FAULTS, FaultyEvm
from tests.audit.machine.invariants import INVARIANTS
from tests.audit.machine.machine import search
from tests.audit.machine.running import Ground

# A run that has begun goes to its end.
WITHIN = 12_000
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
        f"steps until {fault.breaks} finds its fault in {fault.contract}",
        steps,
        wanted=f"at most {WITHIN}",
        ok=found == fault.breaks and steps <= WITHIN,
        fault=fault.says,
    )
    assert found == fault.breaks
    assert steps <= WITHIN


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_has_its_place_in_the_source(fault):
    """Asked of all of them at every depth: sources change."""
    assert (ROOT / fault.file).read_text().count(fault.right) == 1


def test_there_is_a_fault_for_every_invariant():
    assert {fault.breaks for fault in FAULTS} == {*INVARIANTS, "I14", "answers"}


def test_there_is_a_fault_for_every_venue_and_for_tags():
    assert {"Auction", "Negotiation", "Tariff", "ConditionalMarket", "AnonymousNegotiation"} | {
        "EnergyTag",
        "NoteBook",
    } <= {fault.contract for fault in FAULTS}
