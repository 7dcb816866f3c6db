"""The contracts of signed schedules: the book that verifies and clears them, and the venue that keeps outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from setm.chain.contracts import Bound, Venue
from setm.chain.events import Event, read_events
from setm.chain.sender import Call, Sender, send_all
from setm.schedules import (
    Batch,
    BookKey,
    Opened,
    ScheduleRules,
    batch_argument,
    gas_of,
    member_of,
    outcome_of,
    pack_fills,
    unpack_members,
)

UNPACK_GAS, UNPACK_SLOT_GAS = 400_000, 60_000
ROSTER_PAGE = 256


class DayAheadVenue(Venue):
    """Margins, and what became of each participant's span."""

    role = "day_ahead"

    def faults(self, span: int, bounds: Sequence[tuple[int, int]]) -> list[int]:
        """Return why the venue would not bind so much for each participant (IScheduleBook.Fault), 0 if it would."""
        return [int(one) for one in self.ask_all("faultOf", [(span, *each) for each in bounds])]

    def groups_bound(self, key: BookKey) -> list[Event]:
        """Return what a book's attempts bound (GroupBound)."""
        return _of_book(read_events(self.web3, {self.role: self.address}), key, "GroupBound")

    def bound_in(self, key: BookKey, slots: int) -> frozenset[int]:
        """Return the participants whose outcomes a book's attempts bound, in a span of so many slots."""
        groups = (told_of(one, slots) for one in self.groups_bound(key))
        return frozenset(number for group in groups for number, _ in group)

    def unpacking(self, sender: Sender, key: BookKey, book: Opened, group: int) -> list[Call]:
        """Return the calls that write out the outcomes of a group, one for each member; anyone may."""
        outcomes = book.groups[group]
        members = [member_of(one) for one in outcomes]
        gas = UNPACK_GAS + UNPACK_SLOT_GAS * len(book.cleared.margins)
        margins = list(book.cleared.margins)
        return [
            self.call(
                sender,
                "unpack",
                "unpack",
                (key.values, group, members, place, pack_fills(one.fills), margins),
                gas,
            )
            for place, one in enumerate(outcomes)
        ]


class ScheduleBook(Bound):
    """The book of signed schedules."""

    role = "day_ahead_book"

    def commit(self, sender: Sender, key: BookKey, digest: bytes) -> None:
        """Commit to gathered schedules; the book is the sender's."""
        self._send(sender, "commit book", "commit", (key.span, key.zone, digest), 120_000)

    def committed(self, key: BookKey) -> bytes:
        """Return the collector's commitment, 32 zeros if there is none."""
        # What the contract keeps is written over once the book is final.
        found = read_events(self.web3, {self.role: self.address})
        digests = [one.args["digest"] for one in found if _is_commitment(one, key)]
        return bytes.fromhex(digests[0][2:]) if digests else bytes(32)

    def is_final(self, key: BookKey) -> bool:
        """Whether the book is cleared for good."""
        attempt, _ = self.ask("finalOf", key.name)
        return bool(attempt)

    def forcing(self, sender: Sender, key: BookKey, words: Sequence[int]) -> Call:
        """Return the call by which a participant puts its own schedule into a book."""
        return self.call(sender, "force", "force", (key.values, list(words)), 600_000)

    def post(self, sender: Sender, key: BookKey, book: Opened) -> None:
        """Post a whole book, in as many transactions as it takes; anyone may. Raises ``Reverted`` if one is refused."""
        margins = book.cleared.margins
        sums: list[int] = []
        for batch in book.batches:
            receipt = send_all([self.posting(sender, key, batch, margins, sums)])[0]
            if not batch.is_last:
                sums = list(self._emitted(receipt, "BatchWalked")["sums"])

    def posting(
        self,
        sender: Sender,
        key: BookKey,
        batch: Batch,
        margins: Sequence[int],
        sums: Sequence[int],
    ) -> Call:
        """Return the call of one batch."""
        argument = batch_argument(batch, margins, sums)
        gas = gas_of(batch, len(margins))
        return self.call(sender, "post book", "post", (key.values, argument), gas)

    def refunding(self, sender: Sender, key: BookKey, bound: Event, rules: ScheduleRules) -> Call:
        """Return the call that gives back what a failed attempt bound (GroupBound)."""
        attempt = bound.args["attempt"]
        walked = self.events_of(key, "BatchWalked")
        margins = next(one.args["margins"] for one in walked if one.args["attempt"] == attempt)
        members = [
            member_of(outcome_of(number, fills, margins, rules))
            for number, fills in told_of(bound, rules.span_slots)
        ]
        args = (key.values, attempt, bound.args["group"], members)
        return self.call(sender, "refund", "refund", args, 300_000 + 40_000 * len(members))

    def events_of(self, key: BookKey, name: str) -> list[Event]:
        """Return a book's events of one name."""
        return _of_book(read_events(self.web3, {self.role: self.address}), key, name)

    def forced(self, key: BookKey) -> dict[int, tuple[int, ...]]:
        """Return the words that participants forced into a book, by participant."""
        return {
            one.args["participantId"]: tuple(one.args["orders"])
            for one in self.events_of(key, "ScheduleForced")
        }


class KeyRoster(Bound):
    """The owner keys as code."""

    role = "roster"

    def writing(self, sender: Sender, page: int) -> Call:
        """Return the call that writes a page of 256 participants anew; anyone may."""
        return self.call(sender, "write roster", "write", (page,), 6_000_000)


def pages_of(ids: Iterable[int]) -> list[int]:
    """Return the pages of the roster on which participants stand."""
    return sorted({number // ROSTER_PAGE for number in ids})


def _of_book(events: Iterable[Event], key: BookKey, name: str) -> list[Event]:
    wanted = "0x" + key.name.hex()
    return [one for one in events if one.event == name and one.args.get("book") == wanted]


def _is_commitment(event: Event, key: BookKey) -> bool:
    if event.event != "BookCommitted":
        return False
    named = (event.args["span"], event.args["zone"], event.args["collector"].lower())
    return named == (key.span, key.zone, key.collector.lower())


def told_of(bound: Event, slots: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return number and fills of each member that GroupBound tells of, Wh and negative if sold."""
    return unpack_members(bytes.fromhex(bound.args["members"][2:]), slots)
