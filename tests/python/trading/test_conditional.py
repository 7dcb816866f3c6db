"""Buyers and sellers with energy tags: no trade breaks a condition, nobody promises energy twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.agents.types import Band, QuantityForecast
from setm.errors import ConfigError
from setm.pricing import SupplyDemand
from setm.simulation.conditional_day import sources
from setm.slots import Slot
from setm.tags import GREEN, Source
from setm.trading import MECHANISMS, Certified, Day, Market, Rules, Strategy, Trader
from setm.trading.conditional import Paper, green_share, margin_in, order_of, trade
from setm.types import Grid, GridTariff, Side
from setm.units import Money, Price, Wh, payment_down, payment_up

SLOTS = (Slot(2_000_000), Slot(2_000_001))
TARIFF = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_000))
MARKET = Market(
    grid=Grid(floor_price=Price(30_000), tick_size=Price(100)),
    tick_count=256,
    tariff=TARIFF,
    cover_price=Price(55_500),
    bond=Money(10_000),
    max_order_wh=Wh(10**9),
    gate_lead=1_800,
    reveal_window=600,
    slot_seconds=900,
)
RULES = Rules(
    tariff=TARIFF,
    cover_price=Price(55_500),
    tick_size=Price(100),
    max_rounds=8,
    offer_seconds=600,
    gate_lead=1_800,
    slot_seconds=900,
)
CERTIFIED = st.builds(
    Certified, zone=st.sampled_from([1, 1, 1, 2]), source=st.sampled_from(list(Source)[1:])
)


@st.composite
def traders(draw):
    people = []
    for number in range(draw(st.integers(1, 8))):
        lowest = draw(st.integers(300, 540))
        highest = draw(st.integers(lowest, 555))
        people.append(
            Trader(
                name=f"trader {number}",
                side=draw(st.sampled_from(Side)),
                band=Band(min_bid=Price(100 * lowest), max_bid=Price(100 * highest)),
                strategy=Strategy(),
                forecasts={slot: forecast(draw(st.integers(0, 3_000))) for slot in SLOTS},
                seed=draw(st.integers(0, 9)),
                certified=draw(CERTIFIED),
                sides=draw(st.dictionaries(st.sampled_from(SLOTS), st.sampled_from(Side))),
            )
        )
    return people


def forecast(energy_wh):
    return QuantityForecast(mean_wh=energy_wh, lower_wh=0.8 * energy_wh, upper_wh=1.3 * energy_wh)


def day_of(people, seed=1):
    return Day(seed=seed, slots=SLOTS, slot_seconds=900, traders=people, market=MARKET, rules=RULES)


class Watched(Paper):
    """A paper desk that remembers what was taken by whom of whom."""

    def __init__(self, day):
        super().__init__(day)
        self.orders, self.taken = {}, []

    def post(self, trader, order):
        number = super().post(trader, order)
        self.orders[number] = (trader, order)
        return number

    def take(self, trader, number, energy_wh, price):
        super().take(trader, number, energy_wh, price)
        self.taken.append((trader, number, energy_wh, price))


def watched(day):
    desk = Watched(day)
    trade(day, desk, lambda: None)
    return desk


@given(traders(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_trade_breaks_a_condition(people, seed):
    """The venue's reference refuses one that does; here the seller's own limit and the buyer's are asked too."""
    desk = watched(day_of(people, seed))
    for seller, number, _, price in desk.taken:
        buyer, bid = desk.orders[number]
        assert seller.band.min_bid <= price <= bid.price == buyer.band.max_bid
        assert bid.sources & seller.certified.source.bit
        if bid.green_share:
            assert seller.certified.source.bit & GREEN
            assert seller.certified.zone == buyer.certified.zone


