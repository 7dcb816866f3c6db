"""The books of a tariff: who announced and took what, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from setm.slots import Slot
from setm.tariff.terms import (
    Announcement,
    Config,
    Phase,
    Refused,
    State,
    Taking,
    share,
)
from setm.types import ParticipantId, Side, Trade
from setm.units import Money, Price, Wh, payment_down, payment_up

RING = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A participant's part in a slot (ITariff.AnnouncementView)."""

    slot: Slot
    side: Side = Side.BID
    announced_wh: Wh = Wh(0)
    taken_wh: Wh = Wh(0)
    ahead_wh: Wh = Wh(0)
    bound: Money = Money(0)
    state: State = State.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What all participants announced and took in a slot (ITariff.Sums), Wh by side."""

    announced: tuple[Wh, Wh] = (Wh(0), Wh(0))
    taken: tuple[Wh, Wh] = (Wh(0), Wh(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The venue's whole state; parts stand at (participant, slot % RING)."""

    config: Config
    margins: Mapping[ParticipantId, Money] = field(default_factory=dict)
    parts: Mapping[tuple[ParticipantId, int], Part] = field(default_factory=dict)
    sums: Mapping[Slot, Sums] = field(default_factory=dict)
    pools: Mapping[Slot, Money] = field(default_factory=dict)

    def margin_of(self, participant_id: int) -> Money:
        """Return the margin that nothing binds."""
        return self.margins.get(ParticipantId(participant_id), Money(0))

    def part(self, slot: int, participant_id: int) -> Part:
        """Return a participant's part in a slot; an empty one if it has none."""
        found = self.parts.get((ParticipantId(participant_id), slot % RING))
        return found if found is not None and found.slot == slot else Part(slot=Slot(slot))

    def sums_of(self, slot: int) -> Sums:
        """Return what was announced and taken in a slot so far."""
        return self.sums.get(Slot(slot), Sums())


# PRICE AND SHARES


def price_of(book: Book, slot: int, now: int) -> Price:
    """Return the posted price of a slot."""
    if book.config.phase(slot, now) < Phase.TAKING:
        raise Refused("PriceOpen", slot=slot)
    return _price(book, slot)


def _price(book: Book, slot: int) -> Price:
    announced = book.sums_of(slot).announced
    return book.config.price(announced[Side.ASK], announced[Side.BID])


def filled(book: Book, slot: int, participant_id: int) -> Wh:
    """Return how much of what a participant took fills as things stand, Wh."""
    part, taken = book.part(slot, participant_id), book.sums_of(slot).taken
    return share(part.taken_wh, part.ahead_wh, taken[part.side], min(taken))


# MARGIN


def add_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after collateral was locked for the venue."""
    return _with_margin(book, participant_id, amount)


def release_margin(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    """Return the book after margin went back to the free balance."""
    return _bind(book, participant_id, amount) if amount else book


def _bind(book: Book, participant_id: ParticipantId, amount: int) -> Book:
    margin = book.margin_of(participant_id)
    # Settlement asks a venue only for those who have locked collateral for it: what binds nothing needs a margin too.
    needed = max(amount, 1)
    if margin < needed:
        raise Refused("NotCovered", participantId=participant_id, needed=needed, available=margin)
    return _with_margin(book, participant_id, -amount)


def _with_margin(book: Book, participant_id: ParticipantId, change: int) -> Book:
    amount = Money(book.margin_of(participant_id) + change)
    return replace(book, margins={**book.margins, participant_id: amount})


# ANNOUNCING AND TAKING


def announce(book: Book, caller: ParticipantId, message: Announcement, now: int) -> Book:
    """Return the book after a participant announced what it would buy or sell."""
    slot, side, energy_wh = message.slot, message.side, message.energy_wh
    _require_phase(book.config, slot, Phase.ANNOUNCING, now)
    _require_energy(energy_wh, book.config.max_energy_wh)
    _require_place(book, slot, caller)
    bound = book.config.worst_cost(side, energy_wh)
    book = _bind(book, caller, bound)
    sums = book.sums_of(slot)
    part = Part(slot=slot, side=side, announced_wh=energy_wh, bound=bound, state=State.ANNOUNCED)
    sums = replace(sums, announced=_added(sums.announced, side, energy_wh))
    return _with_part(replace(book, sums={**book.sums, slot: sums}), caller, part)


def announce_many(
    book: Book, caller: ParticipantId, messages: Sequence[Announcement], now: int
) -> Book:
    """Return the book after announcements for several slots; all or none."""
    for message in messages:
        book = announce(book, caller, message, now)
    return book


def take(book: Book, caller: ParticipantId, message: Taking, now: int) -> Book:
    """Return the book after a participant took the posted price."""
    slot, side, energy_wh = message.slot, message.side, message.energy_wh
    _require_phase(book.config, slot, Phase.TAKING, now)
    posted = _price(book, slot)
    if message.price != posted:
        raise Refused("PriceMismatch", posted=posted, named=message.price)
    part = book.part(slot, caller)
    if part.state is not State.ANNOUNCED or part.side is not side:
        raise Refused("NothingToTake", slot=slot, participantId=caller, side=int(side))
    _require_energy(energy_wh, part.announced_wh)
    cost = book.config.cost(side, energy_wh, posted)
    sums = book.sums_of(slot)
    after = replace(
        part, taken_wh=energy_wh, ahead_wh=sums.taken[side], bound=cost, state=State.TAKEN
    )
    sums = replace(sums, taken=_added(sums.taken, side, energy_wh))
    book = _with_margin(book, caller, part.bound - cost)
    return _with_part(replace(book, sums={**book.sums, slot: sums}), caller, after)


def take_many(book: Book, caller: ParticipantId, messages: Sequence[Taking], now: int) -> Book:
    """Return the book after the prices of several slots were taken; all or none."""
    for message in messages:
        book = take(book, caller, message, now)
    return book


def _require_phase(config: Config, slot: int, expected: Phase, now: int) -> None:
    found = config.phase(slot, now)
    if found is not expected:
        raise Refused("WrongPhase", slot=slot, found=int(found), expected=int(expected))


def _require_energy(energy_wh: int, limit: int) -> None:
    if not 1 <= energy_wh <= limit:
        raise Refused("EnergyOutOfRange", energyWh=energy_wh, limit=limit)


def _require_place(book: Book, slot: int, participant_id: ParticipantId) -> None:
    part = book.parts.get((participant_id, slot % RING))
    if part is None or part.state is State.CLOSED:
        return
    if part.slot == slot:
        raise Refused("AnnouncementExists", slot=slot, participantId=participant_id)
    raise Refused("EarlierSlotOpen", earlierSlot=part.slot)


def _added(sums: tuple[Wh, Wh], side: Side, energy_wh: int) -> tuple[Wh, Wh]:
    bids, asks = sums
    return (Wh(bids + energy_wh), asks) if side is Side.BID else (bids, Wh(asks + energy_wh))


def _with_part(book: Book, participant_id: int, part: Part) -> Book:
    place = ParticipantId(participant_id), part.slot % RING
    return replace(book, parts={**book.parts, place: part})


# FROM TRADE TO SETTLEMENT


def trade_of(book: Book, slot: int, participant_id: int, now: int) -> Trade:
    """Return a participant's trade in a final slot."""
    _require_final(book.config, slot, now)
    return _trade(book, slot, participant_id)


