"""A day by sealed auction: everybody commits once, orders are opened after each gate closure, anyone clears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from setm.chain.sender import send_all
from setm.orders import digest, opening_word, salt
from setm.pricing import section_of
from setm.simulation.batches import batched
from setm.simulation.community import Community
from setm.simulation.scene import Enrolled, Scene
from setm.slots import Slot
from setm.trading import Day
from setm.trading.auction import Draft, SealedAuction, draft_orders, order_of
from setm.types import Order, Side

# The gas ceiling of a batch (setm.chain.contracts) stays below what one transaction may ask for (EIP-7825).
OPENED_TOGETHER, COMMITTED_TOGETHER = 200, 20

Book = Sequence[tuple[Enrolled, Draft]]


@dataclass(frozen=True, slots=True)
class AuctionOnChain:
    """The sealed auction of a deployment, with the rule of a mechanism."""

    mechanism: SealedAuction
    venue: str = "auction"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Return the rule."""
        return {"rule": section_of(self.mechanism.rules(day.market).rule)}

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each trader that has committed."""
        return traders

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let everybody commit its orders of the day; plan what happens to each slot from its gate closure on."""
        trade_slots(scene, scene.enrolled, scene.day.slots, done)


def trade_slots(
    scene: Scene,
    enrolled: Sequence[Enrolled],
    slots: Sequence[Slot],
    done: Callable[[], None] = lambda: None,
) -> None:
    """Let some commit their orders of some of the day's slots; plan what happens to these from their gates on."""
    day, community = scene.day, scene.community
    auction, wanted = community.deployment.auction, frozenset(slots)
    books: dict[Slot, list[tuple[Enrolled, Draft]]] = {slot: [] for slot in slots}
    for part in batched(enrolled, COMMITTED_TOGETHER):
        calls = []
        for item in part:
            # All slots are drawn, so that a slot's order is the same however many of them are traded.
            drafts = draft_orders(item.trader, day.slots, day.market)
            drafts = [draft for draft in drafts if draft.slot in wanted]
            for draft in drafts:
                books[draft.slot].append((item, draft))
            if drafts:
                commitments = [_commitment(community, item, draft) for draft in drafts]
                calls.append(auction.committing(item.member.sender, commitments))
        send_all(calls)
        for _ in part:
            done()
    for slot, book in books.items():
        gate = slot * day.slot_seconds - day.market.gate_lead
        if book:
            scene.agenda.at(gate, partial(_open, community, slot, book))
            scene.agenda.at(gate + day.market.reveal_window, partial(_clear, community, slot, book))


def _commitment(community: Community, item: Enrolled, draft: Draft) -> tuple[int, Side, int, bytes]:
    order, salt_value = _sealed(community, item, draft)
    auction = community.deployment.auction
    sealed = digest(community.web3.eth.chain_id, auction.address, order, salt_value)
    return draft.slot, draft.side, draft.bound, sealed


def _sealed(community: Community, item: Enrolled, draft: Draft) -> tuple[Order, int]:
    """Return the order and its salt, derived anew from the agent's secret: a restart loses nothing."""
    order = order_of(draft, item.member.participant_id)
    agent_secret = community.keys.secret("sealed orders", item.trader.name)
    return order, salt(agent_secret, community.deployment.auction.address, draft.slot)


def _open(community: Community, slot: Slot, book: Book) -> None:
    """After gate closure each trader tells its opening; anyone posts them together."""
    openings = [opening_word(*_sealed(community, item, draft)) for item, draft in book]
    for part in batched(openings, OPENED_TOGETHER):
        community.deployment.auction.open(community.collector, slot, part)


def _clear(community: Community, slot: Slot, book: Book) -> None:
    """Clear the slot; if the rule leaves a surplus, collect the buyers and pay it out."""
    auction, collector = community.deployment.auction, community.collector
    if auction.clear(collector, slot) == 0:
        return
    buyers = [item.member.participant_id for item, draft in book if draft.side is Side.BID]
    for some in batched(buyers, OPENED_TOGETHER):
        auction.collect(collector, slot, some)
    auction.pay_out_surplus(collector, slot)
