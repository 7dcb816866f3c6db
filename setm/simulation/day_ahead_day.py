"""A day by signed schedules: gathered and committed to before the gate, posted after it, else traded slot by slot.

::

    enrolled ── sign, receipts, commit ──┤ force ├ gate ┤ post ├ decided ── write out, or the auction takes over
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from setm.chain.days import BoundGroup
from setm.chain.schedules import DayAheadVenue, KeyRoster, ScheduleBook, pages_of
from setm.chain.sender import send_all
from setm.errors import Reverted, ScheduleRefused
from setm.schedules import (
    BOOK_DOMAIN,
    BookKey,
    Collector,
    Opened,
    Receipt,
    SignedSchedule,
    Speaker,
    Windows,
    entries_of,
    is_under,
    opened,
    receipt_digest,
    sign_schedule,
    verify_receipt,
    worst_of,
)
from setm.signatures import private_key, separator_of
from setm.simulation.auction_day import AuctionOnChain, trade_slots
from setm.simulation.batches import batched
from setm.simulation.scene import Enrolled, Scene
from setm.slots import Slot
from setm.trading import Day
from setm.trading.day_ahead import (
    DayAhead,
    Orders,
    books_of,
    is_read_daily,
    rules_of,
    schedules_in,
    windows_of,
)

HORIZON_SECONDS = 3 * 86_400
UNPACKED_TOGETHER = 32
# Between a gate and the first transaction that needs it to be open or closed, for each of those before it.
SECONDS_EACH, SECONDS_SPARE = 2, 60


@dataclass(slots=True, kw_only=True)
class Gathered:
    """A book on its way: whose schedules it may hold, what its collector took, and what was posted."""

    key: BookKey
    members: Sequence[Enrolled]
    collector: Collector
    signed: Mapping[int, SignedSchedule]
    receipts: Mapping[int, Receipt]
    posted: Opened | None = None
    # The attempt may have been refused: then nothing counts.
    refusals: list[Reverted] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DayAheadOnChain:
    """The day-ahead auction of a deployment, its book of schedules, and the auction that may take over."""

    mechanism: DayAhead = field(default_factory=DayAhead)
    venue: str = "day_ahead"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Its own section, in the order of IScheduleBook.Config, and what the auction needs."""
        grid, terms = day.market.grid, day.day_ahead
        return {
            **AuctionOnChain(self.mechanism.fallback).sections(day),
            self.venue: {
                "floor_price": grid.floor_price,
                "tick_size": grid.tick_size,
                "k": terms.k,
                "span_slots": windows_of(day).span_slots,
                "force_window": terms.force_window,
                "gate_lead": terms.gate_lead,
                "post_window": terms.post_window,
                "lease_seconds": terms.lease_seconds,
                "horizon_seconds": HORIZON_SECONDS,
                "cover_price": day.market.cover_price,
            },
        }

    def lead_seconds(self, day: Day) -> int:
        """Before the forcing the collector commits."""
        return day.day_ahead.gate_lead + day.day_ahead.force_window

    def steps(self, day: Day, traders: int) -> int:
        """One for each book."""
        return len(books_of(day))

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let everybody sign and the collector commit; plan forcing, posting, and what follows the decision."""
        windows = windows_of(scene.day)
        _write_roster(scene)
        for span, zone in books_of(scene.day):
            gathered = _gather(scene, span, zone, windows)
            if gathered.signed:
                at = scene.agenda.at
                at(windows.forcing_at(span), partial(force_omitted, scene, gathered))
                if scene.day.day_ahead.is_posted:
                    at(windows.gate_at(span), partial(post_book, scene, gathered))
                at(windows.decided_at(span), partial(_decide, scene, gathered, windows))
            done()


def _book(scene: Scene) -> ScheduleBook:
    return scene.community.deployment.part(ScheduleBook)


def _venue(scene: Scene) -> DayAheadVenue:
    return scene.community.deployment.part(DayAheadVenue)


# ---- before the gate ----


def _write_roster(scene: Scene) -> None:
    """Write everybody's key down where the book reads it cheaply; nobody's changes before the gate."""
    roster = scene.community.deployment.part(KeyRoster)
    pages = pages_of(item.member.participant_id for item in scene.enrolled)
    send_all([roster.writing(scene.community.collector, page) for page in pages])


def _gather(scene: Scene, span: int, zone: int, windows: Windows) -> Gathered:
    """Let everybody of a zone sign, and the collector take what it does not ignore, and commit."""
    community, orders = scene.community, schedules_in(scene.day, span, zone)
    office, book = community.collector, _book(scene)
    key = BookKey(span=span, zone=zone, collector=office.address)
    members = [item for item in scene.enrolled if item.trader.certified.zone == zone]
    collector = Collector(
        book=key,
        windows=windows,
        domain=book.domain,
        key=private_key(bytes(office.account.key)),
        speakers={
            _address(item): Speaker(participant_id=item.member.participant_id, zone=zone)
            for item in members
        },
    )
    signed = _signed(scene, key, members, orders)
    ignored = {
        item.member.participant_id
        for item in members
        if item.trader.name in scene.day.day_ahead.ignored
    }
    offered = [one for number, one in signed.items() if number not in ignored]
    receipts = {}
    # A run that continues after the gate repeats what was handed in before.
    now = min(community.keeper.now(), windows.forcing_at(span) - 1)
    for answer in collector.take_many(offered, now):
        if isinstance(answer, ScheduleRefused):
            raise answer
        receipts[answer.participant_id] = answer
    if receipts:
        book.commit(office, key, collector.commitment(now))
    return Gathered(key=key, members=members, collector=collector, signed=signed, receipts=receipts)


def _signed(
    scene: Scene, key: BookKey, members: Sequence[Enrolled], orders: Mapping[str, Orders]
) -> dict[int, SignedSchedule]:
    """Return what each participant that wants something signs, by its number."""
    separator = separator_of(BOOK_DOMAIN, _book(scene).domain)
    found = {}
    for item in members:
        if item.trader.name in orders:
            account, number = item.member.sender.account, item.member.participant_id
            found[int(number)] = sign_schedule(
                private_key(bytes(account.key)),
                _address(item),
                separator,
                key,
                number,
                orders[item.trader.name],
            )
    return found


def _address(item: Enrolled) -> bytes:
    return bytes.fromhex(item.member.sender.address.removeprefix("0x"))


def force_omitted(scene: Scene, gathered: Gathered) -> None:
    """Let everybody look whether its schedule is committed to, and force it in if it is not."""
    book = _book(scene)
    digest, leaves = receipt_digest(book.domain), gathered.collector.leaves
    committed = book.committed(gathered.key)
    is_whole = bool(leaves) and is_under(leaves[0], leaves, committed)
    under = frozenset(leaves) if is_whole else frozenset()
    calls = []
    for item in gathered.members:
        number = item.member.participant_id
        own, receipt = gathered.signed.get(number), gathered.receipts.get(number)
        if own is None:
            continue
        if receipt is not None:
            verify_receipt(receipt, digest)
        if own.leaf not in under:
            calls.append(book.forcing(item.member.sender, gathered.key, own.words))
    send_all(calls)


# ---- after the gate ----


def post_book(scene: Scene, gathered: Gathered) -> None:
    """Open the commitment and clear the book; a book that the contract refuses is left to the auction."""
    rules = rules_of(scene.day)
    forced = _book(scene).forced(gathered.key)
    signed = gathered.collector.ordered
    entries = entries_of(signed, forced)
    words = {entry.participant_id: entry.orders for entry in entries}
    unusable = _unusable(scene, gathered.key, words)
    book = opened(entries_of(signed, forced, unusable), rules)
    try:
        _book(scene).post(scene.community.collector, gathered.key, book)
    except Reverted as refusal:
        gathered.refusals.append(refusal)
        return
    gathered.posted = book


def _unusable(scene: Scene, key: BookKey, words: Mapping[int, Sequence[int]]) -> frozenset[int]:
    """Return the participants whose schedules the contract finds a fault with: no longer active, or not covered.

    What a run that is continued has posted before is taken as the contract told it then.
    """
    rules, venue, book = rules_of(scene.day), _venue(scene), _book(scene)
    aside = {one.args["participantId"] for one in book.events_of(key, "ScheduleSetAside")}
    bound = venue.bound_in(key, rules.span_slots)
    ids = [one for one in words if one not in aside and one not in bound]
    faults = venue.faults(key.span, [(one, worst_of(words[one], rules)) for one in ids])
    active = scene.community.deployment.registry.ask_all("isActive", [(one,) for one in ids])
    found = (
        one
        for one, fault, is_active in zip(ids, faults, active, strict=True)
        if fault or not is_active
    )
    return frozenset({*aside, *found})


def _decide(scene: Scene, gathered: Gathered, windows: Windows) -> None:
    if _book(scene).is_final(gathered.key):
        assert gathered.posted is not None
        keep_or_write_out(scene, gathered.key, gathered.posted)
    else:
        trade_slot_by_slot(scene, gathered, windows)


def keep_or_write_out(scene: Scene, key: BookKey, book: Opened) -> None:
    """Keep the groups for a settlement by the day, if meters are read so; else write every outcome out.

    What is written out is positions, settled slot by slot as those of any other venue.
    """
    if is_read_daily(DayAhead(), scene.day):
        scene.bound.extend(
            BoundGroup(key=key, number=number, outcomes=outcomes)
            for number, outcomes in enumerate(book.groups)
        )
        return
    venue = _venue(scene)
    for group in range(len(book.groups)):
        calls = venue.unpacking(scene.community.collector, key, book, group)
        for part in batched(calls, UNPACKED_TOGETHER):
            send_all(part)


def trade_slot_by_slot(scene: Scene, gathered: Gathered, windows: Windows) -> None:
    """Give back what failed attempts bound, move the margins to the auction, and let it trade the slots."""
    community, span = scene.community, gathered.key.span
    venue, auction = _venue(scene), community.deployment.auction
    bound = venue.groups_bound(gathered.key)
    send_all(
        [
            _book(scene).refunding(community.collector, gathered.key, one, rules_of(scene.day))
            for one in bound
        ]
    )
    moves = []
    for item in gathered.members:
        # What was locked: a run that is continued finds it moved already, and says the same again.
        margin = DayAhead().margin(item.trader, scene.day)
        if margin:
            sender = item.member.sender
            moves += [
                venue.releasing_margin(sender, margin),
                community.deployment.clearinghouse.locking(sender, auction.address, margin),
            ]
    for part in batched(moves, 2 * UNPACKED_TOGETHER):
        send_all(part)
    needed = SECONDS_EACH * len(gathered.members) + SECONDS_SPARE
    open_from = windows.decided_at(span) + needed + scene.day.market.gate_lead
    slots = [
        Slot(slot)
        for slot in scene.day.slots
        if windows.span_of(slot) == span and slot * scene.day.slot_seconds >= open_from
    ]
    scene.traded_in.append(auction.role)
    trade_slots(scene, gathered.members, slots)
