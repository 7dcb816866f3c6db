"""The headline experiment: one-shot random bids against negotiation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.agents.types import Band
from setm.errors import ConfigError
from setm.experiment import Trader, crossing_probability, run, wilson_interval
from setm.units import Price

GENERATOR = Band(min_bid=Price(40_000), max_bid=Price(52_000))
# The case study's consumers: lowest and highest bid, and P as design and paper give it.
CASE_STUDY = [
    (34_000, 46_000, 0.125),
    (34_000, 46_000, 0.125),
    (36_000, 48_000, 0.222),
    (36_000, 48_000, 0.222),
    (38_000, 48_000, 0.267),
    (36_000, 50_000, 0.298),
]


def band(low, high):
    return Band(min_bid=Price(low), max_bid=Price(high))


def traders():
    return [
        Trader(name=f"consumer {place}", band=band(low, high))
        for place, (low, high, _) in enumerate(CASE_STUDY, 1)
    ]


def rows(seed=1, draws=100_000):
    return run(traders(), Trader(name="generation 1", band=GENERATOR), draws, seed)


def test_refuses_no_draws():
    with pytest.raises(ConfigError, match="draws 0: expected at least 1"):
        rows(draws=0)


@pytest.mark.parametrize(("low", "high", "published"), CASE_STUDY)
def test_crosses_as_often_as_the_published_formula_says(low, high, published):
    found = crossing_probability(band(low, high), GENERATOR)
    assert found == pytest.approx((high - 40_000) ** 2 / (24_000 * (high - low)))
    assert round(found, 3) == published


@pytest.mark.parametrize(
    ("consumer", "generator", "expected"),
    [
        ((10, 20), (30, 40), 0.0),
        ((30, 40), (10, 20), 1.0),
        ((10, 20), (10, 20), 0.5),
        ((15, 15), (10, 20), 0.5),
        ((5, 5), (10, 20), 0.0),
        ((25, 25), (10, 20), 1.0),
        ((10, 20), (18, 18), 0.2),
        ((10, 20), (5, 5), 1.0),
        ((10, 20), (25, 25), 0.0),
        ((10, 10), (10, 10), 1.0),
        ((9, 9), (10, 10), 0.0),
    ],
)
def test_crosses_never_always_and_at_single_prices(consumer, generator, expected):
    assert crossing_probability(band(*consumer), band(*generator)) == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(edges=st.tuples(*[st.integers(0, 1000)] * 4))
def test_equals_the_integral_for_any_two_bands(edges):
    lo, hi = sorted(edges[:2])
    glo, ghi = sorted(edges[2:])
    if hi - lo < 2 or ghi - glo < 2:
        return
    # The midpoint rule on a fine mesh, as a second way to the same number.
    bids = lo + (np.arange(20_000) + 0.5) * (hi - lo) / 20_000
    expected = np.clip((bids - glo) / (ghi - glo), 0, 1).mean()
    assert crossing_probability(band(lo, hi), band(glo, ghi)) == pytest.approx(expected, abs=1e-4)


def test_gives_an_interval_for_none_and_for_all():
    assert wilson_interval(0, 100)[0] == pytest.approx(0)
    assert wilson_interval(100, 100)[1] == pytest.approx(1)
    assert 0 < wilson_interval(0, 100)[1] < 0.05


def test_measures_the_closed_form_within_four_standard_errors():
    for row, (_, _, published) in zip(rows(), CASE_STUDY, strict=True):
        error = (row.closed_form * (1 - row.closed_form) / 100_000) ** 0.5
        assert abs(row.one_shot_rate - row.closed_form) < 4 * error
        assert row.one_shot_low < row.one_shot_rate < row.one_shot_high
        assert round(row.closed_form, 3) == published


def test_negotiates_every_trade_that_both_sides_gain_from():
    for row, (_, high, _) in zip(rows(draws=500), CASE_STUDY, strict=True):
        assert row.negotiated_rate == 1.0
        assert row.negotiated_welfare_eur_per_mwh == pytest.approx((high - 40_000) / 1000)
        assert row.negotiated_welfare_eur_per_mwh > row.one_shot_welfare_eur_per_mwh
        assert row.negotiated_gain_eur_per_mwh > row.one_shot_gain_eur_per_mwh
        assert row.negotiated_gain_eur_per_mwh <= row.negotiated_welfare_eur_per_mwh


def test_trades_nothing_where_the_ceiling_is_below_the_floor():
    poor = Trader(name="poor", band=band(20_000, 39_999))
    (row,) = run([poor], Trader(name="generation 1", band=GENERATOR), 300, 1)
    assert (row.closed_form, row.one_shot_rate, row.negotiated_rate) == (0.0, 0.0, 0.0)
    assert row.one_shot_gain_eur_per_mwh == row.negotiated_gain_eur_per_mwh == 0.0


def test_repeats_itself_with_the_same_seed_and_differs_with_another():
    assert rows(draws=200) == rows(draws=200)
    assert rows(draws=200) != rows(seed=2, draws=200)


def test_gives_a_consumer_the_same_row_whoever_comes_after_it():
    generation = Trader(name="generation 1", band=GENERATOR)
    assert run(traders()[:2], generation, 200, 1) == run(traders(), generation, 200, 1)[:2]
