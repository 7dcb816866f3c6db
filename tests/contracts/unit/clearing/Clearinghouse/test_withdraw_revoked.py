"""Clearinghouse.withdrawRevoked [M2]"""

import brownie
import pytest


@pytest.fixture
def revoked(registry, config, authority, alice, carol, people):
    """When the money of alice, whose key was stolen, is free for her recovery address carol."""
    registry.setRecovery(carol, {"from": alice})
    receipt = registry.revoke(people.alice, {"from": authority})
    return receipt.timestamp + config["recovery_delay"]


def test_refuses_an_unknown_participant(house, mallory):
    with brownie.reverts("UnknownParticipant: 3"):
        house.withdrawRevoked(3, {"from": mallory})


def test_refuses_who_was_not_revoked(house, mallory, people):
    with brownie.reverts(f"NotRevoked: {people.alice}"):
        house.withdrawRevoked(people.alice, {"from": mallory})


def test_refuses_before_the_delay_has_passed(house, revoked, mallory, people):
    with brownie.reverts(revert_pattern=rf"TooEarly: {revoked}, \d+"):
        house.withdrawRevoked(people.alice, {"from": mallory})


def test_refuses_when_there_is_nothing(house, revoked, mallory, people, wait_until):
    wait_until(revoked)
    house.withdrawRevoked(people.alice, {"from": mallory})
    with brownie.reverts("ZeroAmount: "):
        house.withdrawRevoked(people.alice, {"from": mallory})


def test_pays_all_that_is_free_to_the_recovery_address(
    house, token, venue, tell, locked, revoked, carol, mallory, people, wait_until, sums_up
):
    wait_until(revoked)
    house.withdrawRevoked(people.alice, {"from": mallory})
    assert (token.balanceOf(carol), house.freeOf(people.alice)) == (400, 0)
    tell(venue, "release", people.alice, 600)
    house.withdrawRevoked(people.alice, {"from": mallory})
    assert token.balanceOf(carol) == 1000
    sums_up()


def test_tells_who_was_paid(house, revoked, carol, mallory, people, wait_until):
    wait_until(revoked)
    paid = house.withdrawRevoked(people.alice, {"from": mallory})
    expected = {"participantId": people.alice, "to": carol, "amount": 1000}
    assert paid.events["Withdrawn"] == expected
