"""Orders, clearings and fills of the auction, from its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from setm.errors import RunError
from setm.pricing import fill_of, price_of
from setm.report.records import ClearingRecord, OrderRecord, TradeRecord
from setm.report.run import Event, MechanismRun
from setm.types import Clearing, Grid, Side
from setm.units import Money, Price, Wh, payment_down, payment_up


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedOrder:
    """An order as a word of ``OrdersOpened`` packs it."""

    participant_id: int
    side: Side
    tick: int
    bound: int
    energy_wh: int


def unpack_order(word: int) -> OpenedOrder:
    """Return the order in ``participantId << 128 | side << 112 | tick << 96 | bound << 48 | energyWh``.

    >>> unpack_order(7 << 128 | 1 << 112 | 42 << 96 | 100_000 << 48 | 900)
    OpenedOrder(participant_id=7, side=<Side.ASK: 1>, tick=42, bound=100000, energy_wh=900)
    """
    return OpenedOrder(
        participant_id=word >> 128,
        side=Side(word >> 112 & 0xFFFF),
        tick=word >> 96 & 0xFFFF,
        bound=word >> 48 & (1 << 48) - 1,
        energy_wh=word & (1 << 48) - 1,
    )


def grid_of(record: MechanismRun, venue: str = "auction") -> Grid:
    """Return the price of each tick of one of the run's auctions."""
    config = record.config[venue]
    return Grid(floor_price=Price(config["floor_price"]), tick_size=Price(config["tick_size"]))


def clearing_of(values: Mapping[str, Any]) -> Clearing:
    """Return a clearing from the values of the contract's struct, by name (IPricingRule.Clearing)."""
    return Clearing(
        bid_price=Price(values["bidPrice"]),
        ask_price=Price(values["askPrice"]),
        volume_wh=Wh(values["volumeWh"]),
        bid_margin_tick=values["bidMarginTick"],
        bid_margin_wh=Wh(values["bidMarginWh"]),
        bid_margin_filled_wh=Wh(values["bidMarginFilledWh"]),
        ask_margin_tick=values["askMarginTick"],
        ask_margin_wh=Wh(values["askMarginWh"]),
        ask_margin_filled_wh=Wh(values["askMarginFilledWh"]),
        at_own_price=values["atOwnPrice"],
        surplus=Money(values["surplus"]),
    )


def clearings(record: MechanismRun) -> dict[int, ClearingRecord]:
    """Return the clearing of each slot; raise ``RunError`` if a slot was cleared twice."""
    found: dict[int, ClearingRecord] = {}
    for event in record.of("SlotCleared", "auction"):
        slot, values = event["slot"], event["clearing"]
        if slot in found:
            raise RunError(f"{event.line}: slot {slot} is cleared a second time")
        found[slot] = ClearingRecord(slot=slot, tx=event.tx_hash, clearing=clearing_of(values))
    return found


def orders(record: MechanismRun, cleared: Mapping[int, ClearingRecord]) -> list[OrderRecord]:
    """Return every order with what became of it; fills follow from the clearing and what stood ahead at the tick."""
    book: dict[tuple[int, int], list[OrderRecord]] = defaultdict(list)
    heights: dict[tuple[int, Side, int], int] = defaultdict(int)
    for event in record.events:
        if event.contract != "auction":
            continue
        match event.name:
            case "OrderCommitted":
                _commit(book, event)
            case "CommitmentCancelled":
                _change(book, event, "cancelled")
            case "OpeningRefused":
                _change(book, event, "refused")
            case "BondForfeited":
                _change(book, event, "forfeited")
            case "OrdersOpened":
                for word in event["orders"]:
                    _open(book, heights, event, unpack_order(word), cleared)
    return [order for key in sorted(book) for order in book[key]]


def _commit(book: dict[tuple[int, int], list[OrderRecord]], event: Event) -> None:
    key = (event["slot"], event["participantId"])
    book[key].append(
        OrderRecord(
            slot=key[0],
            participant_id=key[1],
            number=len(book[key]) + 1,
            side=Side(event["side"]),
            state="unopened",
            bound=event["bound"],
            ordered_at=event.timestamp,
            order_tx=event.tx_hash,
        )
    )


def _change(book: dict[tuple[int, int], list[OrderRecord]], event: Event, state: str) -> None:
    key = (event["slot"], event["participantId"])
    if not book[key]:
        raise RunError(
            f"{event.line}: {event.name} of slot {key[0]}, participant {key[1]}, without an order before it"
        )
    book[key][-1] = replace(book[key][-1], state=state)


def _open(
    book: dict[tuple[int, int], list[OrderRecord]],
    heights: dict[tuple[int, Side, int], int],
    event: Event,
    opened: OpenedOrder,
    cleared: Mapping[int, ClearingRecord],
) -> None:
    slot = event["slot"]
    key = (slot, opened.participant_id)
    if not book[key]:  # an open auction: the order is on the ladder at once
        book[key].append(
            OrderRecord(
                slot=slot,
                participant_id=opened.participant_id,
                number=1,
                side=opened.side,
                state="opened",
                bound=opened.bound,
                ordered_at=event.timestamp,
                order_tx=event.tx_hash,
            )
        )
    elif book[key][-1].open_tx is not None:
        raise RunError(
            f"{event.line}: the order of slot {slot}, participant {opened.participant_id}, is opened twice"
        )
    tick_key = (slot, opened.side, opened.tick)
    ahead = heights[tick_key]
    heights[tick_key] += opened.energy_wh
    filled = 0
    if slot in cleared:
        clearing = cleared[slot].clearing
        filled = fill_of(clearing, opened.side, opened.tick, opened.energy_wh, ahead)
    book[key][-1] = replace(
        book[key][-1],
        side=opened.side,
        state="opened",
        tick=opened.tick,
        energy_wh=opened.energy_wh,
        ahead_wh=ahead,
        filled_wh=filled,
        open_tx=event.tx_hash,
    )


def trades(
    filled: Sequence[OrderRecord], cleared: Mapping[int, ClearingRecord], grid: Grid
) -> Iterator[TradeRecord]:
    """Yield the trade of each filled order; raise ``RunError`` if a slot's sides do not both sum to its volume."""
    sums: dict[tuple[int, Side], int] = defaultdict(int)
    for order in filled:
        if not order.filled_wh:
            continue
        sums[order.slot, order.side] += order.filled_wh
        outcome = cleared[order.slot]
        is_bid = order.side is Side.BID
        price = price_of(outcome.clearing, grid, order.side, order.tick or 0)
        pay = payment_up if is_bid else payment_down
        yield TradeRecord(
            venue="auction",
            slot=order.slot,
            participant_id=order.participant_id,
            number=1,
            side=order.side,
            energy_wh=order.filled_wh,
            price=price,
            amount=pay(order.filled_wh, price),
            tx=outcome.tx,
        )
    for slot, outcome in cleared.items():
        for side in Side:
            if sums[slot, side] != outcome.clearing.volume_wh:
                raise RunError(
                    f"slot {slot}: SlotCleared says {outcome.clearing.volume_wh} Wh, but the {side.name.lower()}s in "
                    f"OrdersOpened are filled with {sums[slot, side]} Wh; events.jsonl was changed or is incomplete"
                )
