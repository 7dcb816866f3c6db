"""Pricing rules by name: what a configuration may say, and what it is told otherwise."""

import pytest

from setm.errors import ConfigError
from setm.orders import AuctionRules
from setm.pricing import (
    RULES,
    McAfee,
    PayAsBid,
    SupplyDemand,
    UniformPrice,
    Vickrey,
    rule_of,
    section_of,
)
from setm.types import Grid
from setm.units import Money, Price, Wh

GRID = Grid(floor_price=Price(30_000), tick_size=Price(100))
SUPPLY_DEMAND = {"name": "supply_demand", "feed_in_price": 30_000, "retail_price": 55_500}
SECTIONS = {
    "uniform_price": ({"name": "uniform_price", "k": 300}, UniformPrice(k=300), (300,)),
    "vickrey": (
        {"name": "vickrey", "reserve_price": 30_000},
        Vickrey(reserve_price=Price(30_000)),
        (30_000,),
    ),
    "pay_as_bid": ({"name": "pay_as_bid"}, PayAsBid(), ()),
    "mcafee": ({"name": "mcafee"}, McAfee(), ()),
    "supply_demand": (
        SUPPLY_DEMAND,
        SupplyDemand(feed_in_price=Price(30_000), retail_price=Price(55_500)),
        (30_000, 55_500),
    ),
}


def rules_with(rule, tick_count=16):
    return AuctionRules(
        grid=GRID,
        tick_count=tick_count,
        bond=Money(1_000),
        cover_price=Price(55_500),
        max_order_wh=Wh(1_000),
        rule=rule,
    )


def test_every_registered_rule_is_read_and_written_here():
    assert set(SECTIONS) == set(RULES)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_becomes_its_rule_and_the_rule_its_section(name):
    section, rule, arguments = SECTIONS[name]
    assert rule_of(section) == rule
    assert section_of(rule) == section
    assert rule.arguments == arguments


def test_parameters_with_a_default_may_be_left_out():
    assert rule_of({"name": "uniform_price"}) == UniformPrice(k=500)
    assert rule_of({"name": "vickrey"}) == Vickrey(reserve_price=Price(0))


REFUSED = {
    "an unknown rule": ({"name": "dutch"}, "pricing rule dutch: not registered"),
    "no name": ({}, "uniform_price, vickrey, pay_as_bid, mcafee, supply_demand"),
    "an unknown parameter": (
        {"name": "mcafee", "k": 1},
        "no parameter 'k'; expected no parameters",
    ),
    "a missing parameter": (
        {"name": "supply_demand", "retail_price": 1},
        "feed_in_price is missing",
    ),
    "a fraction": ({"name": "uniform_price", "k": 0.5}, "k 0.5: expected a whole number"),
    "true": ({"name": "uniform_price", "k": True}, "k True: expected a whole number"),
    "k below 0": ({"name": "uniform_price", "k": -1}, "k -1: expected 0 to 1000"),
    "k above 1000": ({"name": "uniform_price", "k": 1001}, "k 1001: expected 0 to 1000"),
    "a negative price": ({"name": "vickrey", "reserve_price": -1}, "reserve price -1: expected 0"),
    "a price of 33 bits": (
        {"name": "vickrey", "reserve_price": 1 << 32},
        "reserve price 4294967296: expected 0 to 4294967295",
    ),
    "feed-in above retail": (
        {**SUPPLY_DEMAND, "feed_in_price": 55_501},
        "feed-in price 55501: expected at most the retail price, 55500",
    ),
    "retail of 33 bits": ({**SUPPLY_DEMAND, "retail_price": 1 << 32}, "retail price 4294967296"),
    "a negative feed-in": ({**SUPPLY_DEMAND, "feed_in_price": -1}, "feed-in price -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_a_section_that_is(case):
    section, message = REFUSED[case]
    with pytest.raises(ConfigError, match=message):
        rule_of(section)


# The band of 16 ticks goes from 30000 to 31500.
MISFITS = {
    "a reserve price above the band": (Vickrey(reserve_price=Price(31_501)), 16, "at most 31500"),
    "a tariff above the band": (
        SupplyDemand(feed_in_price=Price(31_501), retail_price=Price(40_000)),
        16,
        "feed-in 31501 to retail 40000: expected to meet the band, 30000 to 31500",
    ),
    "a tariff below the band": (
        SupplyDemand(feed_in_price=Price(10_000), retail_price=Price(29_999)),
        16,
        "feed-in 10000 to retail 29999",
    ),
    "no tick": (UniformPrice(), 0, "tick_count 0: expected at least 1"),
    "one tick for McAfee": (McAfee(), 1, "tick_count 1: expected at least 2"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_an_auction_refuses(case):
    rule, tick_count, message = MISFITS[case]
    with pytest.raises(ConfigError, match=message):
        rules_with(rule, tick_count)


@pytest.mark.parametrize(
    ("rule", "tick_count"),
    [
        (UniformPrice(), 1),
        (PayAsBid(), 1),
        (McAfee(), 2),
        (Vickrey(reserve_price=Price(31_500)), 16),
        (SupplyDemand(feed_in_price=Price(31_500), retail_price=Price(40_000)), 16),
        (SupplyDemand(feed_in_price=Price(10_000), retail_price=Price(30_000)), 16),
    ],
)
def test_an_auction_takes_what_just_fits(rule, tick_count):
    assert rules_with(rule, tick_count).rule == rule
