"""The reference of orders: what they bind, how they are sealed, and what a book of them comes to.

Pure integers: energy Wh, price 0.001 EUR/MWh, money 1e-6 EUR. A sealed order stands on chain as a digest; its salt is
derived from the agent's secret, so that a restart can open what was committed before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from eth_abi.abi import encode
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak

from setm.errors import OrderRefused
from setm.pricing import MAX_TICK_WH, PricingRule, UniformPrice, fill_of, price_of
from setm.types import Clearing, Grid, Order, ParticipantId, Side, Trade
from setm.units import Money, Price, Wh, payment_down, payment_up

SALT_BITS = 160
# A digest keeps the upper 184 bits of its hash; the rest of the word holds what else the chain knows of the order.
DIGEST_UNUSED_BITS = 72
LEAST_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionRules:
    """What holds for every slot of an auction (IAuction.Config without its windows) and the rule that prices it.

    Raises ``ConfigError`` for a rule that could never trade in the band.
    """

    grid: Grid
    tick_count: int
    bond: Money
    cover_price: Price
    max_order_wh: Wh
    rule: PricingRule = field(default_factory=UniformPrice)

    def __post_init__(self) -> None:
        """Refuse a rule that does not fit the band."""
        self.rule.require_fits(self.grid, self.tick_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedOrder:
    """An order with the collateral that it binds, and whether somebody opened it in time."""

    order: Order
    bound: Money
    is_opened: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcome:
    """What became of an order.

    Of ``bound``, ``trade.payment`` and ``forfeited`` go to the slot's pool, ``kept`` stays as a seller's cover until
    settlement, and the rest is free again; ``compensation`` comes on top.
    """

    is_opened: bool
    ahead_wh: Wh = Wh(0)
    trade: Trade = field(default_factory=Trade)
    kept: Money = Money(0)
    forfeited: Money = Money(0)
    compensation: Money = Money(0)

    @property
    def filled_wh(self) -> Wh:
        """Return what was bought or sold."""
        return Wh(self.trade.bought_wh + self.trade.sold_wh)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionBook:
    """A cleared slot: both ladders, the clearing, and the outcome for each participant."""

    bids: tuple[int, ...]
    asks: tuple[int, ...]
    clearing: Clearing
    outcomes: Mapping[ParticipantId, OrderOutcome]

    @property
    def dust(self) -> Money:
        """Return what the slot's pool keeps in the end: rounding, and bonds with nobody on the other side."""
        inflow = sum(o.trade.payment + o.forfeited for o in self.outcomes.values())
        outflow = sum(o.trade.revenue + o.compensation for o in self.outcomes.values())
        return Money(inflow - outflow - self.clearing.surplus)


def tick_of(price: int, grid: Grid, tick_count: int) -> int:
    """Return the tick of a price; refuse a price that is no tick of the band.

    >>> tick_of(40_300, Grid(floor_price=Price(40_000), tick_size=Price(100)), 256)
    3
    """
    highest = grid.price(tick_count - 1)
    if not grid.floor_price <= price <= highest:
        raise OrderRefused(
            f"price {price}: expected {grid.floor_price} to {highest}, in 0.001 EUR/MWh; choose one inside the band"
        )
    tick, rest = divmod(price - grid.floor_price, grid.tick_size)
    if rest:
        raise OrderRefused(
            f"price {price}: expected a step of {grid.tick_size} from {grid.floor_price}; "
            f"{price - rest} or {price - rest + grid.tick_size} are the nearest"
        )
    return tick


def cover(side: Side, price: int, energy_wh: int, cover_price: int) -> Money:
    """Return the collateral that an order needs.

    A bid its highest payment; an ask the cost of buying back at the cover price what it does not deliver, less its
    lowest revenue. Rounded up.

    >>> cover(Side.BID, 40_000, 500, 55_500), cover(Side.ASK, 40_000, 500, 55_500)
    (20000, 7750)
    """
    if side is Side.BID:
        return payment_up(energy_wh, price)
    return payment_up(energy_wh, max(cover_price - price, 0))


def digest(chain_id: int, auction: str, order: Order, salt_value: int) -> bytes:
    """Return the digest under which an order is sealed: 32 bytes, the last nine zero.

    Chain, auction, slot and participant are inside, so that it counts nowhere else and for nobody else.
    """
    hashed = keccak(
        encode(
            ["uint256", "address", "uint32", "uint32", "uint8", "uint16", "uint256", "uint160"],
            [
                chain_id,
                to_canonical_address(auction),
                order.slot,
                order.participant_id,
                int(order.side),
                order.tick,
                order.energy_wh,
                salt_value,
            ],
        )
    )
    kept = int.from_bytes(hashed, "big") >> DIGEST_UNUSED_BITS << DIGEST_UNUSED_BITS
    return kept.to_bytes(32, "big")


