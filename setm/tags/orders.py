"""Orders with conditions: what may be ordered, what it binds, and who may take it (ConditionalTerms).

``now`` is UTC Unix seconds, all else integers in the units of ``setm.units``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from setm import negotiation
from setm.negotiation import Refused
from setm.slots import Slot
from setm.tags.certificates import ANY, GREEN, decode
from setm.types import NOBODY, ParticipantId
from setm.units import Money, Price, Wh, payment_up

PER_MILLE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the venue asks others before it binds anybody.

    ``tag_of`` says which id the energy of a participant in a slot will get, as far as it is known now; ``zone_of``
    where a participant is connected; ``active`` holds who may enter something now.
    """

    tag_of: Callable[[int, ParticipantId], int]
    zone_of: Callable[[ParticipantId], int]
    active: frozenset[ParticipantId]
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is fixed at deployment: limits as in a negotiation, and what a missing tag is worth, 0.001 EUR/MWh."""

    limits: negotiation.Config
    tag_price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted, and under which conditions (IConditionalMarket.Order).

    ``sources`` is a set of sources as bits, ``green_share`` is per mille, partner 0 is anyone.
    """

    slot: Slot
    energy_wh: Wh
    price: Price
    partner_id: ParticipantId = NOBODY
    green_share: int = 0
    sources: int = ANY
    is_bid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An order, who posted it, and how much of it was taken or taken back."""

    order: Order
    maker_id: ParticipantId
    taken_wh: int = 0

    @property
    def left_wh(self) -> int:
        """Return what can still be taken."""
        return self.order.energy_wh - self.taken_wh

    def owed_for(self, energy_wh: int) -> int:
        """Return the tags that are owed if ``energy_wh`` more is taken; all parts owe what the whole order owes.

        >>> order = Order(slot=Slot(1), energy_wh=Wh(3), price=Price(1), green_share=500)
        >>> [Posted(order=order, maker_id=NOBODY, taken_wh=taken).owed_for(1) for taken in range(3)]
        [1, 0, 1]
        """
        share = self.order.green_share
        return owed_for(self.taken_wh + energy_wh, share) - owed_for(self.taken_wh, share)


NO_ORDER = Posted(
    order=Order(slot=Slot(0), energy_wh=Wh(0), price=Price(0), sources=0, is_bid=False),
    maker_id=NOBODY,
)


# AMOUNTS


def owed_for(energy_wh: int, green_share: int) -> int:
    """Return the tags owed for a green share of energy, rounded up.

    >>> owed_for(999, 500)
    500
    """
    return -(-energy_wh * green_share // PER_MILLE)


def seller_binds(config: Config, energy_wh: int, price: int, owed_wh: int) -> Money:
    """Return what a seller binds for a trade: cover of the energy and bond of the tags, 1e-6 EUR."""
    cover = negotiation.bound_by(config.limits, is_buyer=False, energy_wh=energy_wh, price=price)
    return Money(cover + payment_up(owed_wh, config.tag_price))


# CONDITIONS


def require_postable(config: Config, caller: ParticipantId, order: Order, known: Known) -> None:
    """Refuse an order that the venue does not take, or that nobody could meet."""
    limits = config.limits
    _require_before_gate(limits, order.slot, known.now)
    last_allowed = (known.now + limits.horizon_seconds) // limits.slot_seconds
    if order.slot > last_allowed:
        raise Refused("BeyondHorizon", slot=order.slot, lastSlot=last_allowed)
    if not 1 <= order.energy_wh <= limits.max_energy_wh:
        raise Refused("EnergyOutOfRange", energyWh=order.energy_wh, limit=limits.max_energy_wh)
    _require_in_band(limits, order.price)
    if not order.sources or order.sources & ~ANY:
        raise Refused("SourcesRefused", sources=order.sources)
    if order.green_share > PER_MILLE:
        raise Refused("ShareTooHigh", greenShare=order.green_share)
    if order.green_share and not order.sources & GREEN:
        raise Refused("ShareUnmeetable", greenShare=order.green_share, sources=order.sources)
    if order.partner_id:
        if order.partner_id == caller:
            raise Refused("PartnerIsSelf", participantId=caller)
        _require_active(known, order.partner_id)
    if not order.is_bid:
        certified(order, caller, known)


def require_takeable(
    config: Config, posted: Posted, caller: ParticipantId, price: int, known: Known
) -> None:
    """Refuse who does not meet an order's conditions, its source excepted."""
    order = posted.order
    _require_before_gate(config.limits, order.slot, known.now)
    if caller == posted.maker_id:
        raise Refused("PartnerIsSelf", participantId=caller)
    if order.partner_id not in (NOBODY, caller):
        raise Refused("OtherPartner", partnerId=order.partner_id, participantId=caller)
    _require_active(known, posted.maker_id)
    if price > order.price if order.is_bid else price < order.price:
        raise Refused("PriceNotMet", limit=order.price, price=price)
    _require_in_band(config.limits, price)


def certified(order: Order, seller_id: ParticipantId, known: Known) -> int:
    """Return the id of the seller's energy, or refuse a source that the order does not take."""
    number = known.tag_of(order.slot, seller_id)
    allowed = order.sources & GREEN if order.green_share else order.sources
    source = decode(number).source
    if not allowed & source.bit:
        raise Refused("SourceNotCertified", sellerId=seller_id, found=int(source), sources=allowed)
    return number


def _require_before_gate(limits: negotiation.Config, slot: int, now: int) -> None:
    gate_at = limits.gate_at(slot)
    if now >= gate_at:
        raise Refused("GateClosed", slot=slot, gateAt=gate_at, nowAt=now)


def _require_in_band(limits: negotiation.Config, price: int) -> None:
    if not limits.floor_price <= price <= limits.cap_price:
        raise Refused(
            "PriceOutOfBand",
            price=price,
            floorPrice=limits.floor_price,
            capPrice=limits.cap_price,
        )


def _require_active(known: Known, participant_id: ParticipantId) -> None:
    if participant_id not in known.active:
        raise Refused("PartnerInactive", participantId=participant_id)
