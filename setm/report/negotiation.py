"""Offers, counter-offers and agreements of the negotiation, from its events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from setm.errors import RunError
from setm.report.records import OfferRecord, TradeRecord
from setm.report.run import MechanismRun
from setm.types import Side
from setm.units import payment_down, payment_up

END_STATES = {3: "rejected", 4: "withdrawn", 5: "expired"}  # INegotiation.State


def offers(record: MechanismRun) -> list[OfferRecord]:
    """Return the offers of all negotiations, by negotiation and round, each with its outcome."""
    talks: dict[int, list[OfferRecord]] = defaultdict(list)
    for event in record.events:
        if event.contract != "negotiation":
            continue
        if event.name == "OfferMade":
            talk = talks[event["negotiationId"]]
            if event["round"] != len(talk) + 1:
                raise RunError(
                    f"{event.line}: slot {event['firstSlot']}, negotiation {event['negotiationId']}, "
                    f"round {event['round']} follows round {len(talk)}; events.jsonl is incomplete"
                )
            if talk:
                talk[-1] = replace(talk[-1], outcome="countered", end_tx=event.tx_hash)
            talk.append(
                OfferRecord(
                    negotiation_id=event["negotiationId"],
                    round=event["round"],
                    buyer_id=event["buyerId"],
                    seller_id=event["sellerId"],
                    by_buyer=event["byBuyer"],
                    first_slot=event["firstSlot"],
                    slot_count=event["slotCount"],
                    energy_wh=event["energyWh"],
                    price=event["price"],
                    expires_at=event["expiresAt"],
                    made_at=event.timestamp,
                    tx=event.tx_hash,
                )
            )
        elif event.name == "NegotiationEnded":
            talk = talks[event["negotiationId"]]
            if not talk:
                raise RunError(
                    f"{event.line}: negotiation {event['negotiationId']} ends without an offer"
                )
            outcome = END_STATES.get(event["state"], f"state {event['state']}")
            talk[-1] = replace(talk[-1], outcome=outcome, end_tx=event.tx_hash)
        elif event.name == "AgreementReached" and event["negotiationId"] != 0:
            talk = talks[event["negotiationId"]]
            terms = tuple(
                event[name]
                for name in ("buyerId", "sellerId", "firstSlot", "slotCount", "energyWh", "price")
            )
            if not talk or terms != (
                talk[-1].buyer_id,
                talk[-1].seller_id,
                talk[-1].first_slot,
                talk[-1].slot_count,
                talk[-1].energy_wh,
                talk[-1].price,
            ):
                raise RunError(
                    f"{event.line}: slot {event['firstSlot']}, negotiation {event['negotiationId']}: the agreement is "
                    "not the last offer; events.jsonl was changed or is incomplete"
                )
            talk[-1] = replace(talk[-1], outcome="agreed", end_tx=event.tx_hash)
    return [offer for key in sorted(talks) for offer in talks[key]]


def trades(record: MechanismRun) -> Iterator[TradeRecord]:
    """Yield both sides of every agreement in each of its slots."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for event in record.of("AgreementReached", "negotiation"):
        buyer, seller = event["buyerId"], event["sellerId"]
        energy, price = event["energyWh"], event["price"]
        for slot in range(event["firstSlot"], event["firstSlot"] + event["slotCount"]):
            for side, participant, counterparty, amount in (
                (Side.BID, buyer, seller, payment_up(energy, price)),
                (Side.ASK, seller, buyer, payment_down(energy, price)),
            ):
                counts[slot, participant] += 1
                yield TradeRecord(
                    venue="negotiation",
                    slot=slot,
                    participant_id=participant,
                    number=counts[slot, participant],
                    side=side,
                    energy_wh=energy,
                    price=price,
                    amount=amount,
                    tx=event.tx_hash,
                    counterparty_id=counterparty,
                    negotiation_id=event["negotiationId"],
                )
