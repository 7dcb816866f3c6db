"""One participant's slot from order to payment, in words and numbers, adding up to the last unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from setm.errors import RunError
from setm.report import auction
from setm.report.fold import Folded, fold
from setm.report.records import BillRecord, Market, OfferRecord, OrderRecord, TradeRecord
from setm.report.run import Run, read_run
from setm.report.schedules import SET_ASIDE
from setm.slots import slot_at, slot_start
from setm.types import Side
from setm.units import eur_per_mwh, payment_down, payment_up

LABEL_WIDTH = 11
# As many names as an error lists before it names the nearest only.
LISTED = 20


def explain(
    run_dir: Path, mechanism: str, participant_name: str, slot_or_time: str | int
) -> list[str]:
    """Return lines that explain a participant's slot: forecast, order, price, quantity, reading, imbalance, bill.

    ``slot_or_time`` is a slot number, a time of the run's day ("12:15") or a date and time ("2026-06-01T12:15"); UTC
    unless it carries an offset. Raise ``RunError`` for an unknown mechanism, participant or slot.
    """
    run = read_run(run_dir)
    folded = fold(run.mechanism(mechanism))
    who = _participant(folded, participant_name)
    slot = parse_slot(run, slot_or_time)
    bill = _bill(run, folded, who, slot)
    lines = [_title(run, folded, who, slot)]
    lines += _labelled("Forecast", _forecast(run, folded.name(who), slot))
    if any(order.slot == slot and order.participant_id == who for order in folded.orders):
        lines += _auction(folded, who, slot)
    lines += _negotiations(folded, who, slot)
    trades = [trade for trade in folded.trades if (trade.slot, trade.participant_id) == (slot, who)]
    lines += _labelled("Trade", map(_trade, trades) if trades else ["none in this slot"])
    lines += _labelled("Reading", _reading(folded, bill))
    lines += _labelled("Imbalance", _imbalance(folded, bill))
    lines += _labelled("Bill", _amounts(folded, bill, trades))
    lines += _labelled("Check", _check(bill, trades))
    lines += _labelled("Grid only", _grid_only(folded, bill))
    return lines


def parse_slot(run: Run, text: str | int) -> int:
    """Return the slot that a number, a time of the run's day or a date and time names; UTC if it has no offset."""
    if isinstance(text, int) or text.strip().isdigit():
        return int(text)
    try:
        if len(text.strip()) <= 5:
            clock = time.fromisoformat(text.strip())
            day = datetime.fromisoformat(str(run.info["day"]))
            moment = day.replace(hour=clock.hour, minute=clock.minute, tzinfo=UTC)
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise RunError(
            f"slot {text!r}: expected a slot number, a UTC time such as 12:15, or 2026-06-01T12:15"
        ) from None
    return slot_at(moment, run.slot_seconds)


def _participant(folded: Folded, name: str) -> int:
    names = {who: known.name for who, known in folded.record.participants.items()}
    for spelled in (str, str.casefold, plain):
        called = [who for who, known in names.items() if spelled(known) == spelled(name.strip())]
        if len(called) == 1:
            return called[0]
    if len(names) > LISTED:
        near = {plain(known): known for known in names.values()}
        close = [near[known] for known in get_close_matches(plain(name), near, n=3, cutoff=0)]
        raise RunError(
            f"participant {name!r}: none of {len(names)} is called so; the nearest are {', '.join(close)}; the table "
            "participants has them all"
        )
    raise RunError(f"participant {name!r}: expected one of {', '.join(names.values())}")


def plain(name: str) -> str:
    """Return a name as people write it: without capitals, and without zeros before a number."""
    return re.sub(r"(?<![\d.])0+(?=\d)", "", name.strip().casefold())


