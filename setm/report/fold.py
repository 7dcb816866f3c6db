"""The fold: from the events of one mechanism, and nothing else of the chain, to its tables."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from statistics import median_low
from typing import Any

import polars as pl

from setm.errors import RunError
from setm.report import (
    auction,
    bills,
    conduct,
    days,
    ledger,
    negotiation,
    positions,
    schedules,
    schema,
)
from setm.report.records import (
    BillRecord,
    ClearingRecord,
    Market,
    OfferRecord,
    OrderRecord,
    ReadingRecord,
    TradeRecord,
)
from setm.report.run import MechanismRun, Run, Transaction
from setm.report.schema import Row, frame
from setm.slots import slot_start
from setm.types import Kind, Side

SIDES = {Side.BID: "bid", Side.ASK: "ask"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What one mechanism's events say, as typed records and as tables by name."""

    record: MechanismRun
    orders: tuple[OrderRecord, ...]
    clearings: Mapping[Market, ClearingRecord]
    offers: tuple[OfferRecord, ...]
    trades: tuple[TradeRecord, ...]
    readings: Mapping[tuple[int, int], ReadingRecord]
    bills: tuple[BillRecord, ...]
    money: ledger.Ledger
    tables: Mapping[str, pl.DataFrame]

    def name(self, participant_id: int) -> str:
        """Return a participant's name."""
        return self.record.participant_name(participant_id)


def fold(record: MechanismRun) -> Folded:
    """Return the tables of one mechanism; raise ``RunError`` naming slot or participant if events contradict.

    Checked on the way: both sides of a slot sum to its volume; agreements and fills equal TradeCollected, TradeClosed
    and SlotSettled or DaysSettled; bills follow from quantities and tariff; all payments of a slot cancel out; replayed
    balances are never negative, equal the tokens held, and each participant's money is explained by its bills to the
    last unit.
    """
    found = auction.clearings(record)
    orders = auction.orders(record, found)
    trades = [
        *auction.trades(orders, found, auction.grid_of(record)),
        *negotiation.trades(record),
        *positions.trades(record),
    ]
    offers = negotiation.offers(record)
    posted = days.posted_days(record)
    whole = days.whole_days(record, posted)
    readings = bills.readings(record, posted)
    billed = bills.bills(record, trades, readings, whole)
    trades += [trade for day in whole for trade in day.trades]
    books = [
        book for venue in schedules.venues_in(record) for book in schedules.books(record, venue)
    ]
    orders += [order for book in books for order in book.orders]
    cleared = (*found.values(), *(one for book in books for one in book.clearings))
    clearings = {one.market: one for one in cleared}
    money = ledger.replay(record)

    sides = Counter(trade.slot for trade in trades)
    surplus = {slot: int(one.clearing.surplus) for slot, one in found.items()}
    slots = ledger.conservation(billed, sides, surplus)
    ledger.check_pools(money, slots)
    accounts = ledger.accounts(money, billed, sorted(record.participants))
    tables: dict[schema.Table, Sequence[Row]] = {
        schema.PARTICIPANTS: _participants(record),
        schema.ORDERS: [_order(record, order) for order in orders],
        schema.OFFERS: [_offer(record, offer) for offer in offers],
        schema.TRADES: [_trade(record, trade) for trade in trades],
        schema.READINGS: [_reading(record, readings[key]) for key in sorted(readings)],
        schema.PAYMENTS: [_payment(record, bill) for bill in billed],
        schema.PRICES: _prices(record, trades, clearings, offers),
        schema.CONSERVATION: [{**_at(record, row["slot"]), **row} for row in slots],
        schema.ACCOUNTS: [{**_who(record, row["participant_id"]), **row} for row in accounts],
        schema.MOVEMENTS: _movements(record, money),
        schema.GAS: _gas(record.transactions),
        schema.PAIRS: _pairs(record, trades),
        schema.SHARES: _shares(record, trades, orders),
    }
    return Folded(
        record=record,
        orders=tuple(orders),
        clearings=clearings,
        offers=tuple(offers),
        trades=tuple(trades),
        readings=readings,
        bills=tuple(billed),
        money=money,
        tables={table.name: frame(table, rows) for table, rows in tables.items()},
    )


