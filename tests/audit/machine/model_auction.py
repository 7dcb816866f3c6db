"""The two auctions: phases, orders and pools here, cover, digest and clearing by ``setm.orders``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from setm.orders import AuctionBook, AuctionRules, BookedOrder, clear_book, cover, digest
from setm.pricing import MAX_TICK_WH, PayAsBid, PricingRule, UniformPrice
from setm.types import Grid, Order, Side
from setm.units import Money
from tests.audit.machine.model_base import Side as Part
from tests.audit.machine.model_base import require
from tests.audit.machine.steps import Seal, Sig, Step
from tests.audit.machine.world import AUCTIONS, CONFIG, OPERATOR_ID

RING = 1024


class Phase(IntEnum):
    """Phase of a slot (IAuction.Phase)."""

    EARLY = 0
    ORDERING = 1
    REVEALING = 2
    CLEARING = 3
    CLEARED = 4
    VOID = 5


class State(IntEnum):
    """State of an order (IAuction.OrderState)."""

    NONE = 0
    COMMITTED = 1
    OPENED = 2
    COLLECTED = 3
    FORFEITED = 4
    CLOSED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order as its place in the ring holds it."""

    slot: int
    side: int
    state: State
    bound: int
    digest: bytes = b""
    tick: int = 0
    energy_wh: int = 0
    ahead_wh: int = 0
    compensated: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What one auction keeps."""

    margins: Mapping[int, int]
    orders: Mapping[tuple[int, int], Placed]
    arrivals: Mapping[int, tuple[int, ...]]
    results: Mapping[int, AuctionBook]
    forfeits: Mapping[tuple[int, int], int]
    pools: Mapping[int, int]
    paid_out: frozenset[int] = frozenset()

    def order(self, slot: int, participant_id: int) -> Placed | None:
        """Return a participant's order of a slot, if its place holds one."""
        found = self.orders.get((participant_id, slot % RING))
        return found if found and found.slot == slot and found.state != State.NONE else None


def rules_of(venue: str) -> AuctionRules:
    """Return the configuration of an auction as its reference takes it."""
    config = CONFIG[venue]
    return AuctionRules(
        grid=Grid(floor_price=config["floor_price"], tick_size=config["tick_size"]),
        tick_count=config["tick_count"],
        bond=config["bond"],
        cover_price=config["cover_price"],
        max_order_wh=config["max_order_wh"],
        rule=PRICED[venue],
    )


PRICED: Mapping[str, PricingRule] = {"auction": UniformPrice(), "open_auction": PayAsBid()}
RULES = {venue: rules_of(venue) for venue in AUCTIONS}


def cover_of(venue: str, side: int, tick: int, energy_wh: int) -> int:
    """Return what an order must bind."""
    rules = RULES[venue]
    return cover(Side(side), rules.grid.price(tick), energy_wh, rules.cover_price)


def start_of(slot: int) -> int:
    """Return when the delivery of a slot starts."""
    return slot * int(CONFIG["slot_seconds"])


