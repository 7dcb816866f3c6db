"""What holds after every step, whatever was done; each function raises ``AssertionError`` if it does not.

They ask the chain and the witness. The reference has a say in W9 alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from setm.schedules import (
    ClearedBook,
    cleared,
    pack_fills,
    unpack_fills,
    unpack_orders,
)
from tests.audit.machine.steps import Outcome, Step
from tests.audit.schedules.walk import filling
from tests.audit.schedules.walk.encoding import FORCED, SET_ASIDE, SIGNED, digest_of, says_its_own
from tests.audit.schedules.walk.ground import Stage
from tests.audit.schedules.walk.lens import Balances, Lens
from tests.audit.schedules.walk.model_book import (
    NOT_SECURED,
    NOT_SIGNED,
    OTHER_ZONE,
    SIGNED_BY_NOBODY,
)
from tests.audit.schedules.walk.model_venue import BOUND_ELSEWHERE, NOT_COVERED
from tests.audit.schedules.walk.steps import Line
from tests.audit.schedules.walk.witness import Told, Witness

# What moves money between participants, or over the house's threshold.
MOVING = {
    "deposit",
    "withdraw",
    "withdrawRevoked",
    "settle",
    "settleDay",
    "payArrears",
    "releaseGuarantee",
}
# Collected payments stand in the pool until sellers are closed.
POOLING = {"collect"}


class Run(Protocol):
    """What an invariant looks at."""

    stage: Stage
    lens: Lens
    step: Step
    outcome: Outcome
    before: Balances
    after: Balances

    @property
    def witness(self) -> Witness: ...


Check = Callable[[Run], None]


def money_adds_up(run: Run) -> None:
    """W1: what the clearinghouse holds is the sum of free balances, collateral and pools."""
    found = run.after
    owned = sum(account.wealth for account in found.accounts.values()) + sum(found.pools.values())
    assert found.tokens == found.held == owned, f"{found.tokens}, {found.held}, {owned}"


def collateral_is_margin_and_what_is_bound(run: Run) -> None:
    """W2: collateral == margin + what packed outcomes bind + what positions bind."""
    positions: dict[int, int] = {}
    for slot, who in run.witness.open_places():
        bound = run.lens.read("venue", "boundOf", slot, who)
        positions[who] = positions.get(who, 0) + bound
    for who, account in run.after.accounts.items():
        packed = sum(one.amount for one in run.witness.packed_of(who))
        expected = account.margin + packed + positions.get(who, 0)
        found = account.collateral["venue"]
        assert found == expected, f"participant {who}: {found}, expected {expected}"


def nothing_counts_before_the_end(run: Run) -> None:
    """W3: no position and no settlement comes of a book that is not final, and none is packed but what was told."""
    told = [text for text in run.witness.wrong if "open" in text or "never" in text]
    assert not told, told
    spans = {span for span, _ in (*run.witness.packed, *run.witness.unpacked)}
    for span in sorted(spans)[-4:]:
        for who in run.lens.people:
            found = run.lens.read("venue", "outcomeOf", span, who)
            place = span, who
            expected = 1 if place in run.witness.packed else 2 * (place in run.witness.unpacked)
            expected = 3 if place in run.witness.days else expected
            assert found == expected, f"outcome of {place}: {found}, expected {expected}"


def final_books_are_right(run: Run) -> None:
    """W4: a final book is the reference's, with everybody in it that was committed to or forced in, and nobody else."""
    for name, line in run.witness.posted_now:
        told = run.witness.books[name]
        is_signed = line.source == SIGNED and not _signature_faults(run, told, line)
        is_forced = line.source == FORCED and told.forced.get(line.who) == line.words
        is_aside = line.source == SET_ASIDE
        assert is_signed or is_forced or is_aside, f"{line.who} did not enter this"
    for name in run.witness.cleared_now:
        told = run.witness.books[name]
        counted = {x.who: x for x in told.lines if x.source != SET_ASIDE}
        _nobody_is_missing(run, told)
        slots = run.stage.terms.span_slots
        schedules = {who: unpack_orders(x.words, slots) for who, x in counted.items()}
        book = cleared(schedules, run.stage.terms.rules)
        _equals_reference(run, name, told, book)
        _margins_are_right(run, told, book)