def run_tables(run: Run, mechanisms: Sequence[Folded] = ()) -> dict[str, pl.DataFrame]:
    """Return what the agents keep to themselves and no chain knows: forecasts, backtest, and meters held against both.

    Every mechanism has the same readings; those of the first are taken.
    """
    forecasts = [
        {
            "slot": row["slot"],
            "start_utc": slot_start(row["slot"], run.slot_seconds),
            "participant": row["participant"],
            "quantity": row["quantity"],
            "mean_wh": float(row["mean_wh"]),
            "lower_wh": float(row["lower_wh"]),
            "upper_wh": float(row["upper_wh"]),
            "level": _real(row.get("level")),
            "model": row.get("model"),
        }
        for row in run.forecasts
    ]
    backtest = [
        {
            "participant": row["participant"],
            "quantity": row["quantity"],
            "model": row["model"],
            "model_used": row.get("model_used", row["model"]),
            "origins": row.get("origins"),
            **{name: _real(row.get(name)) for name in ("mae_wh", "mase", "pinball_wh", "coverage")},
        }
        for row in run.backtest
    ]
    return {
        schema.FORECASTS.name: frame(schema.FORECASTS, forecasts),
        schema.BACKTEST.name: frame(schema.BACKTEST, backtest),
        schema.METERS.name: frame(schema.METERS, _meters(run, mechanisms)),
    }


def _real(value: Any) -> float | None:
    """Return a number, None for a missing one: CSV, Parquet and JSON do not agree on NaN."""
    return None if value is None or math.isnan(value) else float(value)


def _at(record: MechanismRun, slot: int) -> dict[str, Any]:
    return {"slot": slot, "start_utc": slot_start(slot, record.slot_seconds)}


def _who(record: MechanismRun, participant_id: int) -> dict[str, Any]:
    return {
        "participant_id": participant_id,
        "participant": record.participant_name(participant_id),
    }


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _participants(record: MechanismRun) -> list[Row]:
    joined = {event["participantId"]: event for event in record.of("ParticipantJoined", "registry")}
    meters = {event["participantId"]: event for event in record.of("MeterBound", "meters")}
    rows: list[Row] = []
    for who, known in sorted(record.participants.items()):
        if who not in joined:
            raise RunError(
                f"{record.name}/events.jsonl: no ParticipantJoined for participant {who} ({known.name}); "
                "run the scenario again"
            )
        meter = meters.get(who)
        rows.append(
            {
                "participant_id": who,
                "participant": known.name,
                "kind": Kind(joined[who]["kind"]).name.lower().replace("_", " "),
                "device": known.device,
                "zone": joined[who]["zone"],
                "account": joined[who]["account"],
                "meter": None if meter is None else meter["meter"],
                "capacity_wh": None if meter is None else meter["capacityWh"],
                "days_for_forecasting_days": known.days_for_forecasting,
                "min_bid_milli_eur_per_mwh": known.min_bid_price,
                "max_bid_milli_eur_per_mwh": known.max_bid_price,
            }
        )
    return rows


def _order(record: MechanismRun, order: OrderRecord) -> Row:
    grid = auction.grid_of(record, order.venue)
    limit = None if order.tick is None else grid.price(order.tick)
    return {
        **_at(record, order.slot),
        "venue": order.venue,
        **_who(record, order.participant_id),
        "number": order.number,
        "side": SIDES[order.side],
        "state": order.state,
        "tick": order.tick,
        "limit_milli_eur_per_mwh": limit,
        "energy_wh": order.energy_wh,
        "ahead_wh": order.ahead_wh,
        "filled_wh": order.filled_wh,
        "bound_micro_eur": order.bound,
        "ordered_at_utc": _time(order.ordered_at),
        "order_tx_hash": order.order_tx,
        "open_tx_hash": order.open_tx,
    }


