"""Clearinghouse.release [M4]"""

import brownie


def test_refuses_who_is_no_venue(house, locked, alice, governance, people, low):
    for caller in (alice, governance):
        with brownie.reverts(f"NotAVenue: {low(caller)}"):
            house.release(people.alice, 1, {"from": caller})


def test_refuses_more_than_is_locked(tell, venue, locked, people):
    for amount in (601, 2**64, 2**256 - 1):
        with brownie.reverts(f"CollateralTooLow: {people.alice}, {amount}, 600"):
            tell(venue, "release", people.alice, amount)


def test_refuses_what_is_locked_for_another_venue(tell, heir, locked, people):
    with brownie.reverts(f"CollateralTooLow: {people.alice}, 1, 0"):
        tell(heir, "release", people.alice, 1)


def test_frees_the_amount(house, tell, venue, locked, people, sums_up):
    tell(venue, "release", people.alice, 250)
    assert house.freeOf(people.alice) == 650
    assert house.collateralOf(venue, people.alice) == 350
    sums_up()


def test_does_nothing_for_zero(house, tell, venue, locked, people):
    released = tell(venue, "release", people.bob, 0)
    assert "CollateralReleased" not in released.events
    assert house.freeOf(people.bob) == 0


def test_tells_for_whom_and_where(tell, venue, locked, people):
    released = tell(venue, "release", people.alice, 250)
    expected = {"participantId": people.alice, "venue": venue, "amount": 250}
    assert released.events["CollateralReleased"] == expected