class AuctionSide(Part):
    def start_auctions(self) -> None:
        empty = Book(margins={}, orders={}, arrivals={}, results={}, forfeits={}, pools={})
        self.auctions: dict[str, Book] = dict.fromkeys(AUCTIONS, empty)
        self.nonces: dict[tuple[str, str], int] = {}

    def change_auction(self, venue: str, **changes: Any) -> None:
        self.auctions = {**self.auctions, venue: replace(self.auctions[venue], **changes)}

    def phase(self, venue: str, slot: int) -> Phase:
        """Return the phase of a slot now."""
        config, start = CONFIG[venue], start_of(slot)
        clock, reveal = self.now + config["gate_lead"], config["reveal_window"]
        if self.now + config["horizon_seconds"] < start:
            return Phase.EARLY
        if clock < start:
            return Phase.ORDERING
        if clock < start + reveal:
            return Phase.REVEALING
        if slot in self.auctions[venue].results:
            return Phase.CLEARED
        return Phase.CLEARING if clock < start + reveal + config["clear_window"] else Phase.VOID

    def _require_phase(self, venue: str, slot: int, expected: Phase) -> None:
        found = self.phase(venue, slot)
        require(
            found == expected, "WrongPhase", slot=slot, found=int(found), expected=int(expected)
        )

    def _require_mode(self, venue: str, is_sealed: bool) -> None:
        mode = CONFIG[venue]["is_sealed"]
        require(mode == is_sealed, "ModeMismatch", isSealed=mode)

    def _require_in_band(self, venue: str, tick: int, energy_wh: int) -> None:
        rules = RULES[venue]
        require(tick < rules.tick_count, "TickOutOfBand", tick=tick, tickCount=rules.tick_count)
        limit = rules.max_order_wh
        require(0 < energy_wh <= limit, "EnergyOutOfRange", energyWh=energy_wh, limit=limit)

    def use_nonce(self, venue: str, key: str, nonce: int) -> None:
        """A signed message of a key counts once (OpenZeppelin's Nonces)."""
        current = self.nonces.get((venue, key), 0)
        require(nonce == current, "InvalidAccountNonce", account=key, currentNonce=current)
        self.nonces = {**self.nonces, (venue, key): nonce + 1}

    # Margin

    def bind_in_auction(self, venue: str, participant_id: int, amount: int) -> None:
        margin = self.auctions[venue].margins.get(participant_id, 0)
        who = participant_id
        if amount == 0:
            require(margin != 0, "NotCovered", participantId=who, needed=1, available=0)
        self._take_margin(venue, participant_id, amount)

    def _take_margin(self, venue: str, who: int, amount: int) -> None:
        margin = self.auctions[venue].margins.get(who, 0)
        require(margin >= amount, "NotCovered", participantId=who, needed=amount, available=margin)
        self.add_auction_margin(venue, who, -amount)

    def add_auction_margin(self, venue: str, participant_id: int, amount: int) -> None:
        margins = self.auctions[venue].margins
        grown = margins.get(participant_id, 0) + amount
        self.change_auction(venue, margins={**margins, participant_id: grown})

    def auction_add_margin(self, step: Step, participant_id: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def auction_release_margin(self, step: Step, amount: int) -> None:
        self._release(step.contract, self.owner(step.sender), amount)

    def auction_release_margin_of(self, step: Step, participant_id: int) -> None:
        require(not self.is_active(participant_id), "StillActive", participantId=participant_id)
        margin = self.auctions[step.contract].margins.get(participant_id, 0)
        self._release(step.contract, participant_id, margin)

    def _release(self, venue: str, participant_id: int, amount: int) -> None:
        self._take_margin(venue, participant_id, amount)
        require(self.is_venue(venue), "NotAVenue", venue=venue)
        self.release_account(venue, participant_id, amount)

    # Ordering

    def auction_commit(self, step: Step, commitment: tuple[Any, ...]) -> None:
        self._require_mode(step.contract, True)
        participant_id = self.authorize(step.sender, step.contract, commitment[2])
        self._commit(step.contract, participant_id, commitment)

    def auction_commit_many(self, step: Step, commitments: Sequence[tuple[Any, ...]]) -> None:
        self._require_mode(step.contract, True)
        largest = max((entry[2] for entry in commitments), default=0)
        participant_id = self.authorize(step.sender, step.contract, largest)
        for entry in commitments:
            self._commit(step.contract, participant_id, entry)

    def auction_commit_for(
        self,
        step: Step,
        commitment: tuple[Any, ...],
        key: str,
        nonce: int,
        deadline: int,
        signature: Sig,
    ) -> None:
        self._require_mode(step.contract, True)
        participant_id = self._signer(step, key, nonce, deadline, signature, commitment[2])
        self._commit(step.contract, participant_id, commitment)

    def _signer(
        self, step: Step, key: str, nonce: int, deadline: int, signature: Sig, amount: int
    ) -> int:
        require(self.now <= deadline, "MessageExpired", deadline=deadline, nowAt=self.now)
        self.use_nonce(step.contract, key, nonce)
        require(self.world.is_good(step, signature, key), "ForgedSignature", key=key)
        return self.authorize(key, step.contract, amount)

    def _commit(self, venue: str, participant_id: int, commitment: tuple[Any, ...]) -> None:
        slot, side, bound, sealed = commitment
        self._require_phase(venue, slot, Phase.ORDERING)
        bond = RULES[venue].bond
        require(bound >= bond, "BondTooLow", bond=bond, bound=bound)
        found = self.world.seal(venue, sealed) if isinstance(sealed, Seal) else _bytes(sealed)
        require(not any(found[23:]), "DigestMalformed", digest="0x" + found.hex())
        self._require_free(venue, slot, participant_id)
        self.bind_in_auction(venue, participant_id, bound)
        placed = Placed(slot=slot, side=side, state=State.COMMITTED, bound=bound, digest=found)
        self.put_order(venue, participant_id, placed)

    def _require_free(self, venue: str, slot: int, participant_id: int) -> None:
        there = self.auctions[venue].orders.get((participant_id, slot % RING))
        if there is None or there.state == State.NONE or there.state >= State.FORFEITED:
            return
        taken = there.slot == slot
        require(not taken, "OrderExists", slot=slot, participantId=participant_id)
        require(False, "EarlierSlotOpen", earlierSlot=there.slot)

    def put_order(self, venue: str, participant_id: int, placed: Placed) -> None:
        orders = self.auctions[venue].orders
        place = participant_id, placed.slot % RING
        self.change_auction(venue, orders={**orders, place: placed})

    def auction_cancel(self, step: Step, slot: int) -> None:
        venue = step.contract
        self._require_mode(venue, True)
        participant_id = self.authorize(step.sender, venue, 0)
        self._require_phase(venue, slot, Phase.ORDERING)
        order = self.auctions[venue].order(slot, participant_id)
        is_there = order is not None and order.state == State.COMMITTED
        require(is_there, "NoCommitment", slot=slot, participantId=participant_id)
        assert order is not None
        none = Placed(slot=slot, side=0, state=State.NONE, bound=0)
        self.put_order(venue, participant_id, none)
        self.add_auction_margin(venue, participant_id, order.bound)

    def auction_place_order(self, step: Step, order: tuple[int, int, int, int]) -> None:
        self._require_mode(step.contract, False)
        needed = cover_of(step.contract, *order[1:])
        self._place(step.contract, self.authorize(step.sender, step.contract, needed), order)

    def auction_place_order_for(
        self,
        step: Step,
        order: tuple[int, int, int, int],
        key: str,
        nonce: int,
        deadline: int,
        signature: Sig,
    ) -> None:
        self._require_mode(step.contract, False)
        needed = cover_of(step.contract, *order[1:])
        participant_id = self._signer(step, key, nonce, deadline, signature, needed)
        self._place(step.contract, participant_id, order)

    def _place(self, venue: str, participant_id: int, order: tuple[int, int, int, int]) -> None:
        slot, side, tick, energy_wh = order
        self._require_phase(venue, slot, Phase.ORDERING)
        self._require_in_band(venue, tick, energy_wh)
        self._require_free(venue, slot, participant_id)
        bound = cover_of(venue, side, tick, energy_wh)
        self.bind_in_auction(venue, participant_id, bound)
        held = self.held_at(venue, slot, side, tick)
        fits = held + energy_wh <= MAX_TICK_WH
        require(fits, "TickFull", tick=tick, heldWh=held, addedWh=energy_wh)
        placed = Placed(slot=slot, side=side, state=State.COMMITTED, bound=bound)
        self._join_ladder(venue, participant_id, placed, tick, energy_wh, held)

    def held_at(self, venue: str, slot: int, side: int, tick: int) -> int:
        """Return what stands at a tick."""
        book = self.auctions[venue]
        found = (book.order(slot, who) for who in book.arrivals.get(slot, ()))
        return sum(o.energy_wh for o in found if o and (o.side, o.tick) == (side, tick))

    def _join_ladder(
        self, venue: str, who: int, placed: Placed, tick: int, energy_wh: int, ahead_wh: int
    ) -> None:
        opened = replace(
            placed,
            state=State.OPENED,
            digest=b"",
            tick=tick,
            energy_wh=energy_wh,
            ahead_wh=ahead_wh,
        )
        self.put_order(venue, who, opened)
        arrivals = self.auctions[venue].arrivals
        came = (*arrivals.get(placed.slot, ()), who)
        self.change_auction(venue, arrivals={**arrivals, placed.slot: came})

    # Revealing

    def auction_open(self, step: Step, slot: int, openings: Sequence[int]) -> None:
        venue = step.contract
        self._require_mode(venue, True)
        self._require_phase(venue, slot, Phase.REVEALING)
        for opening in openings:
            self._open(venue, slot, opening)

    def _open(self, venue: str, slot: int, opening: int) -> None:
        who, tick = opening >> 224, opening >> 208 & 0xFFFF
        energy_wh, salt = opening >> 160 & (1 << 48) - 1, opening & (1 << 160) - 1
        placed = self.auctions[venue].order(slot, who)
        if placed is not None and placed.state == State.OPENED:
            return
        is_there = placed is not None and placed.state == State.COMMITTED
        require(is_there, "NoCommitment", slot=slot, participantId=who)
        assert placed is not None
        order = Order(
            participant_id=who,  # type: ignore[arg-type]
            slot=slot,  # type: ignore[arg-type]
            side=Side(placed.side),
            tick=tick,
            energy_wh=energy_wh,  # type: ignore[arg-type]
        )
        found = digest(self.world.chain_id, self.world.address(venue), order, salt)
        require(found == placed.digest, "CommitmentMismatch", slot=slot, participantId=who)
        self._require_in_band(venue, tick, energy_wh)
        held = self.held_at(venue, slot, placed.side, tick)
        is_covered = cover_of(venue, placed.side, tick, energy_wh) <= placed.bound
        if is_covered and held + energy_wh <= MAX_TICK_WH:
            self._join_ladder(venue, who, placed, tick, energy_wh, held)

    # Clearing

    def auction_clear(self, step: Step, slot: int) -> None:
        self._require_phase(step.contract, slot, Phase.CLEARING)
        self._clear(step.contract, slot)

    def _clear(self, venue: str, slot: int) -> None:
        book = self.auctions[venue]
        booked = [
            self._booked(slot, who, book.order(slot, who)) for who in book.arrivals.get(slot, ())
        ]
        cleared = clear_book(RULES[venue], booked)
        self.change_auction(venue, results={**book.results, slot: cleared})

    def _booked(self, slot: int, who: int, placed: Placed | None) -> BookedOrder:
        assert placed is not None
        order = Order(
            participant_id=who,  # type: ignore[arg-type]
            slot=slot,  # type: ignore[arg-type]
            side=Side(placed.side),
            tick=placed.tick,
            energy_wh=placed.energy_wh,  # type: ignore[arg-type]
        )
        return BookedOrder(order=order, bound=Money(placed.bound))

    def auction_forfeit(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        venue = step.contract
        self._require_mode(venue, True)
        if self.phase(venue, slot) is Phase.CLEARING:
            self._clear(venue, slot)
        self._require_phase(venue, slot, Phase.CLEARED)
        for who in participant_ids:
            self._forfeit(venue, slot, who)

    def _forfeit(self, venue: str, slot: int, who: int) -> None:
        order, bond = self.auctions[venue].order(slot, who), RULES[venue].bond
        if order is None or order.state == State.FORFEITED:
            return
        was_sealed = order.state == State.COMMITTED
        require(was_sealed, "NothingForfeited", slot=slot, participantId=who)
        forfeited = replace(order, state=State.FORFEITED, bound=0, digest=b"")
        self.put_order(venue, who, forfeited)
        forfeits = self.auctions[venue].forfeits
        total = forfeits.get((slot, order.side), 0) + bond
        self.change_auction(venue, forfeits={**forfeits, (slot, order.side): total})
        self.add_auction_margin(venue, who, order.bound - bond)
        self._charge(venue, slot, who, bond)

    def _charge(self, venue: str, slot: int, who: int, amount: int) -> None:
        self.move_pool(venue, slot, amount)
        self.close_account(venue, who, charged=amount)

    def move_pool(self, venue: str, slot: int, amount: int) -> None:
        pools = self.auctions[venue].pools
        self.change_auction(venue, pools={**pools, slot: pools.get(slot, 0) + amount})

    def auction_compensate(self, step: Step, slot: int, who: int) -> None:
        venue = step.contract
        self._require_mode(venue, True)
        config = CONFIG[venue]
        due = start_of(slot) + config["reveal_window"] + config["clear_window"]
        lead = config["gate_lead"]
        require(self.now + lead >= due, "CompensationOpen", slot=slot, possibleFrom=due - lead)
        owed = self.compensation_of(venue, slot, who)
        require(owed != 0, "NoCompensation", slot=slot, participantId=who)
        order = self.auctions[venue].order(slot, who)
        assert order is not None
        self.put_order(venue, who, replace(order, compensated=order.compensated + owed))
        pool = self.auctions[venue].pools.get(slot, 0)
        require(pool >= owed, "SlotPoolTooLow", slot=slot, needed=owed, available=pool)
        self.move_pool(venue, slot, -owed)
        self.add_auction_margin(venue, who, owed)
        self.close_account(venue, who, heir=venue, paid=owed)

    def surplus_of(self, venue: str, slot: int) -> int:
        """Return what a slot's rule left over and nobody has paid out."""
        book = self.auctions[venue]
        if slot not in book.results or slot in book.paid_out:
            return 0
        return int(book.results[slot].clearing.surplus)

    def auction_pay_out_surplus(self, step: Step, slot: int) -> None:
        venue, surplus = step.contract, self.surplus_of(step.contract, slot)
        require(surplus != 0, "NoSurplus", slot=slot)
        pool = self.auctions[venue].pools.get(slot, 0)
        require(pool >= surplus, "SlotPoolTooLow", slot=slot, needed=surplus, available=pool)
        self.move_pool(venue, slot, -surplus)
        self.change_auction(venue, paid_out=self.auctions[venue].paid_out | {slot})
        self.close_account(venue, OPERATOR_ID, paid=surplus)

    def compensation_of(self, venue: str, slot: int, who: int) -> int:
        """Return what an opened order is still owed of the other side's bonds."""
        book = self.auctions[venue]
        order = book.order(slot, who)
        if order is None or order.energy_wh == 0 or slot not in book.results:
            return 0
        forfeited = book.forfeits.get((slot, 1 - order.side), 0)
        ladder = book.results[slot].asks if order.side else book.results[slot].bids
        total = sum(ladder)
        return forfeited * order.energy_wh // total - order.compensated if total else 0

    # From trade to settlement

    def auction_is_final(self, venue: str, slot: int) -> bool:
        return self.phase(venue, slot) >= Phase.CLEARED

    def auction_collect(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        require(self.auction_is_final(step.contract, slot), "OutcomeOpen", slot=slot)
        for who in participant_ids:
            self.collect_in_auction(step.contract, slot, who)

    def collect_in_auction(self, venue: str, slot: int, who: int) -> None:
        """Take what a buyer owes and free what its order binds no longer."""
        book = self.auctions[venue]
        order, result = book.order(slot, who), book.results.get(slot)
        if order is None:
            return
        if order.state == State.COMMITTED and result is None:
            closed = replace(order, state=State.CLOSED, bound=0, digest=b"")
            self.put_order(venue, who, closed)
            self.add_auction_margin(venue, who, order.bound)
            return
        if order.state != State.OPENED:
            return
        payment = kept = filled = 0
        if result is not None:
            outcome = result.outcomes[who]  # type: ignore[index]
            payment, kept, filled = outcome.trade.payment, outcome.kept, outcome.filled_wh
        state = State.COLLECTED if filled else State.CLOSED
        self.put_order(venue, who, replace(order, state=state, bound=kept))
        self.add_auction_margin(venue, who, order.bound - payment - kept)
        if payment:
            self._charge(venue, slot, who, payment)

    def auction_close(self, step: Step, slot: int, who: int) -> None:
        require(False, "OnlyBy", expected="settlement", caller=step.sender)

    def close_in_auction(self, venue: str, slot: int, who: int) -> tuple[int, int, int]:
        """Return what settlement takes over: Wh bought, Wh sold, credit."""
        self.collect_in_auction(venue, slot, who)
        book = self.auctions[venue]
        order = book.order(slot, who)
        if order is None or order.state != State.COLLECTED:
            return 0, 0, 0
        trade = book.results[slot].outcomes[who].trade  # type: ignore[index]
        self.put_order(venue, who, replace(order, state=State.CLOSED, bound=0))
        self._pay_seller(venue, slot, trade.revenue)
        if order.bound + trade.revenue:
            self.close_account(
                venue, who, heir="settlement", released=order.bound, paid=trade.revenue
            )
        return trade.bought_wh, trade.sold_wh, order.bound + trade.revenue

    def _pay_seller(self, venue: str, slot: int, revenue: int) -> None:
        pool = self.auctions[venue].pools.get(slot, 0)
        require(pool >= revenue, "SlotPoolTooLow", slot=slot, needed=revenue, available=pool)
        self.move_pool(venue, slot, -revenue)


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(value[2:]) if isinstance(value, str) else bytes(value)
