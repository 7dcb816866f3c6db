"""The agent that contracts the quantity of least expected cost."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.agents.forecast_bidder import (
    ForecastBidder,
    best_quantity,
    critical_ratio,
    decide,
    quantile,
)
from setm.agents.types import Band, QuantityForecast
from setm.errors import ConfigError
from setm.types import Grid, GridTariff, Side
from setm.units import Price

TARIFF = GridTariff(retail_price=Price(55_000), feed_in_price=Price(30_000))
FORECAST = QuantityForecast(mean_wh=500.0, lower_wh=400.0, upper_wh=650.0)
GRID = Grid(floor_price=Price(30_000), tick_size=Price(100))


def bidder(side=Side.BID, low=34_000, high=46_000):
    band = Band(min_bid=Price(low), max_bid=Price(high))
    return ForecastBidder(side=side, band=band, grid=GRID, tick_count=256, tariff=TARIFF)


@pytest.mark.parametrize(
    "values", [(400.0, 300.0, 500.0), (-1.0, 0.0, 1.0), (0.0, math.nan, 1.0), (0.0, 1.0, math.inf)]
)
def test_refuses_a_forecast_whose_numbers_contradict_each_other(values):
    with pytest.raises(ConfigError, match="expected 0 <= lower_wh <= mean_wh <= upper_wh"):
        QuantityForecast(lower_wh=values[0], mean_wh=values[1], upper_wh=values[2])


def test_refuses_an_interval_that_holds_all_or_nothing():
    with pytest.raises(ConfigError, match="coverage 1: expected between 0 and 1"):
        QuantityForecast(mean_wh=1.0, lower_wh=0.0, upper_wh=2.0, coverage=1)


def test_refuses_a_tariff_without_a_spread():
    flat = GridTariff(retail_price=Price(30_000), feed_in_price=Price(30_000))
    with pytest.raises(ConfigError, match="without a spread there is no best quantity"):
        ForecastBidder(
            side=Side.BID,
            band=Band(min_bid=Price(34_000), max_bid=Price(46_000)),
            grid=GRID,
            tick_count=256,
            tariff=flat,
        )


def test_trades_nothing_where_the_grid_is_better():
    assert best_quantity(Side.BID, Price(55_000), TARIFF, FORECAST) == 0
    assert best_quantity(Side.BID, Price(60_000), TARIFF, FORECAST) == 0
    assert best_quantity(Side.ASK, Price(30_000), TARIFF, FORECAST) == 0


def test_contracts_no_more_than_the_interval_holds():
    assert best_quantity(Side.BID, Price(20_000), TARIFF, FORECAST) == 650
    assert best_quantity(Side.BID, Price(30_001), TARIFF, FORECAST) == 650
    assert best_quantity(Side.ASK, Price(80_000), TARIFF, FORECAST) == 650
    assert best_quantity(Side.BID, Price(54_999), TARIFF, FORECAST) == 400


def test_contracts_the_mean_halfway_between_the_grid_prices():
    assert critical_ratio(Side.BID, Price(42_500), TARIFF) == 0.5
    assert critical_ratio(Side.ASK, Price(42_500), TARIFF) == 0.5
    assert best_quantity(Side.BID, Price(42_500), TARIFF, FORECAST) == 500
    assert best_quantity(Side.ASK, Price(42_500), TARIFF, FORECAST) == 500


def test_reads_the_ends_of_the_interval_as_its_quantiles():
    assert quantile(FORECAST, 0.1) == pytest.approx(400)
    assert quantile(FORECAST, 0.9) == pytest.approx(650)


def test_contracts_a_certain_quantity_whatever_the_price():
    certain = QuantityForecast(mean_wh=123.0, lower_wh=123.0, upper_wh=123.0)
    assert best_quantity(Side.BID, Price(50_000), TARIFF, certain) == 123


@settings(deadline=None)
@given(
    side=st.sampled_from(Side),
    price=st.integers(30_000, 55_000),
    dearer=st.integers(0, 10_000),
)
def test_buys_less_and_sells_more_as_the_price_rises(side, price, dearer):
    cheap = best_quantity(side, Price(price), TARIFF, FORECAST)
    dear = best_quantity(side, Price(price + dearer), TARIFF, FORECAST)
    assert dear <= cheap if side is Side.BID else dear >= cheap


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("price", [36_000, 42_500, 49_000])
def test_costs_least_of_all_quantities_in_simulated_slots(side, price):
    """The chosen quantity is within 2 Wh of the best one for 200,000 draws of the same distribution."""
    rng = np.random.default_rng(3)
    edge = 1.2815515655446004
    normal = rng.standard_normal(200_000) / edge
    actual = np.where(normal > 0, 500 + 150 * normal, 500 + 100 * normal)
    chosen = best_quantity(side, Price(price), TARIFF, FORECAST)

    def cost(quantity):
        short, long = np.maximum(actual - quantity, 0), np.maximum(quantity - actual, 0)
        if side is Side.ASK:
            return (55_000 * long - 30_000 * short).mean() - price * quantity
        return (55_000 * short - 30_000 * long).mean() + price * quantity

    quantities = range(chosen - 40, chosen + 41)
    best = min(quantities, key=cost)
    assert abs(best - chosen) <= 2


def test_decides_inside_its_band_and_repeats_itself_with_the_same_seed():
    decisions = [
        [decide(bidder(), FORECAST, rng) for _ in range(50)]
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    ]
    assert decisions[0] == decisions[1]
    for decision in decisions[0]:
        price = GRID.price(decision.tick)
        assert 34_000 <= price <= 46_000
        assert decision.energy_wh == best_quantity(Side.BID, price, TARIFF, FORECAST)
