"""Who lives in a community follows from its seed, and a household's meter from the profiles."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.data import slots_per_day
from setm.errors import ConfigError
from setm.households import (
    Household,
    Plan,
    draw,
    generated_and_used_wh,
    read_profiles,
    series_of,
)

PROFILES = read_profiles(
    Path(__file__).resolve().parents[3] / "data" / "community" / "quarter_hours.csv", 900
)
WEEK = 7 * slots_per_day(900)


def plan(**changes) -> Plan:
    values = {
        "count": 20,
        "seed": 1,
        "pv_share": 0.5,
        "supply_ratio": 1.0,
        "yearly_use_kwh": 3500,
        "use_spread": 0.4,
    }
    return Plan(**{**values, **changes})


@given(
    seed=st.integers(min_value=0, max_value=2**63 - 1),
    count=st.integers(min_value=2, max_value=40),
    ratio=st.floats(min_value=0.1, max_value=5),
)
@settings(max_examples=25, deadline=None)
def test_plants_generate_the_asked_part_of_what_is_used(seed, count, ratio):
    households = draw(plan(seed=seed, count=count, supply_ratio=ratio), PROFILES)
    generated, used = np.sum(
        [generated_and_used_wh(one, PROFILES) for one in households], axis=(0, 2)
    )
    # Plants are whole hundredths of a kW.
    assert generated / used == pytest.approx(ratio, rel=0.02)
    assert sum(one.pv_kw > 0 for one in households) == round(count / 2)


@given(
    seed=st.integers(min_value=0, max_value=2**32),
    ratio=st.floats(min_value=0, max_value=5),
    share=st.floats(min_value=0.1, max_value=1),
)
@settings(max_examples=25, deadline=None)
def test_supply_changes_plants_and_nothing_else(seed, ratio, share):
    def loads(households):
        return [(o.load, o.yearly_use_kwh, o.shift_weeks, o.shift_slots) for o in households]

    one = draw(plan(seed=seed), PROFILES)
    other = draw(plan(seed=seed, supply_ratio=ratio, pv_share=share), PROFILES)
    assert loads(one) == loads(other)
    assert draw(plan(seed=seed), PROFILES) == one
    assert draw(plan(seed=seed + 1), PROFILES) != one


def test_who_has_no_plant_never_feeds_in_and_who_has_one_covers_its_load_first():
    for one in draw(plan(), PROFILES):
        series = series_of(one, PROFILES)
        generated, used = generated_and_used_wh(one, PROFILES)
        assert not np.any((series.import_wh > 0) & (series.export_wh > 0))
        assert np.abs(series.import_wh - series.export_wh - (used - generated)).max() <= 0.5
        assert series.has_export == (one.pv_kw > 0)


def test_a_moved_household_shows_the_profile_later_and_its_plant_does_not_move():
    still = Household(load="a", yearly_use_kwh=10_000)
    moved = Household(load="a", yearly_use_kwh=10_000, shift_weeks=2, shift_slots=-1)
    base, later = (series_of(one, PROFILES).import_wh for one in (still, moved))
    assert base.tolist() == PROFILES.loads["a"].tolist()
    assert later[2 * WEEK - 1 : 5 * WEEK].tolist() == base[: 3 * WEEK + 1].tolist()
    sunny = [
        generated_and_used_wh(
            Household(load="a", yearly_use_kwh=1, shift_weeks=weeks, pv="1", pv_kw=5.0), PROFILES
        )[0]
        for weeks in (0, 3)
    ]
    assert sunny[0].tolist() == sunny[1].tolist()


def test_refuses_generation_without_plants():
    with pytest.raises(ConfigError, match=r"supply_ratio 1\.0 with pv_share 0\.01 of 20: nobody"):
        draw(plan(pv_share=0.01), PROFILES)
    assert all(one.pv_kw == 0 for one in draw(plan(pv_share=0.0, supply_ratio=0.0), PROFILES))


def test_refuses_a_profile_that_the_file_does_not_have():
    with pytest.raises(ConfigError, match="load 'z': expected one of a, b, c, g, l"):
        series_of(Household(load="z", yearly_use_kwh=1), PROFILES)
    with pytest.raises(ConfigError, match="pv '2': expected one of 1, 3, 4"):
        series_of(Household(load="a", yearly_use_kwh=1, pv="2", pv_kw=1.0), PROFILES)
