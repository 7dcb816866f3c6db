"""Forecasts of many at once: those of one after the other, to the last bit, and no row looks at another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.errors import ForecastError
from setm.forecast import forecast_day
from setm.forecast.together import TOGETHER, forecast_days
from setm.simulation import foresight
from setm.simulation.foresight import Question, foresee, foresee_all
from setm.slots import Slot
from tests.python.forecast.series import household, meter
from tests.python.forecast.test_forecast_day import same


def assert_equal_to_one_by_one(histories, **options):
    together = forecast_days(histories, **options)
    alone = [forecast_day(history, **options) for history in histories]
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert same(one, other)
        assert (one.first_slot, one.slot_seconds) == (other.first_slot, other.slot_seconds)
        assert (one.model, one.level) == (other.model, other.level)


@pytest.mark.parametrize("model", TOGETHER)
@pytest.mark.parametrize("direction", ["import", "export"])
@pytest.mark.parametrize(("days", "slot_seconds"), [(7, 900), (8, 3600), (30, 3600)])
def test_equals_one_by_one_to_the_last_bit(model, direction, days, slot_seconds):
    histories = [household(days, seed, slot_seconds) for seed in range(5)]
    horizon = 86_400 // slot_seconds
    assert_equal_to_one_by_one(
        histories, direction=direction, horizon_slots=horizon, gap_slots=5, model=model
    )


@pytest.mark.parametrize("model", TOGETHER)
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(24 * 7, 24 * 10),
    st.integers(0, 40),
    st.integers(1, 60),
    st.floats(0.01, 0.99),
    st.sampled_from([0, 1, 3, 10**9]),
    st.integers(0, 2**32 - 1),
)
def test_equals_one_by_one_for_any_history_horizon_and_level(
    model, participants, length, gap, horizon, level, highest, seed
):
    rng = np.random.default_rng(seed)
    histories = [meter(rng.integers(0, highest + 1, length)) for _ in range(participants)]
    assert_equal_to_one_by_one(
        histories, horizon_slots=horizon, gap_slots=gap, model=model, level=level
    )


@pytest.mark.parametrize("model", ["seasonal_naive", "seasonal_mean"])
@pytest.mark.parametrize("days", [1, 2, 3])
def test_equals_one_by_one_for_the_shortest_histories(model, days):
    histories = [household(days, seed) for seed in range(3)]
    assert_equal_to_one_by_one(histories, horizon_slots=24, model=model)


def test_what_never_flowed_is_nothing_even_where_the_history_is_too_short():
    histories = [meter([5] * 48), meter([0] * 48), meter([7] * 48)]
    assert_equal_to_one_by_one(histories, horizon_slots=24, model="seasonal_mean")
    assert_equal_to_one_by_one([meter([0] * 48)], horizon_slots=24, model="seasonal_naive_week")


@pytest.mark.parametrize("model", TOGETHER)
def test_nobody_sees_anothers_history(model):
    histories = [household(8, seed) for seed in range(4)]
    before = forecast_days(histories, horizon_slots=24, model=model)
    histories[2] = meter(histories[2].import_wh * 3 + 17)
    after = forecast_days(histories, horizon_slots=24, model=model)
    changed = [not same(one, other) for one, other in zip(before, after, strict=True)]
    assert changed == [False, False, True, False]


def test_refuses_other_models_and_histories_of_different_spans():
    for model in ("auto", "ets", "boosted", "oracle"):
        with pytest.raises(ForecastError, match=f"model '{model}' for all at once"):
            forecast_days([household(8)], horizon_slots=24, model=model)
    with pytest.raises(ForecastError, match="2 different spans"):
        forecast_days([household(8), household(9)], horizon_slots=24, model="seasonal_mean")


def test_refuses_a_history_that_is_too_short_as_one_by_one_does():
    with pytest.raises(ForecastError, match="model seasonal_naive_week: 6 days"):
        forecast_days([household(6)], horizon_slots=24, model="seasonal_naive_week")
    assert forecast_days([], horizon_slots=24, model="seasonal_mean") == []


# In a run


def question(number: int) -> Question:
    series = household(12, seed=number)
    gate = Slot(series.end_slot - 30)
    return Question(
        name=f"household {number}",
        series=series,
        direction="export" if number % 3 == 0 else "import",
        days=8 if number % 2 else 10,
        model="seasonal_naive" if number % 5 == 0 else "seasonal_mean",
        gate_slot=gate,
        first_slot=Slot(gate + 4),
        horizon_slots=24,
        seed=1,
        with_backtest=False,
    )


def test_many_questions_are_answered_as_one_by_one():
    asked = [question(number) for number in range(foresight.MANY)]
    heard: list[str] = []
    answers = foresee_all(asked, heard.append)
    assert sorted(heard) == sorted(item.name for item in asked)
    assert answers.keys() == {(item.name, item.direction) for item in asked}
    for item in asked:
        found, alone = answers[item.name, item.direction], foresee(item)
        assert same(found.forecast, alone.forecast)
        assert found.forecast.model == alone.forecast.model
        assert found.by_slot() == alone.by_slot()


@pytest.mark.parametrize("change", [{"with_backtest": True}, {"model": "auto"}])
def test_one_question_that_arrays_cannot_answer_sends_all_to_processes(change, monkeypatch):
    sent: list[int] = []

    def ask(questions, answers, each):
        sent.append(len(questions))

    monkeypatch.setattr(foresight, "_ask_pool", ask)
    asked = [question(number) for number in range(foresight.MANY)]
    foresee_all(asked, str)
    assert sent == []
    foresee_all([*asked[1:], replace(asked[0], **change)], str)
    foresee_all(asked[1:], str)
    assert sent == [foresight.MANY, foresight.MANY - 1]
