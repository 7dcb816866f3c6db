"""Every pricing rule comes to the clearing of its reference, to the unit, on thousands of random ladders."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from setm.errors import Reverted
from setm.evm import artifact
from setm.evm.machine import Contract, Evm
from setm.evm.system import default_config, deploy_system
from setm.pricing import (
    LADDER_TICKS,
    MAX_TICK_WH,
    RULES,
    McAfee,
    PayAsBid,
    PricingRule,
    SupplyDemand,
    UniformPrice,
    Vickrey,
    pack_ladder,
    section_of,
)
from setm.types import Grid
from setm.units import Price
from tests.audit.figures import DEPTH, record
from tests.audit.static.code import FORBIDDEN, forbidden_in

GRIDS = (
    Grid(floor_price=Price(30_000), tick_size=Price(100)),
    Grid(floor_price=Price(0), tick_size=Price(1)),
    Grid(floor_price=Price(7), tick_size=Price(333)),
    # The dearest band that an auction accepts.
    Grid(floor_price=Price(2**32 - 1 - 255 * 16_000_000), tick_size=Price(16_000_000)),
)
# What a function of ladder and parameters alone does not do.
IMPURE = {
    **FORBIDDEN,
    **dict.fromkeys((0x31, 0x3B, 0x3C, 0x3F, 0x47), "of an account"),
    **dict.fromkeys((0x33, 0x3A), "of the caller"),
    **dict.fromkeys(range(0x40, 0x47), "of the block"),
    **dict.fromkeys((0x54, 0x55), "of storage"),
    **dict.fromkeys(range(0xA0, 0xA5), "event"),
    **dict.fromkeys((0xF1, 0xFA), "call"),
}
LADDERS_A_RULE = 100 * DEPTH
DENSITIES = (0.01, 0.05, 0.3, 1.0)
MOST_WH = (1, 3, 5_000, MAX_TICK_WH)
MOST_PRICE = Price(2**32 - 1)


def rules_for(grid: Grid, dice: random.Random) -> Iterator[PricingRule]:
    """Yield each rule once, with parameters that matter in the grid or lie at an edge."""
    low, high = sorted(grid.price(dice.randrange(LADDER_TICKS)) for _ in range(2))
    yield UniformPrice(k=dice.choice([0, 1, 333, 500, 999, 1_000]))
    yield Vickrey(reserve_price=Price(dice.choice([0, low, low + 1, high, MOST_PRICE])))
    yield PayAsBid()
    yield McAfee()
    yield SupplyDemand(
        feed_in_price=Price(dice.choice([0, low, low])),
        retail_price=Price(min(dice.choice([high, high, high + 1]), MOST_PRICE)),
    )


def ladder(dice: random.Random) -> list[int]:
    density, most = dice.choice(DENSITIES), dice.choice(MOST_WH)
    first = dice.randrange(LADDER_TICKS) if dice.random() < 0.3 else 0
    end = dice.randrange(first, LADDER_TICKS) + 1 if dice.random() < 0.3 else LADDER_TICKS
    return [
        dice.randint(0, most) if first <= tick < end and dice.random() < density else 0
        for tick in range(LADDER_TICKS)
    ]


@cache
def evm() -> Evm:
    return Evm()


@cache
def deployed(rule: PricingRule) -> Contract:
    return evm().deploy(rule.contract, *rule.arguments)


def cleared(rule: PricingRule, grid: Grid, bids: list[int], asks: list[int]) -> tuple[Any, ...]:
    words = (grid.floor_price, grid.tick_size), pack_ladder(bids), pack_ladder(asks)
    return tuple(deployed(rule).call("clear", *words))


def values_of(rule: PricingRule, grid: Grid, bids: list[int], asks: list[int]) -> tuple[Any, ...]:
    found = rule.clear(grid, bids, asks)
    return tuple(getattr(found, name) for name in found.__slots__)


@pytest.mark.timeout(600)
def test_every_rule_comes_to_what_its_reference_comes_to_on_random_ladders() -> None:
    dice, compared, traded = random.Random(20), 0, dict.fromkeys(RULES, 0)
    for grid in GRIDS:
        for _ in range(LADDERS_A_RULE):
            bids, asks = ladder(dice), ladder(dice)
            for rule in rules_for(grid, dice):
                wanted = values_of(rule, grid, bids, asks)
                assert cleared(rule, grid, bids, asks) == wanted, (rule, grid, bids, asks)
                compared += 1
                traded[section_of(rule)["name"]] += wanted[2] > 0
    wanted_count = len(RULES) * len(GRIDS) * LADDERS_A_RULE
    record(
        "differential",
        "clearings equal to the reference, rule by rule",
        compared,
        wanted=f"at least {wanted_count}",
        ok=compared >= wanted_count,
        **traded,
    )
    assert compared == wanted_count
    assert min(traded.values()) * 5 > LADDERS_A_RULE * len(GRIDS)


EDGES = {
    "nothing": ([], []),
    "no crossing": ([(7, 5)], [(8, 5)]),
    "one tick": ([(0, 5)], [(0, 5)]),
    "the first and the last tick": ([(255, 5), (254, 5)], [(0, 5), (1, 5)]),
    "a tie on both sides": ([(9, 7), (8, 3)], [(9, 4), (2, 3)]),
    "one side short": ([(200, 1)], [(10, MAX_TICK_WH), (20, MAX_TICK_WH)]),
    "the middle at the margin": ([(12, 5), (10, 5), (9, 5)], [(8, 5), (10, 5), (11, 5)]),
    "words meet": ([(16, 4), (15, 4), (8, 4)], [(7, 4), (8, 4), (15, 9)]),
    "all of it": ([(t, MAX_TICK_WH) for t in range(256)], [(t, MAX_TICK_WH) for t in range(256)]),
}


@pytest.mark.parametrize("case", EDGES)
def test_every_rule_agrees_at_the_edge(case: str) -> None:
    bids, asks = ([dict(held).get(tick, 0) for tick in range(256)] for held in EDGES[case])
    for grid in GRIDS:
        for rule in rules_for(grid, random.Random(case)):
            assert cleared(rule, grid, bids, asks) == values_of(rule, grid, bids, asks)


# Refusals


def one_of_each() -> dict[str, PricingRule]:
    return {section_of(rule)["name"]: rule for rule in rules_for(GRIDS[0], random.Random(1))}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("bids", "asks", "found"), [(31, 32, 31), (32, 33, 33), (0, 32, 0)])
def test_refuses_a_ladder_that_has_not_32_words(
    name: str, bids: int, asks: int, found: int
) -> None:
    rule = deployed(one_of_each()[name])
    with pytest.raises(Reverted, match=rf"LadderLengthMismatch\(expected=32, found={found}\)"):
        rule.call("clear", (0, 1), [0] * bids, [0] * asks)


@pytest.mark.parametrize(
    ("contract", "arguments", "refusal"),
    [
        ("UniformPriceRule", (1_001,), "KOutOfRange(k=1001, limit=1000)"),
        (
            "SupplyDemandRule",
            (55_501, 55_500),
            "FeedInAboveRetail(feedInPrice=55501, retailPrice=55500)",
        ),
    ],
)
def test_a_rule_with_wrong_parameters_is_not_deployed(
    contract: str, arguments: tuple[int, ...], refusal: str
) -> None:
    with pytest.raises(Reverted) as refused:
        evm().deploy(contract, *arguments)
    assert refusal in str(refused.value)


# The shipped band goes from 30000 to 55500.
MISFITS = {
    "a reserve price above the band": (
        Vickrey(reserve_price=Price(55_501)),
        {},
        "ReserveAboveBand(reservePrice=55501, topPrice=55500)",
    ),
    "a tariff below the band": (
        SupplyDemand(feed_in_price=Price(1), retail_price=Price(29_999)),
        {},
        "TariffOutsideBand(feedInPrice=1, retailPrice=29999, floorPrice=30000, topPrice=55500)",
    ),
    "a tariff above the band": (
        SupplyDemand(feed_in_price=Price(55_501), retail_price=Price(60_000)),
        {},
        "TariffOutsideBand(feedInPrice=55501, retailPrice=60000, floorPrice=30000, topPrice=55500)",
    ),
    "one tick for McAfee": (McAfee(), {"tick_count": 1}, "BandTooNarrow(tickCount=1, least=2)"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_an_auction_is_not_deployed_with(case: str) -> None:
    rule, auction, refusal = MISFITS[case]
    config = default_config(auction=auction)
    with pytest.raises(Reverted) as refused:
        deploy_system(Evm(), {**config, "rule": section_of(rule)})
    assert refusal in str(refused.value)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_refuses_a_band_without_ticks(name: str) -> None:
    rule = deployed(one_of_each()[name])
    with pytest.raises(Reverted, match=r"BandTooNarrow|Panic|Revert"):
        rule.call("requireFits", (0, 1), 0)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_keeps_nothing_and_asks_nobody(name: str) -> None:
    """Its parameters stand in its code; no instruction reads storage, the chain or its caller, or calls anybody."""
    code = bytes.fromhex(artifact(RULES[name].contract)["runtime"])
    assert forbidden_in(code, IMPURE) == []
