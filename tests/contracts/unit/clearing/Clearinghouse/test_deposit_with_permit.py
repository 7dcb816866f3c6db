"""Clearinghouse.depositWithPermit [M1]"""

import brownie
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data


@pytest.fixture
def permit(token, house, alice):
    """Return deadline, v, r and s of alice's permit; she has taken her allowance back before."""
    token.approve(house, 0, {"from": alice})

    def sign(amount, signer=alice, deadline=None):
        ends = brownie.chain.time() + 600 if deadline is None else deadline
        signable = encode_typed_data(
            domain_data={
                "name": "Test Euro",
                "version": "1",
                "chainId": brownie.chain.id,
                "verifyingContract": token.address,
            },
            message_types={
                "Permit": [
                    {"name": "owner", "type": "address"},
                    {"name": "spender", "type": "address"},
                    {"name": "value", "type": "uint256"},
                    {"name": "nonce", "type": "uint256"},
                    {"name": "deadline", "type": "uint256"},
                ]
            },
            message_data={
                "owner": alice.address,
                "spender": house.address,
                "value": amount,
                "nonce": token.nonces(alice),
                "deadline": ends,
            },
        )
        signed = Account.from_key(signer.private_key).sign_message(signable)
        return ends, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")

    return sign


def test_refuses_a_permit_of_somebody_else(house, permit, alice, mallory, people, low):
    with brownie.reverts(revert_pattern=rf"ERC2612InvalidSigner: 0x\w+, {low(alice)}"):
        house.depositWithPermit(people.alice, 5, *permit(5, signer=mallory), {"from": alice})


def test_refuses_a_permit_after_its_deadline(house, permit, alice, people):
    ended = brownie.chain.time() - 10
    with brownie.reverts(f"ERC2612ExpiredSignature: {ended}"):
        house.depositWithPermit(people.alice, 5, *permit(5, deadline=ended), {"from": alice})


def test_refuses_a_participant_that_may_enter_nothing(house, permit, alice):
    with brownie.reverts("NotActive: 3"):
        house.depositWithPermit(3, 5, *permit(5), {"from": alice})


def test_needs_no_allowance(house, token, permit, alice, people, sums_up):
    house.depositWithPermit(people.alice, 5, *permit(5), {"from": alice})
    assert house.freeOf(people.alice) == 1005
    assert token.allowance(alice, house) == 0
    sums_up()


def test_a_permit_that_somebody_used_first_does_no_harm(
    house, token, permit, alice, mallory, people
):
    signed = permit(5)
    token.permit(alice, house, 5, *signed, {"from": mallory})
    house.depositWithPermit(people.alice, 5, *signed, {"from": alice})
    assert house.freeOf(people.alice) == 1005


def test_nobody_can_pay_with_anothers_permit(house, permit, alice, mallory, people, low):
    with brownie.reverts(revert_pattern=rf"ERC2612InvalidSigner: 0x\w+, {low(mallory)}"):
        house.depositWithPermit(people.alice, 5, *permit(5), {"from": mallory})


def test_tells_who_paid(house, permit, alice, people):
    paid = house.depositWithPermit(people.bob, 5, *permit(5), {"from": alice})
    expected = {"participantId": people.bob, "payer": alice, "amount": 5}
    assert paid.events["Deposited"] == expected
