"""A day of orders with conditions: devices registered before, tags minted, delivered and claimed after settlement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from setm.chain.contracts import Conditional, Tags
from setm.errors import ConfigError
from setm.simulation.scene import Enrolled, Scene
from setm.slots import Slot
from setm.tags import GREEN, Source, tag_id
from setm.tags.orders import Order
from setm.trading import Day, Trader
from setm.trading.conditional import terms, trade
from setm.types import Side
from setm.units import Price

# Behind the last block of a settlement that waited for every window.
MARGIN_SECONDS = 60
GREEN_SOURCES = tuple(source for source in Source if source.bit & GREEN)


@dataclass(frozen=True, slots=True)
class ConditionalOnChain:
    """The conditional venue of a deployment, with its energy tags."""

    venue: str = "conditional"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Its own section, and the sources of the sellers' device classes."""
        limits = asdict(terms(day).limits)
        limits.pop("slot_seconds")
        return {
            "tags": {"sources": sources(day)},
            self.venue: {**limits, "tag_price": terms(day).tag_price},
        }

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each slot that was traded."""
        return len(day.slots)

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let everybody post and sellers take; plan what becomes of each slot's tags."""
        community = scene.community
        ids = [item.member.participant_id for item in scene.enrolled]
        community.deployment.part(Tags).register(community.collector, ids)
        desk = ChainDesk(scene)
        trade(scene.day, desk, done)
        final_after = int(community.deployment.meters.ask("finalAfter"))
        for slot in scene.day.slots:
            due = (slot + 1) * scene.day.slot_seconds + final_after + MARGIN_SECONDS
            scene.agenda.at(due, partial(_mint, scene, slot, desk.owing.get(slot, [])))


def sources(day: Day) -> dict[str, str]:
    """Return the source of each seller's device class; raise ``ConfigError`` if a class would have two."""
    found: dict[str, str] = {}
    for trader in day.traders:
        if all(trader.side_in(slot) is Side.BID for slot in day.slots):
            continue
        key, name = str(trader.certified.device_class), trader.certified.source.name.lower()
        if found.setdefault(key, name) != name:
            raise ConfigError(
                f"device class {key}: {found[key]} and {name}: expected one source for each class of sellers"
            )
    return found


@dataclass(slots=True)
class ChainDesk:
    """A desk of which each act is a transaction (``setm.trading.conditional.Desk``); notes who owes tags."""

    scene: Scene
    owing: dict[Slot, list[int]] = field(default_factory=dict)
    _slots: dict[int, Slot] = field(default_factory=dict)

    @property
    def _venue(self) -> Conditional:
        return self.scene.community.deployment.part(Conditional)

    def post(self, trader: Trader, order: Order) -> int:
        """Send an order; return the number that the venue gave it."""
        number = self._venue.post(self.scene.members[trader.name].sender, order)
        self._slots[number] = order.slot
        return number

    def cancel(self, trader: Trader, number: int) -> None:
        """Take an order back."""
        self._venue.cancel(self.scene.members[trader.name].sender, number)

    def take(self, trader: Trader, number: int, energy_wh: int, price: Price) -> None:
        """Take a part of an order."""
        sender = self.scene.members[trader.name].sender
        trade_id, owed_wh = self._venue.take(sender, number, energy_wh, price)
        if owed_wh:
            self.owing.setdefault(self._slots[number], []).append(trade_id)


def _mint(scene: Scene, slot: Slot, trades: list[int]) -> None:
    """Mint what everybody fed in, deliver what is owed of it, and let buyers claim what they took."""
    community = scene.community
    tags, venue = community.deployment.part(Tags), community.deployment.part(Conditional)
    ids = [item.member.participant_id for item in scene.enrolled]
    tags.mint(community.collector, slot, ids)
    for trade_id in trades:
        venue.deliver(community.collector, trade_id)
    if trades:
        for item in scene.enrolled:
            _claim(scene, slot, item)


def _claim(scene: Scene, slot: Slot, item: Enrolled) -> None:
    """Let a buyer end its green tags of a slot for what its meter measured there."""
    if item.trader.side_in(slot) is not Side.BID:
        return
    deployment = scene.community.deployment
    tags, member = deployment.part(Tags), item.member
    left_wh = deployment.meters.import_of(member.participant_id, slot)
    amounts = {}
    for source in GREEN_SOURCES:
        number = tag_id(source, item.trader.certified.zone, slot)
        energy_wh = min(tags.balance_of(member.sender.address, number), left_wh)
        left_wh -= energy_wh
        if energy_wh:
            amounts[number] = energy_wh
    if amounts:
        tags.claim_consumption(member.sender, amounts)
