"""Settlement.releaseGuarantee"""

import brownie
import pytest


@pytest.fixture
def asked(settlement, guarantee, terms, wait_until):
    """Lock a guarantee, ask for a part of it and wait until it can be had."""

    def ask(account, locked, amount):
        guarantee(account, locked)
        settlement.requestRelease(amount, {"from": account})
        wait_until(brownie.chain.time() + terms.release_delay)

    return ask


def test_refuses_where_nothing_was_asked_for(settlement, ids, alice, guarantee, mallory):
    guarantee(alice, 10)
    with brownie.reverts(f"NoReleaseRequested: {ids.alice}"):
        settlement.releaseGuarantee(ids.alice, {"from": mallory})


def test_refuses_before_the_delay_has_passed(
    settlement, ids, alice, guarantee, terms, wait_until, mallory
):
    guarantee(alice, 10)
    sent = settlement.requestRelease(10, {"from": alice})
    possible_from = sent.timestamp + terms.release_delay
    wait_until(possible_from - 100)
    with brownie.reverts(revert_pattern=rf"ReleaseTooEarly: {possible_from}, \d+"):
        settlement.releaseGuarantee(ids.alice, {"from": mallory})
    wait_until(possible_from)
    settlement.releaseGuarantee(ids.alice, {"from": mallory})


def test_frees_what_was_asked_for_once(settlement, house, ids, alice, asked, mallory, check_money):
    asked(alice, 10, 4)
    free = house.freeOf(ids.alice)
    sent = settlement.releaseGuarantee(ids.alice, {"from": mallory})
    assert sent.events["GuaranteeReleased"] == {"participantId": ids.alice, "amount": 4}
    assert house.freeOf(ids.alice) == free + 4
    assert settlement.guaranteeOf(ids.alice) == 6
    assert settlement.releaseOf(ids.alice) == (0, 0)
    check_money()
    with brownie.reverts(f"NoReleaseRequested: {ids.alice}"):
        settlement.releaseGuarantee(ids.alice, {"from": mallory})


def test_frees_what_bills_have_left(
    settlement, house, ids, alice, guarantee, terms, deliver, slot, mallory, check_money
):
    guarantee(alice, 60_000)
    settlement.requestRelease(60_000, {"from": alice})
    deliver({ids.alice: (1_000, 0)})
    settlement.settle(slot, [ids.alice], {"from": mallory})
    brownie.chain.mine(timestamp=brownie.chain.time() + terms.release_delay)
    sent = settlement.releaseGuarantee(ids.alice, {"from": mallory})
    assert sent.events["GuaranteeReleased"]["amount"] == 4_500
    check_money()


def test_pays_arrears_first(settlement, ids, alice, in_debt, asked, mallory, check_money):
    asked(alice, 60_000, 60_000)
    sent = settlement.releaseGuarantee(ids.alice, {"from": mallory})
    assert sent.events["ArrearsPaid"]["amount"] == in_debt
    assert sent.events["GuaranteeReleased"]["amount"] == 60_000 - in_debt
    assert settlement.arrearsOf(ids.alice) == 0
    check_money()


def test_keeps_the_operators_guarantee_as_far_as_it_owes(
    settlement, ids, operator, in_credit, asked, mallory, check_money
):
    asked(operator, 40_000, 40_000)
    sent = settlement.releaseGuarantee(ids.operator, {"from": mallory})
    assert sent.events["GuaranteeReleased"]["amount"] == 40_000 - in_credit
    settlement.payArrears(ids.bob, {"from": mallory})
    assert settlement.guaranteeOf(ids.operator) == 0
    check_money()
