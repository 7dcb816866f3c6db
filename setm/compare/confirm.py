"""Whether the chain came to what the reference said, to the unit: trades and bills folded from events.

Every venue tells of its trades in the same two events, ``TradeCollected`` (payment) and ``TradeClosed`` (energy and
revenue), and settlement of its bills in ``SlotSettled``; only days that are settled as a whole tell them otherwise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from setm.compare.record import read_record
from setm.compare.workload import NONE_WHOLE, Workload, bills_of, trade_in, workload_of
from setm.errors import RunError
from setm.report import days
from setm.report.run import MechanismRun
from setm.simulation.mechanism import Day
from setm.trading import Outcome, WholeDays, mechanism_named, whole_days
from setm.types import Bill, Side, Trade

Key = tuple[int, str]
"""Slot, and participant's name."""
Values = Mapping[str, int]

TRADE_FIELDS = ("bought_wh", "sold_wh", "payment", "revenue")
# What venues release besides revenue is their own affair: ``trade_credit`` is left out.
BILL_FIELDS = {
    "bought_wh": "boughtWh",
    "sold_wh": "soldWh",
    "import_wh": "importWh",
    "export_wh": "exportWh",
    "grid_bought_wh": "gridBoughtWh",
    "grid_sold_wh": "gridSoldWh",
    "charge": "charge",
    "credit": "credit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """How many trades and bills of a mechanism's day on the chain equal the reference."""

    mechanism: str
    trades: int
    bills: int


def confirm(
    record: MechanismRun, workload: Workload, outcome: Outcome, whole: WholeDays = NONE_WHOLE
) -> Confirmed:
    """Return how much was compared; raise ``RunError`` naming slot, participant, expected and found of a difference.

    The days of ``whole`` are settled as a whole; a day counts as a bill for each of its slots.
    """
    expected_trades = dict(_trades_of(workload, outcome))
    expected_bills = {
        (int(slot), name): _bill_values(one)
        for slot, row in bills_of(workload, outcome, whole).items()
        for name, one in row.items()
    }
    settled = days.whole_days(record, days.posted_days(record))
    _require_equal(record, "trade", expected_trades, fold_trades(record, settled))
    _require_equal(record, "bill", expected_bills, fold_bills(record, settled))
    return Confirmed(
        mechanism=record.name,
        trades=sum(any(trade.values()) for trade in expected_trades.values()),
        bills=len(expected_bills),
    )


def confirm_folder(mechanism: str, day: Day, folder: Path) -> Confirmed:
    """Return how much of a mechanism's ``folder`` in a run of ``day`` equals its rehearsal; see ``confirm``."""
    engine, record = mechanism_named(mechanism), read_record(folder, mechanism)
    outcome, whole = engine.rehearse(day.trading), whole_days(engine, day.trading)
    return confirm(record, workload_of(day), outcome, whole)


def fold_trades(record: MechanismRun, settled: Sequence[days.WholeDay] = ()) -> dict[Key, Values]:
    """Return what each participant traded in each slot in all venues together, where it is not nothing."""
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(TRADE_FIELDS, 0))
    for event in record.of("TradeCollected"):
        sums[_key(record, event.args)]["payment"] += event["payment"]
    for event in record.of("TradeClosed"):
        trade = sums[_key(record, event.args)]
        trade["bought_wh"] += event["boughtWh"]
        trade["sold_wh"] += event["soldWh"]
        trade["revenue"] += event["revenue"]
    for one in (trade for day in settled for trade in day.trades):
        trade = sums[_named(record, one.slot, one.participant_id)]
        is_bid = one.side is Side.BID
        trade["bought_wh" if is_bid else "sold_wh"] += one.energy_wh
        trade["payment" if is_bid else "revenue"] += one.amount
    return {key: trade for key, trade in sums.items() if any(trade.values())}


def fold_bills(record: MechanismRun, settled: Sequence[days.WholeDay] = ()) -> dict[Key, Values]:
    """Return each participant's bill of each slot; raise ``RunError`` for a second one, or one without a reading."""
    found: dict[Key, Values] = {}
    for event in record.of("SlotSettled"):
        key = _key(record, event.args)
        if key in found or not event["isMeasured"]:
            problem = "is settled twice" if key in found else "is settled without a reading"
            raise RunError(f"{event.line}: slot {key[0]}: {key[1]} {problem}; expected neither")
        found[key] = {name: event["bill"][field] for name, field in BILL_FIELDS.items()}
    for bill in days.bills(record, settled):
        key = _named(record, bill.slot, bill.participant_id)
        if key in found:
            raise RunError(f"{bill.tx}: slot {key[0]}: {key[1]} is settled twice; expected neither")
        found[key] = {name: getattr(bill, name) for name in BILL_FIELDS}
    return found


def _key(record: MechanismRun, args: Mapping[str, int]) -> Key:
    return _named(record, args["slot"], args["participantId"])


def _named(record: MechanismRun, slot: int, number: int) -> Key:
    known = record.participants.get(number)
    return slot, f"participant {number}" if known is None else known.name


def _trades_of(workload: Workload, outcome: Outcome) -> Iterator[tuple[Key, Values]]:
    for slot in workload.readings:
        for person in workload.participants:
            yield (int(slot), person.name), _trade_values(trade_in(outcome, slot, person.name))


def _trade_values(trade: Trade) -> Values:
    return {name: getattr(trade, name) for name in TRADE_FIELDS}


def _bill_values(bill: Bill) -> Values:
    return {name: getattr(bill, name) for name in BILL_FIELDS}


def _require_equal(
    record: MechanismRun, what: str, expected: Mapping[Key, Values], found: Mapping[Key, Values]
) -> None:
    for key in sorted({*expected, *found}):
        wanted, there = expected.get(key, {}), found.get(key, {})
        for name in sorted({*wanted, *there}):
            if wanted.get(name, 0) != there.get(name, 0):
                raise RunError(
                    f"{record.name}: slot {key[0]}, {key[1]}: the {what}'s {name} is {there.get(name, 0)} on the "
                    f"chain, expected {wanted.get(name, 0)} by the reference (Wh and 1e-6 EUR); program and contracts "
                    "differ, or events.jsonl was changed: run the comparison again with --fresh"
                )
    if what == "bill" and (missing := expected.keys() - found.keys()):
        slot, name = min(missing)
        raise RunError(
            f"{record.name}: slot {slot}, {name}: no SlotSettled, expected {len(expected)} bills and found "
            f"{len(found)}; run the comparison again with --fresh"
        )
