"""How the venue that owes energy tags is emptied, by calls that anyone may make; a part of ``liveness``."""

from __future__ import annotations

from typing import Any

from tests.audit.machine.model_conditional import MARKET


def positions_of(model: Any) -> list[tuple[int, int]]:
    """Return slot and participant of every position that is not closed."""
    return sorted(
        (position.slot, who)
        for (who, _), position in model.market.ledger.positions.items()
        if int(position.state) in (1, 2)
    )


def deliver_all(drain: Any) -> None:
    """Mint what sellers owe tags of, and hand each trade its tags; only who risked its settlement may leave some."""
    book = drain.model.market
    open_debts = {
        number: debt
        for number, debt in book.debts.items()
        if not debt.is_delivered and debt.seller_id not in drain.risky
    }
    for slot, seller_id in sorted({(debt.slot, debt.seller_id) for debt in open_debts.values()}):
        drain.must("stranger", "tags", "mint", slot, [seller_id])
    for number in open_debts:
        drain.must("stranger", MARKET, "deliver", number)


def check_empty(drain: Any, stuck: type[AssertionError]) -> None:
    """No tag stays with the venue, and of money less than one unit for each trade."""
    book = drain.model.market
    for (slot, seller_id), pledge in book.pledges.items():
        if seller_id not in drain.risky:
            market = drain.world.address(MARKET)
            (left,) = drain.driver.read("tags", "balanceOf", market, pledge.id)
            if left and not drain.risky:
                raise stuck(f"{left} tags of participant {seller_id} stay from slot {slot}")
    for slot in {slot for slot, _ in drain.sales}:
        (pool,) = drain.driver.read(MARKET, "slotPool", slot)
        if pool > book.trades:
            raise stuck(f"{MARKET} keeps {pool} of slot {slot}")
