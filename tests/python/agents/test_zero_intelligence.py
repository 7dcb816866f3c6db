"""The agent that draws a uniform price inside its band."""

import numpy as np
import pytest

from setm.agents.types import Band, QuantityForecast, ticks_inside
from setm.agents.zero_intelligence import ZeroIntelligence, decide, draw_prices, draw_tick
from setm.errors import ConfigError
from setm.types import Grid
from setm.units import Price

GRID = Grid(floor_price=Price(30_000), tick_size=Price(100))
BAND = Band(min_bid=Price(34_000), max_bid=Price(46_000))


def test_refuses_a_band_upside_down():
    with pytest.raises(ConfigError, match=r"46000\.\.34000: expected 0 <= min_bid <= max_bid"):
        Band(min_bid=Price(46_000), max_bid=Price(34_000))


@pytest.mark.parametrize("band", [(30_010, 30_090), (10_000, 29_999), (60_000, 70_000)])
def test_refuses_a_band_without_a_tick_of_the_venue(band):
    with pytest.raises(ConfigError, match=r"expected a tick of the venue inside it"):
        ticks_inside(Band(min_bid=Price(band[0]), max_bid=Price(band[1])), GRID, 256)


def test_knows_exactly_the_ticks_inside_the_band():
    for low, high in [(29_000, 31_000), (30_001, 30_199), (55_400, 90_000), (30_000, 30_000)]:
        band = Band(min_bid=Price(low), max_bid=Price(high))
        expected = [tick for tick in range(256) if low <= GRID.price(tick) <= high]
        assert list(ticks_inside(band, GRID, 256)) == expected


def test_draws_every_tick_inside_the_band_and_none_outside():
    policy = ZeroIntelligence(band=BAND, grid=GRID, tick_count=256)
    rng = np.random.default_rng(1)
    drawn = {draw_tick(policy, rng) for _ in range(3000)}
    assert drawn == set(ticks_inside(BAND, GRID, 256))


def test_repeats_itself_with_the_same_seed():
    policy = ZeroIntelligence(band=BAND, grid=GRID, tick_count=256)
    first, second = (
        [draw_tick(policy, rng) for _ in range(20)]
        for rng in (np.random.default_rng(7), np.random.default_rng(7))
    )
    assert first == second


def test_draws_prices_uniformly_from_end_to_end():
    prices = draw_prices(BAND, 100_000, np.random.default_rng(2))
    assert prices.min() >= 34_000
    assert prices.max() <= 46_000
    assert abs(prices.mean() - 40_000) < 50
    assert abs(prices.std() - 12_000 / 12**0.5) < 50


def test_its_quantity_is_what_it_expects_whatever_the_price():
    policy = ZeroIntelligence(band=BAND, grid=GRID, tick_count=256)
    unsure = QuantityForecast(mean_wh=500.4, lower_wh=0.0, upper_wh=2000.0)
    decisions = [decide(policy, unsure, np.random.default_rng(seed)) for seed in range(50)]
    assert {one.energy_wh for one in decisions} == {500}
    assert len({one.tick for one in decisions}) > 20
