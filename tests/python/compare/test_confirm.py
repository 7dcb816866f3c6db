"""A day's events against the reference: equal, or the first difference by slot and participant."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm.compare.confirm import BILL_FIELDS, confirm, fold_trades
from setm.compare.workload import bills_of, trade_in
from setm.errors import RunError
from setm.report.run import MechanismRun
from tests.python.compare.books import days, event_of, patient, record_of


def told(workload, outcome) -> MechanismRun:
    """The events that the contracts emit for an outcome: two a trade, one a bill."""
    names = {place + 2: person.name for place, person in enumerate(workload.participants)}
    bills, events = bills_of(workload, outcome), []
    for slot in workload.readings:
        for number, name in names.items():
            trade, bill = trade_in(outcome, slot, name), bills[slot][name]
            at = {"slot": int(slot), "participantId": number}
            collected = {"payment": trade.payment, "unbound": 0}
            closed = {
                "boughtWh": trade.bought_wh,
                "soldWh": trade.sold_wh,
                "revenue": trade.revenue,
            }
            values = {field: getattr(bill, name) for name, field in BILL_FIELDS.items()}
            for contract, event, args in (
                ("venue", "TradeCollected", collected),
                ("venue", "TradeClosed", closed),
                ("settlement", "SlotSettled", {"bill": values, "isMeasured": True}),
            ):
                line = f"events.jsonl, line {len(events) + 1}"
                events.append(event_of(contract, event, at | args, line))
    return record_of(names=names, events=events)


def with_event(record: MechanismRun, place: int, **changes) -> MechanismRun:
    """The same record with other arguments in one of its events."""
    event = record.events[place]
    changed = replace(event, args={**event.args, **changes})
    return replace(record, events=(*record.events[:place], changed, *record.events[place + 1 :]))


@patient
@given(days())
def test_what_the_reference_says_is_confirmed(day):
    workload, outcome = day
    found = confirm(told(workload, outcome), workload, outcome)
    assert found.bills == len(workload.participants) * len(workload.readings)
    traded = [trade for row in outcome.values() for trade in row.values()]
    assert found.trades == sum(bool(trade.bought_wh or trade.sold_wh) for trade in traded)


@patient
@given(days(), st.randoms(use_true_random=False))
def test_a_number_changed_by_one_is_found_by_slot_and_participant(day, random):
    workload, outcome = day
    record = told(workload, outcome)
    place = random.randrange(len(record.events))
    event = record.events[place]
    field = random.choice(sorted(set(event.args) - {"slot", "participantId", "unbound"}))
    if field == "isMeasured":
        changed = with_event(record, place, isMeasured=False)
    elif field == "bill":
        inner = random.choice(sorted(event.args["bill"]))
        bill = {**event.args["bill"], inner: event.args["bill"][inner] + 1}
        changed = with_event(record, place, bill=bill)
    else:
        changed = with_event(record, place, **{field: event.args[field] + 1})
    name = record.participants[event["participantId"]].name
    with pytest.raises(RunError, match=f"slot {event['slot']}[,:] {name}"):
        confirm(changed, workload, outcome)


@patient
@given(days())
def test_an_event_left_out_is_found(day):
    workload, outcome = day
    record = told(workload, outcome)
    for kind in ("TradeCollected", "TradeClosed", "SlotSettled"):
        place = next(
            (
                place
                for place, event in enumerate(record.events)
                if event.name == kind and any(map(_amount, event.args.items()))
            ),
            None,
        )
        if place is None:
            continue
        short = replace(record, events=record.events[:place] + record.events[place + 1 :])
        with pytest.raises(RunError, match=f"slot {record.events[place]['slot']}"):
            confirm(short, workload, outcome)


def _amount(item) -> bool:
    name, value = item
    return name == "isMeasured" or (name not in ("slot", "participantId") and value not in (0, {}))


@patient
@given(days())
def test_a_bill_told_twice_is_refused(day):
    workload, outcome = day
    record = told(workload, outcome)
    twice = replace(record, events=(*record.events, record.events[2]))
    with pytest.raises(RunError, match="settled twice"):
        confirm(twice, workload, outcome)


@patient
@given(days())
def test_a_stranger_who_trades_is_found(day):
    workload, outcome = day
    record = told(workload, outcome)
    slot = int(next(iter(workload.readings)))
    args = {"slot": slot, "participantId": 99, "payment": 5, "unbound": 0}
    event = event_of("venue", "TradeCollected", args)
    with pytest.raises(RunError, match=r"participant 99: the trade's payment is 5 .* expected 0"):
        confirm(replace(record, events=(event, *record.events)), workload, outcome)


@patient
@given(days())
def test_trades_of_several_venues_add_up(day):
    workload, outcome = day
    record = told(workload, outcome)
    other = [replace(event, contract="other") for event in record.events]
    both = replace(record, events=(*record.events, *other))
    assert fold_trades(both) == {
        key: {name: 2 * value for name, value in trade.items()}
        for key, trade in fold_trades(record).items()
    }
