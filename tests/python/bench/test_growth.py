"""Exponents of known power laws come out as they went in."""

import numpy as np
import pytest

from setm.bench.day import DayPlan, TimedDay
from setm.bench.growth import exponent, gas_growth, seconds_growth
from tests.python.bench.examples import measured

SIZES = (10, 100, 400, 1000)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 1.02, 2.0])
def test_fits_the_exponent_of_a_power_law(power):
    assert exponent(SIZES, [7.5 * size**power for size in SIZES]) == pytest.approx(power)


def test_fits_the_exponent_of_a_noisy_power_law_closely():
    rng = np.random.default_rng(1)
    values = [
        3 * size**1.3 * factor
        for size, factor in zip(SIZES, rng.uniform(0.98, 1.02, 4), strict=True)
    ]
    assert exponent(SIZES, values) == pytest.approx(1.3, abs=0.02)


def test_a_fixed_part_makes_gas_better_than_linear_and_its_share_fall():
    days = [measured(participants=size, post=400 + 50_000 // size) for size in SIZES]
    (growth,) = gas_growth(days)
    assert growth.exponent < 1
    assert growth.is_linear
    assert growth.is_share_falling
    assert growth.sizes == SIZES


def test_a_quadratic_part_is_worse_than_linear_and_its_share_rises():
    (growth,) = gas_growth([measured(participants=size, clear=size) for size in SIZES])
    assert growth.exponent > 1.02
    assert growth.is_linear is False
    assert growth.is_share_falling is False


def test_venues_and_numbers_of_slots_are_fitted_apart():
    days = [measured(participants=size, slots=slots) for size in (10, 20) for slots in (1, 96)]
    days.append(measured(venue="alone", participants=10))
    assert [(one.subject, one.slots) for one in gas_growth(days)] == [
        ("day ahead", 1),
        ("day ahead", 96),
    ]


def test_seconds_are_fitted_by_stage_and_carry_no_verdict():
    days = [
        TimedDay(
            plan=DayPlan(mechanism="auction", network="anvil", participants=size, slots=2),
            seconds={"collect": 0.01 * size, "settle": 0.001 * size**2, "clear": 0.0},
            transactions=size,
            program_mib=100.0,
            chain_mib=None,
        )
        for size in SIZES
    ]
    found = {one.quantity: one for one in seconds_growth(days)}
    assert set(found) == {"seconds: collect", "seconds: settle"}
    assert found["seconds: collect"].exponent == pytest.approx(1)
    assert found["seconds: settle"].exponent == pytest.approx(2)
    assert {one.is_linear for one in found.values()} == {None}
