"""What the chain told and what was sent, as anybody could keep it who watches: no reference has a hand in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from setm.schedules import pack_fills
from tests.audit.machine.steps import Outcome, Seen, Step
from tests.audit.schedules.walk.encoding import book_name, outcomes_told
from tests.audit.schedules.walk.steps import Key, Line
from tests.audit.schedules.walk.terms import Terms


class Bound(NamedTuple):
    """What a walk bound of one participant, and where it stands."""

    book: bytes
    attempt: int
    group: int
    who: int
    payment: int
    cover: int
    revenue: int
    fills: tuple[int, ...]

    @property
    def amount(self) -> int:
        return self.payment + self.cover


class Aside(NamedTuple):
    """Who was set aside, and why."""

    who: int
    fault: int


@dataclass(slots=True)
class Told:
    """Of one book: what was committed to, forced, posted in the attempt at hand, and told of it."""

    key: Key
    committed: bytes = bytes(32)
    forced: dict[int, tuple[int, ...]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    final_attempt: int = 0
    margins: tuple[int, ...] = ()


@dataclass(slots=True)
class Witness:
    """All of it; ``wrong`` says what events contradicted each other in the last step."""

    terms: Terms
    books: dict[bytes, Told] = field(default_factory=dict)
    groups: dict[tuple[bytes, int, int], list[Bound]] = field(default_factory=dict)
    # Whose outcomes are packed, by span and participant.
    packed: dict[tuple[int, int], Bound] = field(default_factory=dict)
    left: set[tuple[bytes, int, int, int]] = field(default_factory=set)
    unpacked: dict[tuple[int, int], Bound] = field(default_factory=dict)
    payments: dict[tuple[int, int], int] = field(default_factory=dict)
    closed: dict[tuple[int, int], tuple[int, int, int]] = field(default_factory=dict)
    finished: set[tuple[int, int]] = field(default_factory=set)
    # Whose outcomes were closed with their day, by span and participant.
    days: dict[tuple[int, int], Bound] = field(default_factory=dict)
    # Of the last step.
    wrong: list[str] = field(default_factory=list)
    cleared_now: list[bytes] = field(default_factory=list)
    aside_now: list[tuple[bytes, Line, int]] = field(default_factory=list)
    closed_now: set[int] = field(default_factory=set)
    posted_now: list[tuple[bytes, Line]] = field(default_factory=list)
    events: tuple[Seen, ...] = ()

    def note(self, step: Step, outcome: Outcome, names: Any) -> None:
        """Take in a step and what came of it."""
        self.wrong, self.cleared_now, self.aside_now, self.posted_now = [], [], [], []
        self.closed_now = set()
        self.events = outcome.events
        if outcome.error:
            return
        told = self._told_of(step, names)
        if told is not None and step.function == "commit":
            (event,) = (e for e in outcome.events if e.name == "BookCommitted")
            told.committed = event.args["digest"]
        if told is not None and step.function == "post":
            is_first = not step.args[1].sums
            told.lines = [*([] if is_first else told.lines), *step.args[1].lines]
            told.aside = [] if is_first else told.aside
            name = book_name(names, told.key)
            self.posted_now = [(name, line) for line in step.args[1].lines]
        for event in outcome.events:
            handle = getattr(self, f"_{event.name}", None)
            if handle is not None:
                handle(step, event.args)

    def _told_of(self, step: Step, names: Any) -> Told | None:
        if step.contract != "book":
            return None
        is_commit = step.function == "commit"
        key = (*step.args[:2], step.sender) if is_commit else step.args[0]
        return self.books.setdefault(book_name(names, key), Told(key=tuple(key)))

    # Events

    def _ScheduleForced(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        self.books[args["book"]].forced[args["participantId"]] = tuple(args["orders"])

    def _ScheduleSetAside(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        told = self.books[args["book"]]
        told.aside.append(Aside(args["participantId"], args["fault"]))
        line = next(x for x in told.lines if x.who == args["participantId"])
        self.aside_now.append((args["book"], line, args["fault"]))

    def _GroupBound(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        book, attempt, group = args["book"], args["attempt"], args["group"]
        span = self.books[book].key[0]
        outcomes = outcomes_told(args["members"], step.args[1].margins, self.terms.rules)
        bound = [
            Bound(
                book,
                attempt,
                group,
                told.participant_id,
                told.payment,
                told.cover,
                told.revenue,
                tuple(pack_fills(told.fills)),
            )
            for told in outcomes
        ]
        self.groups[book, attempt, group] = bound
        for one in bound:
            if (span, one.who) in self.packed or (span, one.who) in self.unpacked:
                self.wrong.append(f"participant {one.who} is bound twice in span {span}")
            self.packed[span, one.who] = one

    def _GroupRefunded(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        book, attempt, group = args["book"], args["attempt"], args["group"]
        for head in args["heads"]:
            if head:
                self._leave(book, attempt, group, head >> 224)
        if self.books[book].final_attempt == attempt:
            self.wrong.append(f"attempt {attempt} is final and was refunded")

    def _OutcomeUnpacked(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        told, who = self.books[args["book"]], args["participantId"]
        span = told.key[0]
        found = self.packed.get((span, who))
        is_final = told.final_attempt and step.at >= self.terms.decided_at(span)
        if not is_final:
            self.wrong.append(f"participant {who}'s outcome is written out of a book that is open")
        if found is None or (found.book, found.attempt) != (args["book"], told.final_attempt):
            self.wrong.append(f"participant {who} has no outcome in the final book")
            return
        self._leave(found.book, found.attempt, found.group, who)
        self.unpacked[span, who] = found

    def _leave(self, book: bytes, attempt: int, group: int, who: int) -> None:
        span = self.books[book].key[0]
        found = self.packed.pop((span, who), None)
        if (book, attempt, group, who) in self.left or found is None:
            self.wrong.append(f"participant {who} leaves group {group} of {attempt} again")
        elif (found.book, found.attempt, found.group) != (book, attempt, group):
            self.wrong.append(f"participant {who} leaves another group than it is in")
        self.left.add((book, attempt, group, who))

    def _GroupClosed(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        book, attempt, group = args["book"], args["attempt"], args["group"]
        span = self.books[book].key[0]
        if self.books[book].final_attempt != attempt or step.at < self.terms.decided_at(span):
            self.wrong.append(f"group {group} of an open book is closed")
        self.closed_now.add(span)
        for place, one in enumerate(self.groups[book, attempt, group]):
            if args["places"] >> place & 1:
                self._leave(book, attempt, group, one.who)
                self.days[span, one.who] = one
                self.finished |= {(slot, one.who) for slot in self.terms.slots_of(span)}

    def _BookCleared(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        told = self.books[args["book"]]
        if told.final_attempt:
            self.wrong.append("a book is final twice")
        told.final_attempt, told.margins = args["attempt"], tuple(args["margins"])
        self.cleared_now.append(args["book"])

    def _TradeCollected(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        place = args["slot"], args["participantId"]
        if place in self.payments:
            self.wrong.append(f"{place} is collected twice")
        if not self._is_unpacked(*place):
            self.wrong.append(f"{place} is collected and was never written out")
        self.payments[place] = args["payment"]

    def _TradeClosed(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        place = args["slot"], args["participantId"]
        if place in self.closed:
            self.wrong.append(f"{place} is closed twice")
        if not self._is_unpacked(*place):
            self.wrong.append(f"{place} is closed and was never written out")
        self.closed[place] = args["boughtWh"], args["soldWh"], args["revenue"]

    def _SlotSettled(self, step: Step, args: dict[str, Any]) -> None:  # noqa: N802
        self.finished.add((args["slot"], args["participantId"]))

    def _is_unpacked(self, slot: int, who: int) -> bool:
        return (slot // self.terms.span_slots, who) in self.unpacked

    # What is open

    def open_places(self) -> list[tuple[int, int]]:
        """Return slots and participants whose outcome was written out and not settled."""
        return sorted(
            (slot, who)
            for span, who in self.unpacked
            for slot in self.terms.slots_of(span)
            if (slot, who) not in self.finished
        )

    def packed_of(self, who: int) -> Sequence[Bound]:
        """Return what binds a participant and is still packed."""
        return [one for (_, other), one in self.packed.items() if other == who]
