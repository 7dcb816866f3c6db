"""Readings and bills: what was delivered and what each participant pays for a slot, checked against the trades."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from setm.errors import RunError
from setm.report import days
from setm.report.meters import owner, owners
from setm.report.records import BillRecord, ReadingRecord, TradeRecord
from setm.report.run import Event, MechanismRun
from setm.types import Side
from setm.units import payment_down, payment_up

Key = tuple[int, int]  # slot, participant


def unpack_reading(word: int) -> tuple[int, int, int, int]:
    """Return meter, slot, import Wh and export Wh of ``meter << 96 | slot << 64 | importWh << 32 | exportWh``.

    >>> unpack_reading(3 << 96 | 1_700_000 << 64 | 250 << 32 | 40)
    (3, 1700000, 250, 40)
    """
    mask = (1 << 32) - 1
    return word >> 96, word >> 64 & mask, word >> 32 & mask, word & mask


def readings(
    record: MechanismRun, posted: Mapping[days.DayKey, days.DayRecord]
) -> dict[Key, ReadingRecord]:
    """Return the reading that stands for each slot and participant; ``posted`` are those of whole days."""
    known = owners(record)
    found = {(one.slot, one.participant_id): one for one in days.slot_readings(posted)}
    for event in record.events:
        if event.contract != "meters":
            continue
        if event.name == "ReadingsPosted":
            for word in event["readings"]:
                meter, slot, import_wh, export_wh = unpack_reading(word)
                key = (slot, owner(known, meter, event))
                if key in found:
                    raise RunError(
                        f"{event.line}: slot {slot}: a second reading of meter {meter} is accepted"
                    )
                found[key] = ReadingRecord(
                    slot=slot,
                    participant_id=key[1],
                    meter=meter,
                    import_wh=import_wh,
                    export_wh=export_wh,
                    state="accepted",
                    posted_at=event.timestamp,
                    tx=event.tx_hash,
                )
        elif event.name in ("ReadingDisputed", "ReadingResolved"):
            key = (event["slot"], owner(known, event["meter"], event))
            if key not in found:
                raise RunError(
                    f"{event.line}: slot {key[0]}: {event.name} without a reading of meter {event['meter']}"
                )
            found[key] = (
                replace(found[key], state="disputed")
                if event.name == "ReadingDisputed"
                else replace(
                    found[key],
                    state="resolved",
                    import_wh=event["importWh"],
                    export_wh=event["exportWh"],
                )
            )
    return found


def bills(
    record: MechanismRun,
    trades: Sequence[TradeRecord],
    measured: dict[Key, ReadingRecord],
    whole: Sequence[days.WholeDay] = (),
) -> list[BillRecord]:
    """Return one bill for each slot and participant; raise ``RunError`` naming the slot where events contradict.

    ``trades`` are those that were settled slot by slot, ``whole`` has the days that were settled as a whole.
    """
    paid, earned = _check_venues(record, trades)
    forfeited: dict[Key, int] = defaultdict(int)
    compensated: dict[Key, int] = defaultdict(int)
    for event in record.of("BondForfeited", "auction"):
        forfeited[event["slot"], event["participantId"]] += event["bond"]
    for event in record.of("CompensationPaid", "auction"):
        compensated[event["slot"], event["participantId"]] += event["amount"]

    known = owners(record)
    frauds = {
        (event["slot"], owner(known, event["meter"], event))
        for event in record.of("EquivocationProved", "meters")
    }

    found: dict[Key, BillRecord] = {}
    for event in record.of("SlotSettled", "settlement"):
        key = (event["slot"], event["participantId"])
        if key in found:
            raise RunError(f"{event.line}: slot {key[0]}: participant {key[1]} is settled twice")
        found[key] = _bill(record, event, paid[key], earned[key], key in frauds)
        _check_reading(event, found[key], measured.get(key))
    _check_trades(trades, found)
    for bill in days.bills(record, whole):
        if (bill.slot, bill.participant_id) in found:
            raise RunError(
                f"slot {bill.slot}: participant {bill.participant_id} is settled with its day and by itself"
            )
        found[bill.slot, bill.participant_id] = bill
    if not found:
        raise RunError(
            f"{record.name}/events.jsonl: neither SlotSettled nor DaysSettled; the run ended before settlement, "
            "start it again"
        )
    for key in {*forfeited, *compensated}:
        bill = found.get(key, BillRecord(slot=key[0], participant_id=key[1]))
        found[key] = replace(bill, bond_forfeited=forfeited[key], compensation=compensated[key])
    return [found[key] for key in sorted(found)]


def _bill(
    record: MechanismRun, event: Event, payment: int, revenue: int, is_fraud: bool
) -> BillRecord:
    tariff = record.tariff
    values = event["bill"]
    bought, sold = values["boughtWh"], values["soldWh"]
    taken, fed = values["importWh"], values["exportWh"]
    grid_bought = max(taken - bought, 0) + max(sold - fed, 0)
    grid_sold = max(bought - taken, 0) + max(fed - sold, 0)
    charge = payment_up(grid_bought, tariff.retail_price)
    credit = payment_down(grid_sold, tariff.feed_in_price)
    stated = tuple(values[name] for name in ("gridBoughtWh", "gridSoldWh", "credit"))
    penalty = values["charge"] - charge
    # A fraud that is proved too late goes unpunished.
    penalties = (0, record.config["settlement"]["fraud_penalty"]) if is_fraud else (0,)
    if stated != (grid_bought, grid_sold, credit) or penalty not in penalties:
        raise RunError(
            f"{event.line}: slot {event['slot']}, participant {event['participantId']}: the bill says grid bought "
            f"{stated[0]} Wh, grid sold {stated[1]} Wh, charge {values['charge']}, credit {stated[2]}; its quantities "
            f"give {grid_bought}, {grid_sold}, {charge}, {credit}"
        )
    return BillRecord(
        slot=event["slot"],
        participant_id=event["participantId"],
        bought_wh=bought,
        sold_wh=sold,
        import_wh=taken,
        export_wh=fed,
        grid_bought_wh=grid_bought,
        grid_sold_wh=grid_sold,
        payment=payment,
        revenue=revenue,
        charge=values["charge"],
        penalty=penalty,
        credit=credit,
        arrears_change=event["arrearsChange"],
        grid_only_bill=payment_up(taken, tariff.retail_price)
        - payment_down(fed, tariff.feed_in_price),
        is_measured=event["isMeasured"],
        tx=event.tx_hash,
    )


def _check_reading(event: Event, bill: BillRecord, reading: ReadingRecord | None) -> None:
    if not bill.is_measured:
        return
    stands = None if reading is None else (reading.import_wh, reading.export_wh)
    if stands != (bill.import_wh, bill.export_wh):
        raise RunError(
            f"{event.line}: slot {bill.slot}, participant {bill.participant_id}: settled with import {bill.import_wh} "
            f"Wh, export {bill.export_wh} Wh, but the reading says {stands or 'nothing'}"
        )


def _check_venues(
    record: MechanismRun, trades: Sequence[TradeRecord]
) -> tuple[dict[Key, int], dict[Key, int]]:
    """Return payments and revenues of all venues by slot and participant, after comparing them with the trades."""
    traded: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for trade in trades:
        sums = traded[trade.venue, trade.slot, trade.participant_id]
        is_bid = trade.side is Side.BID
        sums[0 if is_bid else 1] += trade.energy_wh
        sums[2 if is_bid else 3] += trade.amount
    stated: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for event in record.of("TradeCollected"):
        stated[event.contract, event["slot"], event["participantId"]][2] += event["payment"]
    for event in record.of("TradeClosed"):
        sums = stated[event.contract, event["slot"], event["participantId"]]
        sums[0] += event["boughtWh"]
        sums[1] += event["soldWh"]
        sums[3] += event["revenue"]
    paid: dict[Key, int] = defaultdict(int)
    earned: dict[Key, int] = defaultdict(int)
    for key in sorted({*traded, *stated}):
        venue, slot, participant = key
        if traded[key] != stated[key]:
            raise RunError(
                f"slot {slot}, participant {participant}: by agreements and clearings the {venue} trade is "
                f"{_words(traded[key])}, by TradeCollected and TradeClosed {_words(stated[key])}; events.jsonl was "
                "changed or is incomplete, run the scenario again"
            )
        paid[slot, participant] += traded[key][2]
        earned[slot, participant] += traded[key][3]
    return paid, earned


def _words(sums: Sequence[int]) -> str:
    return f"bought {sums[0]} Wh for {sums[2]}, sold {sums[1]} Wh for {sums[3]}"


def _check_trades(trades: Sequence[TradeRecord], found: dict[Key, BillRecord]) -> None:
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for trade in trades:
        sums[trade.slot, trade.participant_id][0 if trade.side is Side.BID else 1] += (
            trade.energy_wh
        )
    for key in sorted({*sums, *found}):
        bill = found.get(key)
        settled = "nothing" if bill is None else [bill.bought_wh, bill.sold_wh]
        if settled != sums[key]:
            raise RunError(
                f"slot {key[0]}, participant {key[1]}: bought and sold {sums[key]} Wh, but SlotSettled says {settled}; "
                "events.jsonl was changed or is incomplete, run the scenario again"
            )
