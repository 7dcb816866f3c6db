"""The measures and the rolling origins."""

import math

import numpy as np
import pytest

from setm.errors import ForecastError
from setm.forecast import MODELS, backtest
from setm.forecast.metrics import coverage, mean_absolute_error, pinball_loss, seasonal_scale
from tests.python.forecast.series import household, meter


def test_refuses_a_view_shorter_than_one_origin() -> None:
    with pytest.raises(ForecastError, match=r"9 days of history needs 242 slots, there are 240"):
        backtest(household(10), history_days=9, horizon_slots=24, gap_slots=2)


def test_refuses_an_unknown_model() -> None:
    with pytest.raises(ForecastError, match=r"model 'oracle': expected one of auto"):
        backtest(household(10), history_days=3, horizon_slots=24, models=["oracle"])


def test_mase_of_a_seasonal_naive_by_hand() -> None:
    # Days of constant level 0, 10, 30; the forecast repeats 10 where 30 flows: error 20. Within the two days of
    # history the same repetition errs by 10, so MASE = 20 / 10.
    series = meter(np.repeat([0, 10, 30], 24))
    (row,) = backtest(series, history_days=2, horizon_slots=24, models=["seasonal_naive"])
    assert (row.origins, row.slots, row.model_used) == (1, 24, "seasonal_naive")
    assert row.mae_wh == pytest.approx(20)
    assert row.mase == pytest.approx(2)
    # Past errors were all +10, yet nothing above 10 was ever seen: both bounds are 10, and 30 lies outside.
    assert row.coverage == 0
    assert row.mean_width_wh == 0
    assert row.pinball_wh == pytest.approx((0.1 * 20 + 0.9 * 20) / 2)


def test_mase_is_not_a_number_where_nothing_ever_changes() -> None:
    (row,) = backtest(meter([7] * 96), history_days=2, horizon_slots=24, models=["seasonal_mean"])
    assert row.mae_wh == 0
    assert math.isnan(row.mase)
    assert row.coverage == 1


def test_uses_seven_origins_where_the_history_allows() -> None:
    rows = backtest(household(17), history_days=9, horizon_slots=24, gap_slots=1)
    assert [row.model for row in rows] == ["auto", *(n for n in MODELS if n != "boosted")]
    assert {row.origins for row in rows} == {7}
    assert {row.slots for row in rows} == {7 * 24}
    assert all(row.model_used in MODELS for row in rows)


def test_uses_fewer_origins_where_it_does_not() -> None:
    (row,) = backtest(household(12), history_days=9, horizon_slots=24, models=["seasonal_mean"])
    assert row.origins == 3


def test_a_direction_in_which_nothing_flowed_gives_no_rows() -> None:
    assert backtest(meter([1] * 96), direction="export", history_days=2, horizon_slots=24) == []


def test_intervals_hold_about_as_often_as_they_say() -> None:
    rows = backtest(
        household(60),
        history_days=30,
        horizon_slots=24,
        origins=20,
        models=["seasonal_mean", "ets"],
    )
    for row in rows:
        assert 0.65 <= row.coverage <= 0.95


def test_the_measures_by_hand() -> None:
    actual, mean = np.array([1.0, 5.0, 3.0]), np.array([2.0, 2.0, 3.0])
    assert mean_absolute_error(actual, mean) == pytest.approx(4 / 3)
    assert seasonal_scale(np.array([1.0, 2.0, 2.0, 4.0]), 2) == pytest.approx(1.5)
    assert math.isnan(seasonal_scale(actual, 3))
    assert pinball_loss(np.array([10.0, 0.0]), np.array([4.0, 4.0]), 0.9) == pytest.approx(2.9)
    assert coverage(actual, mean, mean + 3) == pytest.approx(2 / 3)