def _trade(book: Book, slot: int, participant_id: int) -> Trade:
    energy_wh, price = filled(book, slot, participant_id), _price(book, slot)
    if book.part(slot, participant_id).side is Side.BID:
        return Trade(bought_wh=energy_wh, payment=payment_up(energy_wh, price))
    return Trade(sold_wh=energy_wh, revenue=payment_down(energy_wh, price))


def collect(book: Book, slot: int, participant_ids: Iterable[int], now: int) -> Book:
    """Return the book after payments went to the slot's pool, and what is bound no longer to the margins."""
    _require_final(book.config, slot, now)
    for participant_id in participant_ids:
        part = book.part(slot, participant_id)
        if part.state in (State.ANNOUNCED, State.TAKEN):
            book = _collected(book, ParticipantId(participant_id), part)
    return book


def _collected(book: Book, participant_id: ParticipantId, part: Part) -> Book:
    energy_wh = filled(book, part.slot, participant_id)
    cost = book.config.cost(part.side, energy_wh, _price(book, part.slot))
    payment = cost if part.side is Side.BID else Money(0)
    state = State.COLLECTED if energy_wh else State.CLOSED
    book = _with_margin(book, participant_id, part.bound - cost)
    book = _with_pool(book, part.slot, payment)
    return _with_part(book, participant_id, replace(part, state=state, bound=Money(cost - payment)))


def close(
    book: Book, slot: int, participant_id: int, now: int
) -> tuple[Book, tuple[Wh, Wh, Money]]:
    """Return the book after settlement took over a trade, and what it got: Wh bought, Wh sold, credit."""
    book = collect(book, slot, [participant_id], now)
    part = book.part(slot, participant_id)
    if part.state is not State.COLLECTED:
        return book, (Wh(0), Wh(0), Money(0))
    trade = _trade(book, slot, participant_id)
    pool = book.pools.get(Slot(slot), Money(0))
    if pool < trade.revenue:
        raise Refused("SlotPoolTooLow", slot=slot, needed=trade.revenue, available=pool)
    closed = replace(part, state=State.CLOSED, bound=Money(0))
    book = _with_pool(_with_part(book, participant_id, closed), part.slot, -trade.revenue)
    return book, (trade.bought_wh, trade.sold_wh, Money(trade.revenue + part.bound))


def _require_final(config: Config, slot: int, now: int) -> None:
    if config.phase(slot, now) is not Phase.FINAL:
        raise Refused("OutcomeOpen", slot=slot)


def _with_pool(book: Book, slot: Slot, change: int) -> Book:
    pool = Money(book.pools.get(slot, Money(0)) + change)
    return replace(book, pools={**book.pools, slot: pool})
