"""Each test of this folder runs for every venue."""

import pytest

from tests.contracts.common.venues import KINDS, deployed


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@pytest.fixture(params=KINDS)
def case(request):
    found = deployed(request.param)
    mark = found.evm.snapshot()
    found.salts.clear()
    yield found
    found.evm.revert(mark)


@pytest.fixture
def slot(case):
    return case.slot


@pytest.fixture
def venue(case):
    return case.venue


@pytest.fixture
def traded(case, slot):
    """The slot in which alice bought from bob; its outcome is final."""
    case.trade(slot)
    case.decide(slot)
    return slot
