"""What a tariff's events come to by the reference, and whether the prices that were taken are the reference's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from setm.report.records import TradeRecord
from setm.report.run import Event, MechanismRun
from setm.slots import Slot
from setm.tariff import Config, Sums, share
from setm.types import Side
from setm.units import Price, Wh, payment_down, payment_up

VENUE = "tariff"


def rules_of(record: MechanismRun) -> Config:
    """Return what holds for every slot of the deployment's tariff."""
    return Config(**record.config[VENUE], slot_seconds=record.slot_seconds)


def sums_of(record: MechanismRun) -> dict[Slot, Sums]:
    """Return what was announced and taken in each slot, Wh by side."""
    announced, taken = (defaultdict[Slot, list[int]](lambda: [0, 0]) for _ in range(2))
    for name, sums in (("EnergyAnnounced", announced), ("PriceTaken", taken)):
        for event in record.of(name, VENUE):
            sums[Slot(event["slot"])][event["side"]] += event["energyWh"]
    return {
        slot: Sums(announced=_pair(announced[slot]), taken=_pair(taken[slot])) for slot in announced
    }


def _pair(sums: list[int]) -> tuple[Wh, Wh]:
    bids, asks = sums
    return Wh(bids), Wh(asks)


def posted(record: MechanismRun, sums: dict[Slot, Sums], slot: int) -> Price:
    """Return the price of a slot."""
    demand, supply = sums.get(Slot(slot), Sums()).announced
    return rules_of(record).price(supply, demand)


def trades(record: MechanismRun) -> Iterator[TradeRecord]:
    """Yield what each taking filled, in the order of taking; who filled nothing has no trade."""
    sums, ahead = sums_of(record), defaultdict[tuple[int, int], int](int)
    for event in record.of("PriceTaken", VENUE):
        slot, side = event["slot"], Side(event["side"])
        taken = sums[Slot(slot)].taken
        filled = share(event["energyWh"], ahead[slot, side], taken[side], min(taken))
        ahead[slot, side] += event["energyWh"]
        if filled:
            yield _trade(event, side, filled, posted(record, sums, slot))


def _trade(event: Event, side: Side, filled: Wh, price: Price) -> TradeRecord:
    amount = payment_up(filled, price) if side is Side.BID else payment_down(filled, price)
    return TradeRecord(
        venue=VENUE,
        slot=event["slot"],
        participant_id=event["participantId"],
        number=1,
        side=side,
        energy_wh=filled,
        price=price,
        amount=amount,
        tx=event.tx_hash,
    )


def wrong_prices(record: MechanismRun) -> Iterator[str]:
    """Yield each taking at another price than the announcements post."""
    sums = sums_of(record)
    for event in record.of("PriceTaken", VENUE):
        expected = posted(record, sums, event["slot"])
        if event["price"] != expected:
            yield f"{event.line}: taken at {event['price']}, the reference posts {expected}"
