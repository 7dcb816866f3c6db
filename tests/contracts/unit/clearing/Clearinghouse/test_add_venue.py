"""Clearinghouse.addVenue and what is said of venues"""

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20


@pytest.fixture
def empty(open_house, token):
    """A clearinghouse into which nothing was ever deposited."""
    return open_house(token)


def test_refuses_anybody_but_governance(house, new_venue, authority, alice, low):
    for caller in (authority, alice):
        with brownie.reverts(f"NotGovernance: {low(caller)}"):
            house.addVenue(new_venue(), {"from": caller})


def test_refuses_nobody(house, governance):
    with brownie.reverts(f"NotAVenue: {ZERO_ADDRESS}"):
        house.addVenue(ZERO_ADDRESS, {"from": governance})


def test_refuses_a_venue_twice(house, venue, governance, low):
    with brownie.reverts(f"VenueKnown: {low(venue)}"):
        house.addVenue(venue, {"from": governance})


def test_refuses_more_than_eight(empty, actors, governance):
    for venue in actors.others[:8]:
        empty.addVenue(venue, {"from": governance})
    with brownie.reverts("TooManyVenues: 8"):
        empty.addVenue(actors.others[8], {"from": governance})
    assert list(empty.venues()) == actors.others[:8]


def test_is_active_at_once_while_nothing_was_ever_deposited(empty, venue, governance):
    added = empty.addVenue(venue, {"from": governance})
    assert added.events["VenueScheduled"]["activeFrom"] == added.timestamp
    assert empty.isVenue(venue)
    assert list(empty.venues()) == [venue]


def test_is_active_after_the_delay_once_something_was_deposited(
    house, venue, heir, new_venue, config, governance, alice, wait_until
):
    house.withdraw(1000, {"from": alice})
    late = new_venue()
    added = house.addVenue(late, {"from": governance})
    active_from = added.timestamp + config["governance_delay"]
    assert not house.isVenue(late)
    assert list(house.venues()) == [venue, heir]
    wait_until(active_from)
    assert house.isVenue(late)
    assert list(house.venues()) == [venue, heir, late]


def test_counts_the_venues_that_were_there_before_any_money(
    empty, house, token, registry, new_venue, governance, people, alice
):
    for count in (1, 2):
        empty.addVenue(new_venue(), {"from": governance})
        assert empty.foundingVenues() == count
    token.approve(empty, 5, {"from": alice})
    empty.deposit(people.alice, 5, {"from": alice})
    empty.withdraw(5, {"from": alice})
    late = new_venue()
    empty.addVenue(late, {"from": governance})
    assert empty.foundingVenues() == 2
    assert empty.placeOf(late) == 2
    assert house.foundingVenues() == 2


def test_says_the_place_of_a_venue_and_of_no_stranger(house, venue, heir, mallory, low):
    assert (house.placeOf(venue), house.placeOf(heir)) == (0, 1)
    with brownie.reverts(f"NotAVenue: {low(mallory)}"):
        house.placeOf(mallory)


def test_tells_from_when(house, new_venue, config, governance):
    late = new_venue()
    added = house.addVenue(late, {"from": governance})
    expected = {"venue": late, "activeFrom": added.timestamp + config["governance_delay"]}
    assert added.events["VenueScheduled"] == expected


def test_a_stranger_is_no_venue_and_has_nothing(house, mallory, people):
    assert not house.isVenue(mallory)
    assert not house.isVenue(ZERO_ADDRESS)
    assert house.poolOf(mallory) == house.collateralOf(mallory, people.alice) == 0
