"""Clearinghouse.lock [M3]"""

import brownie

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_a_caller_without_user_security(house, venue, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        house.lock(venue, 1, {"from": mallory})


def test_refuses_a_suspended_participant(
    house, registry, authority, venue, alice, people, wait_until, low
):
    wait_until(registry.suspend(people.alice, {"from": authority}).events[0]["from"])
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        house.lock(venue, 1, {"from": alice})


def test_refuses_a_session_key_beyond_its_limit_or_for_another_contract(
    house, registry, venue, alice, mallory, people, low
):
    expires_at = brownie.chain.time() + 600
    registry.openSession((mallory, venue, 9, expires_at), {"from": alice})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        house.lock(venue, 1, {"from": mallory})
    registry.openSession((mallory, house, 9, expires_at), {"from": alice})
    with brownie.reverts("SessionLimitExceeded: 9, 10"):
        house.lock(venue, 10, {"from": mallory})
    house.lock(venue, 9, {"from": mallory})
    assert house.collateralOf(venue, people.alice) == 9


def test_refuses_a_venue_that_is_not_registered(house, alice, mallory, low):
    for stranger in (mallory, ZERO_ADDRESS):
        with brownie.reverts(f"NotAVenue: {low(stranger)}"):
            house.lock(stranger, 1, {"from": alice})


def test_refuses_a_venue_that_is_not_active_yet(
    house, new_venue, governance, alice, wait_until, low
):
    late = new_venue()
    active_from = house.addVenue(late, {"from": governance}).events["VenueScheduled"]["activeFrom"]
    with brownie.reverts(f"NotAVenue: {low(late)}"):
        house.lock(late, 1, {"from": alice})
    wait_until(active_from)
    house.lock(late, 1, {"from": alice})


def test_refuses_nothing(house, venue, alice):
    with brownie.reverts("ZeroAmount: "):
        house.lock(venue, 0, {"from": alice})


def test_refuses_more_than_is_free(house, venue, alice, people):
    for amount in (1001, 2**64, 2**256 - 1):
        with brownie.reverts(f"FreeBalanceTooLow: {people.alice}, {amount}, 1000"):
            house.lock(venue, amount, {"from": alice})


def test_binds_the_amount_and_tells_the_venue(house, venue, heir, locked, people, sums_up):
    assert house.freeOf(people.alice) == 400
    assert house.collateralOf(venue, people.alice) == 600
    assert house.collateralOf(heir, people.alice) == 0
    assert (venue.lastParticipantId(), venue.added()) == (people.alice, 600)
    sums_up()


def test_joins_the_venue_from_the_next_slot_on(house, venue, heir, alice, people, config, locked):
    slot = brownie.chain[-1].timestamp // config["slot_seconds"]
    assert house.joinedVenues(people.alice, slot) == 0
    assert house.joinedVenues(people.alice, slot + 1) == 1
    house.lock(heir, 1, {"from": alice})
    assert house.joinedVenues(people.alice, slot + 2) == 3
    assert house.joinedVenues(people.bob, slot + 2) == 0


def test_a_venue_may_release_while_it_is_told(house, venue, alice, people, sums_up):
    data = house.release.encode_input(people.alice, 50)
    venue.actOnMargin(house, data, {"from": alice})
    house.lock(venue, 50, {"from": alice})
    assert house.freeOf(people.alice) == 1000
    sums_up()


def test_tells_for_whom_and_where(locked, venue, people):
    expected = {"participantId": people.alice, "venue": venue, "amount": 600}
    assert locked.events["CollateralLocked"] == expected
