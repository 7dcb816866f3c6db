"""A day goes on through everything that a network, a node or a chain can do to it, and ends as if nothing had been."""

from __future__ import annotations

import pytest

from tests.audit.faults.cases import chain_faults, single_faults, storms
from tests.audit.faults.chain_data import BACKWARDS
from tests.audit.faults.conftest import IS_AUDIT
from tests.audit.faults.program import Life
from tests.audit.faults.survival import survive, timeless_events

# In CI one of so many; all of them in the audit.
SINGLE = single_faults() if IS_AUDIT else single_faults()[::24]
CHAIN = chain_faults() if IS_AUDIT else chain_faults()[::13]
STORMS = storms(12 if IS_AUDIT else 2)


def endure(case, stage, prepared, truth_of, register, tmp_path):
    truth = truth_of(case.kind, case.mechanism)
    life = Life(
        mechanism=case.mechanism,
        kind=case.kind,
        folder=tmp_path / "day",
        day_file=prepared.day_file,
    )
    life = case.strike(life, truth)
    survival = survive(prepared, truth, life)
    wrong = list(survival.wrong)
    if case.kind == "ganache" and case.moves_clock:
        # Ganache obeys an order to make a block at a time that is past, and a late copy of one is such an order.
        wrong = [item for item in wrong if item != BACKWARDS]
    if survival.differs_in_time and not case.moves_clock:
        wrong.append("transactions were sent at other times, or with other bytes")
    if survival.tables_differ and not case.moves_clock:
        wrong.append("the events of the report differ")
    if survival.refused and not case.moves_clock:
        wrong.append(f"{survival.refused} attempts were refused")
    if survival.began_anew and not case.may_begin_anew:
        wrong.append("it asks for a fresh chain")
    if not survival.struck:
        wrong.append("no fault struck")
    register.add(stage, life, survival, ok=not wrong)
    assert wrong == [], f"{case}\n{survival.happened}\n" + "\n".join(wrong)


def test_both_chains_live_through_the_same_day(truth_of):
    for mechanism in ("auction", "negotiation"):
        anvil, ganache = (truth_of(kind, mechanism) for kind in ("anvil", "ganache"))
        assert timeless_events(anvil.folder) == timeless_events(ganache.folder)
        assert anvil.chain["balances"] == ganache.chain["balances"]
        assert any("accept" in act or "clear" in act for act in anvil.actions)


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_survives_a_fault_between_program_and_node(case, prepared, truth_of, register, tmp_path):
    endure(case, "network", prepared, truth_of, register, tmp_path)


@pytest.mark.parametrize("case", STORMS, ids=str)
def test_survives_a_day_of_many_faults(case, prepared, truth_of, register, tmp_path):
    endure(case, "storm", prepared, truth_of, register, tmp_path)


@pytest.mark.parametrize("case", CHAIN, ids=str)
def test_survives_what_a_chain_does(case, prepared, truth_of, register, tmp_path):
    endure(case, "chain", prepared, truth_of, register, tmp_path)
