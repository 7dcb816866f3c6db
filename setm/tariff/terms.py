"""What holds for every slot of a tariff: phases, price formula, costs, and the messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from setm.errors import OrderRefused
from setm.pricing import SupplyDemand
from setm.slots import Slot
from setm.types import Side
from setm.units import Money, Price, Wh, payment_up


class Refused(OrderRefused):
    """The venue refuses; ``name`` and ``arguments`` are those of the contract's error."""

    def __init__(self, name: str, **arguments: int) -> None:
        self.name = name
        self.arguments = arguments
        listed = ", ".join(f"{key}={value}" for key, value in arguments.items())
        super().__init__(f"tariff refuses: {name}({listed}); see docs/errors.md#{name.lower()}")


class Phase(IntEnum):
    """Phase of a slot (ITariff.Phase)."""

    EARLY = 0
    ANNOUNCING = 1
    TAKING = 2
    FINAL = 3


class State(IntEnum):
    """How far a participant's part in a slot has come (ITariff.State)."""

    NONE = 0
    ANNOUNCED = 1
    TAKEN = 2
    COLLECTED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is fixed at deployment (ITariff.Config), and the slot length in seconds."""

    feed_in_price: Price
    retail_price: Price
    announce_lead: int
    gate_lead: int
    horizon_seconds: int
    cover_price: Price
    max_energy_wh: Wh
    slot_seconds: int

    def phase(self, slot: int, now: int) -> Phase:
        """Return the phase of a slot at a time; each bound belongs to the later phase."""
        ahead = slot * self.slot_seconds - now
        if ahead > self.horizon_seconds:
            return Phase.EARLY
        if ahead > self.announce_lead:
            return Phase.ANNOUNCING
        return Phase.TAKING if ahead > self.gate_lead else Phase.FINAL

    def price(self, supply_wh: int, demand_wh: int) -> Price:
        """Return the price of the supply/demand ratio, 0.001 EUR/MWh: the formula of the pricing rule."""
        rule = SupplyDemand(feed_in_price=self.feed_in_price, retail_price=self.retail_price)
        return rule.price(supply_wh, demand_wh)

    def cost(self, side: Side, energy_wh: int, price: int) -> Money:
        """Return what energy can cost at a price: a bid its payment, an ask buying back beyond its revenue."""
        if side is Side.BID:
            return payment_up(energy_wh, price)
        return payment_up(energy_wh, max(self.cover_price - price, 0))

    def worst_cost(self, side: Side, energy_wh: int) -> Money:
        """Return what an announcement binds: its cost at the worst price that may be posted."""
        worst = self.retail_price if side is Side.BID else self.feed_in_price
        return self.cost(side, energy_wh, worst)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a participant would buy (bid) or sell (ask) in a slot (ITariff.Announcement)."""

    slot: Slot
    side: Side
    energy_wh: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What a participant buys or sells at the price that it has seen (ITariff.Taking)."""

    slot: Slot
    side: Side
    energy_wh: Wh
    price: Price


def share(taken_wh: int, ahead_wh: int, side_wh: int, volume_wh: int) -> Wh:
    """Return how much of what a participant took fills, Wh, if ``volume_wh`` of ``side_wh`` do.

    Shares are rounded cumulatively: they sum to the volume exactly, in any order.

    >>> [share(1, ahead, 3, 2) for ahead in range(3)]
    [0, 1, 1]
    """
    if taken_wh == 0:
        return Wh(0)
    return Wh((ahead_wh + taken_wh) * volume_wh // side_wh - ahead_wh * volume_wh // side_wh)
