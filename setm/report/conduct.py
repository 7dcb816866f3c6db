"""Conduct: who trades with whom, who holds how much of a market, and whether meters say what can be.

A chain knows keys and not owners, and what a meter signed and not what flowed. So nothing here is a proof: a hint says
where somebody should look, and the page says which innocent reason there may be. Energy is in Wh, prices are in
0.001 EUR/MWh, shares in percent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm.report.records import BillRecord, OrderRecord, ReadingRecord, TradeRecord
from setm.report.schema import Row
from setm.types import Side

# Two who trade nearly everything with each other, and at least so much more than their sizes explain.
CLOSED_PERCENT, CLOSED_FACTOR, CLOSED_SLOTS = 80, 2, 4
# A price so far from what others agree on in the same slots, as a share of what the grid operator's prices leave.
APART_PERCENT, APART_SLOTS = 25, 4
# Energy that flowed both ways between two in one slot, of all that they traded.
BACK_PERCENT, BACK_SLOTS = 10, 2
# Orders that were never opened, of all orders.
WITHHELD_PERCENT, WITHHELD_ORDERS = 20, 3
SILENT_PERCENT, SILENT_SLOTS = 10, 2
FULL_PERCENT = 90
STUCK_SLOTS = 6
BELOW_PERCENT, BELOW_SLOTS = 75, 6
PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter's day: readings in the order of their slots, and what its owner's agent expected of it."""

    capacity_wh: int
    readings: Sequence[ReadingRecord]
    silent_slots: int
    # The lower ends of the forecasts' intervals, by slot and quantity.
    lower_wh: Mapping[tuple[int, str], float]


def pairs(trades: Iterable[TradeRecord], spread: int) -> list[dict[str, Any]]:
    """Return one row for each buyer and seller who agreed with each other; an auction has no pairs.

    ``spread`` is retail price less feed-in price.
    """
    bought = [t for t in trades if t.side is Side.BID and t.counterparty_id is not None]
    by_pair: dict[tuple[int, int], list[TradeRecord]] = defaultdict(list)
    for trade in bought:
        by_pair[trade.participant_id, trade.counterparty_id or 0].append(trade)
    bought_by, sold_by = _totals(bought)
    total = sum(bought_by.values())
    rows = []
    for (buyer, seller), own in sorted(by_pair.items()):
        energy = _energy(own)
        # If everybody met everybody else by size alone; nobody meets itself.
        expected = bought_by[buyer] * sold_by[seller] / max(total - sold_by.get(buyer, 0), 1)
        slots = {trade.slot for trade in own}
        others = [t for t in bought if t.slot in slots and {buyer, seller} != _parties(t)]
        price, reference = _mean_price(own), _median_price(others)
        row: dict[str, Any] = {
            "buyer_id": buyer,
            "seller_id": seller,
            "slots": len(slots),
            "energy_wh": energy,
            "expected_wh": expected,
            "buyer_share_percent": PERCENT * energy / bought_by[buyer],
            "seller_share_percent": PERCENT * energy / sold_by[seller],
            "price": price,
            "reference": reference,
            "back_wh": _back(own, by_pair.get((seller, buyer), [])),
        }
        rows.append({**row, "hints": ", ".join(_pair_hints(row, spread))})
    return rows


def _pair_hints(row: Mapping[str, Any], spread: int) -> Iterable[str]:
    smaller = min(row["buyer_share_percent"], row["seller_share_percent"])
    if (
        smaller >= CLOSED_PERCENT
        and row["energy_wh"] >= CLOSED_FACTOR * row["expected_wh"]
        and row["slots"] >= CLOSED_SLOTS
    ):
        yield "closed pair"
    if row["reference"] is not None and row["slots"] >= APART_SLOTS:
        apart = abs(row["price"] - row["reference"])
        if PERCENT * apart >= APART_PERCENT * spread:
            yield "price apart"
    if PERCENT * row["back_wh"] >= BACK_PERCENT * row["energy_wh"] and row["slots"] >= BACK_SLOTS:
        yield "round trip"