def _bill(run: Run, folded: Folded, who: int, slot: int) -> BillRecord:
    for bill in folded.bills:
        if (bill.slot, bill.participant_id) == (slot, who) and bill.tx is not None:
            return bill
    slots = sorted({bill.slot for bill in folded.bills if bill.participant_id == who})
    if not slots:
        raise RunError(
            f"participant {folded.name(who)!r} has no bills: the grid operator is the other side of all bills"
        )
    raise RunError(
        f"slot {slot}: {folded.name(who)} was settled in slots {slots[0]} to {slots[-1]} "
        f"({_clock(run, slots[0])} to {_clock(run, slots[-1])})"
    )


def _clock(run: Run, slot: int) -> str:
    return f"{slot_start(slot, run.slot_seconds):%Y-%m-%d %H:%M} UTC"


def _title(run: Run, folded: Folded, who: int, slot: int) -> str:
    start = slot_start(slot, run.slot_seconds)
    end = start + timedelta(seconds=run.slot_seconds)
    return (
        f"{folded.name(who)} (participant {who}) in slot {slot}, {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC, "
        f"traded by {folded.record.name}"
    )


def _labelled(label: str, texts: Any) -> Iterator[str]:
    for text in texts:
        yield f"{label:<{LABEL_WIDTH}}{text}"
        label = ""


def _money(amount: int) -> str:
    return f"{amount / 1_000_000:.6f} EUR"


def _price(price: int) -> str:
    return f"{eur_per_mwh(price):.3f} EUR/MWh"


def _forecast(run: Run, name: str, slot: int) -> Iterator[str]:
    found = [
        row
        for row in run.forecasts
        if row["participant"] == name
        and row["slot"] == slot
        and (row["mean_wh"] or row["upper_wh"])
    ]
    for row in found:
        level = f"{100 * row['level']:.0f} % " if row.get("level") is not None else ""
        yield (
            f"{row['quantity']} of {row['mean_wh']:.0f} Wh, {level}interval {row['lower_wh']:.0f} to "
            f"{row['upper_wh']:.0f} Wh, model {row.get('model')}"
        )
    if not found:
        yield "neither import nor export expected"


def _auction(folded: Folded, who: int, slot: int) -> list[str]:
    lines: list[str] = []
    own = [order for order in folded.orders if (order.slot, order.participant_id) == (slot, who)]
    for order in own:
        grid = auction.grid_of(folded.record, order.venue)
        lines += _labelled("Order", _order(order, grid.price(order.tick or 0)))
    for market in dict.fromkeys(order.market for order in own):
        lines += _labelled("Price", _clearing(folded, market))
    for order in own:
        lines += _labelled("Quantity", _fill(folded, order))
    return lines


def _order(order: OrderRecord, limit: int) -> Iterator[str]:
    came = f"transaction {order.order_tx}"
    if order.tick is None:
        side = "bid" if order.side is Side.BID else "ask"
        yield f"sealed {side}, bound {_money(order.bound)} ({came})"
        yield f"it was never opened, so its price and quantity stay unknown: {order.state}"
        return
    words = ("bid to buy", "less") if order.side is Side.BID else ("ask to sell", "more")
    yield f"{words[0]} {order.energy_wh} Wh at {_price(limit)} or {words[1]} (tick {order.tick})"
    is_committed = order.state in ("signed", SET_ASIDE)
    yield f"bound {_money(order.bound)}, {'committed to' if is_committed else 'entered'} in {came}"
    if order.state == "forced":
        yield f"its participant forced its schedule in; posted in transaction {order.open_tx}"
    elif order.open_tx != order.order_tx:
        yield f"sealed until the gate closed, opened in transaction {order.open_tx}"