def _nobody_is_missing(run: Run, told: Told) -> None:
    posted = {line.who: line for line in told.lines}
    assert [x.who for x in told.lines] == sorted(posted), "out of order"
    for who, words in told.forced.items():
        assert who in posted, f"forced schedule of {who} left out"
        assert posted[who].words == words, f"other words than {who} forced in"
    found = digest_of(run.stage.names, told.key, tuple(told.lines))
    assert found == told.committed, "not what was committed to"
    for line in told.lines:
        if line.source == SET_ASIDE:
            assert line.who in {aside.who for aside in told.aside}


def _equals_reference(run: Run, name: bytes, told: Told, book: ClearedBook) -> None:
    bound = [
        one
        for (of, attempt, _), group in sorted(run.witness.groups.items())
        if (of, attempt) == (name, told.final_attempt)
        for one in group
    ]
    found = [(x.who, x.fills, x.payment, x.cover, x.revenue) for x in bound]
    expected = [
        (x.participant_id, tuple(pack_fills(x.fills)), x.payment, x.cover, x.revenue)
        for x in book.outcomes
    ]
    assert found == expected, f"{found}, expected {expected}"
    # Also of those that were walked before: nobody has left.
    assert all(run.witness.packed.get((told.key[0], x.who)) == x for x in bound), "one has left"


def _margins_are_right(run: Run, told: Told, book: ClearedBook) -> None:
    terms = run.stage.terms
    for slot, (word, clearing) in enumerate(zip(told.margins, book.clearings, strict=True)):
        traded = [outcome.fills[slot] for outcome in book.outcomes]
        assert sum(traded) == 0, f"slot {slot}: {traded}"
        # The cut may stand anywhere between those that are left out.
        assert word | filling.CUT == book.margins[slot] | filling.CUT, f"slot {slot}"
        if clearing.volume_wh:
            price, plan = filling.price_of(word, terms), filling.plan_of(word)
            low = terms.floor_price + (plan.ask - 1) * terms.tick_size
            high = terms.floor_price + (plan.bid - 1) * terms.tick_size
            assert low <= price <= high, f"price {price} outside {low} to {high}"
            assert price == clearing.bid_price, f"price {price}, expected {clearing.bid_price}"
    paid = sum(x.payment for x in book.outcomes) - sum(x.revenue for x in book.outcomes)
    trades = sum(fill != 0 for x in book.outcomes for fill in x.fills)
    assert 0 <= paid < max(trades, 1), f"{paid} left of {trades} trades"


def who_is_set_aside_could_not_trade(run: Run) -> None:
    """W5: a schedule is set aside only for a fault that it has."""
    for name, line, fault in run.witness.aside_now:
        faults = true_faults(run, run.witness.books[name], name, line)
        assert fault in faults, f"participant {line.who}: told {fault}, true {sorted(faults)}"


def true_faults(run: Run, told: Told, name: bytes, line: Line) -> set[int]:
    """Return every reason for which a line cannot be used, asked of the chain."""
    span, lens, terms = told.key[0], run.lens, run.stage.terms
    faults = set() if line.who in told.forced else _signature_faults(run, told, line)
    if not lens.read("registry", "isActive", line.who):
        faults.add(NOT_SECURED)
    bound = run.witness.packed.get((span, line.who))
    if bound is not None and bound.book != name:
        faults.add(BOUND_ELSEWHERE)
    margin = run.after.accounts[line.who].margin
    if margin == 0 or margin < filling.worst_of(line.words, terms):
        faults.add(NOT_COVERED)
    return faults


def _signature_faults(run: Run, told: Told, line: Line) -> set[int]:
    """Return what is wrong with a signature, as the step says how it was made."""
    if line.sig is None or line.sig.form in SIGNED_BY_NOBODY:
        return {NOT_SIGNED}
    is_own = line.sig.form == "good" and says_its_own(run.stage.names, told.key, line)
    if not is_own:
        # Somebody's whom nobody knows.
        return {NOT_SIGNED, NOT_SECURED}
    model, signer = run.stage.model, line.sig.signer
    if not run.lens.read("registry", "isSecured", signer):
        return {NOT_SECURED}
    faults = set()
    entry = model.registry.participants[line.who - 1]
    if signer != entry.account(model.now):
        session = entry.sessions.get(signer)
        if session is None:
            faults |= {NOT_SIGNED, NOT_SECURED}
        elif session.venue != "book" or session.limit_per_slot < filling.worst_of(
            line.words, run.stage.terms
        ):
            # Below its limit at the clearing price it may still be used.
            faults.add(NOT_SECURED)
            is_usable = line.source != SET_ASIDE and session.venue == "book"
            return set() if is_usable else faults
    if entry.credential.zone != told.key[1]:
        faults.add(OTHER_ZONE)
    return faults


