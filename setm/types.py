"""What passes between the parts: frozen records in the field order of the contracts' structs.

Units: energy Wh, price 0.001 EUR/MWh, money 1e-6 EUR, slot = UTC seconds // slot seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType

from setm.slots import Slot
from setm.units import Money, Price, Wh

ParticipantId = NewType("ParticipantId", int)
NOBODY = ParticipantId(0)


class Kind(IntEnum):
    """What an authority has identified a participant as (IParticipantRegistry.Kind)."""

    NONE = 0
    PERSONAL_CONSUMER = 1
    INDUSTRIAL_CONSUMER = 2
    GENERATION = 3
    PROSUMER = 4
    GRID_OPERATOR = 5


class Side(IntEnum):
    """Side of an order (IAuction.Side): a bid buys, an ask sells."""

    BID = 0
    ASK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Prices of ticks: ``price(t) = floor_price + t * tick_size`` (IPricingRule.Grid)."""

    floor_price: Price
    tick_size: Price

    def price(self, tick: int) -> Price:
        """Return the price of a tick."""
        return Price(self.floor_price + tick * self.tick_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A bid to buy at most at, or an ask to sell at least at, the price of its tick."""

    participant_id: ParticipantId
    slot: Slot
    side: Side
    tick: int
    energy_wh: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """The outcome of a slot (IPricingRule.Clearing); all zero without trade."""

    bid_price: Price = Price(0)
    ask_price: Price = Price(0)
    volume_wh: Wh = Wh(0)
    bid_margin_tick: int = 0
    bid_margin_wh: Wh = Wh(0)
    bid_margin_filled_wh: Wh = Wh(0)
    ask_margin_tick: int = 0
    ask_margin_wh: Wh = Wh(0)
    ask_margin_filled_wh: Wh = Wh(0)
    at_own_price: bool = False
    surplus: Money = Money(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What a participant traded in one slot of one venue (IVenue.Trade)."""

    bought_wh: Wh = Wh(0)
    sold_wh: Wh = Wh(0)
    payment: Money = Money(0)
    revenue: Money = Money(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What two participants negotiate (INegotiation.Terms); energy is per slot."""

    first_slot: Slot
    slot_count: int
    energy_wh: Wh
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a meter measured in a slot."""

    meter: int
    slot: Slot
    import_wh: Wh
    export_wh: Wh

    @property
    def word(self) -> int:
        """Return the four values in one word, as a signed reading carries them (IMeterRegistry.SignedReading)."""
        return self.meter << 96 | self.slot << 64 | self.import_wh << 32 | self.export_wh


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTariff:
    """The grid operator's two prices (ISettlement.Config)."""

    retail_price: Price
    feed_in_price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One participant's bill for one slot (ISettlement.Bill)."""

    bought_wh: Wh
    sold_wh: Wh
    import_wh: Wh
    export_wh: Wh
    grid_bought_wh: Wh
    grid_sold_wh: Wh
    trade_credit: Money
    charge: Money
    credit: Money