def _offer(record: MechanismRun, offer: OfferRecord) -> Row:
    return {
        "negotiation_id": offer.negotiation_id,
        "round": offer.round,
        "first_slot": offer.first_slot,
        "start_utc": slot_start(offer.first_slot, record.slot_seconds),
        "slot_count": offer.slot_count,
        "buyer": record.participant_name(offer.buyer_id),
        "seller": record.participant_name(offer.seller_id),
        "by": record.participant_name(offer.by_id),
        "side": "bid" if offer.by_buyer else "ask",
        "energy_wh": offer.energy_wh,
        "price_milli_eur_per_mwh": offer.price,
        "outcome": offer.outcome,
        "made_at_utc": _time(offer.made_at),
        "expires_at_utc": _time(offer.expires_at),
        "tx_hash": offer.tx,
        "end_tx_hash": offer.end_tx,
    }


def _trade(record: MechanismRun, trade: TradeRecord) -> Row:
    other = trade.counterparty_id
    return {
        **_at(record, trade.slot),
        "venue": trade.venue,
        **_who(record, trade.participant_id),
        "number": trade.number,
        "side": SIDES[trade.side],
        "counterparty": None if other is None else record.participant_name(other),
        "negotiation_id": trade.negotiation_id,
        "energy_wh": trade.energy_wh,
        "price_milli_eur_per_mwh": trade.price,
        "amount_micro_eur": trade.amount,
        "tx_hash": trade.tx,
    }


def _reading(record: MechanismRun, reading: ReadingRecord) -> Row:
    return {
        **_at(record, reading.slot),
        **_who(record, reading.participant_id),
        "meter": reading.meter,
        "import_wh": reading.import_wh,
        "export_wh": reading.export_wh,
        "state": reading.state,
        "posted_at_utc": _time(reading.posted_at),
        "tx_hash": reading.tx,
    }


def _payment(record: MechanismRun, bill: BillRecord) -> Row:
    return {
        **_at(record, bill.slot),
        **_who(record, bill.participant_id),
        "bought_wh": bill.bought_wh,
        "sold_wh": bill.sold_wh,
        "import_wh": bill.import_wh,
        "export_wh": bill.export_wh,
        "grid_bought_wh": bill.grid_bought_wh,
        "grid_sold_wh": bill.grid_sold_wh,
        "payment_micro_eur": bill.payment,
        "revenue_micro_eur": bill.revenue,
        "bond_forfeited_micro_eur": bill.bond_forfeited,
        "compensation_micro_eur": bill.compensation,
        "charge_micro_eur": bill.charge,
        "penalty_micro_eur": bill.penalty,
        "credit_micro_eur": bill.credit,
        "arrears_change_micro_eur": bill.arrears_change,
        "bill_micro_eur": bill.bill,
        "grid_only_bill_micro_eur": bill.grid_only_bill,
        "saving_micro_eur": bill.saving,
        "is_measured": bill.is_measured,
        "settled_as": bill.settled_as,
        "tx_hash": bill.tx,
    }


def _prices(
    record: MechanismRun,
    trades: Sequence[TradeRecord],
    clearings: Mapping[Market, ClearingRecord],
    offers: Sequence[OfferRecord],
) -> list[Row]:
    sides: dict[tuple[int, str], list[TradeRecord]] = defaultdict(list)
    for trade in trades:
        sides[trade.slot, trade.venue].append(trade)
    tried = {
        (slot, "negotiation")
        for offer in offers
        for slot in range(offer.first_slot, offer.first_slot + offer.slot_count)
    }
    cleared: dict[tuple[int, str], list[ClearingRecord]] = defaultdict(list)
    for one in clearings.values():
        cleared[one.slot, one.venue].append(one)
    rows: list[Row] = []
    for slot, venue in sorted({*sides, *tried, *cleared}):
        group = sides[slot, venue]
        bought = [trade for trade in group if trade.side is Side.BID]
        volume = sum(trade.energy_wh for trade in bought)
        prices = [trade.price for trade in group]
        worth = sum(trade.energy_wh * trade.price for trade in bought)
        row: dict[str, Any] = {
            **_at(record, slot),
            "venue": venue,
            "volume_wh": volume,
            "trades": len(bought) if venue == "negotiation" else len(group),
            "low_milli_eur_per_mwh": min(prices, default=None),
            "high_milli_eur_per_mwh": max(prices, default=None),
            "mean_price_eur_per_mwh": float(Fraction(worth, volume * 1000)) if volume else None,
        }
        # Each zone has margins of its own: where there are several, the orders tell.
        if len(cleared[slot, venue]) == 1:
            row |= _margins(record, cleared[slot, venue][0])
        rows.append(row)
    return rows


