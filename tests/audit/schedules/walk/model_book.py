"""The book of schedules: what is gathered, forced in and posted, and how a batch is walked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from setm import registry as people
from setm.errors import NotSecured
from setm.schedules import pack_fills
from setm.signatures import keccak
from tests.audit.machine.model_base import require, require_any
from tests.audit.machine.steps import Step
from tests.audit.schedules.walk import filling
from tests.audit.schedules.walk.encoding import (
    NONE,
    SET_ASIDE,
    SIGNED,
    book_name,
    digest_of,
    leaf_of,
    posted_leaf,
    says_its_own,
)
from tests.audit.schedules.walk.filling import Sums
from tests.audit.schedules.walk.model_venue import BOUND_ELSEWHERE
from tests.audit.schedules.walk.steps import Batch, Digest, Key, Line, Member
from tests.audit.schedules.walk.terms import Phase, Terms

NOT_SIGNED, NOT_SECURED, OTHER_ZONE, BEYOND_SPAN = range(1, 5)
# Source, number and signature of an entry; a lane of its orders.
ENTRY_BYTES, LANE_BYTES = 69, 4
# What recovers to nobody, and what to somebody whom nobody knows.
SIGNED_BY_NOBODY = ("zero", "high")
UNKNOWN = "somebody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is known of a book; ``margins`` and ``sums`` are those of the attempt at hand."""

    attempt: int = 0
    last_id: int = 0
    forced: int = 0
    forced_walked: int = 0
    groups: int = 0
    unrefunded: int = 0
    turn_until: int = 0
    is_cleared: bool = False
    committed: bytes = NONE
    digest: bytes = NONE
    poster: str = "0x" + "00" * 20
    margins: tuple[int, ...] = ()
    sums: tuple[Sums, ...] = ()


@dataclass(slots=True, kw_only=True)
class Walked:
    """A walk over a batch so far."""

    key: Key
    attempt: int
    last_id: int
    forced: int
    groups: int
    leftovers: int
    digest: bytes
    margins: tuple[int, ...]
    sums: list[Sums]
    members: list[Member]


