"""Clearinghouse.deposit [M1]"""

import brownie


def test_refuses_a_participant_that_may_enter_nothing(
    house, registry, authority, alice, people, low
):
    for unknown in (0, 3):
        with brownie.reverts(f"NotActive: {unknown}"):
            house.deposit(unknown, 1, {"from": alice})
    registry.revoke(people.alice, {"from": authority})
    with brownie.reverts(f"NotActive: {people.alice}"):
        house.deposit(people.alice, 1, {"from": alice})


def test_refuses_nothing(house, alice, people):
    with brownie.reverts("ZeroAmount: "):
        house.deposit(people.alice, 0, {"from": alice})


def test_refuses_more_than_can_be_held(house, token, alice, people):
    limit = 2**64 - 1 - 1000
    token.mint(alice, 2**200, {"from": alice})
    for amount in (limit + 1, 2**200):
        with brownie.reverts(f"HoldingLimitExceeded: {limit}, {amount}"):
            house.deposit(people.alice, amount, {"from": alice})
    house.deposit(people.alice, limit, {"from": alice})
    assert house.held() == house.freeOf(people.alice) == 2**64 - 1


def test_refuses_without_an_allowance(house, token, alice, people, low):
    token.approve(house, 4, {"from": alice})
    with brownie.reverts(f"ERC20InsufficientAllowance: {low(house)}, 4, 5"):
        house.deposit(people.alice, 5, {"from": alice})


def test_anybody_may_pay_in_for_a_participant(house, token, alice, bob, people, sums_up):
    house.deposit(people.bob, 7, {"from": alice})
    assert (house.freeOf(people.alice), house.freeOf(people.bob)) == (1000, 7)
    assert (token.balanceOf(alice), token.balanceOf(house)) == (993, 1007)
    sums_up()


def test_tells_who_paid_for_whom(house, alice, people):
    paid = house.deposit(people.bob, 7, {"from": alice})
    expected = {"participantId": people.bob, "payer": alice, "amount": 7}
    assert paid.events["Deposited"] == expected
