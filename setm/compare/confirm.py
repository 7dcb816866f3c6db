"""Whether the chain came to what the reference said, to the unit: trades and bills folded from events.

Every venue tells of its trades in the same two events, ``TradeCollected`` (payment) and ``TradeClosed`` (energy and
revenue), and settlement of its bills in ``SlotSettled``: no mechanism needs a fold of its own here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from setm.compare.record import Record, read_record
from setm.compare.workload import Workload, bills_of, trade_in, workload_of
from setm.errors import RunError
from setm.simulation.mechanism import Day
from setm.trading import Outcome, mechanism_named
from setm.types import Bill, Trade

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


def confirm(record: Record, workload: Workload, outcome: Outcome) -> Confirmed:
    """Return how much was compared; raise ``RunError`` naming slot, participant, expected and found of a difference."""
    expected_trades = dict(_trades_of(workload, outcome))
    expected_bills = {
        (int(slot), name): _bill_values(one)
        for slot, row in bills_of(workload, outcome).items()
        for name, one in row.items()
    }
    _require_equal(record, "trade", expected_trades, fold_trades(record))
    _require_equal(record, "bill", expected_bills, fold_bills(record))
    return Confirmed(
        mechanism=record.mechanism,
        trades=sum(any(trade.values()) for trade in expected_trades.values()),
        bills=len(expected_bills),
    )


def confirm_folder(mechanism: str, day: Day, folder: Path) -> Confirmed:
    """Return how much of a mechanism's ``folder`` in a run of ``day`` equals its rehearsal; see ``confirm``."""
    outcome = mechanism_named(mechanism).rehearse(day.trading)
    return confirm(read_record(folder, mechanism), workload_of(day), outcome)


def fold_trades(record: Record) -> dict[Key, Values]:
    """Return what each participant traded in each slot in all venues together, where it is not nothing."""
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: dict.fromkeys(TRADE_FIELDS, 0))
    for event in record.of("TradeCollected"):
        sums[_key(record, event.args)]["payment"] += event["payment"]
    for event in record.of("TradeClosed"):
        trade = sums[_key(record, event.args)]
        trade["bought_wh"] += event["boughtWh"]
        trade["sold_wh"] += event["soldWh"]
        trade["revenue"] += event["revenue"]
    return {key: trade for key, trade in sums.items() if any(trade.values())}


def fold_bills(record: Record) -> dict[Key, Values]:
    """Return each participant's bill of each slot; raise ``RunError`` for a second one, or one without a reading."""
    found: dict[Key, Values] = {}
    for event in record.of("SlotSettled"):
        key = _key(record, event.args)
        if key in found or not event["isMeasured"]:
            problem = "is settled twice" if key in found else "is settled without a reading"
            raise RunError(f"{event.line}: slot {key[0]}: {key[1]} {problem}; expected neither")
        found[key] = {name: event["bill"][field] for name, field in BILL_FIELDS.items()}
    return found


def _key(record: Record, args: Mapping[str, int]) -> Key:
    number = args["participantId"]
    return args["slot"], record.names.get(number, f"participant {number}")


def _trades_of(workload: Workload, outcome: Outcome) -> Iterator[tuple[Key, Values]]:
    for slot in workload.readings:
        for person in workload.participants:
            yield (int(slot), person.name), _trade_values(trade_in(outcome, slot, person.name))


def _trade_values(trade: Trade) -> Values:
    return {name: getattr(trade, name) for name in TRADE_FIELDS}


def _bill_values(bill: Bill) -> Values:
    return {name: getattr(bill, name) for name in BILL_FIELDS}


def _require_equal(
    record: Record, what: str, expected: Mapping[Key, Values], found: Mapping[Key, Values]
) -> None:
    for key in sorted({*expected, *found}):
        wanted, there = expected.get(key, {}), found.get(key, {})
        for name in sorted({*wanted, *there}):
            if wanted.get(name, 0) != there.get(name, 0):
                raise RunError(
                    f"{record.mechanism}: slot {key[0]}, {key[1]}: the {what}'s {name} is {there.get(name, 0)} on the "
                    f"chain, expected {wanted.get(name, 0)} by the reference (Wh and 1e-6 EUR); program and contracts "
                    "differ, or events.jsonl was changed: run the comparison again with --fresh"
                )
    if what == "bill" and (missing := expected.keys() - found.keys()):
        slot, name = min(missing)
        raise RunError(
            f"{record.mechanism}: slot {slot}, {name}: no SlotSettled, expected {len(expected)} bills and found "
            f"{len(found)}; run the comparison again with --fresh"
        )