def outcomes_leave_once(run: Run) -> None:
    """W6: an outcome leaves its group once, a book is final once, a trade is collected and closed once."""
    assert not run.witness.wrong, run.witness.wrong


def what_is_left_is_dust(run: Run) -> None:
    """W7: sellers of a span get no more than its buyers paid, and in the end less than a unit a trade stays."""
    terms, witness = run.stage.terms, run.witness
    closed_now = {
        e.args["slot"] // terms.span_slots for e in witness.events if e.name == "TradeClosed"
    }
    for slot in {e.args["slot"] for e in witness.events if e.name == "TradeClosed"}:
        _slot_is_even(run, slot)
    for span in closed_now | witness.closed_now:
        slots = terms.slots_of(span)
        trades = {place: x for place, x in witness.closed.items() if place[0] in slots}
        days = [one for (of, _), one in witness.days.items() if of == span]
        paid = sum(x for place, x in witness.payments.items() if place[0] in slots)
        paid += sum(one.payment for one in days)
        earned = sum(x[2] for x in trades.values()) + sum(one.revenue for one in days)
        assert earned <= paid, f"span {span}: {earned} earned, {paid} paid"
        trading = [who for of, who in witness.unpacked if of == span]
        is_done = all((slot, who) in witness.finished for who in trading for slot in slots)
        if not is_done or any(of == span for of, _ in witness.packed):
            continue
        fills = sum(x[0] - x[1] for x in trades.values())
        fills += sum(fill for one in days for fill in unpack_fills(one.fills, terms.span_slots))
        assert fills == 0, f"span {span}: {fills} Wh more bought than sold"
        count = len(trades) + len(days) * terms.span_slots
        assert paid - earned < max(count, 1), f"span {span}: {paid - earned} left"


def _slot_is_even(run: Run, slot: int) -> None:
    """Where all of a slot was written out and settled, its own dust is less than a unit a trade."""
    witness, span = run.witness, slot // run.stage.terms.span_slots
    others = [who for of, who in (*witness.packed, *witness.days) if of == span]
    trading = [who for of, who in witness.unpacked if of == span]
    if others or not all((slot, who) in witness.finished for who in trading):
        return
    trades = [x for place, x in witness.closed.items() if place[0] == slot]
    paid = sum(x for place, x in witness.payments.items() if place[0] == slot)
    left = paid - sum(revenue for _, _, revenue in trades)
    assert 0 <= left < max(len(trades), 1), f"slot {slot}: {left} left"


def nobody_takes_what_is_not_its_own(run: Run) -> None:
    """W8: only deposits, withdrawals and settlement change what anybody owns; margin stays while books are posted."""
    if run.step.function not in MOVING | POOLING:
        for who, account in run.after.accounts.items():
            before = run.before.accounts[who].wealth
            assert account.wealth == before, f"participant {who}: {before} to {account.wealth}"
    released = [e for e in run.witness.events if e.name == "MarginReleased" and e.args["amount"]]
    span = run.stage.terms.posted_span(run.step.at)
    assert not (released and span), f"margin released while span {span} is posted"


def chain_is_reference(run: Run) -> None:
    """W9: the contracts' state equals that of the reference."""
    model, found = run.stage.model, run.after
    ledger = model.ledger
    assert found.held == ledger.held, f"held: {found.held}, expected {ledger.held}"
    for venue, pool in found.pools.items():
        expected = ledger.pool_of(venue)  # type: ignore[arg-type]
        assert pool == expected, f"pool of {venue}: {pool}, expected {expected}"
    for who, account in found.accounts.items():
        own: Any = model.account(who)
        said = (
            ledger.free_of(who),  # type: ignore[arg-type]
            {v: ledger.collateral_of(v, who) for v in account.collateral},  # type: ignore[arg-type]
            model.margin_of(who),
            own.guarantee,
            own.arrears,
        )
        assert tuple(account) == said, f"participant {who}: {tuple(account)}, expected {said}"


INVARIANTS: dict[str, Check] = {
    "W1": money_adds_up,
    "W2": collateral_is_margin_and_what_is_bound,
    "W3": nothing_counts_before_the_end,
    "W4": final_books_are_right,
    "W5": who_is_set_aside_could_not_trade,
    "W6": outcomes_leave_once,
    "W7": what_is_left_is_dust,
    "W8": nobody_takes_what_is_not_its_own,
    "W9": chain_is_reference,
}
