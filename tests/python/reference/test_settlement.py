"""A bill adds up, money is conserved to the unit, and nobody waits for anybody else's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm import settlement
from setm.errors import LedgerError
from setm.metering import ReadingState, ReadingView
from setm.settlement import Account
from setm.types import Bill, GridTariff, ParticipantId, Trade
from setm.units import Money, Price, Wh

OPERATOR, ALICE, BOB, CAROL = (ParticipantId(n) for n in (1, 2, 3, 4))
TARIFF = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_001))
PENALTY = Money(5_000_000)
BIG = 2**32 - 1

QUANTITIES = st.one_of(st.integers(0, 50), st.integers(0, BIG))
AMOUNTS = st.one_of(st.integers(0, 100), st.integers(0, 2**50))
DEBTS = st.one_of(st.integers(-100, 100), st.integers(-(2**50), 2**50))


def measured(import_wh, export_wh, *, is_fraud=False):
    return ReadingView(
        state=ReadingState.ACCEPTED,
        import_wh=Wh(import_wh),
        export_wh=Wh(export_wh),
        is_measured=True,
        is_final=True,
        is_fraud=is_fraud,
        capacity_wh=Wh(BIG),
    )


def billed(bought=0, sold=0, taken=0, fed=0, **options):
    trade = Trade(bought_wh=Wh(bought), sold_wh=Wh(sold))
    return settlement.bill(trade, measured(taken, fed), TARIFF, **options)


def owing(due, trade_credit=0):
    """Return a bill that comes to ``due``."""
    zero = dict.fromkeys(
        (
            "bought_wh",
            "sold_wh",
            "import_wh",
            "export_wh",
            "grid_bought_wh",
            "grid_sold_wh",
        ),
        Wh(0),
    )
    charge, credit = Money(max(due, 0)), Money(max(-due, 0))
    return Bill(**zero, trade_credit=Money(trade_credit), charge=charge, credit=credit)


# Bills


def test_buys_from_the_grid_what_was_used_and_not_bought():
    found = billed(bought=300, taken=1000)
    assert (found.grid_bought_wh, found.grid_sold_wh) == (700, 0)
    assert (found.charge, found.credit) == (38_850, 0)


def test_sells_to_the_grid_what_was_bought_and_not_used():
    found = billed(bought=1000, taken=300)
    assert (found.grid_bought_wh, found.grid_sold_wh) == (0, 700)
    assert (found.charge, found.credit) == (0, 21_000)


def test_buys_back_at_retail_what_was_sold_and_not_delivered():
    found = billed(sold=1000, fed=300)
    assert (found.grid_bought_wh, found.charge, found.credit) == (700, 38_850, 0)


def test_sells_to_the_grid_what_was_delivered_and_not_sold():
    found = billed(sold=300, fed=1000)
    assert (found.grid_sold_wh, found.charge, found.credit) == (700, 0, 21_000)


def test_never_nets_import_and_export():
    found = billed(taken=1000, fed=1000)
    assert (found.grid_bought_wh, found.grid_sold_wh) == (1000, 1000)
    assert found.charge > found.credit


def test_rounds_the_charge_up_and_the_credit_down():
    found = billed(taken=1, fed=1)
    assert (found.charge, found.credit) == (56, 30)


def test_charges_the_penalty_of_a_fraud():
    reading = measured(10, 0, is_fraud=True)
    trade = Trade(bought_wh=Wh(10))
    found = settlement.bill(trade, reading, TARIFF, fraud_penalty=PENALTY)
    assert (found.charge, found.grid_bought_wh) == (PENALTY, 0)
    assert billed(taken=10, bought=10, fraud_penalty=PENALTY).charge == 0


@pytest.mark.parametrize(
    ("bought", "capacity", "taken"), [(0, 1001, 500), (500, 1000, 500), (700, 1000, 700), (0, 0, 0)]
)
def test_assumes_half_the_capacity_or_what_was_bought_if_the_meter_is_silent(
    bought, capacity, taken
):
    silent = ReadingView(is_final=True, capacity_wh=Wh(capacity))
    found = settlement.bill(Trade(bought_wh=Wh(bought), sold_wh=Wh(40)), silent, TARIFF)
    assert (found.import_wh, found.export_wh) == (taken, 0)
    assert found.grid_bought_wh == taken - bought + 40
    assert found.credit == 0


@given(QUANTITIES, QUANTITIES, QUANTITIES)
def test_silence_never_pays_more_than_having_used_what_was_bought_and_fed_in_nothing(
    bought, sold, capacity
):
    silent = ReadingView(is_final=True, capacity_wh=Wh(capacity))
    trade = Trade(bought_wh=Wh(bought), sold_wh=Wh(sold))
    found = settlement.bill(trade, silent, TARIFF)
    honest = billed(bought=bought, sold=sold, taken=bought)
    assert found.charge >= honest.charge
    assert found.credit == honest.credit == 0


@given(QUANTITIES, QUANTITIES, QUANTITIES, QUANTITIES)
def test_every_wh_is_bought_sold_or_exchanged_with_the_grid(bought, sold, taken, fed):
    found = billed(bought=bought, sold=sold, taken=taken, fed=fed)
    assert bought + fed + found.grid_bought_wh == sold + taken + found.grid_sold_wh


# Money


def test_takes_a_charge_first_from_the_trades_then_from_the_guarantee():
    accounts = {ALICE: Account(guarantee=Money(50))}
    found = settlement.settle({ALICE: owing(30, trade_credit=20)}, accounts, OPERATOR)
    assert found.accounts[ALICE] == Account(guarantee=Money(40))
    assert found.accounts[OPERATOR] == Account(guarantee=Money(30))
    assert (found.freed[ALICE], found.arrears_change[ALICE]) == (0, 0)


def test_frees_what_the_trades_brought_in_beyond_the_charge():
    accounts = {ALICE: Account(guarantee=Money(50))}
    found = settlement.settle({ALICE: owing(30, trade_credit=100)}, accounts, OPERATOR)
    assert found.accounts[ALICE] == Account(guarantee=Money(50))
    assert found.freed[ALICE] == 70


def test_owes_what_trades_and_guarantee_do_not_cover():
    accounts = {ALICE: Account(guarantee=Money(5), arrears=Money(3))}
    found = settlement.settle({ALICE: owing(30, trade_credit=10)}, accounts, OPERATOR)
    assert found.accounts[ALICE] == Account(arrears=Money(18))
    assert found.arrears_change[ALICE] == 15


def test_takes_earlier_arrears_from_a_later_credit():
    accounts = {ALICE: Account(arrears=Money(30)), OPERATOR: Account(guarantee=Money(100))}
    found = settlement.settle({ALICE: owing(-50)}, accounts, OPERATOR)
    assert found.accounts[ALICE] == Account()
    assert (found.freed[ALICE], found.arrears_change[ALICE]) == (20, -30)
    assert found.accounts[OPERATOR].guarantee == 80


def test_pays_credits_out_of_what_came_in_and_owes_what_the_operator_lacks():
    bills = {ALICE: owing(-50, trade_credit=7), BOB: owing(40), CAROL: owing(-50)}
    accounts = {BOB: Account(guarantee=Money(40)), OPERATOR: Account(guarantee=Money(20))}
    found = settlement.settle(bills, accounts, OPERATOR)
    assert found.accounts[OPERATOR] == Account()
    assert (found.freed[ALICE], found.freed[BOB], found.freed[CAROL]) == (57, 0, 10)
    assert found.accounts[CAROL] == Account(arrears=Money(-40))
    assert settlement.owed_by_operator(found.accounts) == 40


BILLS = st.dictionaries(
    st.integers(2, 6),
    st.builds(owing, DEBTS, AMOUNTS),
    max_size=5,
)
ACCOUNTS = st.dictionaries(
    st.integers(2, 6),
    st.builds(Account, guarantee=AMOUNTS, arrears=DEBTS),
    max_size=5,
)


def wealth(accounts):
    """Return the operator's guarantee and claims, and each participant's guarantee and debt."""
    return sum(one.guarantee for one in accounts.values())


@given(BILLS, ACCOUNTS, AMOUNTS)
def test_conserves_money_to_the_unit(bills, accounts, operator_guarantee):
    accounts = {**accounts, OPERATOR: Account(guarantee=operator_guarantee)}
    found = settlement.settle(bills, accounts, OPERATOR)
    handed_over = sum(one.trade_credit for one in bills.values())
    assert wealth(accounts) + handed_over == wealth(found.accounts) + sum(found.freed.values())
    for who, one in bills.items():
        before, after = accounts.get(who, Account()), found.accounts[who]
        due = before.arrears + one.charge - one.credit
        paid = one.trade_credit + before.guarantee - after.guarantee - found.freed[who]
        assert paid + after.arrears == due
        assert after.guarantee >= 0
        assert found.freed[who] >= 0
        # A debt remains only where the payer has nothing left.
        assert after.arrears <= 0 or (after.guarantee == 0 and found.freed[who] == 0)
        assert after.arrears >= 0 or found.accounts[OPERATOR].guarantee == 0
    assert found.accounts[OPERATOR].guarantee >= 0
    assert found.accounts[OPERATOR].arrears == 0


@given(BILLS, ACCOUNTS, AMOUNTS)
def test_a_charge_is_the_same_in_whatever_company(bills, accounts, operator_guarantee):
    accounts = {**accounts, OPERATOR: Account(guarantee=operator_guarantee)}
    together = settlement.settle(bills, accounts, OPERATOR)
    for who, one in bills.items():
        alone = settlement.settle({who: one}, accounts, OPERATOR)
        if accounts.get(who, Account()).arrears + one.charge >= one.credit:
            assert alone.accounts[who] == together.accounts[who]
            assert alone.freed[who] == together.freed[who]


# Arrears and guarantees


@pytest.mark.parametrize(
    "accounts",
    [
        {OPERATOR: Account(guarantee=Money(9))},
        {ALICE: Account(arrears=Money(5)), OPERATOR: Account(guarantee=Money(9))},
        {ALICE: Account(guarantee=Money(9), arrears=Money(-5))},
    ],
)
def test_refuses_to_pay_arrears_where_nothing_is_owed_or_nothing_is_there(accounts):
    with pytest.raises(LedgerError, match=r"^NothingToPay\(participantId=2\)"):
        settlement.pay_arrears(accounts, ALICE, OPERATOR)


def test_pays_arrears_as_far_as_the_guarantee_reaches():
    accounts = {ALICE: Account(guarantee=Money(5), arrears=Money(8))}
    found = settlement.pay_arrears(accounts, ALICE, OPERATOR)
    assert found.accounts == {
        ALICE: Account(arrears=Money(3)),
        OPERATOR: Account(guarantee=Money(5)),
    }
    assert (found.freed, found.arrears_change) == ({}, {ALICE: -5})


def test_pays_what_the_operator_owes_as_free_balance():
    accounts = {
        ALICE: Account(guarantee=Money(2), arrears=Money(-8)),
        OPERATOR: Account(guarantee=Money(20)),
    }
    found = settlement.pay_arrears(accounts, ALICE, OPERATOR)
    assert found.accounts[ALICE] == Account(guarantee=Money(2))
    assert found.accounts[OPERATOR].guarantee == 12
    assert (found.freed, found.arrears_change) == ({ALICE: 8}, {ALICE: 8})


@pytest.mark.parametrize(("asked", "released"), [(30, 30), (80, 50)])
def test_releases_what_was_asked_for_as_far_as_it_is_there(asked, released):
    accounts = {ALICE: Account(guarantee=Money(50))}
    found = settlement.release_guarantee(accounts, ALICE, OPERATOR, Money(asked))
    assert (found.freed[ALICE], found.accounts[ALICE].guarantee) == (released, 50 - released)


def test_pays_arrears_before_it_releases():
    accounts = {ALICE: Account(guarantee=Money(50), arrears=Money(20))}
    found = settlement.release_guarantee(accounts, ALICE, OPERATOR, Money(50))
    assert (found.freed[ALICE], found.arrears_change[ALICE]) == (30, -20)
    assert found.accounts == {ALICE: Account(), OPERATOR: Account(guarantee=Money(20))}
    owing_all = {ALICE: replace(accounts[ALICE], guarantee=Money(0))}
    assert settlement.release_guarantee(owing_all, ALICE, OPERATOR, Money(9)).freed[ALICE] == 0


def test_keeps_the_operators_guarantee_as_far_as_it_owes():
    accounts = {ALICE: Account(arrears=Money(-30)), OPERATOR: Account(guarantee=Money(50))}
    found = settlement.release_guarantee(accounts, OPERATOR, OPERATOR, Money(50))
    assert (found.freed[OPERATOR], found.accounts[OPERATOR].guarantee) == (20, 30)