def salt(agent_secret: bytes, auction: str, slot: int) -> int:
    """Return the 160-bit salt of an agent's order in a slot, the same whenever it is derived.

    Extract and expand as in RFC 5869, with keccak in place of HMAC (a sponge needs no nested key).
    Warning: whoever knows it and sees the digest can find the order by trying; an order that replaces a cancelled one
    has the same salt, so opening it tells of the cancelled one too.
    """
    if len(agent_secret) < LEAST_SECRET_BYTES:
        raise OrderRefused(
            f"secret of {len(agent_secret)} bytes: expected at least {LEAST_SECRET_BYTES}"
        )
    key = keccak(b"SETM sealed order" + agent_secret)
    info = encode(["bytes32", "address", "uint32"], [key, to_canonical_address(auction), slot])
    return int.from_bytes(keccak(info), "big") >> 256 - SALT_BITS


def opening_word(order: Order, salt_value: int) -> int:
    """Return an opening as IAuction.open takes it.

    ``participantId << 224 | tick << 208 | energyWh << 160 | salt``
    """
    return order.participant_id << 224 | order.tick << 208 | order.energy_wh << 160 | salt_value


def clear_book(rules: AuctionRules, booked: Sequence[BookedOrder]) -> AuctionBook:
    """Return what a slot's orders come to, opened in the order given.

    An opening that its collateral does not cover, or whose tick is full, is set aside and counts as unopened. Raises
    ``OrderRefused`` for what no auction would have let in.
    """
    ladders = {side: [0] * rules.tick_count for side in Side}
    outcomes: dict[ParticipantId, OrderOutcome] = {}
    for entry in booked:
        order = entry.order
        _require_bookable(rules, entry, order.participant_id in outcomes)
        ladder = ladders[order.side]
        ahead = ladder[order.tick]
        needed = cover(order.side, rules.grid.price(order.tick), order.energy_wh, rules.cover_price)
        is_held = needed <= entry.bound and ahead + order.energy_wh <= MAX_TICK_WH
        if entry.is_opened and is_held:
            ladder[order.tick] += order.energy_wh
            outcomes[order.participant_id] = OrderOutcome(is_opened=True, ahead_wh=Wh(ahead))
        else:
            outcomes[order.participant_id] = OrderOutcome(is_opened=False, forfeited=rules.bond)
    clearing = rules.rule.clear(rules.grid, ladders[Side.BID], ladders[Side.ASK])
    forfeits = {
        side: sum(
            outcomes[e.order.participant_id].forfeited for e in booked if e.order.side is side
        )
        for side in Side
    }
    for entry in booked:
        order = entry.order
        outcome = outcomes[order.participant_id]
        if outcome.is_opened:
            trade, kept = _trade_of(rules, clearing, order, outcome.ahead_wh)
            bonds = forfeits[Side.ASK if order.side is Side.BID else Side.BID]
            share = bonds * order.energy_wh // sum(ladders[order.side])
            outcomes[order.participant_id] = replace(
                outcome, trade=trade, kept=kept, compensation=Money(share)
            )
    return AuctionBook(
        bids=tuple(ladders[Side.BID]),
        asks=tuple(ladders[Side.ASK]),
        clearing=clearing,
        outcomes=MappingProxyType(outcomes),
    )


def _require_bookable(rules: AuctionRules, entry: BookedOrder, is_second: bool) -> None:
    order = entry.order
    if is_second:
        raise OrderRefused(
            f"participant {order.participant_id} has two orders in slot {order.slot}: expected one"
        )
    if not 0 <= order.tick < rules.tick_count:
        raise OrderRefused(f"tick {order.tick}: expected 0 to {rules.tick_count - 1}")
    if not 0 < order.energy_wh <= rules.max_order_wh:
        raise OrderRefused(f"energy {order.energy_wh} Wh: expected 1 to {rules.max_order_wh}")
    if entry.bound < rules.bond:
        raise OrderRefused(f"bound {entry.bound}: expected at least the bond of {rules.bond}")


def _trade_of(
    rules: AuctionRules, clearing: Clearing, order: Order, ahead_wh: int
) -> tuple[Trade, Money]:
    """Return an opened order's trade, and the cover that stays bound until settlement."""
    filled = fill_of(clearing, order.side, order.tick, order.energy_wh, ahead_wh)
    price = price_of(clearing, rules.grid, order.side, order.tick)
    if order.side is Side.BID:
        return Trade(bought_wh=filled, payment=payment_up(filled, price)), Money(0)
    kept = cover(Side.ASK, price, filled, rules.cover_price)
    return Trade(sold_wh=filled, revenue=payment_down(filled, price)), kept
