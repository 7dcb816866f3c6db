"""Means and intervals over seeds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm.compare.study import interval, intervals
from tests.python.compare.books import patient

values = st.floats(-1e6, 1e6)


@patient
@given(st.lists(values, min_size=2, max_size=30))
def test_the_mean_lies_inside_its_interval(found):
    one = interval(found)
    assert one.low <= one.mean <= one.high
    assert one.mean == pytest.approx(np.mean(found), abs=1e-6)


def test_an_interval_is_students():
    """s = 1, n = 3, t(2; 0.975) = 4.302653 (any table of the distribution)."""
    one = interval([1.0, 2.0, 3.0])
    assert one.high - one.mean == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert one.mean - one.low == pytest.approx(one.high - one.mean)


def test_without_chance_the_interval_has_no_width():
    one = interval([0.1] * 20)
    assert (one.low, one.mean, one.high) == (0.1, 0.1, 0.1)
    assert one.is_certain


def test_a_single_seed_has_a_mean_and_no_interval():
    one = interval([7.0])
    assert (one.mean, one.low, one.high) == (7.0, None, None)


def test_seeds_without_a_value_do_not_count():
    assert interval([None, 1.0, None, 3.0]).count == 2
    assert interval([None, None]).mean is None


def test_about_95_of_100_intervals_hold_the_true_mean():
    rng = np.random.default_rng(5)
    found = [interval(list(rng.normal(3.0, 2.0, size=20))) for _ in range(2000)]
    held = sum(one.low <= 3.0 <= one.high for one in found)
    # Three standard errors of a share of 0.95 among 2000 are 0.015.
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_every_measure_gets_its_interval():
    rows = [{"a": 1.0, "b": None}, {"a": 2.0, "b": 4.0}]
    assert {name: one.count for name, one in intervals(rows).items()} == {"a": 2, "b": 1}
