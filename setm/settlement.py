"""The reference of settlement: a bill for each participant and slot, and the money of a batch of bills.

Pure integers: energy Wh, prices 0.001 EUR/MWh, money 1e-6 EUR. With import i, export e, bought b, sold s::

    grid bought = max(i - b, 0) + max(s - e, 0)      charge = ceil(grid bought * retail price / 1000) + penalty
    grid sold   = max(b - i, 0) + max(e - s, 0)      credit = floor(grid sold * feed-in price / 1000)

Import and export are never netted. Money of one participant is: charge, credit and arrears come to one amount that is
due to the grid operator or from it. Source: interfaces/ISettlement.sol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from setm.errors import LedgerError
from setm.metering import ReadingView
from setm.types import Bill, GridTariff, ParticipantId, Trade
from setm.units import Money, Wh, payment_down, payment_up

DEFAULT_LOAD_PERCENT = 50
"""Assumed load of a meter that is silent, in percent of its capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A participant's guarantee, and what it owes the grid operator (negative: the operator owes)."""

    guarantee: Money = Money(0)
    arrears: Money = Money(0)


Accounts = Mapping[ParticipantId, Account]


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What a call leaves behind: all accounts, and what became free balance or arrears in it."""

    accounts: Accounts
    freed: Mapping[ParticipantId, Money] = field(default_factory=dict)
    arrears_change: Mapping[ParticipantId, Money] = field(default_factory=dict)


def delivered(reading: ReadingView, bought_wh: int) -> tuple[Wh, Wh]:
    """Return import and export that count; without a reading the default rule, by which silence never pays.

    >>> delivered(ReadingView(capacity_wh=Wh(1000)), 300)
    (500, 0)
    """
    if reading.is_measured:
        return reading.import_wh, reading.export_wh
    assumed = reading.capacity_wh * DEFAULT_LOAD_PERCENT // 100
    return Wh(max(bought_wh, assumed)), Wh(0)


def bill(
    trade: Trade,
    reading: ReadingView,
    tariff: GridTariff,
    *,
    trade_credit: Money = Money(0),
    fraud_penalty: Money = Money(0),
) -> Bill:
    """Return the bill of one slot.

    ``trade`` is the sum over all venues, ``trade_credit`` what they hand over (revenue and released cover).
    """
    bought, sold = trade.bought_wh, trade.sold_wh
    taken, fed = delivered(reading, bought)
    grid_bought = Wh(max(taken - bought, 0) + max(sold - fed, 0))
    grid_sold = Wh(max(bought - taken, 0) + max(fed - sold, 0))
    penalty = fraud_penalty if reading.is_fraud else 0
    return Bill(
        bought_wh=bought,
        sold_wh=sold,
        import_wh=taken,
        export_wh=fed,
        grid_bought_wh=grid_bought,
        grid_sold_wh=grid_sold,
        trade_credit=trade_credit,
        charge=Money(payment_up(grid_bought, tariff.retail_price) + penalty),
        credit=payment_down(grid_sold, tariff.feed_in_price),
    )


def settle(
    bills: Mapping[ParticipantId, Bill], accounts: Accounts, operator_id: ParticipantId
) -> Movement:
    """Return the accounts after a batch of bills, in their order.

    Who owes pays first from its trades' money, then from its guarantee. What came in and the operator's guarantee pay
    those whom the operator owes, one after the other; what is missing is owed. Nobody waits for anybody else's money.
    """
    dues = {
        who: Money(_of(accounts, who).arrears + one.charge - one.credit)
        for who, one in bills.items()
    }
    paid: dict[ParticipantId, int] = {}
    for who, due in dues.items():
        if due >= 0:
            paid[who] = min(due, bills[who].trade_credit + _of(accounts, who).guarantee)
    received = sum(paid.values())
    wanted = sum(-due for due in dues.values() if due < 0)
    operator = _of(accounts, operator_id)
    available = left = min(wanted, received + operator.guarantee)
    for who, due in dues.items():
        if due < 0:
            paid[who] = -min(-due, left)
            left += paid[who]

    after = dict(accounts)
    after[operator_id] = replace(
        operator, guarantee=Money(operator.guarantee + received - available)
    )
    freed: dict[ParticipantId, Money] = {}
    change: dict[ParticipantId, Money] = {}
    for who, one in bills.items():
        before = _of(accounts, who)
        from_trades = min(paid[who], one.trade_credit)
        guarantee = before.guarantee - max(paid[who] - one.trade_credit, 0)
        after[who] = Account(guarantee=Money(guarantee), arrears=Money(dues[who] - paid[who]))
        # A negative payment is what the participant gets.
        freed[who] = Money(one.trade_credit - from_trades)
        change[who] = Money(after[who].arrears - before.arrears)
    return Movement(accounts=after, freed=freed, arrears_change=change)


def pay_arrears(
    accounts: Accounts, participant_id: ParticipantId, operator_id: ParticipantId
) -> Movement:
    """Return the accounts after participant and operator paid what they owe, as far as the guarantee reaches."""
    account, operator = _of(accounts, participant_id), _of(accounts, operator_id)
    owes = account.arrears > 0
    payer = account if owes else operator
    if account.arrears == 0 or payer.guarantee == 0:
        raise _refused("NothingToPay", participantId=participant_id)
    paid = Money(min(abs(account.arrears), payer.guarantee))
    change = Money(-paid if owes else paid)
    after = {
        **accounts,
        participant_id: Account(
            guarantee=Money(account.guarantee - paid) if owes else account.guarantee,
            arrears=Money(account.arrears + change),
        ),
        operator_id: replace(operator, guarantee=Money(operator.guarantee - change)),
    }
    freed = {} if owes else {participant_id: paid}
    return Movement(accounts=after, freed=freed, arrears_change={participant_id: change})


def release_guarantee(
    accounts: Accounts,
    participant_id: ParticipantId,
    operator_id: ParticipantId,
    requested: Money,
) -> Movement:
    """Return the accounts after a requested release: arrears are paid first, and the operator keeps what it owes."""
    change: Mapping[ParticipantId, Money] = {}
    before = _of(accounts, participant_id)
    if before.arrears > 0 and before.guarantee > 0:
        moved = pay_arrears(accounts, participant_id, operator_id)
        accounts, change = moved.accounts, moved.arrears_change
    account = _of(accounts, participant_id)
    bound = owed_by_operator(accounts) if participant_id == operator_id else 0
    released = Money(min(requested, max(account.guarantee - bound, 0)))
    after = replace(account, guarantee=Money(account.guarantee - released))
    return Movement(
        accounts={**accounts, participant_id: after},
        freed={participant_id: released},
        arrears_change=change,
    )


def owed_by_operator(accounts: Accounts) -> Money:
    """Return what the grid operator owes all participants together."""
    return Money(sum(max(-one.arrears, 0) for one in accounts.values()))


def _of(accounts: Accounts, participant_id: ParticipantId) -> Account:
    return accounts.get(participant_id, Account())


def _refused(name: str, **values: object) -> LedgerError:
    listed = ", ".join(f"{key}={value}" for key, value in values.items())
    return LedgerError(f"{name}({listed}); see docs/errors.md#{name.lower()}")
