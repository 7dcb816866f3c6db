"""The people and the contracts of every contract test.

alice buys, bob sells, carol does both, mallory is not registered, operator runs the grid, authority identifies people,
governance governs. One deployment for each module; each test starts from it again.
"""

import json
from types import SimpleNamespace

import pytest

from scripts.actors import local_actors
from scripts.deploy import DEFAULTS, deploy
from scripts.register import enrol_people


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """Each test starts from the module's deployment."""


@pytest.fixture(scope="session")
def actors():
    return local_actors()


@pytest.fixture(scope="module")
def config():
    return json.loads(DEFAULTS.read_text())


@pytest.fixture(scope="module")
def system(config, actors):
    return deploy(actors.governance, config, actors)


@pytest.fixture(scope="module")
def alice(actors):
    return actors.alice


@pytest.fixture(scope="module")
def bob(actors):
    return actors.bob


@pytest.fixture(scope="module")
def carol(actors):
    return actors.carol


@pytest.fixture(scope="module")
def mallory(actors):
    return actors.mallory


@pytest.fixture(scope="module")
def operator(actors):
    return actors.operator


@pytest.fixture(scope="module")
def authority(actors):
    return actors.authority


@pytest.fixture(scope="module")
def governance(actors):
    return actors.governance


@pytest.fixture(scope="module")
def ids(system):
    """Participant numbers of operator, alice, bob and carol; each has 100 EUR free."""
    return SimpleNamespace(**enrol_people(system))
