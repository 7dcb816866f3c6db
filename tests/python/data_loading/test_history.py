"""What an agent may know at its gate closure."""

from pathlib import Path

import numpy as np
import pytest

from setm.data import MeterSeries, history_view, require_slots, slots_per_day
from setm.errors import DataError
from setm.slots import Slot


def series_of(days: int, slot_seconds: int = 3600) -> MeterSeries:
    """Return a series from slot 0 whose values are the slot numbers."""
    slots = days * slots_per_day(slot_seconds)
    return MeterSeries(
        first_slot=Slot(0),
        slot_seconds=slot_seconds,
        import_wh=np.arange(slots, dtype=np.int64),
        export_wh=np.zeros(slots, dtype=np.int64),
        path=Path("meter.csv"),
    )


def test_refuses_too_little_history_and_names_what_is_missing() -> None:
    with pytest.raises(DataError) as caught:
        history_view(series_of(5), 5 * 24 - 2, 9)
    assert str(caught.value) == (
        "meter.csv: too little history: a forecast window of 9 days needs 1969-12-27T22:00:00+00:00 to "
        "1970-01-05T22:00:00+00:00, the file has 1970-01-01T00:00:00+00:00 to 1970-01-06T00:00:00+00:00: "
        "98 slots (4.083 days) before its first row are missing; add earlier rows, lower days_for_forecasting "
        "or choose another day"
    )


def test_refuses_a_gate_after_the_end_of_the_file() -> None:
    with pytest.raises(DataError, match=r"24 slots \(1 days\) after its last row are missing"):
        history_view(series_of(5), 6 * 24, 2)


def test_refuses_a_history_of_no_days() -> None:
    with pytest.raises(DataError, match="a history of 0 days; expected at least 1"):
        history_view(series_of(5), 24, 0)


def test_refuses_arrays_of_different_length() -> None:
    with pytest.raises(DataError, match="2 import and 3 export values"):
        MeterSeries(
            first_slot=Slot(0),
            slot_seconds=3600,
            import_wh=np.zeros(2, dtype=np.int64),
            export_wh=np.zeros(3, dtype=np.int64),
            path=Path("meter.csv"),
        )


def test_ends_before_the_gate_and_has_exactly_the_days_asked_for() -> None:
    view = history_view(series_of(5), 100, 2)
    assert (view.first_slot, view.end_slot) == (52, 100)
    assert view.import_wh.tolist() == list(range(52, 100))


def test_shares_no_memory_with_the_series() -> None:
    series = series_of(5)
    view = history_view(series, 100, 2)
    assert not np.shares_memory(view.import_wh, series.import_wh)
    assert view.import_wh.base is None
    assert view.export_wh.base is None


def test_a_window_inside_the_file_is_accepted() -> None:
    require_slots(series_of(1), 0, 24, "the day")
    assert series_of(1, 900).window(4, 8).import_wh.tolist() == [4, 5, 6, 7]
