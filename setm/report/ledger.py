"""The money of the clearinghouse, replayed movement by movement, and the checks that none appears or vanishes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from setm.days import settled_day
from setm.errors import RunError
from setm.report.records import BillRecord, MovementRecord
from setm.report.run import OPERATOR_ID, Event, MechanismRun
from setm.report.schema import Row

MOVEMENTS = {
    "Deposited": "deposited",
    "Withdrawn": "withdrawn",
    "CollateralLocked": "locked",
    "CollateralReleased": "released",
    "Closed": "closed",
}


@dataclass(slots=True)
class Ledger:
    """Balances by participant and venue, 1e-6 EUR; they grow while the events are replayed."""

    free: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    collateral: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    pools: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deposited: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    withdrawn: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    arrears: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    tokens: int = 0
    surplus_paid: int = 0
    movements: list[MovementRecord] = field(default_factory=list)

    def collateral_of(self, participant_id: int) -> int:
        """Return a participant's collateral in all venues."""
        return sum(
            amount for (_, owner), amount in self.collateral.items() if owner == participant_id
        )

    @property
    def held(self) -> int:
        """Free balances, collateral and pools together."""
        return sum(self.free.values()) + sum(self.collateral.values()) + sum(self.pools.values())


def replay(record: MechanismRun) -> Ledger:
    """Return the ledger after all events; raise ``RunError`` at the first movement that overdraws something."""
    ledger = Ledger()
    house = record.contracts["clearinghouse"].lower()
    for event in record.events:
        if event.contract == "clearinghouse" and event.name in MOVEMENTS:
            _move(ledger, record, event)
        elif event.contract == "clearinghouse" and event.name == "ClosedMany":
            _close_many(ledger, record, event)
        elif event.contract == "token" and event.name == "Transfer":
            amount = event["value"]
            ledger.tokens += amount if event["to"].lower() == house else 0
            ledger.tokens -= amount if event["from"].lower() == house else 0
        elif event.name == "SurplusPaid":
            ledger.surplus_paid += event["amount"]
        elif event.contract == "settlement" and event.name == "SlotSettled":
            ledger.arrears[event["participantId"]] += event["arrearsChange"]
        elif event.contract == "settlement" and event.name == "DaysSettled":
            for one in map(settled_day, event["words"]):
                ledger.arrears[one.participant_id] += one.arrears_change
        elif event.contract == "settlement" and event.name == "ArrearsPaid":
            ledger.arrears[event["participantId"]] -= event["amount"]
    if ledger.held != ledger.tokens:
        raise RunError(
            f"{record.name}: the clearinghouse owes {ledger.held} but Transfer events bring it {ledger.tokens} "
            "(1e-6 EUR); events.jsonl was changed or is incomplete, run the scenario again"
        )
    return ledger


def _move(ledger: Ledger, record: MechanismRun, event: Event) -> None:
    who = event["participantId"]
    record.participant_name(who)
    if event.name == "Closed":
        closing = who, event["charged"], event["released"], event["paid"]
        venue, heir = record.role(event["venue"]), record.role(event["heir"])
        _charge(ledger, event, venue, closing)
        _pay(ledger, event, venue, heir, closing)
        return
    amount, venue = event["amount"], ""
    match event.name:
        case "Deposited":
            ledger.free[who] += amount
            ledger.deposited[who] += amount
        case "Withdrawn":
            ledger.free[who] -= amount
            ledger.withdrawn[who] += amount
        case "CollateralLocked":
            venue = record.role(event["venue"])
            ledger.free[who] -= amount
            ledger.collateral[venue, who] += amount
        case "CollateralReleased":
            venue = record.role(event["venue"])
            ledger.collateral[venue, who] -= amount
            ledger.free[who] += amount
    _require_covered(ledger, event, venue, who)
    ledger.movements.append(
        MovementRecord(
            number=len(ledger.movements) + 1,
            movement=MOVEMENTS[event.name],
            participant_id=who,
            moved_at=event.timestamp,
            tx=event.tx_hash,
            venue=venue,
            amount=amount,
            free=ledger.free[who],
        )
    )


Closing = tuple[int, int, int, int]
"""Participant, charged, released, paid; 1e-6 EUR."""


def _close_many(ledger: Ledger, record: MechanismRun, event: Event) -> None:
    """Everybody is charged before anybody is paid (IClearinghouse.closeMany)."""
    venue, heir = record.role(event["venue"]), record.role(event["heir"])
    closings = [
        (word >> 224, *(word >> shift & (1 << 64) - 1 for shift in (160, 96, 32)))
        for word in event["words"]
    ]
    for closing in closings:
        record.participant_name(closing[0])
        _charge(ledger, event, venue, closing)
    for closing in closings:
        _pay(ledger, event, venue, heir, closing)


def _charge(ledger: Ledger, event: Event, venue: str, closing: Closing) -> None:
    who, charged, _, _ = closing
    ledger.collateral[venue, who] -= charged
    ledger.pools[venue] += charged
    _require_covered(ledger, event, venue, who)


def _pay(ledger: Ledger, event: Event, venue: str, heir: str, closing: Closing) -> None:
    who, charged, released, paid = closing
    ledger.collateral[venue, who] -= released
    ledger.pools[venue] -= paid
    if heir:
        ledger.collateral[heir, who] += released + paid
    else:
        ledger.free[who] += released + paid
    _require_covered(ledger, event, venue, who)
    ledger.movements.append(
        MovementRecord(
            number=len(ledger.movements) + 1,
            movement="closed",
            participant_id=who,
            moved_at=event.timestamp,
            tx=event.tx_hash,
            venue=venue,
            heir=heir,
            charged=charged,
            released=released,
            paid=paid,
            free=ledger.free[who],
        )
    )