@given(traders(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_nobody_trades_more_than_it_wants_and_what_is_bought_is_sold(people, seed):
    day = day_of(people, seed)
    orders = {(one.name, slot): order_of(one, slot, day) for one in people for slot in SLOTS}
    for slot, by_name in MECHANISMS["conditional"].rehearse(day).items():
        trades = list(by_name.values())
        assert sum(one.bought_wh for one in trades) == sum(one.sold_wh for one in trades)
        for name, one in by_name.items():
            order = orders[name, slot]
            assert (one.bought_wh if order.is_bid else one.sold_wh) <= order.energy_wh
            assert (one.sold_wh if order.is_bid else one.bought_wh) == 0


@given(traders(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_price_is_that_of_the_situation_or_the_nearer_limit(people, seed):
    desk = watched(day_of(people, seed))
    rule = SupplyDemand(feed_in_price=TARIFF.feed_in_price, retail_price=TARIFF.retail_price)
    supply, demand = defaultdict(int), defaultdict(int)
    for _, order in desk.orders.values():
        (demand if order.is_bid else supply)[order.slot] += order.energy_wh
    for seller, number, _, price in desk.taken:
        _, bid = desk.orders[number]
        situation = rule.price(supply[bid.slot], demand[bid.slot])
        assert price == min(max(situation, seller.band.min_bid), bid.price)


@given(traders(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_bid_is_left_that_a_seller_with_energy_left_could_take(people, seed):
    desk = watched(day_of(people, seed))
    sold, bought = defaultdict(int), defaultdict(int)
    for seller, number, energy_wh, _ in desk.taken:
        _, bid = desk.orders[number]
        sold[seller.name, bid.slot] += energy_wh
        bought[number] += energy_wh
    for number, (buyer, bid) in desk.orders.items():
        if not bid.is_bid or bought[number] == bid.energy_wh:
            continue
        for seller, ask in desk.orders.values():
            left = ask.energy_wh - sold[seller.name, ask.slot]
            if ask.is_bid or ask.slot != bid.slot or not left or ask.price > bid.price:
                continue
            source, near = seller.certified.source, seller.certified.zone == buyer.certified.zone
            assert bid.green_share
            assert not (source.bit & GREEN and near)


@given(traders(), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_equal_seeds_trade_alike(people, seed):
    one, other = watched(day_of(people, seed)), watched(day_of(people, seed))
    assert one.taken == other.taken


@given(traders(), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_margin_covers_the_day(people, seed):
    """On paper each slot starts with what ``margin`` counts for it, and a seller's covers its bond for tags too."""
    day = day_of(people, seed)
    paper = Paper(day)
    trade(day, paper, lambda: None)
    for trader in people:
        total = MECHANISMS["conditional"].margin(trader, day)
        assert total == sum(margin_in(trader, slot, day) for slot in SLOTS)
    for slot, by_name in paper.outcome().items():
        for name, one in by_name.items():
            trader = next(each for each in people if each.name == name)
            assert one.payment <= margin_in(trader, slot, day)


def pair(share_seed=0):
    """A buyer who wants green energy and a solar seller of half of it."""
    buyer = Trader(
        name="buyer",
        side=Side.BID,
        band=Band(min_bid=Price(34_000), max_bid=Price(50_000)),
        strategy=Strategy(),
        forecasts={slot: forecast(1_000) for slot in SLOTS},
        seed=share_seed,
    )
    seller = replace(
        buyer,
        name="seller",
        side=Side.ASK,
        band=Band(min_bid=Price(31_000), max_bid=Price(52_000)),
        forecasts={slot: forecast(500) for slot in SLOTS},
        certified=Certified(device_class=7, source=Source.SOLAR),
    )
    return buyer, seller


def test_scarce_energy_is_dearer_than_plenty():
    buyer, seller = pair()
    plenty = replace(seller, forecasts={slot: forecast(5_000) for slot in SLOTS})
    prices = []
    for each in (seller, plenty):
        (_, _, energy_wh, price), *_ = watched(day_of([buyer, each])).taken
        prices.append(price)
        trades = MECHANISMS["conditional"].rehearse(day_of([buyer, each]))[SLOTS[0]]
        assert trades["buyer"].payment == payment_up(energy_wh, price)
        assert trades["seller"].revenue == payment_down(energy_wh, price)
    assert prices[0] > prices[1] == seller.band.min_bid


def test_a_buyer_of_green_energy_buys_none_of_an_unknown_source():
    buyer, seller = pair()
    assert green_share(buyer) > 0
    grey = replace(seller, certified=Certified())
    assert MECHANISMS["conditional"].rehearse(day_of([buyer, grey])) == {}


def test_shares_differ_from_buyer_to_buyer_and_stay_all_day():
    buyer, _ = pair()
    shares = {green_share(replace(buyer, name=f"buyer {number}")) for number in range(50)}
    assert shares == {0, 250, 500, 750, 1_000}
    orders = [order_of(buyer, slot, day_of([buyer])) for slot in SLOTS]
    assert {order.green_share for order in orders} == {green_share(buyer)}


def test_a_device_class_of_sellers_has_one_source():
    _, seller = pair()
    windy = replace(seller, name="windy", certified=Certified(device_class=7, source=Source.WIND))
    assert sources(day_of([seller])) == {"7": "solar"}
    with pytest.raises(ConfigError, match=r"device class 7: solar and wind: expected one source"):
        sources(day_of([seller, windy]))
