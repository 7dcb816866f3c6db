"""Transactions and gas of a day, by what they were for."""

from __future__ import annotations

from setm.chain.abi import ROLES, abi
from setm.compare.effort import COMMON, EXPRESSIONS, effort
from setm.report.run import Event, Transaction
from tests.python.compare.books import event_of, record_of


def sent(action: str, contract: str, gas: int, ok: bool = True) -> Transaction:
    return Transaction(
        tx_hash="",
        block=1,
        participant="",
        action=action,
        contract=contract,
        gas_used=gas,
        ok=ok,
    )


def ordered(count: int) -> tuple[Event, ...]:
    event = event_of("auction", "OrderCommitted", {})
    other = event_of("auction", "SlotCleared", {})
    return (event,) * count + (other,)


def test_gas_is_split_into_enrolment_trading_and_delivery_and_reverted_gas_counts():
    transactions = (
        sent("give gas money", "", 1),
        sent("join", "registry", 10),
        sent("bind meter", "meters", 20),
        sent("commit", "auction", 300),
        sent("clear", "auction", 500, ok=False),
        sent("post readings", "meters", 4000),
        sent("settle", "settlement", 5000),
    )
    found = effort(record_of(events=ordered(4), transactions=transactions))
    assert (found.enrolment_gas, found.trading_gas, found.delivery_gas) == (31, 800, 9000)
    assert (found.transactions, found.failed, found.expressions) == (7, 1, 4)
    assert found.per_expression_gas == 200
    assert found.per_kwh_gas(2.0) == 4900


def test_orders_in_schedules_count_and_reading_and_settling_days_is_delivery():
    transactions = (
        sent("post book", "day_ahead_book", 900),
        sent("write roster", "roster", 60),
        sent("post days", "meters", 4000),
        sent("unpack day", "meters", 500),
        sent("settle day", "settlement", 5000),
    )
    found = effort(record_of("day_ahead", transactions=transactions), signed_orders=96)
    assert (found.enrolment_gas, found.trading_gas, found.delivery_gas) == (0, 960, 9500)
    assert found.per_expression_gas == 10


def test_nothing_is_divided_by_no_orders_and_no_trade():
    found = effort(record_of())
    assert found.per_expression_gas is None
    assert found.per_kwh_gas(0.0) is None


def test_expressions_of_will_are_events_of_venues():
    emitted = {
        item["name"]
        for role in ROLES.keys() - set(COMMON)
        for item in abi(ROLES[role])
        if item["type"] == "event"
    }
    assert set(EXPRESSIONS) <= emitted
