"""What every forecast promises, whatever the model."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setm.data import history_view
from setm.errors import ForecastError
from setm.forecast import AUTO, MODEL_NAMES, MODELS, Forecast, forecast_day
from tests.python.forecast.series import household, meter

HORIZON, GAP = 24, 2
NAIVE = ("seasonal_naive", "seasonal_naive_week", "seasonal_mean")


def same(one: Forecast, other: Forecast) -> bool:
    """Return whether two forecasts agree to the last bit."""
    arrays = ("mean_wh", "lower_wh", "upper_wh")
    return one.model == other.model and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def test_refuses_an_unknown_model() -> None:
    with pytest.raises(
        ForecastError, match=r"model 'oracle': expected one of auto, seasonal_naive"
    ):
        forecast_day(household(9), horizon_slots=HORIZON, model="oracle")


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].min_days > 1])
def test_refuses_too_little_history_for_a_model(name: str) -> None:
    days = MODELS[name].min_days - 1
    with pytest.raises(ForecastError, match=rf"model {name}: {days} days of history"):
        forecast_day(household(days), horizon_slots=HORIZON, model=name)


def test_refuses_smoothing_for_quarter_hours() -> None:
    with pytest.raises(ForecastError, match=r"model ets: 5 days of history with 96 slots a day"):
        forecast_day(household(5, slot_seconds=900), horizon_slots=96, model="ets")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon_slots": 0}, "horizon 0 and gap 0 slots"),
        ({"horizon_slots": 24, "gap_slots": -1}, "horizon 24 and gap -1 slots"),
        ({"horizon_slots": 24, "gap_slots": 7 * 24}, "expected at most 7 days"),
        ({"horizon_slots": 24, "level": 1.0}, "interval level 1.0: expected between 0 and 1"),
    ],
)
def test_refuses_what_no_model_can_answer(options: dict[str, object], message: str) -> None:
    with pytest.raises(ForecastError, match=message):
        forecast_day(household(9), **options)  # type: ignore[arg-type]


def test_refuses_less_than_a_day_of_history() -> None:
    with pytest.raises(ForecastError, match=r"23 slots of history; expected at least one day"):
        forecast_day(meter([1] * 23), horizon_slots=HORIZON)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_mean_lies_inside_the_interval_and_nothing_is_negative(name: str) -> None:
    series = household(61)
    made = forecast_day(series, horizon_slots=HORIZON, gap_slots=GAP, model=name, level=0.9)
    assert made.first_slot == series.end_slot + GAP
    assert made.slot_seconds == 3600
    assert made.level == 0.9
    assert made.model == name or name == AUTO
    assert len(made.mean_wh) == len(made.lower_wh) == len(made.upper_wh) == HORIZON
    assert (made.lower_wh >= 0).all()
    assert (made.lower_wh <= made.mean_wh).all()
    assert (made.mean_wh <= made.upper_wh).all()
    assert (made.upper_wh <= series.import_wh.max()).all()
    assert (made.upper_wh - made.lower_wh).mean() > 10


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_same_seed_same_arrays(name: str) -> None:
    made = [
        forecast_day(household(61), horizon_slots=HORIZON, gap_slots=GAP, model=name, seed=5)
        for _ in range(2)
    ]
    assert same(*made)


@pytest.mark.parametrize("name", ["seasonal_naive", "seasonal_mean", "ets", "mstl", "boosted"])
def test_a_solar_plant_gives_nothing_at_night(name: str) -> None:
    series = household(61)
    made = forecast_day(series, direction="export", horizon_slots=HORIZON, model=name)
    hours = np.arange(made.first_slot, made.first_slot + HORIZON) % 24
    at_night = (hours < 6) | (hours > 18)
    assert not made.upper_wh[at_night].any()
    assert (made.mean_wh[(hours > 8) & (hours < 16)] > 0).all()


def test_a_direction_in_which_nothing_flowed_is_forecast_as_nothing() -> None:
    made = forecast_day(meter([5] * 48), direction="export", horizon_slots=HORIZON)
    assert made.model == "nothing"
    assert not made.upper_wh.any()


def test_seasonal_naive_repeats_the_last_known_day() -> None:
    series = meter(range(72))
    made = forecast_day(series, horizon_slots=30, gap_slots=3, model="seasonal_naive")
    # Three slots after the end the day before is known up to its end; then the newest known day again.
    assert made.mean_wh.tolist() == [51 + i for i in range(21)] + [48 + i for i in range(9)]


def test_weekly_naive_repeats_the_same_weekday() -> None:
    series = meter(np.arange(15 * 24) // 24)
    made = forecast_day(series, horizon_slots=24, model="seasonal_naive_week")
    assert made.mean_wh.tolist() == [8.0] * 24


def test_seasonal_mean_averages_the_same_hour() -> None:
    series = meter([*range(24), *range(10, 34)])
    made = forecast_day(series, horizon_slots=24, model="seasonal_mean")
    assert made.mean_wh.tolist() == [5.0 + hour for hour in range(24)]


@pytest.mark.parametrize("name", ["seasonal_naive", "seasonal_mean", "ets", "mstl", "boosted"])
def test_a_constant_load_is_forecast_as_it_is(name: str) -> None:
    made = forecast_day(meter([7] * 24 * 61), horizon_slots=24, model=name)
    for values in (made.mean_wh, made.lower_wh, made.upper_wh):
        assert values == pytest.approx([7.0] * 24)


def test_boosting_knows_the_season_of_the_year() -> None:
    days = np.arange(2 * 365)
    winter = 1000 + 800 * np.cos(2 * np.pi * days / 365.25)
    series = meter(np.repeat(winter, 24))
    made = forecast_day(series, horizon_slots=24, model="boosted")
    assert made.mean_wh.mean() == pytest.approx(1800, rel=0.05)


def test_boosting_learns_what_repetition_cannot() -> None:
    rng = np.random.default_rng(3)
    busy = rng.integers(0, 2, 120)
    days = [np.full(24, 100 + 900 * today) for today in busy]
    for today, day in zip(busy, days, strict=True):
        day[:4] = 100 + 50 * today  # the night before tells what the day will be
    series = meter(np.concatenate(days))
    view = history_view(series, series.end_slot - 20, 80)
    made = forecast_day(view, horizon_slots=20, model="boosted")
    assert np.abs(made.mean_wh - series.import_wh[-20:]).mean() < 100


def test_auto_takes_the_week_for_a_meter_that_follows_the_week() -> None:
    rng = np.random.default_rng(1)
    week = rng.integers(100, 1000, 7 * 24)
    made = forecast_day(meter(np.tile(week, 4)), horizon_slots=24)
    assert made.model == "seasonal_naive_week"


def test_auto_needs_no_more_than_a_day() -> None:
    made = forecast_day(household(1), horizon_slots=24, gap_slots=1)
    assert made.model == "seasonal_mean"


@given(
    days=st.integers(1, 20),
    missing=st.integers(0, 5),
    gap=st.integers(0, 30),
    horizon=st.integers(1, 60),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_naive_models_answer_every_gap_and_horizon(
    days: int, missing: int, gap: int, horizon: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    series = meter(rng.integers(0, 2, days * 24 + missing) * rng.integers(0, 10**6))
    for name in NAIVE:
        if days >= MODELS[name].min_days:
            made = forecast_day(series, horizon_slots=horizon, gap_slots=gap, model=name)
            assert len(made.mean_wh) == horizon
            assert np.isfinite(made.upper_wh).all()
            assert (made.lower_wh <= made.mean_wh).all()
            assert (made.mean_wh <= made.upper_wh).all()
