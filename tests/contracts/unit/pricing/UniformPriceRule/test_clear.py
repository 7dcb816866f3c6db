"""UniformPriceRule.clear"""

import brownie
import pytest

from setm.pricing import MAX_TICK_WH, UniformPrice, pack_ladder
from setm.types import Grid
from setm.units import Price

GRID = Grid(floor_price=Price(30_000), tick_size=Price(75))
TOP = 255


@pytest.fixture(scope="module")
def rule(governance):
    project = brownie.project.get_loaded_projects()[0]
    return project.UniformPriceRule.deploy(500, {"from": governance})


def ladder(held):
    """Return 256 quantities, given those that are not zero."""
    return [held.get(tick, 0) for tick in range(TOP + 1)]


def cleared(rule, bids, asks):
    return rule.clear(
        (GRID.floor_price, GRID.tick_size), pack_ladder(ladder(bids)), pack_ladder(ladder(asks))
    )


@pytest.mark.parametrize(("bids", "asks", "found"), [(31, 32, 31), (32, 33, 33), (0, 32, 0)])
def test_refuses_a_ladder_that_has_not_32_words(rule, bids, asks, found):
    with brownie.reverts(f"LadderLengthMismatch: 32, {found}"):
        rule.clear((0, 1), [0] * bids, [0] * asks)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [({}, {}), ({7: 5}, {}), ({}, {7: 5}), ({7: 5}, {8: 5}), ({0: 1}, {TOP: 1})],
)
def test_trades_nothing_without_a_crossing(rule, bids, asks):
    assert cleared(rule, bids, asks) == (*(0,) * 9, False, 0)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ({7: 5}, {7: 5}),
        ({7: 5}, {7: 3}),
        ({7: 3}, {7: 5}),
        ({8: 4}, {7: 9}),
        ({TOP: 5, 8: 5, 7: 5}, {0: 6, 7: 6, 8: 6}),
        ({TOP: 5, 100: 7}, {0: 5, 101: 9}),
        (dict.fromkeys(range(256), 1), dict.fromkeys(range(256), 1)),
        ({TOP: MAX_TICK_WH, 0: MAX_TICK_WH}, {TOP: MAX_TICK_WH, 0: MAX_TICK_WH}),
        ({15: 8, 16: 8}, {7: 8, 8: 1}),
    ],
)
def test_clears_as_the_reference_does(rule, bids, asks):
    expected = UniformPrice().clear(GRID, ladder(bids), ladder(asks))
    values = tuple(getattr(expected, name) for name in expected.__slots__)
    assert cleared(rule, bids, asks) == values
    assert values[2] > 0


def test_rounds_half_a_unit_of_price_down(rule):
    assert cleared(rule, {8: 4}, {7: 4})[:2] == (30_562, 30_562)
