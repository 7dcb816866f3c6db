"""Settlement.addMargin"""

import brownie


def test_takes_guarantees_from_nobody_but_the_clearinghouse(settlement, house, ids, mallory, low):
    with brownie.reverts(f"OnlyBy: {low(house)}, {low(mallory)}"):
        settlement.addMargin(ids.alice, 1, {"from": mallory})


def test_adds_what_is_locked(settlement, house, ids, alice, guarantee, check_money):
    guarantee(alice, 7)
    guarantee(alice, 5)
    assert settlement.guaranteeOf(ids.alice) == 12
    check_money()