def _clearing(folded: Folded, market: Market) -> Iterator[str]:
    outcome = folded.clearings.get(market)
    if outcome is None:
        yield "the slot was never cleared; nothing was traded"
        return
    clearing = outcome.clearing
    if clearing.volume_wh == 0:
        yield f"no trade: no bid reached an ask (transaction {outcome.tx})"
        return
    grid = auction.grid_of(folded.record, market[0])
    bid, ask = grid.price(clearing.bid_margin_tick), grid.price(clearing.ask_margin_tick)
    yield (
        f"the worst bid filled stands at {_price(bid)} (tick {clearing.bid_margin_tick}), the worst ask filled at "
        f"{_price(ask)} (tick {clearing.ask_margin_tick})"
    )
    if clearing.at_own_price:
        yield f"each pays or gets its own price; {_money(clearing.surplus)} are left over"
    elif clearing.bid_price == clearing.ask_price == (bid + ask) // 2:
        yield (
            f"the price lies halfway (k = 1/2): ({bid} + {ask}) / 2 = {clearing.bid_price} in 0.001 EUR/MWh, "
            f"{_price(clearing.bid_price)}"
        )
    else:
        yield f"buyers pay {_price(clearing.bid_price)}, sellers get {_price(clearing.ask_price)}"
    yield f"{clearing.volume_wh} Wh were traded (transaction {outcome.tx})"


def _fill(folded: Folded, order: OrderRecord) -> Iterator[str]:
    outcome = folded.clearings.get(order.market)
    if order.state == SET_ASIDE:
        yield "nothing: the schedule was set aside, as it could not be used (ScheduleSetAside says why)"
        return
    if order.tick is None or order.energy_wh is None or order.ahead_wh is None:
        yield "nothing: an order that is not opened takes no part"
        return
    if outcome is None or outcome.clearing.volume_wh == 0:
        yield "nothing: there was no trade in the slot"
        return
    clearing, is_bid = outcome.clearing, order.side is Side.BID
    margin = clearing.bid_margin_tick if is_bid else clearing.ask_margin_tick
    if order.tick != margin:
        is_better = (order.tick > margin) == is_bid
        word = "better" if is_better else "worse"
        yield (
            f"tick {order.tick} is {word} than the margin (tick {margin}): "
            f"{'filled whole' if is_better else 'not filled'}, {order.filled_wh} Wh"
        )
        return
    total = clearing.bid_margin_wh if is_bid else clearing.ask_margin_wh
    filled = clearing.bid_margin_filled_wh if is_bid else clearing.ask_margin_filled_wh
    if filled == total:
        yield f"tick {order.tick} is the margin, and all of its {total} Wh are filled: {order.filled_wh} Wh"
        return
    upto = order.ahead_wh + order.energy_wh
    yield (
        f"tick {order.tick} is the margin: {filled} of its {total} Wh are filled, shared in proportion; "
        f"{order.ahead_wh} Wh stand before this order"
    )
    yield (
        f"floor({upto} * {filled} / {total}) - floor({order.ahead_wh} * {filled} / {total}) = "
        f"{upto * filled // total} - {order.ahead_wh * filled // total} = {order.filled_wh} Wh"
    )


def _negotiations(folded: Folded, who: int, slot: int) -> list[str]:
    talks: dict[int, list[OfferRecord]] = {}
    for offer in folded.offers:
        covers = offer.first_slot <= slot < offer.first_slot + offer.slot_count
        if covers and who in (offer.buyer_id, offer.seller_id):
            talks.setdefault(offer.negotiation_id, []).append(offer)
    lines: list[str] = []
    for number, offers in talks.items():
        lines += _labelled("Offers", _talk(folded, number, offers))
    return lines


