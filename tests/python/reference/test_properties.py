"""What each pricing rule is worth: every property that docs/mechanisms.md states, or a counter-example.

Traders have one order each of one size, values on a grid of eight ticks, and try every other limit instead of their
value. Payoffs are in (0.001 EUR/MWh) * Wh as exact fractions; ties at a margin share in proportion.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction

import pytest

from setm.pricing import (
    RULES,
    McAfee,
    PayAsBid,
    PricingRule,
    SupplyDemand,
    UniformPrice,
    Vickrey,
    matched,
    price_of,
    section_of,
)
from setm.types import Clearing, Grid, Side
from setm.units import Price

GRID = Grid(floor_price=Price(40_000), tick_size=Price(1_000))
TICKS = 8
UNIT_WH = 1_000
BOOKS = 400
EVERY_RULE: tuple[PricingRule, ...] = (
    UniformPrice(),
    UniformPrice(k=0),
    UniformPrice(k=1_000),
    Vickrey(),
    Vickrey(reserve_price=Price(43_000)),
    PayAsBid(),
    McAfee(),
    SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(47_000)),
)


@dataclass(frozen=True)
class Trader:
    """Somebody with an order of ``energy_wh`` at a tick; its value is the price of ``value``."""

    side: Side
    tick: int
    energy_wh: int = UNIT_WH
    value: int | None = None

    @property
    def worth(self) -> Price:
        return GRID.price(self.tick if self.value is None else self.value)

    def saying(self, tick: int) -> Trader:
        return Trader(self.side, tick, self.energy_wh, self.tick)


def cleared(rule: PricingRule, traders: list[Trader]) -> Clearing:
    ladders = {side: [0] * TICKS for side in Side}
    for trader in traders:
        ladders[trader.side][trader.tick] += trader.energy_wh
    return rule.clear(GRID, ladders[Side.BID], ladders[Side.ASK])


def share(clearing: Clearing, trader: Trader) -> Fraction:
    """The part of an order that fills; at the margin the same part of all."""
    if clearing.volume_wh == 0:
        return Fraction(0)
    is_bid = trader.side is Side.BID
    margin = clearing.bid_margin_tick if is_bid else clearing.ask_margin_tick
    if trader.tick != margin:
        return Fraction((trader.tick > margin) == is_bid)
    if is_bid:
        return Fraction(clearing.bid_margin_filled_wh, clearing.bid_margin_wh)
    return Fraction(clearing.ask_margin_filled_wh, clearing.ask_margin_wh)


def payoff(rule: PricingRule, traders: list[Trader], place: int) -> Fraction:
    trader, clearing = traders[place], cleared(rule, traders)
    gain = trader.worth - price_of(clearing, GRID, trader.side, trader.tick)
    sign = 1 if trader.side is Side.BID else -1
    return share(clearing, trader) * trader.energy_wh * sign * gain


def gain_of_lying(rule: PricingRule, traders: list[Trader], place: int) -> Fraction:
    """The most that one trader gains by another limit than its value, if all others say theirs."""
    honest = payoff(rule, traders, place)
    best = honest
    for tick in range(TICKS):
        changed = [*traders]
        changed[place] = traders[place].saying(tick)
        best = max(best, payoff(rule, changed, place))
    return best - honest


def random_book(dice: random.Random) -> list[Trader]:
    """Up to five single units on each side, often several at one tick."""
    return [Trader(side, dice.randrange(TICKS)) for side in Side for _ in range(dice.randint(0, 5))]


def liars(rule: PricingRule, side: Side) -> int:
    """In how many random books somebody of a side gains by lying."""
    dice = random.Random(7)
    books = [random_book(dice) for _ in range(BOOKS)]
    return sum(
        any(
            gain_of_lying(rule, book, place) > 0
            for place, trader in enumerate(book)
            if trader.side is side
        )
        for book in books
    )


def random_ladders(count: int = 300) -> list[tuple[list[int], list[int]]]:
    dice = random.Random(11)
    return [
        (
            [dice.choice([0, dice.randint(1, 9)]) for _ in range(TICKS)],
            [dice.choice([0, dice.randint(1, 9)]) for _ in range(TICKS)],
        )
        for _ in range(count)
    ]


def welfare(clearing: Clearing, bids: list[int], asks: list[int]) -> int:
    """What buyers' limits are worth beyond sellers' of all that is traded, in ticks times Wh."""
    if clearing.volume_wh == 0:
        return 0
    bid, ask = clearing.bid_margin_tick, clearing.ask_margin_tick
    bought = sum(tick * bids[tick] for tick in range(bid + 1, TICKS))
    sold = sum(tick * asks[tick] for tick in range(ask))
    bought += bid * clearing.bid_margin_filled_wh
    return bought - sold - ask * clearing.ask_margin_filled_wh


def test_every_registered_rule_is_judged() -> None:
    assert {section_of(rule)["name"] for rule in EVERY_RULE} == set(RULES)


# Individual rationality


@pytest.mark.parametrize("rule", EVERY_RULE, ids=repr)
def test_nobody_who_says_its_value_loses_by_trading(rule: PricingRule) -> None:
    for bids, asks in random_ladders():
        found = rule.clear(GRID, bids, asks)
        if found.volume_wh:
            assert found.bid_price <= GRID.price(found.bid_margin_tick)
            assert found.ask_price >= GRID.price(found.ask_margin_tick)


def test_who_says_its_value_gains_nothing_where_each_pays_its_own_price() -> None:
    dice = random.Random(3)
    for book in (random_book(dice) for _ in range(50)):
        assert {payoff(PayAsBid(), book, place) for place in range(len(book))} <= {0}


# Budget balance


@pytest.mark.parametrize("rule", EVERY_RULE, ids=repr)
def test_the_surplus_is_what_buyers_pay_beyond_what_sellers_get(rule: PricingRule) -> None:
    for bids, asks in random_ladders():
        found = rule.clear(GRID, bids, asks)
        gap = (found.bid_price - found.ask_price) * found.volume_wh
        if found.at_own_price:
            gap = welfare(found, bids, asks) * GRID.tick_size
        assert found.surplus == gap // 1_000 >= 0


@pytest.mark.parametrize(
    "rule", [r for r in EVERY_RULE if not isinstance(r, PayAsBid | McAfee)], ids=repr
)
def test_a_rule_with_one_price_leaves_no_surplus(rule: PricingRule) -> None:
    for bids, asks in random_ladders():
        found = rule.clear(GRID, bids, asks)
        assert (found.surplus, found.bid_price, found.at_own_price) == (0, found.ask_price, False)


@pytest.mark.parametrize("rule", [PayAsBid(), McAfee()], ids=repr)
def test_a_rule_with_two_prices_often_leaves_one(rule: PricingRule) -> None:
    assert sum(rule.clear(GRID, *ladders).surplus > 0 for ladders in random_ladders()) > 30


# Efficiency


@pytest.mark.parametrize("rule", [UniformPrice(k=130), Vickrey(), PayAsBid()], ids=repr)
def test_all_gains_from_trade_are_realised(rule: PricingRule) -> None:
    for bids, asks in random_ladders():
        found = rule.clear(GRID, bids, asks)
        assert welfare(found, bids, asks) == welfare(matched(bids, asks), bids, asks)


def test_a_reserve_price_keeps_trades_out() -> None:
    bids, asks = [0, 0, 5, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0]
    assert Vickrey().clear(GRID, bids, asks).volume_wh == 5
    assert Vickrey(reserve_price=Price(43_000)).clear(GRID, bids, asks).volume_wh == 0


def test_mcafee_loses_at_most_the_least_valuable_trade() -> None:
    """With single units at ticks of their own: all trades, or all but the one with the least gain."""
    dice, lost = random.Random(5), 0
    for _ in range(300):
        bids = [UNIT_WH * (dice.random() < 0.6) for _ in range(TICKS)]
        asks = [UNIT_WH * (dice.random() < 0.6) for _ in range(TICKS)]
        whole, found = matched(bids, asks), McAfee().clear(GRID, bids, asks)
        missing = welfare(whole, bids, asks) - welfare(found, bids, asks)
        least = (whole.bid_margin_tick - whole.ask_margin_tick) * UNIT_WH
        assert (whole.volume_wh - found.volume_wh, missing) in [(0, 0), (UNIT_WH, least)]
        lost += found.volume_wh < whole.volume_wh
    assert lost > 30


def test_the_ratio_price_keeps_out_whom_a_market_would_serve() -> None:
    """Plenty is offered, so the price is the feed-in price, at which nobody sells."""
    rule = SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(47_000))
    bids, asks = [0, 0, 0, 0, 0, 0, 5, 0], [0, 0, 9, 0, 0, 0, 0, 0]
    assert rule.clear(GRID, bids, asks) == Clearing()
    assert UniformPrice().clear(GRID, bids, asks).volume_wh == 5


# Truthfulness of single units


@pytest.mark.parametrize("side", Side)
def test_nobody_gains_by_lying_to_mcafee(side: Side) -> None:
    assert liars(McAfee(), side) == 0


@pytest.mark.parametrize("reserve", [0, 43_000])
def test_no_buyer_gains_by_lying_to_vickrey_but_sellers_do(reserve: int) -> None:
    rule = Vickrey(reserve_price=Price(reserve))
    assert liars(rule, Side.BID) == 0
    assert liars(rule, Side.ASK) > BOOKS // 10


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "rule",
    [UniformPrice(), UniformPrice(k=0), UniformPrice(k=1_000), PayAsBid()],
    ids=repr,
)
def test_both_sides_gain_by_lying_to(rule: PricingRule, side: Side) -> None:
    assert liars(rule, side) > BOOKS // 20


@pytest.mark.parametrize("side", Side)
def test_whether_one_is_served_at_the_ratio_price_hangs_on_the_limit(side: Side) -> None:
    rule = SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(47_000))
    assert liars(rule, side) > 0


# Counter-examples of the statements above, small enough to follow


def bid(tick: int, energy_wh: int = UNIT_WH) -> Trader:
    return Trader(Side.BID, tick, energy_wh)


def ask(tick: int, energy_wh: int = UNIT_WH) -> Trader:
    return Trader(Side.ASK, tick, energy_wh)


def test_shading_moves_a_uniform_price() -> None:
    """Worth 46, alone with a seller at 40: 43 is paid. Who says 41 pays 40.5."""
    assert payoff(UniformPrice(), [bid(6), ask(0)], 0) == 3_000 * UNIT_WH
    assert gain_of_lying(UniformPrice(), [bid(6), ask(0)], 0) == 3_000 * UNIT_WH


def test_a_buyer_that_fills_in_part_sets_its_own_vickrey_price() -> None:
    """7 of 10 units go to who bids 47; who bids 45 gets the rest at 45, and just as much of it at 40."""
    traders = [bid(7, 7), bid(5, 7), ask(0, 10)]
    assert cleared(Vickrey(), traders).bid_price == 45_000
    assert gain_of_lying(Vickrey(), traders, 1) == 3 * 5_000


def test_who_fills_in_part_gains_by_lying_to_mcafee() -> None:
    """Without the margins 20 are bid for and 15 offered: who gets the rest pays its own price, and can lower it."""
    traders = [bid(7, 10), bid(6, 10), bid(4, 5), ask(0, 15), ask(2, 10)]
    assert cleared(McAfee(), traders).bid_price == 46_000
    assert gain_of_lying(McAfee(), traders, 1) > 0


def test_a_larger_offer_lowers_the_ratio_price() -> None:
    """A seller of all that is offered earns more by offering less."""
    rule = SupplyDemand(feed_in_price=Price(40_000), retail_price=Price(80_000))
    whole, half = [bid(7, 1_000), ask(0, 1_000)], [bid(7, 1_000), ask(0, 960)]
    assert payoff(rule, half, 1) > payoff(rule, whole, 1) == 0


def test_mcafee_without_the_competition_of_its_losers_would_not_be_truthful() -> None:
    """Three bids are better than the margin, one ask is: who wins pays the next bid, not the margin's."""
    traders = [bid(7), bid(6), bid(5), bid(4), ask(0), ask(2, 5 * UNIT_WH)]
    found = cleared(McAfee(), traders)
    assert (found.volume_wh, found.bid_price, found.ask_price) == (UNIT_WH, 46_000, 42_000)
    assert [gain_of_lying(McAfee(), traders, place) for place in range(4)] == [0] * 4
