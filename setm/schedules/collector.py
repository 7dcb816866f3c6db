"""The collector: takes signed schedules, gives receipts, commits, and opens what it committed to after the gate.

It is trusted with nothing but privacy until the gate: what it leaves out can be forced in, what it takes it has signed
for, and what it posts is verified on the chain. All of it works without a chain; times are UTC seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coincurve import PrivateKey

from setm.errors import (
    Malleable,
    NotSigned,
    OrderRefused,
    OtherBook,
    ScheduleExists,
    ScheduleLate,
    ScheduleRefused,
    SpeakerUnknown,
)
from setm.messages import HALF_CURVE_ORDER, Domain
from setm.schedules.messages import BOOK_DOMAIN, chained, schedule_digest
from setm.schedules.receipts import Receipt, give_receipt, receipt_digest
from setm.schedules.signed import BookKey, SignedSchedule
from setm.schedules.windows import Windows
from setm.schedules.words import LANE_BITS, SLOTS_PER_WORD, word_count
from setm.signatures import COMPACT_BYTES, Digest, separator_of, verify_many

WORD_BITS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """For whom a key speaks, as the registry says, and in which zone."""

    participant_id: int
    zone: int


@dataclass(slots=True, kw_only=True)
class Collector:
    """One book that is gathered; ``speakers`` by the 20-byte addresses of their keys."""

    book: BookKey
    windows: Windows
    domain: Domain
    key: PrivateKey
    speakers: Mapping[bytes, Speaker]
    taken: dict[int, SignedSchedule] = field(default_factory=dict)
    is_committed: bool = False
    _separator: bytes = field(init=False)
    _digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the hashes of the book's contract."""
        self._separator = separator_of(BOOK_DOMAIN, self.domain)
        self._digest = receipt_digest(self.domain)

    def take(self, schedule: SignedSchedule, now: int) -> Receipt:
        """Keep a participant's schedule and return the receipt; raise ``ScheduleRefused``, see ``setm.errors``.

        The same schedule handed in again gets a receipt again.
        """
        (answer,) = self.take_many([schedule], now)
        if isinstance(answer, ScheduleRefused):
            raise answer
        return answer

    def take_many(
        self, schedules: Sequence[SignedSchedule], now: int
    ) -> list[Receipt | ScheduleRefused]:
        """Keep what can be kept, signatures checked together; return a receipt or the refusal of each."""
        digests = [
            schedule_digest(self._separator, one.struct_hash) if _is_hashable(one) else bytes(32)
            for one in schedules
        ]
        checked = verify_many(
            (digest, one.signature, one.signer)
            for one, digest in zip(schedules, digests, strict=True)
        )
        answers: list[Receipt | ScheduleRefused] = []
        for schedule, is_signed in zip(schedules, checked, strict=True):
            try:
                answers.append(self._taken(schedule, is_signed, now))
            except ScheduleRefused as refusal:
                answers.append(refusal)
        return answers

    def _taken(self, schedule: SignedSchedule, is_signed: bool, now: int) -> Receipt:
        number = schedule.participant_id
        forcing_at = self.windows.forcing_at(self.book.span)
        if self.is_committed or now >= forcing_at:
            raise ScheduleLate(
                f"participant {number}: schedule at {now}: expected before the commitment and {forcing_at}; "
                "force it in before the gate closes"
            )
        self._require_ours(schedule)
        self._require_fits(schedule)
        _require_signed(schedule, is_signed)
        known = self.taken.get(number)
        if known is not None and known != schedule:
            raise ScheduleExists(
                f"participant {number}: has another schedule in this book: expected one each; force the new one in"
            )
        self.taken[number] = schedule
        return give_receipt(self.key, self._digest, self.book, number, schedule.leaf, now)

    def _require_ours(self, schedule: SignedSchedule) -> None:
        number, book = schedule.participant_id, schedule.book
        if book != self.book:
            raise OtherBook(
                f"participant {number}: schedule for span {book.span}, zone {book.zone}, collector {book.collector}: "
                f"expected {self.book.span}, {self.book.zone}, {self.book.collector}"
            )
        speaker = self.speakers.get(schedule.signer)
        if speaker is None or speaker.participant_id != number:
            raise SpeakerUnknown(
                f"participant {number}: key 0x{schedule.signer.hex()} does not speak for it: expected a key of the "
                "registry"
            )
        if speaker.zone != self.book.zone:
            raise OtherBook(
                f"participant {number}: of zone {speaker.zone}: expected zone {self.book.zone}"
            )

    def _require_fits(self, schedule: SignedSchedule) -> None:
        number, slots = schedule.participant_id, self.windows.span_slots
        if len(schedule.words) != word_count(slots):
            raise ScheduleRefused(
                f"participant {number}: {len(schedule.words)} words: expected {word_count(slots)} for {slots} slots"
            )
        used = LANE_BITS * (slots - SLOTS_PER_WORD * (len(schedule.words) - 1))
        if not _is_hashable(schedule) or schedule.words[-1] >> used:
            raise ScheduleRefused(
                f"participant {number}: orders beyond the span: expected zeros after its {slots} slots"
            )

    # ---- what follows ----

    @property
    def ordered(self) -> list[SignedSchedule]:
        """The schedules in the order of their participants, as they are committed to and posted."""
        return [self.taken[number] for number in sorted(self.taken)]

    @property
    def leaves(self) -> list[bytes]:
        """What each participant is told at the commitment, to find its own among them."""
        return [schedule.leaf for schedule in self.ordered]

    def commitment(self, now: int) -> bytes:
        """Return what is to be posted before the forcing; from now on nothing more is taken.

        Raises ``ScheduleLate`` once the forcing has begun, ``OrderRefused`` if there is nothing to commit to.
        """
        forcing_at = self.windows.forcing_at(self.book.span)
        if now >= forcing_at:
            raise ScheduleLate(f"commitment at {now}: expected before {forcing_at}")
        if not self.taken:
            raise OrderRefused(f"book {self.book.values}: no schedule to commit to")
        self.is_committed = True
        return chained(self.leaves)


def _is_hashable(schedule: SignedSchedule) -> bool:
    return all(0 <= word < 1 << WORD_BITS for word in schedule.words)


def _require_signed(schedule: SignedSchedule, is_signed: bool) -> None:
    number, signature = schedule.participant_id, schedule.signature
    if is_signed:
        return
    if _has_high_s(signature):
        raise Malleable(
            f"participant {number}: signature with a high s: expected the lower of the two"
        )
    raise NotSigned(
        f"participant {number}: not signed by 0x{schedule.signer.hex()}: expected its signature over these orders, "
        "this span and this collector"
    )


def _has_high_s(signature: bytes) -> bool:
    """Whether somebody made the other signature out of a real one; the compact form has hardly room for it."""
    s = int.from_bytes(signature[COMPACT_BYTES // 2 : COMPACT_BYTES], "big")
    if len(signature) == COMPACT_BYTES:
        s &= ~(1 << 255)
    return len(signature) in (COMPACT_BYTES, COMPACT_BYTES + 1) and s > HALF_CURVE_ORDER