def _talk(folded: Folded, number: int, offers: list[OfferRecord]) -> Iterator[str]:
    first, last = offers[0], offers[-1]
    span = f" in each of {first.slot_count} slots" if first.slot_count > 1 else ""
    yield (
        f"negotiation {number}: {folded.name(first.buyer_id)} would buy from {folded.name(first.seller_id)}{span}"
    )
    for offer in offers:
        verb = "bids" if offer.by_buyer else "asks"
        yield (
            f"  round {offer.round}: {folded.name(offer.by_id)} {verb} {_price(offer.price)} for {offer.energy_wh} Wh "
            f"(transaction {offer.tx})"
        )
    other = folded.name(last.seller_id if last.by_buyer else last.buyer_id)
    if last.outcome == "agreed":
        yield (
            f"  agreed: {other} accepts round {last.round}, so the price is {_price(last.price)} and the quantity "
            f"{last.energy_wh} Wh (transaction {last.end_tx})"
        )
    else:
        by = {"rejected": f" by {other}", "withdrawn": f" by {folded.name(last.by_id)}"}
        ending = f" (transaction {last.end_tx})" if last.end_tx else ""
        yield f"  no agreement: {last.outcome}{by.get(last.outcome, '')}{ending}"


def _trade(trade: TradeRecord) -> str:
    is_bid = trade.side is Side.BID
    thousandths = trade.energy_wh * trade.price
    exact = f"{thousandths // 1000}.{thousandths % 1000:03d}"
    return (
        f"{'bought' if is_bid else 'sold'} {trade.energy_wh} Wh: {trade.energy_wh} * {trade.price} / 1000 = {exact}, "
        f"rounded {'up' if is_bid else 'down'} to {trade.amount} = {_money(trade.amount)} (transaction {trade.tx})"
    )


def _reading(folded: Folded, bill: BillRecord) -> Iterator[str]:
    reading = folded.readings.get((bill.slot, bill.participant_id))
    if not bill.is_measured or reading is None:
        yield (
            f"none in time: the default rule assumes import {bill.import_wh} Wh, export {bill.export_wh} Wh"
        )
        return
    yield (
        f"meter {reading.meter}: import {reading.import_wh} Wh, export {reading.export_wh} Wh, {reading.state} "
        f"(transaction {reading.tx})"
    )


def _imbalance(folded: Folded, bill: BillRecord) -> Iterator[str]:
    tariff = folded.record.tariff
    parts = (
        (bill.import_wh - bill.bought_wh, "more taken than bought: from the grid operator"),
        (bill.sold_wh - bill.export_wh, "sold and not delivered: from the grid operator"),
        (bill.bought_wh - bill.import_wh, "bought and not taken: to the grid operator"),
        (bill.export_wh - bill.sold_wh, "more delivered than sold: to the grid operator"),
    )
    for energy, meaning in parts:
        if energy > 0:
            yield f"{energy} Wh {meaning}"
    for one in (
        _Rounded("charge at retail", "up", bill.grid_bought_wh, tariff.retail_price, payment_up),
        _Rounded(
            "credit at feed-in", "down", bill.grid_sold_wh, tariff.feed_in_price, payment_down
        ),
    ):
        if one.energy_wh:
            yield _in_day(folded, bill, one) if bill.settled_as == "day" else _in_slot(one)
    if bill.grid_bought_wh == bill.grid_sold_wh == 0:
        yield "none: delivered exactly as contracted"


@dataclass(frozen=True, slots=True)
class _Rounded:
    """An amount between participant and grid operator: its words, Wh, price (0.001 EUR/MWh), and how it is rounded."""

    what: str
    direction: str
    energy_wh: int
    price: int
    rounding: Callable[[int, int], int]


def _in_slot(one: _Rounded) -> str:
    amount = one.rounding(one.energy_wh, one.price)
    return (
        f"{one.what}, rounded {one.direction}: {one.energy_wh} * {one.price} / 1000 = {amount} = "
        f"{_money(amount)}"
    )


