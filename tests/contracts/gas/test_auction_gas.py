"""The auction stays within its gas ceilings and close to the figures last written down.

After a change that is meant: ``python -m tests.contracts.gas.test_auction_gas`` writes the snapshot again.
"""

import json
from pathlib import Path

import pytest

from setm.bench.auction import SCENARIOS, medians

SNAPSHOT = Path(__file__).with_name("auction_gas.json")
CEILINGS = {
    "commit_day_share": 40_000,
    "open_and_clear_share": 12_000,
    "open_alone": 40_000,
    "clear_random_book": 500_000,
    "clear_every_tick": 500_000,
    "clear_every_tick_vickrey": 500_000,
    "clear_every_tick_pay_as_bid": 500_000,
    "clear_every_tick_mcafee": 500_000,
    "clear_every_tick_supply_demand": 500_000,
}
# Not reached, a known issue. Each fails here as soon as it is, and then belongs above.
MISSED = {"open_order": 45_000, "commit": 40_000}
# Other contracts on the way, such as the registry, may change a little without a word here.
TOLERANCE = 0.02


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@pytest.fixture(scope="module")
def measured():
    return medians()


@pytest.mark.parametrize("scenario", CEILINGS)
def test_costs_no_more_than_the_ceiling(measured, scenario):
    assert measured[scenario] <= CEILINGS[scenario]


@pytest.mark.xfail(strict=True, reason="costs more than its ceiling")
@pytest.mark.parametrize("scenario", MISSED)
def test_costs_no_more_than_a_ceiling_not_reached_yet(measured, scenario):
    assert measured[scenario] <= MISSED[scenario]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_costs_what_was_last_written_down(measured, scenario):
    written = json.loads(SNAPSHOT.read_text())
    assert measured[scenario] == pytest.approx(written[scenario], rel=TOLERANCE)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(medians(), indent=2) + "\n")
    print(SNAPSHOT.read_text())
