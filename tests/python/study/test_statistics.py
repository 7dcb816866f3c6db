"""Means, shares and their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm.study.statistics import mean, share

VALUES = st.lists(st.floats(min_value=0.1, max_value=1000), min_size=2, max_size=20)


@given(values=VALUES)
def test_an_interval_holds_its_mean_and_lies_among_the_values(values):
    found = mean(values)
    assert min(values) - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= max(values) + 1e-9


def test_equal_values_are_certain():
    found = mean([3.0] * 5)
    assert (found.value, found.low, found.high) == (3.0, 3.0, 3.0)


def test_the_interval_of_many_normal_values_is_that_of_the_textbook():
    values = np.random.default_rng(1).normal(10, 2, size=400).tolist()
    found, half = mean(values), 1.96 * float(np.std(values)) / 20
    assert found.low == pytest.approx(found.value - half, abs=0.02)
    assert found.high == pytest.approx(found.value + half, abs=0.02)


@given(wholes=VALUES, part=st.floats(min_value=-1, max_value=2))
def test_a_share_that_is_the_same_everywhere_is_certain(wholes, part):
    found = share([part * whole for whole in wholes], wholes)
    assert found.low == pytest.approx(part, abs=1e-6)
    assert found.high == pytest.approx(part, abs=1e-6)


def test_a_share_weighs_seeds_by_what_there_is_to_share():
    assert share([1.0, 0.0], [1.0, 9.0]).value == pytest.approx(0.1)