def _in_day(folded: Folded, bill: BillRecord, one: _Rounded) -> str:
    """Explain a slot's part of an amount that is rounded once for the day."""
    before_wh = sum(
        other.grid_bought_wh if one.rounding is payment_up else other.grid_sold_wh
        for other in folded.bills
        if (other.participant_id, other.tx) == (bill.participant_id, bill.tx)
        and other.slot < bill.slot
    )
    upto_wh = before_wh + one.energy_wh
    upto, before = one.rounding(upto_wh, one.price), one.rounding(before_wh, one.price)
    return (
        f"{one.what}, rounded {one.direction} once for the day; this slot's part: {upto_wh} * {one.price} / 1000 - "
        f"{before_wh} * {one.price} / 1000 = {upto} - {before} = {upto - before} = {_money(upto - before)}"
    )


def _amounts(folded: Folded, bill: BillRecord, trades: list[TradeRecord]) -> Iterator[str]:
    parts: list[tuple[int, str]] = []
    for trade in trades:
        other = f", {folded.name(trade.counterparty_id)}" if trade.counterparty_id else ""
        if trade.side is Side.BID:
            parts.append(
                (trade.amount, f"paid for {trade.energy_wh} Wh bought ({trade.venue}{other})")
            )
        else:
            parts.append(
                (-trade.amount, f"earned by {trade.energy_wh} Wh sold ({trade.venue}{other})")
            )
    parts += [
        (bill.bond_forfeited, "bond of an order that was not opened"),
        (-bill.compensation, "share of the other side's forfeited bonds"),
        (bill.charge - bill.penalty, f"charge for {bill.grid_bought_wh} Wh from the grid operator"),
        (bill.penalty, "penalty: the meter signed two values"),
        (-bill.credit, f"credit for {bill.grid_sold_wh} Wh to the grid operator"),
    ]
    for amount, meaning in parts:
        if amount:
            yield f"{amount:+15,d}  {meaning}"
    total = sum(amount for amount, _ in parts)
    verb = "to pay" if total >= 0 else "to receive"
    yield f"{total:+15,d}  = {_money(abs(total))} {verb} (1e-6 EUR; settled in transaction {bill.tx})"
    if bill.arrears_change > 0:
        yield f"{_money(bill.arrears_change)} of it could not be paid and were added to the arrears"
    elif bill.arrears_change < 0:
        yield f"arrears to the grid operator shrank by {_money(-bill.arrears_change)}"


def _check(bill: BillRecord, trades: list[TradeRecord]) -> Iterator[str]:
    paid = sum(trade.amount for trade in trades if trade.side is Side.BID)
    earned = sum(trade.amount for trade in trades if trade.side is Side.ASK)
    explained: Mapping[str, tuple[int, int]] = {
        "bought": (sum(t.energy_wh for t in trades if t.side is Side.BID), bill.bought_wh),
        "sold": (sum(t.energy_wh for t in trades if t.side is Side.ASK), bill.sold_wh),
        "bill": (
            paid - earned + bill.bond_forfeited - bill.compensation + bill.charge - bill.credit,
            bill.bill,
        ),
    }
    for name, (ours, settled) in explained.items():
        if ours != settled:
            raise RunError(
                f"slot {bill.slot}: {name} explained {ours}, settled {settled}; events contradict"
            )
    told = "SlotSettled" if bill.settled_as == "slot" else "the slot's part of DaysSettled"
    yield (
        f"equals {told}: bought {bill.bought_wh} Wh, sold {bill.sold_wh} Wh, charge {bill.charge}, credit "
        f"{bill.credit}; with payment {bill.payment} and revenue {bill.revenue} the bill is {bill.bill}, difference 0"
    )


def _grid_only(folded: Folded, bill: BillRecord) -> Iterator[str]:
    tariff = folded.record.tariff
    bought = payment_up(bill.import_wh, tariff.retail_price)
    sold = payment_down(bill.export_wh, tariff.feed_in_price)
    sign = "-" if bill.bill >= 0 else "+"
    yield (
        f"without trade the bill would be {bought} - {sold} = {bill.grid_only_bill}; saving "
        f"{bill.grid_only_bill} {sign} {abs(bill.bill)} = {bill.saving} = {_money(bill.saving)}"
    )
