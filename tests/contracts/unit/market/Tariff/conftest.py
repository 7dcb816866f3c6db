"""A tariff in which alice, bob and carol have margin, in an EVM of this process; a plain account settles."""

from functools import cache

import pytest

from setm.evm import Reverted
from setm.evm.tariff import TariffMarket

TEN_EUR = 10_000_000


@cache
def deployed():
    return TariffMarket(3, margin=TEN_EUR)


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@pytest.fixture
def market():
    found = deployed()
    yield found
    found.reset()


@pytest.fixture
def venue(market):
    return market.venue


@pytest.fixture
def slot(market):
    """A slot that is announced for; its price is posted in 23 hours."""
    return market.first_slot


@pytest.fixture
def alice(market):
    return market.people[0]


@pytest.fixture
def bob(market):
    return market.people[1]


@pytest.fixture
def carol(market):
    return market.people[2]


@pytest.fixture
def mallory(market):
    return market.evm.account("mallory")


@pytest.fixture
def refusal():
    """Return name and values of the error with which a call is refused."""

    def of(call):
        with pytest.raises(Reverted) as caught:
            call()
        return caught.value.name, caught.value.arguments

    return of
