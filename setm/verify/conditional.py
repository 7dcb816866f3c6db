"""What the events of orders with conditions come to: both sides of each trade, and tags that are still owed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from setm.report.records import TradeRecord
from setm.report.run import MechanismRun
from setm.types import Side
from setm.units import payment_down, payment_up

VENUE = "conditional"


def trades(record: MechanismRun) -> Iterator[TradeRecord]:
    """Yield both sides of each trade, each rounded by itself."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for event in record.of("OrderTaken", VENUE):
        slot, buyer, seller = event["slot"], event["buyerId"], event["sellerId"]
        energy, price = event["energyWh"], event["price"]
        for side, participant, counterparty, amount in (
            (Side.BID, buyer, seller, payment_up(energy, price)),
            (Side.ASK, seller, buyer, payment_down(energy, price)),
        ):
            counts[slot, participant] += 1
            yield TradeRecord(
                venue=VENUE,
                slot=slot,
                participant_id=participant,
                number=counts[slot, participant],
                side=side,
                energy_wh=energy,
                price=price,
                amount=amount,
                tx=event.tx_hash,
                counterparty_id=counterparty,
            )


def owing(record: MechanismRun) -> set[tuple[int, int]]:
    """Return slot and seller of each trade whose tags were not delivered: its bond is bound, settled or not."""
    delivered = {event["tradeId"] for event in record.of("TagsDelivered", VENUE)}
    return {
        (event["slot"], event["sellerId"])
        for event in record.of("OrderTaken", VENUE)
        if event["owedWh"] and event["tradeId"] not in delivered
    }
