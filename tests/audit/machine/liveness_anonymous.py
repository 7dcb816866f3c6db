"""I14 of the anonymous venue: escrow goes back by anybody's call, notes and balances out by who holds their keys."""

from __future__ import annotations

from typing import Any

from setm.anonymous.book import State
from setm.negotiation import PositionState
from tests.audit.machine.minting import serial_of
from tests.audit.machine.steps import Sig
from tests.audit.machine.world import MASKS

VENUE = "anonymous"
STRANGER = "stranger"


def open_deals(model: Any) -> dict[str, int]:
    """Return the slots of agreements in escrow."""
    deals = model.hidden.deals.items()
    return {"0x" + n.hex(): deal.slot for n, deal in deals if deal.state is State.HELD}


def open_positions(model: Any) -> list[tuple[int, int]]:
    """Return slot and participant of each position that is not settled."""
    found = model.hidden.ledger.positions.items()
    return sorted(
        (one.slot, who)
        for (who, _), one in found
        if one.state in (PositionState.OPEN, PositionState.COLLECTED)
    )


def empty(drain: Any) -> None:
    """End every agreement that nobody ended, pay back or redeem every note, and cash all balances in."""
    model, driver = drain.model, drain.driver
    for number in open_deals(model):
        drain.must(STRANGER, VENUE, "refund", number)
    for slot, who in open_positions(model):
        drain.must(STRANGER, VENUE, "collect", slot, [who])
    for note_id, note in model.hidden.waiting.items():
        driver.advance_to(note.sold_at + model.hidden.config.issue_seconds)
        drain.must(STRANGER, VENUE, "refundNote", note_id)
    for note in {(one.account, one.number): one for one in model.issued}.values():
        if (note.account, note.number) not in model.redeemed:
            signed = note._replace(form="note")
            drain.must(STRANGER, VENUE, "redeem", note.account, serial_of(note), signed)
    takers = [who for who in drain.people if who != 1]
    for mask in MASKS:
        balance = driver.read(VENUE, "accountBalance", mask)[0]
        if balance and takers:
            nonce = driver.read(VENUE, "nonces", mask)[0]
            message = takers[0], balance, nonce, driver.now
            drain.must(STRANGER, VENUE, "cashIn", mask, *message, Sig(mask))


def kept(driver: Any, model: Any) -> int:
    """Return what the pool holds and nobody can redeem any more: notes that were bought twice."""
    counts = driver.read("notes", "countsOf", VENUE)
    return int((counts[0] - counts[2] - counts[3]) * model.hidden.config.denomination)
