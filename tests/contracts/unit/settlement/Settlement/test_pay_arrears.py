"""Settlement.payArrears"""

import brownie


def test_refuses_where_nothing_is_owed(settlement, ids, guarantee, alice, operator, mallory):
    guarantee(alice, 1_000)
    guarantee(operator, 1_000)
    for who in (ids.alice, ids.operator, 99):
        with brownie.reverts(f"NothingToPay: {who}"):
            settlement.payArrears(who, {"from": mallory})


def test_refuses_where_there_is_nothing_to_pay_from(settlement, ids, in_debt, in_credit, mallory):
    for who in (ids.alice, ids.bob):
        with brownie.reverts(f"NothingToPay: {who}"):
            settlement.payArrears(who, {"from": mallory})


def test_pays_the_operator_as_far_as_the_guarantee_reaches(
    settlement, house, ids, in_debt, guarantee, alice, mallory, check_money
):
    free = house.freeOf(ids.alice)
    for amount, left in ((500, in_debt - 500), (60_000, 0)):
        guarantee(alice, amount)
        settlement.payArrears(ids.alice, {"from": mallory})
        assert settlement.arrearsOf(ids.alice) == left
    assert settlement.guaranteeOf(ids.alice) == 60_500 - in_debt
    assert settlement.guaranteeOf(ids.operator) == in_debt
    assert house.freeOf(ids.alice) == free - 60_500
    check_money()


def test_pays_the_participant_into_its_free_balance(
    settlement, house, ids, in_credit, guarantee, operator, mallory, check_money
):
    free = house.freeOf(ids.bob)
    for amount, left in ((500, -in_credit + 500), (60_000, 0)):
        guarantee(operator, amount)
        settlement.payArrears(ids.bob, {"from": mallory})
        assert settlement.arrearsOf(ids.bob) == left
        assert settlement.owedByOperator() == -left
    assert house.freeOf(ids.bob) == free + in_credit
    assert settlement.guaranteeOf(ids.operator) == 60_500 - in_credit
    check_money()


def test_tells_who_paid_by_the_sign(settlement, ids, in_debt, guarantee, alice, mallory):
    guarantee(alice, 500)
    sent = settlement.payArrears(ids.alice, {"from": mallory})
    assert sent.events["ArrearsPaid"] == {"participantId": ids.alice, "amount": 500}


def test_tells_a_payment_of_the_operator_as_negative(
    settlement, ids, in_credit, guarantee, operator, mallory
):
    guarantee(operator, 500)
    sent = settlement.payArrears(ids.bob, {"from": mallory})
    assert sent.events["ArrearsPaid"] == {"participantId": ids.bob, "amount": -500}
