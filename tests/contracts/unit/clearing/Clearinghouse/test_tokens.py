"""Tokens that take fees, lie, block or call back"""

from enum import IntEnum

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20


class Vice(IntEnum):
    """ClearingBadToken.Vice"""

    NONE = 0
    TAKES_FEE = 1
    CHARGES_SENDER = 2
    RETURNS_FALSE = 3
    LIES = 4
    DELIVERS_MORE = 5
    DRAINS = 6
    BLOCKS = 7


@pytest.fixture(scope="module")
def coin(project, governance):
    return project.ClearingBadToken.deploy(6, {"from": governance})


@pytest.fixture(scope="module")
def bank(open_house, coin, venue, alice, bob, people):
    """A clearinghouse for the bad token: 100 of alice, 100 of bob."""
    created = open_house(coin, venue)
    for person, participant_id in ((alice, people.alice), (bob, people.bob)):
        coin.mint(person, 1000, {"from": person})
        coin.approve(created, 2**256 - 1, {"from": person})
        created.deposit(participant_id, 100, {"from": person})
    return created


@pytest.mark.parametrize(
    ("vice", "received"),
    [(Vice.TAKES_FEE, 9), (Vice.LIES, 0), (Vice.DELIVERS_MORE, 11), (Vice.DRAINS, 0)],
)
def test_refuses_a_deposit_that_does_not_arrive_to_the_unit(
    bank, coin, alice, people, vice, received
):
    coin.setVice(vice, {"from": alice})
    with brownie.reverts(f"TokenAmountMismatch: 10, {received}"):
        bank.deposit(people.alice, 10, {"from": alice})
    assert bank.freeOf(people.alice) == 100


@pytest.mark.parametrize(("vice", "sent"), [(Vice.CHARGES_SENDER, 11), (Vice.LIES, 0)])
def test_refuses_a_withdrawal_that_costs_the_others(bank, coin, alice, people, vice, sent):
    coin.setVice(vice, {"from": alice})
    with brownie.reverts(f"TokenAmountMismatch: 10, {sent}"):
        bank.withdraw(10, {"from": alice})
    assert bank.freeOf(people.alice) == 100


def test_refuses_a_token_that_returns_false(bank, coin, alice, people, low):
    coin.setVice(Vice.RETURNS_FALSE, {"from": alice})
    with brownie.reverts(f"SafeERC20FailedOperation: {low(coin)}"):
        bank.deposit(people.alice, 10, {"from": alice})
    with brownie.reverts(f"SafeERC20FailedOperation: {low(coin)}"):
        bank.withdraw(10, {"from": alice})


def test_a_token_that_blocks_a_payee_blocks_nobody_else(bank, coin, alice, bob, low):
    coin.setVice(Vice.BLOCKS, {"from": alice})
    with brownie.reverts(f"Blocked: {low(alice)}"):
        bank.withdraw(10, {"from": alice})
    coin.setVice(Vice.NONE, {"from": alice})
    bank.withdraw(100, {"from": bob})


def test_a_fee_that_comes_later_falls_on_who_withdraws(bank, coin, alice, people):
    coin.setVice(Vice.TAKES_FEE, {"from": alice})
    bank.withdraw(10, {"from": alice})
    assert (bank.freeOf(people.alice), coin.balanceOf(alice), coin.balanceOf(bank)) == (
        90,
        909,
        190,
    )


def test_what_is_written_does_not_follow_a_rebasing_token(bank, coin, alice, bob, people, low):
    coin.halve(bank, {"from": alice})
    assert (bank.freeOf(people.alice), bank.freeOf(people.bob), bank.held()) == (100, 100, 200)
    bank.withdraw(100, {"from": alice})
    with brownie.reverts(f"ERC20InsufficientBalance: {low(bank)}, 0, 100"):
        bank.withdraw(100, {"from": bob})


def test_accepts_a_token_that_returns_nothing(project, open_house, governance, alice, people):
    silent = project.ClearingSilentToken.deploy({"from": governance})
    created = open_house(silent)
    silent.mint(alice, 10, {"from": alice})
    silent.approve(created, 10, {"from": alice})
    created.deposit(people.alice, 10, {"from": alice})
    created.withdraw(4, {"from": alice})
    assert (created.freeOf(people.alice), silent.balanceOf(alice)) == (6, 4)


@pytest.mark.parametrize("within", ["deposit", "withdraw"])
@pytest.mark.parametrize(
    "call",
    [
        lambda bank: bank.deposit.encode_input(1, 1),
        lambda bank: bank.depositWithPermit.encode_input(1, 1, 0, 27, "0x00", "0x00"),
        lambda bank: bank.withdraw.encode_input(1),
        lambda bank: bank.withdrawRevoked.encode_input(1),
    ],
)
def test_refuses_a_token_that_calls_back(bank, coin, alice, people, within, call):
    coin.callBack(bank, call(bank), {"from": alice})
    with brownie.reverts("ReentrancyGuardReentrantCall: "):
        if within == "deposit":
            bank.deposit(people.alice, 10, {"from": alice})
        else:
            bank.withdraw(10, {"from": alice})


@pytest.mark.parametrize("within", ["deposit", "withdraw"])
def test_what_a_token_may_call_back_finds_the_balances_written(
    bank, coin, venue, alice, people, within
):
    bank.lock(venue, 50, {"from": alice})
    release = bank.release.encode_input(people.alice, 50)
    coin.callBack(venue, venue.act.encode_input(bank, release), {"from": alice})
    if within == "deposit":
        bank.deposit(people.alice, 10, {"from": alice})
    else:
        bank.withdraw(50, {"from": alice})
    assert bank.freeOf(people.alice) == (110 if within == "deposit" else 50)
    assert bank.held() == coin.balanceOf(bank)


def test_a_donation_is_nobodys(bank, coin, alice, bob, people):
    coin.transfer(bank, 7, {"from": alice})
    assert bank.held() == 200
    assert coin.balanceOf(bank) == 207
    with brownie.reverts(f"FreeBalanceTooLow: {people.alice}, 101, 100"):
        bank.withdraw(101, {"from": alice})


def test_takes_no_ether(bank, alice):
    with brownie.reverts():
        alice.transfer(bank, 1)
