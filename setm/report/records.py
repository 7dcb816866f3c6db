"""What the fold finds in the events, before it becomes tables: typed records with integers.

Units: energy Wh, price 0.001 EUR/MWh, money 1e-6 EUR.
"""

from __future__ import annotations

from dataclasses import dataclass

from setm.types import Clearing, Side

EVERYWHERE = 0
"""The zone of a venue that does not know zones."""
Market = tuple[str, int, int]
"""Venue, zone and slot: what is cleared by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """An order of an auction; tick, energy and what stood ahead are known only if it was opened."""

    venue: str = "auction"
    zone: int = EVERYWHERE
    slot: int
    participant_id: int
    number: int
    side: Side
    state: str
    bound: int
    ordered_at: int
    order_tx: str
    tick: int | None = None
    energy_wh: int | None = None
    ahead_wh: int | None = None
    filled_wh: int | None = None
    open_tx: str | None = None

    @property
    def market(self) -> Market:
        """Where it stood."""
        return self.venue, self.zone, self.slot


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearingRecord:
    """How a slot of an auction was cleared."""

    venue: str = "auction"
    zone: int = EVERYWHERE
    slot: int
    clearing: Clearing
    tx: str

    @property
    def market(self) -> Market:
        """What was cleared."""
        return self.venue, self.zone, self.slot


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRecord:
    """An offer of a negotiation and what became of it."""

    negotiation_id: int
    round: int
    buyer_id: int
    seller_id: int
    by_buyer: bool
    first_slot: int
    slot_count: int
    energy_wh: int
    price: int
    expires_at: int
    made_at: int
    tx: str
    outcome: str = "open"
    end_tx: str | None = None

    @property
    def by_id(self) -> int:
        """Who made the offer."""
        return self.buyer_id if self.by_buyer else self.seller_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRecord:
    """One side of a trade: what a bid paid or an ask earned in one slot."""

    venue: str
    slot: int
    participant_id: int
    number: int
    side: Side
    energy_wh: int
    price: int
    amount: int
    tx: str
    counterparty_id: int | None = None
    negotiation_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRecord:
    """What a meter reported for a slot; the values after a dispute if there was one."""

    slot: int
    participant_id: int
    meter: int
    import_wh: int
    export_wh: int
    state: str
    posted_at: int
    tx: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRecord:
    """One participant's money for one slot; positive amounts of `bill` and `grid_only_bill` are paid."""

    slot: int
    participant_id: int
    bought_wh: int = 0
    sold_wh: int = 0
    import_wh: int = 0
    export_wh: int = 0
    grid_bought_wh: int = 0
    grid_sold_wh: int = 0
    payment: int = 0
    revenue: int = 0
    bond_forfeited: int = 0
    compensation: int = 0
    charge: int = 0
    penalty: int = 0
    credit: int = 0
    arrears_change: int = 0
    grid_only_bill: int = 0
    is_measured: bool = True
    settled_as: str = "slot"
    tx: str | None = None

    @property
    def bill(self) -> int:
        """What the participant pays for the slot in all; negative if it receives."""
        trade = self.payment - self.revenue + self.bond_forfeited - self.compensation
        return trade + self.charge - self.credit

    @property
    def saving(self) -> int:
        """How much less the participant pays than without trade."""
        return self.grid_only_bill - self.bill


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementRecord:
    """One movement of money in the clearinghouse and the free balance after it."""

    number: int
    movement: str
    participant_id: int
    moved_at: int
    tx: str
    venue: str = ""
    heir: str = ""
    amount: int = 0
    charged: int = 0
    released: int = 0
    paid: int = 0
    free: int = 0