def _margins(record: MechanismRun, outcome: ClearingRecord) -> dict[str, Any]:
    clearing = outcome.clearing
    if clearing.volume_wh == 0:
        return {"clear_tx_hash": outcome.tx}
    grid = auction.grid_of(record, outcome.venue)
    return {
        "bid_margin_tick": clearing.bid_margin_tick,
        "bid_margin_milli_eur_per_mwh": grid.price(clearing.bid_margin_tick),
        "bid_margin_wh": clearing.bid_margin_wh,
        "bid_margin_filled_wh": clearing.bid_margin_filled_wh,
        "ask_margin_tick": clearing.ask_margin_tick,
        "ask_margin_milli_eur_per_mwh": grid.price(clearing.ask_margin_tick),
        "ask_margin_wh": clearing.ask_margin_wh,
        "ask_margin_filled_wh": clearing.ask_margin_filled_wh,
        "surplus_micro_eur": clearing.surplus,
        "clear_tx_hash": outcome.tx,
    }


def _movements(record: MechanismRun, money: ledger.Ledger) -> list[Row]:
    return [
        {
            "number": movement.number,
            "movement": movement.movement,
            **_who(record, movement.participant_id),
            "venue": movement.venue or None,
            "heir": movement.heir or None,
            "amount_micro_eur": movement.amount,
            "charged_micro_eur": movement.charged,
            "released_micro_eur": movement.released,
            "paid_micro_eur": movement.paid,
            "free_micro_eur": movement.free,
            "moved_at_utc": _time(movement.moved_at),
            "tx_hash": movement.tx,
        }
        for movement in money.movements
    ]


def _gas(transactions: Sequence[Transaction]) -> list[Row]:
    groups: dict[tuple[str, str], list[Transaction]] = defaultdict(list)
    for transaction in transactions:
        groups[transaction.action, transaction.contract].append(transaction)
    return [
        {
            "action": action,
            "contract": contract,
            "transactions": len(group),
            "failed": sum(not transaction.ok for transaction in group),
            "median_gas": median_low(transaction.gas_used for transaction in group),
            "lowest_gas": min(transaction.gas_used for transaction in group),
            "highest_gas": max(transaction.gas_used for transaction in group),
            "total_gas": sum(transaction.gas_used for transaction in group),
        }
        for (action, contract), group in groups.items()
    ]


def _pairs(record: MechanismRun, trades: Sequence[TradeRecord]) -> list[Row]:
    tariff = record.tariff
    return [
        {
            "buyer": record.participant_name(row["buyer_id"]),
            "seller": record.participant_name(row["seller_id"]),
            **{name: value for name, value in row.items() if name not in ("price", "reference")},
            "mean_price_eur_per_mwh": _per_mwh(row["price"]),
            "reference_price_eur_per_mwh": _per_mwh(row["reference"]),
        }
        for row in conduct.pairs(trades, tariff.retail_price - tariff.feed_in_price)
    ]


def _per_mwh(price: float | None) -> float | None:
    return None if price is None else price / 1000


def _shares(
    record: MechanismRun, trades: Sequence[TradeRecord], orders: Sequence[OrderRecord]
) -> list[Row]:
    return [
        {**row, **_who(record, row["participant_id"]), "side": SIDES[row["side"]]}
        for row in conduct.shares(trades, orders)
    ]


def _meters(run: Run, mechanisms: Sequence[Folded]) -> list[Row]:
    if not mechanisms:
        return []
    folded = mechanisms[0]
    numbers = {known.name: who for who, known in folded.record.participants.items()}
    lower: dict[int, dict[tuple[int, str], float]] = defaultdict(dict)
    for row in run.forecasts:
        lower[numbers[row["participant"]]][row["slot"], row["quantity"]] = float(row["lower_wh"])
    bound = folded.record.of("MeterBound", "meters")
    capacities = {event["participantId"]: event["capacityWh"] for event in bound}
    rows = conduct.meters_of(folded.bills, folded.readings.values(), capacities, lower)
    return [{**row, **_who(folded.record, row["participant_id"])} for row in rows]
