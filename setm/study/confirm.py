"""Whether a run on a chain came to what its rehearsal says: every trade and every bill, to the unit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from setm.errors import RunError
from setm.metering import ReadingView
from setm.settlement import bill
from setm.simulation.mechanism import Day
from setm.trading import Outcome, added, mechanism_named
from setm.types import Trade
from setm.units import Wh

Key = tuple[int, str]
"""Slot, and participant's name."""
Values = Mapping[str, int]

# What venues hand over besides revenue (released cover) is their own affair: the credit of trades is left out.
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
TRADE_FIELDS = ("bought_wh", "sold_wh", "payment", "revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """How many trades and bills of a mechanism's day on a chain equal the reference: all of them."""

    mechanism: str
    trades: int
    bills: int


def confirm(name: str, day: Day, folder: Path) -> Confirmed:
    """Return how much was compared; ``folder`` is the mechanism's folder of a run of this day.

    Raises ``RunError`` naming slot, participant, expected and found for the first difference.
    """
    outcome = mechanism_named(name).rehearse(day.trading)
    names = {
        int(member["participant_id"]): str(member["name"])
        for member in json.loads((folder / "members.json").read_text())
    }
    events = list(_events(folder / "events.jsonl"))
    trades, bills = _trades(outcome), _bills(day, outcome)
    _require_equal("trade", trades, _traded(events, names))
    _require_equal("bill", bills, _billed(events, names))
    return Confirmed(mechanism=name, trades=len(trades), bills=len(bills))


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _trades(outcome: Outcome) -> dict[Key, Values]:
    return {
        (int(slot), name): _values(trade)
        for slot, by_name in outcome.items()
        for name, trade in by_name.items()
        if trade != Trade()
    }


def _values(trade: Trade) -> Values:
    return {field: int(getattr(trade, field)) for field in TRADE_FIELDS}


def _bills(day: Day, outcome: Outcome) -> dict[Key, Values]:
    found: dict[Key, Values] = {}
    for person in day.people:
        series, name = person.delivered, person.trader.name
        for slot in day.slots:
            place = slot - series.first_slot
            reading = ReadingView(
                import_wh=Wh(int(series.import_wh[place])),
                export_wh=Wh(int(series.export_wh[place])),
                is_measured=True,
                is_final=True,
            )
            trade = outcome.get(slot, {}).get(name, Trade())
            one = bill(trade, reading, day.market.tariff)
            found[int(slot), name] = {field: int(getattr(one, field)) for field in BILL_FIELDS}
    return found


def _traded(events: list[Mapping[str, Any]], names: Mapping[int, str]) -> dict[Key, Values]:
    """Return what each participant traded in each slot in all venues together, where it is not nothing."""
    parts: dict[Key, list[Trade]] = {}
    for event in events:
        args = event["args"]
        if event["event"] == "TradeCollected":
            one = Trade(payment=args["payment"])
        elif event["event"] == "TradeClosed":
            one = Trade(bought_wh=args["boughtWh"], sold_wh=args["soldWh"], revenue=args["revenue"])
        else:
            continue
        parts.setdefault((args["slot"], names[args["participantId"]]), []).append(one)
    sums = {key: added(each) for key, each in parts.items()}
    return {key: _values(trade) for key, trade in sums.items() if trade != Trade()}


def _billed(events: list[Mapping[str, Any]], names: Mapping[int, str]) -> dict[Key, Values]:
    settled = (event["args"] for event in events if event["event"] == "SlotSettled")
    return {
        (args["slot"], names[args["participantId"]]): {
            field: args["bill"][theirs] for field, theirs in BILL_FIELDS.items()
        }
        for args in settled
    }


def _require_equal(what: str, expected: Mapping[Key, Values], found: Mapping[Key, Values]) -> None:
    for slot, name in sorted({*expected, *found}):
        ours, theirs = expected.get((slot, name)), found.get((slot, name))
        if ours != theirs:
            raise RunError(
                f"{what} of {name} in slot {slot}: the chain says {theirs}, expected {ours} from the rehearsal; "
                "was the run made with this version, its scenario and its data?"
            )
