"""A clearinghouse with two venues that do what they are told; alice has 1000 free, and she and bob have 1000 more."""

from types import SimpleNamespace

import brownie
import pytest

from scripts.register import register
from setm.types import Kind

ZERO_ADDRESS = "0x" + "00" * 20


@pytest.fixture(scope="module")
def project():
    return brownie.project.get_loaded_projects()[0]


@pytest.fixture(scope="module")
def registry(project, config, governance, authority):
    return project.ParticipantRegistry.deploy(
        governance,
        config["slot_seconds"],
        config["governance_delay"],
        config["recovery_delay"],
        [authority],
        {"from": governance},
    )


@pytest.fixture(scope="module")
def token(project, governance):
    return project.TestEuro.deploy({"from": governance})


@pytest.fixture(scope="module")
def open_house(project, registry, config, governance):
    """Return a clearinghouse for a token, with venues in it."""

    def create(coin, *venues):
        delay = config["governance_delay"]
        created = project.Clearinghouse.deploy(coin, registry, delay, {"from": governance})
        for venue in venues:
            created.addVenue(venue, {"from": governance})
        return created

    return create


@pytest.fixture(scope="module")
def new_venue(project, governance):
    return lambda: project.ClearingVenue.deploy({"from": governance})


@pytest.fixture(scope="module")
def venue(new_venue):
    return new_venue()


@pytest.fixture(scope="module")
def heir(new_venue):
    return new_venue()


@pytest.fixture(scope="module")
def house(open_house, token, venue, heir):
    return open_house(token, venue, heir)


@pytest.fixture(scope="module", autouse=True)
def people(registry, token, house, authority, alice, bob):
    """Participant 1 is alice, participant 2 is bob; both may pay all they have to the house."""
    for person in (alice, bob):
        register(registry, authority, person, Kind.PROSUMER)
        token.mint(person, 2000 if person == alice else 1000, {"from": person})
        token.approve(house, 2**256 - 1, {"from": person})
    house.deposit(1, 1000, {"from": alice})
    return SimpleNamespace(alice=1, bob=2)


@pytest.fixture
def locked(house, venue, alice):
    """Alice has 400 free and 600 locked for the venue."""
    return house.lock(venue, 600, {"from": alice})


@pytest.fixture(scope="module")
def tell(house, mallory):
    """Let a venue call the house; the venue does it for anybody."""

    def send(venue, function, *args):
        data = getattr(house, function).encode_input(*args)
        return venue.act(house, data, {"from": mallory})

    return send


@pytest.fixture(scope="module")
def close(tell, house):
    """Let a venue close; the reply as events by name."""

    def send(venue, participant_id, *, to=ZERO_ADDRESS, charged=0, released=0, paid=0):
        return tell(venue, "close", participant_id, to, charged, released, paid)

    return send


@pytest.fixture(scope="module")
def sums_up(house, token, venue, heir):
    """Assert that all balances together are what is held, and that the tokens are there."""

    def check():
        owned = sum(house.poolOf(one) for one in (venue, heir))
        for participant_id in (1, 2):
            owned += house.freeOf(participant_id)
            owned += sum(house.collateralOf(one, participant_id) for one in (venue, heir))
        assert owned == house.held() == token.balanceOf(house)

    return check


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come just after a time; Brownie and the chain may differ by a second about the present."""
    return lambda moment: brownie.chain.mine(timestamp=moment + 2)


@pytest.fixture(scope="module")
def low():
    """Return an address as error messages write it."""
    return lambda account: str(account).lower()