def shares(trades: Iterable[TradeRecord], orders: Iterable[OrderRecord]) -> list[dict[str, Any]]:
    """Return one row for each venue, side and participant: its share, the side's concentration, orders not opened.

    Concentration is the Herfindahl-Hirschman index: the sum of the squared shares in percent, 10,000 for a monopoly.
    """
    energy: dict[tuple[str, Side], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for trade in trades:
        energy[trade.venue, trade.side][trade.participant_id] += trade.energy_wh
    placed: dict[tuple[str, Side, int], list[OrderRecord]] = defaultdict(list)
    for order in orders:
        # An auction's order that nobody filled makes its participant part of the side as well.
        energy[order.venue, order.side].setdefault(order.participant_id, 0)
        placed[order.venue, order.side, order.participant_id].append(order)
    rows = []
    for (venue, side), by_participant in sorted(energy.items()):
        total = sum(by_participant.values())
        percents = {who: PERCENT * wh / total if total else 0 for who, wh in by_participant.items()}
        index = sum(percent**2 for percent in percents.values())
        for who, wh in sorted(by_participant.items()):
            own = [o for o in placed[venue, side, who] if o.state != "cancelled"]
            withheld = sum(order.state in ("forfeited", "unopened") for order in own)
            does_withhold = (
                withheld >= WITHHELD_ORDERS and PERCENT * withheld >= WITHHELD_PERCENT * len(own)
            )
            row = {"venue": venue, "side": side, "participant_id": who, "energy_wh": wh}
            row |= {"share_percent": percents[who], "concentration": index}
            row |= {"orders": len(own), "unopened": withheld}
            rows.append({**row, "hints": "withholds orders" if does_withhold else ""})
    return rows


def meter(found: Meter) -> dict[str, Any]:
    """Return a meter's row: how near it came to its capacity, and where it is unlike its own history."""
    most = max((max(r.import_wh, r.export_wh) for r in found.readings), default=0)
    full = sum(
        PERCENT * max(r.import_wh, r.export_wh) >= FULL_PERCENT * found.capacity_wh
        for r in found.readings
    )
    repeated = _repeated(found.readings)
    below, compared = _below(found)
    slots = len(found.readings) + found.silent_slots
    row = {
        "slots": slots,
        "silent_slots": found.silent_slots,
        "highest_wh": most,
        "capacity_percent": PERCENT * most / found.capacity_wh if found.capacity_wh else None,
        "full_slots": full,
        "repeated_slots": repeated,
        "below_percent": PERCENT * below / compared if compared else None,
    }
    hints = []
    if found.silent_slots >= SILENT_SLOTS and PERCENT * found.silent_slots > SILENT_PERCENT * slots:
        hints.append("silent")
    if full:
        hints.append("at capacity")
    if repeated >= STUCK_SLOTS:
        hints.append("stuck")
    if compared >= BELOW_SLOTS and PERCENT * below >= BELOW_PERCENT * compared:
        hints.append("below its history")
    return {**row, "hints": ", ".join(hints)}


def meters_of(
    bills: Iterable[BillRecord],
    readings: Iterable[ReadingRecord],
    capacities: Mapping[int, int],
    lower_wh: Mapping[int, Mapping[tuple[int, str], float]],
) -> list[Row]:
    """Return a row for each participant that has a meter."""
    silent: dict[int, int] = defaultdict(int)
    for bill in bills:
        silent[bill.participant_id] += not bill.is_measured
    by_participant: dict[int, list[ReadingRecord]] = defaultdict(list)
    for reading in sorted(readings, key=lambda r: r.slot):
        by_participant[reading.participant_id].append(reading)
    return [
        {
            "participant_id": who,
            **meter(
                Meter(
                    capacity_wh=capacity,
                    readings=by_participant[who],
                    silent_slots=silent[who],
                    lower_wh=lower_wh.get(who, {}),
                )
            ),
        }
        for who, capacity in sorted(capacities.items())
    ]


def _totals(bought: Iterable[TradeRecord]) -> tuple[dict[int, int], dict[int, int]]:
    buyers: dict[int, int] = defaultdict(int)
    sellers: dict[int, int] = defaultdict(int)
    for trade in bought:
        buyers[trade.participant_id] += trade.energy_wh
        sellers[trade.counterparty_id or 0] += trade.energy_wh
    return dict(buyers), dict(sellers)


def _parties(trade: TradeRecord) -> set[int | None]:
    return {trade.participant_id, trade.counterparty_id}


def _energy(trades: Iterable[TradeRecord]) -> int:
    return sum(trade.energy_wh for trade in trades)


def _mean_price(trades: Sequence[TradeRecord]) -> float | None:
    energy = _energy(trades)
    return sum(t.energy_wh * t.price for t in trades) / energy if energy else None


def _median_price(trades: Sequence[TradeRecord]) -> float | None:
    """Return the price below which half of the energy was traded: a few strange prices do not move it."""
    left = _energy(trades) / 2
    for trade in sorted(trades, key=lambda t: t.price):
        left -= trade.energy_wh
        if left <= 0:
            return float(trade.price)
    return None


def _back(forth: Sequence[TradeRecord], back: Sequence[TradeRecord]) -> int:
    """Return the energy that flowed both ways in the same slots, which leaves nothing but payments."""
    there: dict[int, int] = defaultdict(int)
    for trade in forth:
        there[trade.slot] += trade.energy_wh
    here: dict[int, int] = defaultdict(int)
    for trade in back:
        here[trade.slot] += trade.energy_wh
    return sum(min(energy, here[slot]) for slot, energy in there.items())


def _repeated(readings: Sequence[ReadingRecord]) -> int:
    """Return how many readings in a row said the same, zero energy aside."""
    longest = run = 0
    last: tuple[int, int] | None = None
    for reading in readings:
        values = (reading.import_wh, reading.export_wh)
        run = run + 1 if values == last else 1
        last = values
        if any(values):
            longest = max(longest, run)
    return longest


def _below(found: Meter) -> tuple[int, int]:
    """Return in how many slots less was measured than the interval holds, and how many could be compared."""
    below = compared = 0
    for reading in found.readings:
        for quantity, wh in (("import", reading.import_wh), ("export", reading.export_wh)):
            lower = found.lower_wh.get((reading.slot, quantity), 0.0)
            if lower > 0:
                compared += 1
                below += wh < lower
    return below, compared
