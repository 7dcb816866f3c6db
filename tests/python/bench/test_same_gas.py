"""The EVM in process counts what Anvil and Ganache count: the same calls, at most 10 gas apart a transaction."""

import pytest

from setm.bench.same_gas import TOLERANCE_GAS, same_gas
from setm.bench.venues import VENUES


@pytest.mark.parametrize("network", ["anvil", "ganache"])
@pytest.mark.parametrize("venue", VENUES, ids=lambda venue: venue.name)
def test_a_chain_counts_the_same_gas(venue, network):
    rows = same_gas(venue, 10, network)
    assert {row.stage for row in rows} >= {"readings", "settle"}
    assert max(row.difference_each for row in rows) <= TOLERANCE_GAS
