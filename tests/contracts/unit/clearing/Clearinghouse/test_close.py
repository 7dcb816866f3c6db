"""Clearinghouse.close [M5] [M6] [M7]"""

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_who_is_no_venue(house, locked, alice, governance, people, low):
    for caller in (alice, governance):
        with brownie.reverts(f"NotAVenue: {low(caller)}"):
            house.close(people.alice, ZERO_ADDRESS, 0, 0, 0, {"from": caller})


def test_refuses_an_heir_that_is_no_venue(close, venue, locked, mallory, people, low):
    with brownie.reverts(f"NotAVenue: {low(mallory)}"):
        close(venue, people.alice, to=mallory, released=1)


@pytest.mark.parametrize(
    ("parts", "asked"),
    [
        ({"charged": 601}, 601),
        ({"released": 601}, 601),
        ({"charged": 600, "released": 1}, 601),
        ({"charged": 2**64, "paid": 2**64}, 2**64),
    ],
)
def test_refuses_more_than_is_locked(close, venue, locked, people, parts, asked):
    with brownie.reverts(f"CollateralTooLow: {people.alice}, {asked}, 600"):
        close(venue, people.alice, **parts)


@pytest.mark.parametrize("parts", [("charged", "released"), ("released", "paid")])
def test_refuses_sums_beyond_any_number(close, venue, locked, people, parts):
    with brownie.reverts("Integer overflow"):
        close(venue, people.alice, **{parts[0]: 2**256 - 1, parts[1]: 1})


def test_refuses_to_pay_more_than_was_charged(close, venue, heir, locked, people, low):
    close(venue, people.alice, charged=100)
    with brownie.reverts(f"PoolTooLow: {low(venue)}, 101, 100"):
        close(venue, people.bob, paid=101)
    with brownie.reverts(f"PoolTooLow: {low(heir)}, 1, 0"):
        close(heir, people.bob, paid=1)


def test_charges_into_the_pool_and_frees_the_rest(house, close, venue, locked, people, sums_up):
    close(venue, people.alice, charged=100, released=30)
    assert house.poolOf(venue) == 100
    assert house.freeOf(people.alice) == 430
    assert house.collateralOf(venue, people.alice) == 470
    sums_up()


def test_pays_from_the_pool(house, close, venue, locked, people, sums_up):
    close(venue, people.alice, charged=100)
    close(venue, people.bob, paid=99)
    assert (house.poolOf(venue), house.freeOf(people.bob)) == (1, 99)
    sums_up()


def test_hands_what_is_released_and_paid_to_the_heir(
    house, close, venue, heir, locked, people, sums_up
):
    close(venue, people.alice, charged=100)
    close(venue, people.alice, to=heir, released=20, paid=60)
    assert house.collateralOf(heir, people.alice) == 80
    assert (house.freeOf(people.alice), house.poolOf(venue)) == (400, 40)
    sums_up()


def test_can_charge_and_pay_the_same_at_once(house, close, venue, locked, people, sums_up):
    close(venue, people.alice, charged=600, paid=600)
    assert (house.freeOf(people.alice), house.poolOf(venue)) == (1000, 0)
    sums_up()


def test_does_nothing_for_zeros(close, venue, locked, people):
    assert "Closed" not in close(venue, people.bob).events


def test_keeps_the_balances_of_eight_venues_apart(
    house, new_venue, governance, close, alice, bob, venue, heir, people, wait_until
):
    others = [new_venue() for _ in range(6)]
    for other in others:
        added = house.addVenue(other, {"from": governance})
    wait_until(added.events["VenueScheduled"]["activeFrom"])
    every = [venue, heir, *others]
    house.deposit(people.bob, 1000, {"from": bob})
    for place, one in enumerate(every):
        house.lock(one, 10 + place, {"from": alice})
        house.lock(one, 50, {"from": bob})
    for place, one in enumerate(every):
        close(one, people.alice, to=every[(place + 1) % 8], charged=place, released=1, paid=place)
    for place, one in enumerate(every):
        inherited = 1 + (place - 1) % 8
        assert house.collateralOf(one, people.alice) == 10 + place - place - 1 + inherited
        assert house.collateralOf(one, people.bob) == 50
        assert house.poolOf(one) == 0
    assert house.freeOf(people.alice) == 1000 - sum(range(10, 18))
    assert house.freeOf(people.bob) == 600


def test_tells_all_that_moved(close, venue, heir, locked, people):
    closed = close(venue, people.alice, to=heir, charged=100, released=20, paid=60)
    assert closed.events["Closed"] == {
        "participantId": people.alice,
        "venue": venue,
        "heir": heir,
        "charged": 100,
        "released": 20,
        "paid": 60,
    }