def _require_covered(ledger: Ledger, event: Event, venue: str, who: int) -> None:
    balances = {
        "free balance": ledger.free[who],
        f"collateral for {venue}": ledger.collateral[venue, who] if venue else 0,
        f"pool of {venue}": ledger.pools[venue] if venue else 0,
    }
    for name, balance in balances.items():
        if balance < 0:
            raise RunError(
                f"{event.line}: {event.name} leaves participant {who} with a {name} of {balance} (1e-6 EUR); "
                "events.jsonl was changed or is incomplete, run the scenario again"
            )


def accounts(ledger: Ledger, bills: Sequence[BillRecord], ids: Sequence[int]) -> list[Row]:
    """Return each participant's money and what explains it, `unexplained` being zero; raise ``RunError`` otherwise.

    The grid operator has no bills: it receives what the others are charged less what they are credited, and the surplus
    of the auction's rule.
    """
    billed: dict[int, int] = defaultdict(int)
    for bill in bills:
        billed[bill.participant_id] += bill.bill
        billed[OPERATOR_ID] -= bill.charge - bill.credit
    owed = {who: ledger.arrears[who] for who in ids if who != OPERATOR_ID}
    owed[OPERATOR_ID] = -sum(owed.values())
    rows: list[Row] = []
    for who in ids:
        free, collateral = ledger.free[who], ledger.collateral_of(who)
        surplus = ledger.surplus_paid if who == OPERATOR_ID else 0
        explained = (
            ledger.deposited[who] - ledger.withdrawn[who] - billed[who] + owed[who] + surplus
        )
        if free + collateral != explained:
            raise RunError(
                f"participant {who}: holds {free + collateral} but deposits, bills and arrears explain {explained} "
                "(1e-6 EUR); events.jsonl was changed or is incomplete, run the scenario again"
            )
        rows.append(
            {
                "participant_id": who,
                "deposited_micro_eur": ledger.deposited[who],
                "withdrawn_micro_eur": ledger.withdrawn[who],
                "bills_micro_eur": billed[who],
                "owed_micro_eur": owed[who],
                "surplus_micro_eur": surplus,
                "free_micro_eur": free,
                "collateral_micro_eur": collateral,
                "unexplained_micro_eur": free + collateral - explained,
            }
        )
    return rows


def conservation(
    bills: Sequence[BillRecord], trades_in: Mapping[int, int], surplus_of: Mapping[int, int]
) -> list[Row]:
    """Return the money of each slot; raise ``RunError`` naming the slot if payments do not cancel out.

    ``trades_in`` counts the trades (both sides) of each slot: rounding leaves less than one unit for each, and one for
    the surplus that the rule leaves over, ``surplus_of`` a slot (1e-6 EUR).
    """
    by_slot: dict[int, list[BillRecord]] = defaultdict(list)
    for bill in bills:
        by_slot[bill.slot].append(bill)
    rows: list[Row] = []
    for slot, group in sorted(by_slot.items()):
        payment = sum(bill.payment for bill in group)
        revenue = sum(bill.revenue for bill in group)
        forfeited = sum(bill.bond_forfeited for bill in group)
        compensation = sum(bill.compensation for bill in group)
        charge = sum(bill.charge for bill in group)
        credit = sum(bill.credit for bill in group)
        surplus = surplus_of.get(slot, 0)
        dust, kept, income = payment - revenue - surplus, forfeited - compensation, charge - credit
        total = dust + surplus + kept + income - sum(bill.bill for bill in group)
        most_dust = trades_in.get(slot, 0) + (surplus > 0)
        if total != 0 or not 0 <= dust <= most_dust or kept < 0:
            raise RunError(
                f"slot {slot}: buyers pay {payment}, sellers get {revenue}, bonds {forfeited}, compensations "
                f"{compensation} (1e-6 EUR): not balanced; events.jsonl was changed, run the scenario again"
            )
        rows.append(
            {
                "slot": slot,
                "paid_by_buyers_micro_eur": payment,
                "earned_by_sellers_micro_eur": revenue,
                "surplus_micro_eur": surplus,
                "dust_micro_eur": dust,
                "bonds_forfeited_micro_eur": forfeited,
                "compensations_micro_eur": compensation,
                "bonds_kept_micro_eur": kept,
                "charges_micro_eur": charge,
                "credits_micro_eur": credit,
                "operator_income_micro_eur": income,
                "arrears_change_micro_eur": sum(bill.arrears_change for bill in group),
                "sum_micro_eur": total,
            }
        )
    return rows


def check_pools(ledger: Ledger, slots: Sequence[Row]) -> None:
    """Raise ``RunError`` unless the pools hold exactly dust, unpaid surplus and bonds that nobody was owed."""
    kept = ("dust_micro_eur", "bonds_kept_micro_eur", "surplus_micro_eur")
    left = sum(row[name] for row in slots for name in kept) - ledger.surplus_paid
    pools = sum(ledger.pools.values())
    if pools != left:
        raise RunError(
            f"pools hold {pools} but rounding, kept bonds and unpaid surplus explain {left} (1e-6 EUR); "
            "events.jsonl was changed or is incomplete, run the scenario again"
        )