class BookSide:
    """With ``VenueSide``, whose book this is."""

    terms: Terms
    world: Any
    now: int
    registry: people.Registry
    bind_fault: Any
    bind_group: Any
    refund_group: Any
    margin_of: Any
    is_active: Any
    require_phase: Any
    span_phase: Any

    def start_book(self) -> None:
        self.books: Mapping[Key, Book] = {}
        self.forced: Mapping[tuple[Key, int], tuple[int, ...]] = {}

    def book_at(self, key: Key) -> Book:
        return self.books.get(tuple(key), Book())  # type: ignore[call-overload,no-any-return]

    def _put_book(self, key: Key, **changes: Any) -> None:
        self.books = {**self.books, key: replace(self.book_at(key), **changes)}

    def _name(self, key: Key) -> str:
        return self._hex(book_name(self.world, key))

    @staticmethod
    def _hex(word: bytes) -> str:
        return "0x" + word.hex()

    # Gathering

    def book_commit(self, step: Step, span: int, zone: int, digest: Any) -> None:
        self.require_phase(span, Phase.GATHERING)
        key = (span, zone, step.sender)
        require(self.book_at(key).committed == NONE, "CommitmentExists", book=self._name(key))
        if isinstance(digest, Digest):
            committed = digest_of(self.world, key, digest.lines)
        else:
            committed = bytes.fromhex(digest[2:])
        self._put_book(key, committed=committed)

    def book_force(self, step: Step, key: Key, words: Sequence[int]) -> None:
        span, zone, _ = key
        phase, expected = self.span_phase(span), Phase.FORCING
        is_open = phase in (Phase.GATHERING, Phase.FORCING)
        require(is_open, "PhaseMismatch", span=span, found=int(phase), expected=int(expected))
        expected = -(-self.terms.span_slots // 8)
        is_whole = len(words) == expected
        require(is_whole, "WordsMismatch", expected=expected, found=len(words))
        who, found = self.speaker_of(step.sender, self.terms.largest_bound)
        self._refuse(zone == found, who, OTHER_ZONE)
        self._refuse(filling.is_in_span(words, self.terms), who, BEYOND_SPAN)
        has_joined = self.margin_of(who) != 0
        require(has_joined, "NotCovered", participantId=who, needed=1, available=0)
        is_new = (key, who) not in self.forced
        require(is_new, "ForcedAlready", book=self._name(key), participantId=who)
        self.forced = {**self.forced, (key, who): tuple(words)}
        self._put_book(key, forced=self.book_at(key).forced + 1)

    @staticmethod
    def _refuse(is_good: bool, who: int, fault: int) -> None:
        require(is_good, "ScheduleRefused", participantId=who, fault=fault)

    def speaker_of(self, key: str, amount: int) -> tuple[int, int]:
        """Return for whom a key speaks in the book, and that one's zone."""
        who = people.authorize(self.registry, key, "book", amount, self.now)
        return int(who), self.registry.participants[who - 1].credential.zone

    # Posting

    def book_post(self, step: Step, key: Key, batch: Batch) -> None:
        self.require_phase(key[0], Phase.POSTING)
        book = self.book_at(key)
        require(not book.is_cleared, "BookFinal", book=self._name(key))
        is_first = not batch.sums
        if not is_first or not batch.is_last:
            self._require_turn(step, key, book, is_first)
        walk = self._walk_from(key, book, batch, is_first)
        stride = ENTRY_BYTES + LANE_BYTES * self.terms.span_slots
        length = len(batch.lines) * stride + batch.odd_bytes
        whole = length - length % stride
        require(length == whole, "WordsMismatch", expected=whole, found=length)
        for line in batch.lines:
            self._walk_one(walk, line)
        if walk.members:
            self.bind_group(key, walk.attempt, walk.groups, walk.members)
            walk.groups += 1
        if batch.is_last:
            self._finish(walk)
        else:
            self._pause(walk)

    def _require_turn(self, step: Step, key: Key, book: Book, is_first: bool) -> None:
        is_mine = book.poster == step.sender and self.now < book.turn_until
        own = {"poster": book.poster, "untilAt": book.turn_until}
        if not is_first:
            require(is_mine, "TurnTaken", **own)
            return
        until = self.terms.gate_of(key[0]) + self.terms.post_window // 2
        may_begin = self.now >= until or step.sender == key[2]
        require(may_begin, "TurnTaken", poster=key[2], untilAt=until)
        require(is_mine or self.now >= book.turn_until, "TurnTaken", **own)
        turn_until = self.now + self.terms.lease_seconds
        self._put_book(key, poster=step.sender, turn_until=turn_until)

    def _walk_from(self, key: Key, book: Book, batch: Batch, is_first: bool) -> Walked:
        slots = self.terms.span_slots
        found = len(batch.margins)
        require(found == slots, "WordsMismatch", expected=slots, found=found)
        require_any(is_first or len(batch.sums) >= slots, "*")
        for slot, word in zip(self.terms.slots_of(key[0]), batch.margins, strict=True):
            require(filling.is_consistent(word), "MarginsRefused", slot=slot)
        if is_first:
            return Walked(
                key=key,
                attempt=book.attempt + 1,
                last_id=0,
                forced=0,
                groups=0,
                leftovers=book.unrefunded,
                digest=NONE,
                margins=batch.margins,
                sums=[Sums()] * slots,
                members=[],
            )
        is_same = batch.margins == book.margins
        is_same = is_same and batch.sums == tuple(sums.word for sums in book.sums)
        require_any(is_same, "NotContinued(*)")
        return Walked(
            key=key,
            attempt=book.attempt,
            last_id=book.last_id,
            forced=book.forced_walked,
            groups=book.groups,
            leftovers=book.unrefunded - book.groups,
            digest=book.digest,
            margins=batch.margins,
            sums=list(book.sums),
            members=[],
        )

    def _walk_one(self, walk: Walked, line: Line) -> None:
        who, key = line.who, walk.key
        is_ascending = who > walk.last_id
        require(is_ascending, "NotAscending", participantId=who, previousId=walk.last_id)
        walk.last_id = who
        if line.source == SIGNED:
            self._follow(walk, line)
            bound = self._enter(walk, line)
            self._require_speaker(walk, line, bound)
            return
        is_forced = self._follow_forced(walk, line)
        if line.source == SET_ASIDE:
            self.require_fault(walk, line, is_forced)
            return
        require(is_forced, "NotForced", book=self._name(key), participantId=who)
        self._refuse(self.is_active(who), who, NOT_SECURED)
        self._enter(walk, line)

    def _follow(self, walk: Walked, line: Line) -> None:
        walk.digest = keccak(walk.digest + posted_leaf(self.world, walk.key, line))

    def _follow_forced(self, walk: Walked, line: Line) -> bool:
        forced = self.forced.get((walk.key, line.who))
        if forced is None:
            return False
        is_same = forced == line.words and line.sig is None
        require(is_same, "NotForced", book=self._name(walk.key), participantId=line.who)
        walk.forced += 1
        leaf = leaf_of(self.world, walk.key, line)
        if leaf is not None:
            walk.digest = keccak(walk.digest + leaf)
        return True

    def _enter(self, walk: Walked, line: Line) -> int:
        found = filling.fill(line.words, walk.margins, walk.sums, self.terms)
        if found.left_out is not None:
            slot = self.terms.slots_of(walk.key[0])[found.left_out]
            require(False, "LeftOut", slot=slot, participantId=line.who)
        fills = tuple(pack_fills(found.fills))
        member = Member(line.who, found.payment, found.cover, found.revenue, fills)
        walk.members.append(member)
        return found.bound

    def signer_of(self, key: Key, line: Line) -> str:
        """Return whose signature a line has: a key, ``UNKNOWN``, or empty."""
        if line.sig is None or line.sig.form in SIGNED_BY_NOBODY:
            return ""
        is_own = line.sig.form == "good" and says_its_own(self.world, key, line)
        return line.sig.signer if is_own else UNKNOWN

    def _require_speaker(self, walk: Walked, line: Line, bound: int) -> None:
        signer = self.signer_of(walk.key, line)
        self._refuse(signer != "", line.who, NOT_SIGNED)
        require_any(signer != UNKNOWN, "NotSecured(*")
        who, zone = self.speaker_of(signer, bound)
        self._refuse(who == line.who, line.who, NOT_SIGNED)
        self._refuse(zone == walk.key[1], line.who, OTHER_ZONE)

    # Set aside

    def require_fault(self, walk: Walked, line: Line, is_forced: bool) -> None:
        if not is_forced:
            self._follow(walk, line)
        fault = self.fault_of(walk.key, line, is_forced)
        # What this book's own failed attempts bind is no reason.
        is_reason = fault != 0 and (fault != BOUND_ELSEWHERE or not walk.leftovers)
        require(is_reason, "NotSetAside", participantId=line.who)

    def fault_of(self, key: Key, line: Line, is_forced: bool) -> int:
        """Return why a line may be set aside, 0 if it may not."""
        worst = filling.worst_of(line.words, self.terms)
        if is_forced:
            fault = 0 if self.is_active(line.who) else NOT_SECURED
        else:
            fault = self._fault_of_signed(key, line, worst)
        return fault or self.bind_fault(key[0], line.who, worst)

    def _fault_of_signed(self, key: Key, line: Line, worst: int) -> int:
        signer = self.signer_of(key, line)
        if signer == "":
            return NOT_SIGNED
        try:
            who, zone = self.speaker_of(signer, worst)
        except NotSecured:
            return NOT_SECURED
        if who != line.who:
            return NOT_SIGNED
        return 0 if zone == key[1] else OTHER_ZONE

    # Ends

    def _pause(self, walk: Walked) -> None:
        self._put_book(
            walk.key,
            attempt=walk.attempt,
            last_id=walk.last_id,
            forced_walked=walk.forced,
            groups=walk.groups,
            unrefunded=walk.leftovers + walk.groups,
            digest=walk.digest,
            margins=walk.margins,
            sums=tuple(walk.sums),
        )

    def _finish(self, walk: Walked) -> None:
        book, name = self.book_at(walk.key), self._name(walk.key)
        committed, posted = self._hex(book.committed), self._hex(walk.digest)
        is_same = committed == posted
        require(is_same, "NotAsCommitted", book=name, committed=committed, posted=posted)
        is_complete = walk.forced == book.forced
        require(is_complete, "ForcedLeftOut", book=name, forced=book.forced, posted=walk.forced)
        slots = self.terms.slots_of(walk.key[0])
        for slot, word, sums in zip(slots, walk.margins, walk.sums, strict=True):
            require(filling.is_matched(word, sums), "SumsMismatch", slot=slot, sums=sums.word)
        self._put_book(
            walk.key, attempt=walk.attempt, is_cleared=True, margins=walk.margins, sums=()
        )

    def book_refund(
        self, step: Step, key: Key, attempt: int, group: int, members: Sequence[Member]
    ) -> None:
        book = self.book_at(key)
        is_posting = self.span_phase(key[0]) is Phase.POSTING
        is_posted = is_posting and self.now < book.turn_until
        is_alive = attempt == book.attempt and (book.is_cleared or is_posted)
        require(not is_alive, "NotFailed", book=self._name(key), attempt=attempt)
        self.refund_group(key, attempt, group, members)
        self._put_book(key, unrefunded=max(book.unrefunded - 1, 0))
