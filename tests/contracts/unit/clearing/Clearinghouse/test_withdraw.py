"""Clearinghouse.withdraw [M2]"""

import brownie


def test_refuses_who_owns_no_participant(house, registry, alice, mallory, low):
    expires_at = brownie.chain.time() + 600
    registry.openSession((mallory, house, 2**60, expires_at), {"from": alice})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        house.withdraw(1, {"from": mallory})


def test_refuses_the_key_of_a_revoked_participant(house, registry, authority, alice, people, low):
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"NotSecured: {low(alice)}"):
        house.withdraw(1, {"from": alice})


def test_refuses_nothing(house, alice):
    with brownie.reverts("ZeroAmount: "):
        house.withdraw(0, {"from": alice})


def test_refuses_more_than_is_free(house, locked, alice, people):
    with brownie.reverts(f"FreeBalanceTooLow: {people.alice}, 401, 400"):
        house.withdraw(401, {"from": alice})


def test_pays_the_caller(house, token, locked, alice, people, sums_up):
    house.withdraw(400, {"from": alice})
    assert house.freeOf(people.alice) == 0
    assert (token.balanceOf(alice), token.balanceOf(house)) == (1400, 600)
    sums_up()


def test_a_suspended_participant_still_can(house, registry, authority, alice, people, wait_until):
    wait_until(registry.suspend(people.alice, {"from": authority}).events[0]["from"])
    assert not registry.isActive(people.alice)
    house.withdraw(1000, {"from": alice})


def test_an_expired_participant_still_can(house, registry, alice, people, wait_until):
    wait_until(registry.participant(people.alice)[6])
    assert not registry.isActive(people.alice)
    house.withdraw(1000, {"from": alice})


def test_tells_who_was_paid(house, alice, people):
    paid = house.withdraw(9, {"from": alice})
    expected = {"participantId": people.alice, "to": alice, "amount": 9}
    assert paid.events["Withdrawn"] == expected
