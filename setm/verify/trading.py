"""Did every slot end as its pricing rule says, both sides equal, each order and each bill once?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from setm.deployment_plan import rule_in
from setm.pricing import fill_of, price_of
from setm.report.auction import clearing_of, grid_of
from setm.report.records import OrderRecord
from setm.report.run import Event
from setm.types import Side
from setm.verify import tariff
from setm.verify.history import RING, History, Key
from setm.verify.outcome import Check, found

AREA = "books"
# What an order's event needs before it, and what stands after it; "" is no order.
LIFE = {
    "OrderCommitted": (("", "cancelled"), "committed"),
    "CommitmentCancelled": (("committed",), "cancelled"),
    "OpeningRefused": (("committed",), "committed"),
    "BondForfeited": (("committed",), "forfeited"),
}


def check_trading(history: History) -> Iterator[Check]:
    """Yield the invariants of orders, clearings, positions and bills, as far as a state can show them."""
    yield found(
        AREA,
        "I3 I5 each clearing is the reference's",
        _clearings(history),
        good=lambda: f"{len(history.clearings)} slots",
    )
    if "tariff" in history.venues:
        yield found(
            AREA,
            "I5 each price taken is the reference's",
            tariff.wrong_prices(history.record),
            good=lambda: f"{len(tariff.sums_of(history.record))} slots",
        )
    yield found(
        AREA,
        "I4 every fill respects its limit",
        _limits(history),
        good=lambda: f"{len(history.orders)} orders",
    )
    yield found(AREA, "I8 each commitment ends once", _lives(history), good="no second end")
    yield found(
        AREA,
        "I16 positions equal the trades",
        _positions(history),
        good=lambda: f"{sum(len(history.kept(venue)) for venue in history.venues)} positions",
    )
    yield found(
        AREA, "I11 nobody pays another amount", _amounts(history), good="payments and revenues"
    )
    yield found(
        AREA,
        "I9 settled once",
        _settlements(history),
        good=lambda: f"{len(history.settled())} bills",
    )


def _clearings(history: History) -> Iterator[str]:
    grid, ticks = grid_of(history.record), history.deployed.config["auction"]["tick_count"]
    opened: dict[int, list[OrderRecord]] = defaultdict(list)
    for order in history.orders:
        if order.open_tx is not None or order.state == "opened":
            opened[order.slot].append(order)
    newest, rule = max(history.clearings, default=0), rule_in(history.deployed.config)
    for slot, outcome in history.clearings.items():
        ladders = {side: [0] * ticks for side in Side}
        for order in opened[slot]:
            ladders[order.side][order.tick or 0] += order.energy_wh or 0
        expected = rule.clear(grid, ladders[Side.BID], ladders[Side.ASK])
        if outcome.clearing != expected:
            yield f"slot {slot}: SlotCleared differs from the reference"
        if (
            slot > newest - RING
            and clearing_of(history.reader.named("auction", "clearingOf", slot)) != expected
        ):
            yield f"slot {slot}: the auction keeps another clearing than the reference"


def _limits(history: History) -> Iterator[str]:
    grid, kept = grid_of(history.record), set(history.kept("auction"))
    for order in history.orders:
        if order.slot not in history.clearings or order.tick is None:
            continue
        clearing = history.clearings[order.slot].clearing
        energy, ahead = order.energy_wh or 0, order.ahead_wh or 0
        filled = fill_of(clearing, order.side, order.tick, energy, ahead)
        limit = grid.price(order.tick)
        is_bid = order.side is Side.BID
        price = price_of(clearing, grid, order.side, order.tick)
        within = price <= limit if is_bid else price >= limit
        if filled > energy or (filled and not within):
            yield f"slot {order.slot}, participant {order.participant_id}: {filled} Wh beyond its limit"
        key = (order.slot, order.participant_id)
        if key in kept and history.reader.ask("auction", "fillOf", *key) != filled:
            yield f"slot {key[0]}, participant {key[1]}: the auction says another fill than {filled} Wh"


def _lives(history: History) -> Iterator[str]:
    state: dict[Key, str] = defaultdict(str)
    is_sealed = history.deployed.config["auction"]["is_sealed"]
    before_opening = ("committed",) if is_sealed else ("",)
    for event in history.record.events:
        if event.contract != "auction":
            continue
        if event.name == "OrdersOpened":
            for word in event["orders"]:
                yield from _step(state, event, word >> 128, before_opening, "opened")
        elif event.name in LIFE:
            needed, then = LIFE[event.name]
            yield from _step(state, event, event["participantId"], needed, then)


def _step(
    state: dict[Key, str], event: Event, who: int, needed: tuple[str, ...], then: str
) -> Iterator[str]:
    key = (event["slot"], who)
    if state[key] not in needed:
        yield f"{event.line}: {event.name} of slot {key[0]}, participant {who}, which is {state[key]}"
    state[key] = then


def _positions(history: History) -> Iterator[str]:
    final = {venue: _final_slots(history, venue) for venue in history.venues}
    for venue in history.venues:
        for slot, who in history.kept(venue):
            if slot not in final[venue]:
                continue
            told = history.reader.named(venue, "tradeOf", slot, who)
            wanted = _sums(history, (venue, slot, who))
            if told != wanted:
                yield f"slot {slot}, participant {who} in {venue}: {told}, by events {wanted}"


def _final_slots(history: History, venue: str) -> set[int]:
    slots = {slot for slot, _ in history.kept(venue)}
    return {slot for slot in slots if history.reader.ask(venue, "isFinal", slot)}


def _sums(history: History, key: tuple[str, int, int]) -> dict[str, int]:
    sums = {"boughtWh": 0, "soldWh": 0, "payment": 0, "revenue": 0}
    for trade in history.trades.get(key, ()):
        is_bid = trade.side is Side.BID
        sums["boughtWh" if is_bid else "soldWh"] += trade.energy_wh
        sums["payment" if is_bid else "revenue"] += trade.amount
    return sums


def _amounts(history: History) -> Iterator[str]:
    seen: Counter[tuple[str, str, int, int]] = Counter()
    for event in history.record.events:
        if event.name not in ("TradeCollected", "TradeClosed"):
            continue
        key = (event.contract, event["slot"], event["participantId"])
        seen[event.name, *key] += 1
        wanted = _sums(history, key)
        names = (
            ("payment",) if event.name == "TradeCollected" else ("boughtWh", "soldWh", "revenue")
        )
        told = {name: event[name] for name in names}
        if told != {name: wanted[name] for name in names}:
            yield f"{event.line}: {event.name} {told}, by what was agreed {wanted}"
        if seen[event.name, *key] > 1:
            yield f"{event.line}: {event.name} of slot {key[1]}, participant {key[2]}, twice"


def _settlements(history: History) -> Iterator[str]:
    counted = Counter(history.settled())
    for (slot, who), times in counted.items():
        if times > 1:
            yield f"slot {slot}, participant {who}: settled {times} times"
    entered = [key for venue in history.venues for key in history.kept(venue)]
    for slot, who in sorted({*counted, *entered}):
        told = history.reader.ask("settlement", "isSettled", slot, who)
        if told != ((slot, who) in counted):
            yield f"slot {slot}, participant {who}: isSettled says {told}, the events otherwise"
