"""What was traded in venues of which the fold knows no more than what every venue tells (IVenue)."""

from __future__ import annotations

from collections.abc import Iterator

from setm.deployment_plan import ALL_VENUES
from setm.errors import RunError
from setm.report import schedules
from setm.report.records import TradeRecord
from setm.report.run import Event, MechanismRun
from setm.types import Side

# Settlement holds collateral and trades nothing; auction and negotiation have folds of their own.
KNOWN = ("settlement", "auction", "negotiation")


def trades(record: MechanismRun) -> Iterator[TradeRecord]:
    """Yield each participant's purchases and sales of a slot in one, at their mean price, rounded down.

    Where a venue of signed schedules tells the price it is that.

    Raises ``RunError`` if a trade is closed that was not collected before.
    """
    for venue in ALL_VENUES:
        if venue in KNOWN or venue not in record.contracts:
            continue
        paid = {
            (event["slot"], event["participantId"]): event["payment"]
            for event in record.of("TradeCollected", venue)
        }
        prices = _prices(record, venue)
        for event in record.of("TradeClosed", venue):
            key = event["slot"], event["participantId"]
            if key not in paid:
                raise RunError(
                    f"{event.line}: slot {key[0]}, participant {key[1]}: TradeClosed without TradeCollected; "
                    "events.jsonl is incomplete, run the scenario again"
                )
            yield from _both_sides(venue, event, paid[key], prices.get(key))


def _prices(record: MechanismRun, venue: str) -> dict[tuple[int, int], int]:
    """Return the price of each slot and participant that a venue of signed schedules tells."""
    if venue not in schedules.venues_in(record):
        return {}
    listed = schedules.written_out(record, venue)
    return {(trade.slot, trade.participant_id): trade.price for trade in listed}


def _both_sides(venue: str, event: Event, payment: int, price: int | None) -> Iterator[TradeRecord]:
    for side, energy_wh, amount in (
        (Side.BID, event["boughtWh"], payment),
        (Side.ASK, event["soldWh"], event["revenue"]),
    ):
        if energy_wh:
            yield TradeRecord(
                venue=venue,
                slot=event["slot"],
                participant_id=event["participantId"],
                number=1,
                side=side,
                energy_wh=energy_wh,
                price=amount * 1000 // energy_wh if price is None else price,
                amount=amount,
                tx=event.tx_hash,
            )
