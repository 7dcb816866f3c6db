"""Nothing after the gate closure can change a forecast."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from setm.data import MeterSeries, history_view
from setm.forecast import MODELS, Direction, Forecast, backtest, forecast_day
from tests.python.forecast.series import household
from tests.python.forecast.test_forecast_day import same

DAYS = 70
GATE_DAYS = 66
GAP = 2


def forecast_at_gate(series: MeterSeries, model: str, direction: Direction, days: int) -> Forecast:
    """Return what the agent expects of the day after its gate."""
    gate_slot = series.first_slot + GATE_DAYS * 24 - GAP
    history = history_view(series, gate_slot, days)
    return forecast_day(
        history, direction=direction, horizon_slots=24, gap_slots=GAP, model=model, seed=1
    )


def altered(series: MeterSeries, changes: dict[int, int]) -> MeterSeries:
    """Return the series with other values from the gate closure on, at positions counted from it."""
    start = GATE_DAYS * 24 - GAP
    flows = {name: getattr(series, name).copy() for name in ("import_wh", "export_wh")}
    for position, value in changes.items():
        for flow in flows.values():
            flow[start + position] = value
    return replace(series, **flows)


AFTER_THE_GATE = st.dictionaries(
    st.integers(0, (DAYS - GATE_DAYS) * 24 + GAP - 1), st.integers(0, 10**9), min_size=1
)


@given(changes=AFTER_THE_GATE, direction=st.sampled_from(["import", "export"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("model", ["seasonal_naive", "seasonal_naive_week", "seasonal_mean", "ets"])
def test_changing_anything_after_the_gate_changes_no_forecast(
    model: str, changes: dict[int, int], direction: Direction
) -> None:
    series = household(DAYS)
    assert same(
        forecast_at_gate(series, model, direction, 9),
        forecast_at_gate(altered(series, changes), model, direction, 9),
    )


@pytest.mark.parametrize("model", ["auto", *MODELS])
def test_a_wholly_different_future_changes_no_forecast(model: str) -> None:
    series = household(DAYS)
    changes = {position: 10**8 + position for position in range((DAYS - GATE_DAYS) * 24 + GAP)}
    assert same(
        forecast_at_gate(series, model, "import", 62),
        forecast_at_gate(altered(series, changes), model, "import", 62),
    )


@pytest.mark.parametrize("model", ["auto", *MODELS])
def test_what_lies_before_the_allowed_days_changes_no_forecast(model: str) -> None:
    series = household(DAYS)
    other = replace(series, import_wh=series.import_wh.copy())
    first = GATE_DAYS * 24 - GAP - 62 * 24
    changed = series.import_wh.copy()
    changed[:first] = 10**8
    other = replace(series, import_wh=changed)
    assert same(
        forecast_at_gate(series, model, "import", 62), forecast_at_gate(other, model, "import", 62)
    )


def test_the_last_slot_before_the_gate_does_change_a_forecast() -> None:
    series = household(DAYS)
    changed = series.import_wh.copy()
    changed[GATE_DAYS * 24 - GAP - 1] += 500
    assert not same(
        forecast_at_gate(series, "seasonal_naive", "import", 9),
        forecast_at_gate(replace(series, import_wh=changed), "seasonal_naive", "import", 9),
    )


def test_an_origin_of_the_backtest_sees_nothing_after_itself() -> None:
    """The last day of the view is never an input, so changing it moves the errors but not the intervals."""
    series = household(20)
    changed = series.import_wh.copy()
    changed[-24:] = 10**7
    options = {"history_days": 9, "horizon_slots": 24, "models": ("auto", "mstl", "seasonal_mean")}
    before = backtest(series, **options)  # type: ignore[arg-type]
    after = backtest(replace(series, import_wh=changed), **options)  # type: ignore[arg-type]
    assert [row.mean_width_wh for row in before] == [row.mean_width_wh for row in after]
    assert [row.model_used for row in before] == [row.model_used for row in after]
    assert all(one.mae_wh < other.mae_wh for one, other in zip(before, after, strict=True))
    assert np.isfinite([row.mase for row in before]).all()
