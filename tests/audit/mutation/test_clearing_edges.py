"""Eight venues side by side: balances that share a word, and since when a participant belongs to a venue"""

from itertools import combinations

import pytest

from setm.evm import Evm, Reverted, abi, artifact, deploy_system
from setm.types import Kind

SLOT = 900


class House:
    """A clearinghouse with eight venues that do as they are told; alice and bob have money, none of it locked."""

    def __init__(self):
        self.evm = Evm()
        self.system = system = deploy_system(self.evm)
        self.house = system.clearinghouse
        self.alice, self.bob = (system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob"))
        self.told = [self.evm.deploy("ClearingVenue") for _ in range(5)]
        for venue in self.told:
            self.house.send("addVenue", venue.address, sender=system.governance)
        for person in (self.alice, self.bob):
            system.deposit(person, 2**60)
        self.venues = [system.settlement, system.auction, system.negotiation, *self.told]
        self.evm.now = (self.evm.now // SLOT + 1) * SLOT

    def lock(self, person, venue, amount):
        self.house.send("lock", venue.address, amount, sender=person)

    def locked(self, person):
        return [self.house.call("collateralOf", venue.address, person.id) for venue in self.venues]


@pytest.fixture(scope="module")
def deployed():
    return House()


@pytest.fixture
def house(deployed):
    with deployed.evm.undone():
        yield deployed


def test_each_balance_of_a_word_moves_alone(house):
    """Amounts of all sizes, first in, then out again in another order, for two participants at a time."""
    amounts = [1, 2**53, 2**32, 2**20 + 1, 3, 2**55 - 1, 7, 2**40]
    for person, factor in ((house.alice, 1), (house.bob, 3)):
        for place in (5, 0, 7, 3, 1, 6, 2, 4):
            house.lock(person, house.venues[place], amounts[place] * factor)
    for person, factor in ((house.alice, 1), (house.bob, 3)):
        expected = [amount * factor for amount in amounts]
        assert house.locked(person) == expected
        assert house.house.call("freeOf", person.id) == 2**60 - sum(expected)
    for place, venue in enumerate(house.told, start=3):
        data = release_data(house, house.alice, amounts[place])
        venue.send("act", house.house.address, data, sender=house.bob)
        expected = [0 if 3 <= other <= place else amount for other, amount in enumerate(amounts)]
        assert house.locked(house.alice) == expected
        with pytest.raises(Reverted) as caught:
            venue.send("act", house.house.address, release_data(house, house.alice, 1))
        assert caught.value.name == "CollateralTooLow"
    assert house.locked(house.bob) == [amount * 3 for amount in amounts]


@pytest.mark.parametrize("edge", [-1, 0, 1])
def test_who_joined_long_ago_is_told_from_who_joined_lately(house, edge):
    """Around the slots, multiples of 256, from which on a participant's venues are known without their slots."""
    page = house.evm.now // SLOT // 256 + 1
    house.evm.now = (256 * page + edge) * SLOT
    first = house.evm.now // SLOT
    joined = {}
    for person in (house.alice, house.bob):
        for place, later in ((6, 0), (0, 1), (3, 254), (7, 255), (1, 256), (6, 300), (4, 1024)):
            house.evm.now = (first + later + person.id) * SLOT
            house.lock(person, house.venues[place], 5)
            joined.setdefault((person, place), first + later + person.id)
            for slot in range(256 * (page - 1), 256 * (page + 6), 5):
                expected = sum(
                    1 << p for (who, p), since in joined.items() if who is person and since < slot
                )
                assert house.house.call("joinedVenues", person.id, slot) == expected


def release_data(house, person, amount):
    return call_data("release", person.id, amount)


def call_data(name, *arguments):
    """Return what calls a function of the clearinghouse."""
    entries = artifact("Clearinghouse")["abi"]
    entry = next(e for e in entries if e["type"] == "function" and e["name"] == name)
    return abi.selector_of(entry) + abi.encode(entry["inputs"], arguments)


@pytest.mark.parametrize("places", [*combinations(range(0, 8, 3), 2), (7,), (1,), tuple(range(8))])
def test_a_participant_belongs_to_the_venues_that_it_locked_money_in_from_the_next_slot_on(
    house, places
):
    slot, bits = house.evm.now // SLOT, sum(1 << place for place in places)
    for place in places:
        house.lock(house.alice, house.venues[place], 5)
    joined = [
        house.house.call("joinedVenues", house.alice.id, slot + after) for after in (-1, 0, 1, 9)
    ]
    assert joined == [0, 0, bits, bits]
    assert house.house.call("joinedVenues", house.bob.id, slot + 1) == 0
    house.evm.now += 3 * SLOT
    for place in range(8):
        house.lock(house.alice, house.venues[place], 5)
    for after, found in ((0, 0), (1, bits), (3, bits), (4, 255)):
        assert house.house.call("joinedVenues", house.alice.id, slot + after) == found


def closing(person, charged, released, paid):
    """A word of ``closeMany``; 1e-6 EUR."""
    return person.id << 224 | charged << 160 | released << 96 | paid << 32


@pytest.mark.parametrize("heir", range(-1, 8))
@pytest.mark.parametrize("place", range(3, 8))
def test_many_are_closed_in_whichever_words_venue_and_heir_stand(house, place, heir):
    """From each venue to each heir (-1: the free balance), in one word or in two; nobody else's balance moves."""
    venue = house.venues[place]
    to = house.venues[heir].address if heir >= 0 else "0x" + "00" * 20
    for person, factor in ((house.alice, 1), (house.bob, 3)):
        for number, other in enumerate(house.venues):
            house.lock(person, other, 1_000_003 * (number + 1) * factor)
    moves = ((house.alice, 70, 11, 5), (house.bob, 5, 13, 60), (house.alice, 0, 7, 0))
    expected = {
        person: [house.house.call("freeOf", person.id), *house.locked(person)]
        for person in (house.alice, house.bob)
    }
    for person, charged, released, paid in moves:
        expected[person][place + 1] -= charged + released
        expected[person][heir + 1] += released + paid
    words = [closing(*move) for move in moves]
    data = call_data("closeMany", to, words)
    venue.send("act", house.house.address, data, sender=house.bob)
    for person, balances in expected.items():
        assert [house.house.call("freeOf", person.id), *house.locked(person)] == balances
    assert house.house.call("poolOf", venue.address) == 10


@pytest.mark.parametrize("place", range(8))
def test_a_balance_as_large_as_can_be_held_keeps_every_bit(house, place):
    held = house.system.token.call("balanceOf", house.house.address)
    house.system.deposit(house.alice, 2**64 - 1 - held)
    most = house.house.call("freeOf", house.alice.id)
    house.lock(house.alice, house.venues[place], most)
    assert house.locked(house.alice) == [most * (place == other) for other in range(8)]
    assert house.house.call("freeOf", house.alice.id) == 0
