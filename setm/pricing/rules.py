"""Pricing rules: each is a record of its parameters with ``clear``, the twin of one contract in contracts/pricing.

Every rule fills in merit order: the dearest bids and the cheapest asks first, and what does not fit at the margin is
shared there. The rules differ in who takes part, how much is traded, and at which price. docs/mechanisms.md says which
of efficiency, budget balance, individual rationality and truthfulness each has, and which test shows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from setm.errors import ConfigError
from setm.pricing.matching import best_losing_ask, best_losing_bid, matched
from setm.types import Clearing, Grid
from setm.units import Money, Price

PER_MILLE = 1000
# Units of price to one of money per Wh.
PRICE_UNITS = 1000
MAX_PRICE = Price((1 << 32) - 1)


class PricingRule(ABC):
    """From a ladder of bids and one of asks to a clearing; knows no participants and keeps no state."""

    __slots__ = ()
    contract: ClassVar[str]

    @abstractmethod
    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; all zero without trade.

        ``bids[t]`` and ``asks[t]`` are the quantities at tick t, Wh. Raises ``OrderRefused`` unless both sides have the
        same number of ticks.
        """

    @property
    def arguments(self) -> tuple[int, ...]:
        """Return the arguments of the contract's constructor: the parameters in their order."""
        return tuple(getattr(self, item.name) for item in fields(self))  # type: ignore[arg-type]

    def require_fits(self, grid: Grid, tick_count: int) -> None:
        """Raise ``ConfigError`` if the rule could never trade in this band."""
        if tick_count < 1:
            raise ConfigError(f"tick_count {tick_count}: expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class UniformPrice(PricingRule):
    """The largest volume at one price, ``k`` per mille of the way from the marginal ask up to the marginal bid.

    Half a unit of price is rounded down. Source: the k-double auction of Chatterjee & Samuelson 1983, Bargaining under
    Incomplete Information, Operations Research 31(5), 835-851, with the marginal orders in place of the two traders.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> found = UniformPrice().clear(grid, bids=[0, 0, 70, 50], asks=[60, 40, 30, 0])
    >>> found.volume_wh, found.bid_price, found.bid_margin_filled_wh, found.ask_margin_filled_wh
    (120, 40200, 70, 20)
    """

    k: int = PER_MILLE // 2
    contract: ClassVar[str] = "UniformPriceRule"

    def __post_init__(self) -> None:
        """Refuse a price outside the margins."""
        if not 0 <= self.k <= PER_MILLE:
            raise ConfigError(f"k {self.k}: expected 0 to {PER_MILLE}, in thousandths")

    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; see ``PricingRule``."""
        found = matched(bids, asks)
        if found.volume_wh == 0:
            return found
        bid, ask = grid.price(found.bid_margin_tick), grid.price(found.ask_margin_tick)
        return _at(found, ask + self.k * (bid - ask) // PER_MILLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vickrey(PricingRule):
    """Winners pay the best losing bid, or the marginal ask or the reserve price where that is higher.

    Bids below the reserve price do not take part. A marginal bid that fills in part is itself the best losing one.
    Source: Vickrey 1961, Counterspeculation, Auctions, and Competitive Sealed Tenders, Journal of Finance 16(1), 8-37;
    with several sellers the (M+1)st price of Wurman, Walsh & Wellman 1998, Flexible Double Auctions for Electronic
    Commerce, Decision Support Systems 24(1), 17-27; for energy Hahn et al. 2017.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> Vickrey().clear(grid, bids=[0, 10, 0, 20], asks=[20, 0, 0, 0]).bid_price
    40100
    """

    reserve_price: Price = Price(0)
    contract: ClassVar[str] = "VickreyRule"

    def __post_init__(self) -> None:
        """Refuse what is no price."""
        _require_price("reserve price", self.reserve_price)

    def require_fits(self, grid: Grid, tick_count: int) -> None:
        """Raise ``ConfigError`` if no bid can reach the reserve price."""
        top = grid.price(tick_count - 1)
        if self.reserve_price > top:
            raise ConfigError(
                f"reserve price {self.reserve_price}: expected at most {top}, the top of the band; no bid could win"
            )

    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; see ``PricingRule``."""
        found = matched(
            [held * (grid.price(tick) >= self.reserve_price) for tick, held in enumerate(bids)],
            asks,
        )
        if found.volume_wh == 0:
            return found
        least = max(found.ask_margin_tick, best_losing_bid(found, bids))
        return _at(found, max(self.reserve_price, grid.price(least)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PayAsBid(PricingRule):
    """The largest volume; each winning bid pays, and each winning ask gets, its own price. The rest is surplus.

    ``bid_price`` is the least that a buyer pays and ``ask_price`` the most that a seller gets. Source: the
    discriminatory auction, Krishna 2010, Auction Theory, 2nd ed., chapter 12.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> found = PayAsBid().clear(grid, bids=[0, 0, 0, 20], asks=[20, 0, 0, 0])
    >>> found.at_own_price, found.bid_price, found.ask_price, found.surplus
    (True, 40300, 40000, 6)
    """

    contract: ClassVar[str] = "PayAsBidRule"

    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; see ``PricingRule``."""
        found = matched(bids, asks)
        if found.volume_wh == 0:
            return found
        # In ticks: the floor price, paid and got for the same volume, falls out of the difference.
        paid = found.bid_margin_filled_wh * found.bid_margin_tick
        paid += sum(tick * bids[tick] for tick in range(found.bid_margin_tick + 1, len(bids)))
        got = found.ask_margin_filled_wh * found.ask_margin_tick
        got += sum(tick * asks[tick] for tick in range(found.ask_margin_tick))
        return replace(
            found,
            bid_price=grid.price(found.bid_margin_tick),
            ask_price=grid.price(found.ask_margin_tick),
            at_own_price=True,
            surplus=Money((paid - got) * grid.tick_size // PRICE_UNITS),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class McAfee(PricingRule):
    """Everything at the middle of the best losing bid and ask if that suits the margins; else without the margins.

    In the second case all orders at the two marginal ticks stay out. Buyers pay the best bid, and sellers get the best
    ask, that then does not fill, so that nobody who trades sets a price; the difference is surplus. Source: McAfee
    1992, A Dominant Strategy Double Auction, Journal of Economic Theory 56(2), 434-450. Where several orders share a
    tick one side can be longer after the reduction; it then competes for what is left, which single units never must.

    >>> grid = Grid(floor_price=Price(40_000), tick_size=Price(100))
    >>> found = McAfee().clear(grid, bids=[0, 0, 10, 10], asks=[10, 10, 0, 0])
    >>> found.volume_wh, found.bid_price, found.ask_price, found.surplus
    (10, 40200, 40100, 1)
    """

    contract: ClassVar[str] = "McAfeeRule"

    def require_fits(self, grid: Grid, tick_count: int) -> None:
        """Raise ``ConfigError`` if nothing can be better than a margin."""
        if tick_count < 2:
            raise ConfigError(
                f"tick_count {tick_count}: expected at least 2; with one tick all orders are marginal"
            )

    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; see ``PricingRule``."""
        whole = matched(bids, asks)
        if whole.volume_wh == 0:
            return whole
        bid, ask = whole.bid_margin_tick, whole.ask_margin_tick
        losing_bid, losing_ask = best_losing_bid(whole, bids), best_losing_ask(whole, asks)
        # Twice the middle, so that rounding lets no price in that lies beyond a margin.
        suits = 2 * ask <= losing_bid + losing_ask <= 2 * bid
        if losing_bid >= 0 and losing_ask < len(asks) and suits:
            return _at(whole, (grid.price(losing_bid) + grid.price(losing_ask)) // 2)
        kept = matched(
            [held * (tick > bid) for tick, held in enumerate(bids)],
            [held * (tick < ask) for tick, held in enumerate(asks)],
        )
        if kept.volume_wh == 0:
            return kept
        # Of all orders: at the worst these are the margins that stayed out.
        bid_price = grid.price(best_losing_bid(kept, bids))
        ask_price = grid.price(best_losing_ask(kept, asks))
        surplus = Money(kept.volume_wh * (bid_price - ask_price) // PRICE_UNITS)
        return replace(kept, bid_price=bid_price, ask_price=ask_price, surplus=surplus)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyDemand(PricingRule):
    """One price from the ratio of what is asked to what is bid; orders whose limit it breaks stay out.

    With SDR = supply / demand the price is ``feed_in retail / ((retail - feed_in) SDR + feed_in)`` below SDR = 1 and
    the feed-in price from there on, rounded down: near retail where energy is scarce, feed-in where there is enough.
    Source: Liu et al. 2017, Energy-Sharing Model With Price-Based Demand Response for Microgrids of Peer-to-Peer
    Prosumers, IEEE Transactions on Power Systems 32(5), 3569-3583, its internal selling price (its internal buying
    price is the mean of that and retail for a buyer whose demand is met in part); the idea in Park et al. 2018.

    >>> grid = Grid(floor_price=Price(30_000), tick_size=Price(100))
    >>> rule = SupplyDemand(feed_in_price=Price(30_000), retail_price=Price(60_000))
    >>> rule.clear(grid, bids=[0] * 150 + [20], asks=[10] + [0] * 150).bid_price
    40000
    """

    feed_in_price: Price
    retail_price: Price
    contract: ClassVar[str] = "SupplyDemandRule"

    def __post_init__(self) -> None:
        """Refuse prices that are none or in the wrong order."""
        _require_price("feed-in price", self.feed_in_price)
        _require_price("retail price", self.retail_price)
        if self.feed_in_price > self.retail_price:
            raise ConfigError(
                f"feed-in price {self.feed_in_price}: expected at most the retail price, {self.retail_price}"
            )

    def require_fits(self, grid: Grid, tick_count: int) -> None:
        """Raise ``ConfigError`` if no price between feed-in and retail lies inside the band."""
        floor, top = grid.floor_price, grid.price(tick_count - 1)
        if self.feed_in_price > top or self.retail_price < floor:
            raise ConfigError(
                f"feed-in {self.feed_in_price} to retail {self.retail_price}: expected to meet the band, "
                f"{floor} to {top}; no order could accept the price"
            )

    def clear(self, grid: Grid, bids: Sequence[int], asks: Sequence[int]) -> Clearing:
        """Return the clearing; see ``PricingRule``."""
        price = self.price(sum(asks), sum(bids))
        found = matched(
            [held * (grid.price(tick) >= price) for tick, held in enumerate(bids)],
            [held * (grid.price(tick) <= price) for tick, held in enumerate(asks)],
        )
        return _at(found, price) if found.volume_wh else found

    def price(self, supply_wh: int, demand_wh: int) -> Price:
        """Return the price of a ratio, rounded down; the feed-in price without demand, retail without supply.

        >>> rule = SupplyDemand(feed_in_price=Price(30_000), retail_price=Price(60_000))
        >>> [rule.price(supply, 100) for supply in (0, 50, 100, 200)]
        [60000, 40000, 30000, 30000]
        """
        feed_in, retail = self.feed_in_price, self.retail_price
        if supply_wh >= demand_wh:
            return feed_in
        if supply_wh == 0:
            return retail
        below = (retail - feed_in) * supply_wh + feed_in * demand_wh
        # Nothing below the line only if both prices are zero.
        return Price(feed_in * retail * demand_wh // below) if below else Price(0)


def _require_price(name: str, price: int) -> None:
    if not 0 <= price <= MAX_PRICE:
        raise ConfigError(f"{name} {price}: expected 0 to {MAX_PRICE}, in 0.001 EUR/MWh")


def _at(found: Clearing, price: int) -> Clearing:
    return replace(found, bid_price=Price(price), ask_price=Price(price))
