"""Anonymous negotiation stays within its gas ceilings and close to the figures last written down.

After a change that is meant: ``python -m tests.contracts.gas.test_anonymous_gas`` writes the snapshot again.
"""

import json
from pathlib import Path

import pytest

from setm.bench.anonymous import SCENARIOS, medians

SNAPSHOT = Path(__file__).with_name("anonymous_gas.json")
CEILINGS = {"agree_anonymously": 190_000, "redeem": 120_000}
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


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_costs_what_was_last_written_down(measured, scenario):
    written = json.loads(SNAPSHOT.read_text())
    assert measured[scenario] == pytest.approx(written[scenario], rel=TOLERANCE)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(medians(), indent=2) + "\n")
    print(SNAPSHOT.read_text())
