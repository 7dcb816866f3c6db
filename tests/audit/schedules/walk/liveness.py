"""W10: from any state, time and calls that anyone may make end every span, and then everybody takes its money out.

Tried on the state at hand and taken back afterwards. Strangers refund, write out, settle and pay; owners only ask for
what is their own. A collector that committed to what nobody can open stalls its book and binds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.audit.machine.model_settlement import OPERATOR
from tests.audit.machine.steps import Step
from tests.audit.machine.world import CONFIG
from tests.audit.schedules.walk.ground import PEOPLE
from tests.audit.schedules.walk.steps import Member
from tests.audit.schedules.walk.witness import Bound

STRANGER = "stranger"


class Stuck(AssertionError):
    """Something cannot be got out."""


def drain(run: Any) -> None:
    """Raise ``Stuck`` if from here money would stay for ever; changes nothing."""
    try:
        with run.stage.chain.undone():
            _Drain(run).flow()
    except AssertionError:
        run.fail()
        raise
    run.tally.drains += 1


class _Drain:
    def __init__(self, run: Any) -> None:
        self.chain, self.lens, self.names = run.stage.chain, run.lens, run.stage.names
        self.model, self.witness, self.terms = run.stage.model, run.stage.witness, run.stage.terms

    def flow(self) -> None:
        spans = {span for span, _ in (*self.witness.packed, *self.witness.unpacked)}
        ends = [
            self.terms.windows.end_of(slot) for span in spans for slot in self.terms.slots_of(span)
        ]
        decided = [self.terms.decided_at(span) for span in spans]
        self.chain.advance_to(max(decided, default=0))
        places = set(self.witness.open_places())
        for name, attempt, group in self._open_groups():
            places |= self._end_group(name, attempt, group)
        # The slots of a span share a pool: all buyers first.
        for slot in sorted({slot for slot, _ in places}):
            ids = sorted(who for at, who in places if at == slot)
            self.must(STRANGER, "venue", "collect", slot, ids)
        self.chain.advance_to(max(ends, default=0) + self.terms.windows.final_after())
        self._unpack_days(places)
        for slot in sorted({slot for slot, _ in places}):
            ids = sorted(who for at, who in places if at == slot)
            self.must(STRANGER, "settlement", "settle", slot, ids)
        self._release_margins()
        self._release_guarantees()
        self._withdraw()
        self._check()

    # Sending

    def try_to(self, sender: str, contract: str, function: str, *args: Any) -> str:
        """Send, and return how it was refused."""
        step = Step(self.chain.now, sender, contract, function, args)
        return str(self.chain.send(step, self.names.calldata(step)).error)

    def must(self, sender: str, contract: str, function: str, *args: Any) -> None:
        error = self.try_to(sender, contract, function, *args)
        if error:
            raise Stuck(f"{sender} {contract}.{function}{args}: {error}")

    def key_of(self, who: int) -> str:
        return str(self.model.registry.participants[who - 1].account(self.chain.now))

    # Spans

    def _open_groups(self) -> Iterable[tuple[bytes, int, int]]:
        return sorted({(x.book, x.attempt, x.group) for x in self.witness.packed.values()})

    def _end_group(self, name: bytes, attempt: int, group: int) -> set[tuple[int, int]]:
        """Write out or refund what is packed; return the slots and participants that are to be settled."""
        told = self.witness.books[name]
        bound = self.witness.groups[name, attempt, group]
        members = [member_of(one) for one in bound]
        if told.final_attempt != attempt:
            self.must(STRANGER, "book", "refund", told.key, attempt, group, members)
            return set()
        places = set()
        for at, one in enumerate(bound):
            if self.witness.packed.get((told.key[0], one.who)) != one:
                continue
            args = (told.key, group, members, at, list(one.fills), list(told.margins))
            self.must(STRANGER, "venue", "unpack", *args)
            places |= {(slot, one.who) for slot in self.terms.slots_of(told.key[0])}
        return places

    def _unpack_days(self, places: set[tuple[int, int]]) -> None:
        """Write out the days of whose slots somebody is to be settled."""
        for (who, day), record in self.model.days.items():
            slots = self.terms.slots_of(day)
            if not record.is_unpacked and any((slot, who) in places for slot in slots):
                meter = self.model.meter_of(who)
                self.must(STRANGER, "meters", "unpackDay", meter, day, list(record.values))

    # Money

    def _leave_freeze(self) -> None:
        span = self.terms.posted_span(self.chain.now)
        if span:
            self.chain.advance_to(self.terms.decided_at(span))

    def _release_margins(self) -> None:
        for who in PEOPLE:
            margin = self.lens.account(who).margin
            self._leave_freeze()
            if margin and self.lens.read("registry", "isActive", who):
                self.must(self.key_of(who), "venue", "releaseMargin", margin)
            elif margin:
                self.must(STRANGER, "venue", "releaseMarginOf", who)

    def _release_guarantees(self) -> None:
        everybody = [*(who for who in PEOPLE if who != OPERATOR), OPERATOR]
        for who in everybody:
            self.try_to(STRANGER, "settlement", "payArrears", who)
        # Twice: what is pending when it begins may be less than the whole.
        for _ in range(2):
            asked = [who for who in everybody if self._ask_back(who)]
            self.chain.advance_to(self.chain.now + CONFIG["settlement"]["release_delay"])
            for who in asked:
                self.must(STRANGER, "settlement", "releaseGuarantee", who)

    def _ask_back(self, who: int) -> bool:
        guarantee = self.lens.account(who).guarantee
        pending = self.lens.read("settlement", "releaseOf", who)
        if not guarantee:
            return False
        if not self.model.is_revoked(who):
            self.must(self.key_of(who), "settlement", "requestRelease", guarantee)
        elif not pending:
            self.must(STRANGER, "settlement", "requestReleaseOf", who)
        return True

    def _withdraw(self) -> None:
        for who in PEOPLE:
            free = self.lens.account(who).free
            entry = self.model.registry.participants[who - 1]
            if free and entry.revoked_at:
                self.chain.advance_to(entry.revoked_at + CONFIG["recovery_delay"])
                self.must(STRANGER, "house", "withdrawRevoked", who)
            elif free:
                self.must(self.key_of(who), "house", "withdraw", free)

    # What is left

    def _check(self) -> None:
        found = self.lens.balances()
        owed = sum(max(-account.arrears, 0) for account in found.accounts.values())
        for who, account in found.accounts.items():
            kept = account.guarantee if who == OPERATOR else 0
            if account.free or account.collateral["venue"]:
                raise Stuck(f"participant {who} still has {account}")
            if account.collateral["settlement"] > min(kept, owed):
                raise Stuck(f"participant {who} cannot release {account.collateral}")
        trades = sum(fill != 0 for one in self._ever_bound() for fill in one.fills)
        slots = trades * self.terms.span_slots
        if found.pools["settlement"] or found.pools["venue"] > slots:
            raise Stuck(f"pools keep {found.pools}")

    def _ever_bound(self) -> list[Bound]:
        return [one for group in self.witness.groups.values() for one in group]


def member_of(one: Bound) -> Member:
    """Return what was bound as a member of its group."""
    return Member(one.who, one.payment, one.cover, one.revenue, one.fills)
