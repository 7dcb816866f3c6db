"""The venue of signed schedules: margins, packed outcomes, positions, and what settlement takes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from setm.settlement import Account
from setm.units import Money, payment_down, payment_up
from tests.audit.machine.model_base import require, require_any
from tests.audit.machine.model_settlement import OPERATOR, SettlementSide
from tests.audit.machine.steps import Step
from tests.audit.schedules.walk import filling
from tests.audit.schedules.walk.encoding import book_name
from tests.audit.schedules.walk.steps import Key, Member
from tests.audit.schedules.walk.terms import Phase, Terms

RING = 1024
MAX_MARGIN = (1 << 42) - 1
PACKED, UNPACKED, CLOSED_OUT = 1, 2, 3
OPEN, COLLECTED, CLOSED = 1, 2, 3
BOUND_ELSEWHERE, NOT_COVERED = 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What a participant traded in a slot."""

    slot: int
    bought: int = 0
    sold: int = 0
    payment: int = 0
    revenue: int = 0
    cover: int = 0
    state: int = OPEN


class VenueSide(SettlementSide):
    terms: Terms

    def start_venue(self) -> None:
        self.has_book = False
        self.margins: Mapping[int, int] = {}
        # By span and participant; what is there has an outcome.
        self.outcomes: Mapping[tuple[int, int], int] = {}
        # By book, attempt and group; none that was refunded.
        self.groups: Mapping[tuple[Key, int, int], tuple[Member, ...]] = {}
        # By participant and place in the ring.
        self.positions: Mapping[tuple[int, int], Position] = {}
        # By span, whose slots share one.
        self.span_pools: Mapping[int, int] = {}

    def span_phase(self, span: int) -> Phase:
        return self.terms.phase(span, self.now)

    def require_phase(self, span: int, expected: Phase) -> None:
        found = self.span_phase(span)
        require(
            found is expected, "PhaseMismatch", span=span, found=int(found), expected=int(expected)
        )

    # Margins

    def margin_of(self, who: int) -> int:
        return self.margins.get(who, 0)

    def set_margin(self, who: int, amount: int) -> None:
        require(amount <= MAX_MARGIN, "MarginFull", participantId=who, amount=amount)
        self.margins = {**self.margins, who: amount}

    def add_margin(self, venue: str, who: int, amount: int) -> None:
        if venue == "settlement":
            before = self.account(who)
            grown = Account(guarantee=Money(before.guarantee + amount), arrears=before.arrears)
            self.accounts = {**self.accounts, who: grown}  # type: ignore[dict-item]
            return
        require(who != OPERATOR, "OperatorNotAdmitted", participantId=who)
        self.set_margin(who, self.margin_of(who) + amount)

    def venue_release_margin(self, step: Step, amount: int) -> None:
        self._release(self.owner(step.sender), amount)

    def venue_release_margin_of(self, step: Step, who: int) -> None:
        require(not self.is_active(who), "StillActive", participantId=who)
        self._release(who, self.margin_of(who))

    def _release(self, who: int, amount: int) -> None:
        span = self.terms.posted_span(self.now)
        require(span == 0, "MarginFrozen", span=span, untilAt=self.terms.decided_at(span))
        margin = self.margin_of(who)
        if amount:
            is_covered = margin >= amount
            require(is_covered, "NotCovered", participantId=who, needed=amount, available=margin)
            self.set_margin(who, margin - amount)
            self.release_account("venue", who, amount)

    # Outcomes

    def outcome_of(self, span: int, who: int) -> int:
        return self.outcomes.get((span, who), 0)

    def bind_fault(self, span: int, who: int, bound: int) -> int:
        """Return why that much would not be bound for a span, 0 if it would."""
        if self.outcome_of(span, who) in (PACKED, CLOSED_OUT):
            return BOUND_ELSEWHERE
        margin = self.margin_of(who)
        return NOT_COVERED if margin == 0 or margin < bound else 0

    def bind_group(self, key: Key, attempt: int, group: int, members: Sequence[Member]) -> None:
        """Bind what the members of a group come to, or refuse the first that cannot."""
        for member in members:
            bound = member.payment + member.cover
            fault = self.bind_fault(key[0], member.who, bound)
            require(fault == 0, "ScheduleRefused", participantId=member.who, fault=fault)
            self.set_margin(member.who, self.margin_of(member.who) - bound)
            self.outcomes = {**self.outcomes, (key[0], member.who): PACKED}
        self.groups = {**self.groups, (key, attempt, group): tuple(members)}

    def refund_group(self, key: Key, attempt: int, group: int, members: Sequence[Member]) -> None:
        """Give back what a group bound, as a whole."""
        self._require_group(key, attempt, group, members)
        for member in members:
            # Who is passed over has no number.
            self._take_out(key[0], 0 if member.is_hidden else member.who, 0)
            bound = member.payment + member.cover
            self.set_margin(member.who, self.margin_of(member.who) + bound)
        place = (key, attempt, group)
        self.groups = {other: found for other, found in self.groups.items() if other != place}

    def _require_group(self, key: Key, attempt: int, group: int, members: Sequence[Member]) -> None:
        expected = self.groups.get((key, attempt, group), ())
        found = tuple(member._replace(is_hidden=False) for member in members)
        require_any(bool(expected) and found == expected, "GroupMismatch(*)")

    def _take_out(self, span: int, who: int, becomes: int) -> None:
        found = self.outcome_of(span, who)
        require(found == PACKED, "OutcomeMismatch", span=span, participantId=who, found=found)
        self.outcomes = {**self.outcomes, (span, who): becomes}

    def venue_unpack(
        self,
        step: Step,
        key: Key,
        group: int,
        members: Sequence[Member],
        place: int,
        fills: Sequence[int],
        margins: Sequence[int],
    ) -> None:
        self._require_outcomes(key, group, members, margins)
        self._write_out(key, members[place], fills, margins)

    def venue_unpack_many(
        self,
        step: Step,
        key: Key,
        group: int,
        members: Sequence[Member],
        places: Sequence[int],
        fills: Sequence[int],
        margins: Sequence[int],
    ) -> None:
        self._require_outcomes(key, group, members, margins)
        words = -(-self.terms.span_slots // 8)
        length = words * len(places)
        require(len(fills) == length, "WordsMismatch", expected=length, found=len(fills))
        for at, place in enumerate(places):
            own = fills[at * words : (at + 1) * words]
            self._write_out(key, members[place], own, margins)

    def _require_outcomes(
        self, key: Key, group: int, members: Sequence[Member], margins: Sequence[int]
    ) -> None:
        book = self.book_at(key)
        name = self.world.plain(book_name(self.world, key))
        require(book.is_cleared, "NotFinal", book=name)
        self.require_phase(key[0], Phase.DECIDED)
        self._require_group(key, book.attempt, group, members)
        require_any(tuple(margins) == book.margins, "MarginsMismatch(*)")

    def _write_out(
        self, key: Key, member: Member, fills: Sequence[int], margins: Sequence[int]
    ) -> None:
        is_known = not member.is_hidden and member.fills == tuple(fills)
        require_any(is_known, "GroupMismatch(*)")
        self._take_out(key[0], member.who, UNPACKED)
        lanes = filling.lanes_of(fills, self.terms.span_slots)
        for slot, lane, word in zip(self.terms.slots_of(key[0]), lanes, margins, strict=True):
            if lane:
                self._add_position(slot, member.who, lane, word)

    def _add_position(self, slot: int, who: int, lane: int, word: int) -> None:
        before = self.positions.get((who, slot % RING), Position(slot=0, state=CLOSED))
        if before.slot != slot:
            is_free = before.state == CLOSED
            require(is_free, "EarlierSlotOpen", earlierSlot=before.slot)
        energy_wh, price = lane & ~filling.ASK, filling.price_of(word, self.terms)
        if lane & filling.ASK:
            missing = filling.missing_of(word, self.terms)
            made = Position(
                slot=slot,
                sold=energy_wh,
                revenue=payment_down(energy_wh, price),
                cover=payment_up(energy_wh, missing),
            )
        else:
            made = Position(slot=slot, bought=energy_wh, payment=payment_up(energy_wh, price))
        self._put(who, made)

    def _put(self, who: int, position: Position) -> None:
        self.positions = {**self.positions, (who, position.slot % RING): position}

    def position_of(self, slot: int, who: int) -> Position | None:
        """Return what a participant traded in a slot, if anything."""
        found = self.positions.get((who, slot % RING))
        return found if found is not None and found.slot == slot else None

    def bound_of(self, slot: int, who: int) -> int:
        """Return what a position binds."""
        found = self.position_of(slot, who)
        if found is None or found.state == CLOSED:
            return 0
        return found.cover + (found.payment if found.state == OPEN else 0)

    # Slot by slot

    def venue_collect(self, step: Step, slot: int, ids: Sequence[int]) -> None:
        self._collect("venue", slot, list(ids))

    def _collect(self, venue: str, slot: int, members: list[int]) -> None:
        is_final = self.span_phase(slot // self.terms.span_slots) is Phase.DECIDED
        require(is_final, "OutcomeOpen", slot=slot)
        for who in members:
            self._collect_one(slot, who)

    def _collect_one(self, slot: int, who: int) -> None:
        span = slot // self.terms.span_slots
        found = self.outcome_of(span, who)
        require(found != PACKED, "OutcomeMismatch", span=span, participantId=who, found=found)
        position = self.position_of(slot, who)
        if position is None or position.state != OPEN:
            return
        self._put(who, replace(position, state=COLLECTED))
        if position.payment:
            self._move_pool(span, position.payment, 0)
            self.close_account("venue", who, charged=position.payment)

    def _close_in(self, venue: str, slot: int, who: int) -> tuple[int, int, int]:
        self._collect_one(slot, who)
        position = self.position_of(slot, who)
        if position is None or position.state != COLLECTED:
            return 0, 0, 0
        self._put(who, replace(position, state=CLOSED))
        credit = position.revenue + position.cover
        if position.bought + position.sold + credit == 0:
            return 0, 0, 0
        self._move_pool(slot // self.terms.span_slots, 0, position.revenue)
        if credit:
            moved = {"released": position.cover, "paid": position.revenue}
            self.close_account("venue", who, heir="settlement", **moved)
        return position.bought, position.sold, credit

    def _move_pool(self, span: int, charged: int, paid: int) -> None:
        pool, first = self.span_pools.get(span, 0) + charged, self.terms.slots_of(span)[0]
        require(pool >= paid, "SlotPoolTooLow", slot=first, needed=paid, available=pool)
        self.span_pools = {**self.span_pools, span: pool - paid}

    # Which venues settlement asks: there is one, and it was there from the beginning.

    def _is_asked(self, venue: str, slot: int, who: int) -> bool:
        return self.joined.get((who, venue), slot) < slot
