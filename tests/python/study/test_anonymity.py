"""What an observer learns: nothing from notes that all buy alike, everything from notes redeemed at once."""

from dataclasses import replace

import pytest

from setm.scenario import load_scenario
from setm.simulation import settings
from setm.simulation.foresight import foresee
from setm.study.anonymity import HABITS, KNOWING, study
from tests.python.simulation.conftest import small_scenario

SEEDS = 3


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("observed")
    loaded = settings.load(load_scenario(small_scenario(folder)))
    answers = {
        (asked.name, asked.direction): foresee(asked)
        for asked in settings.questions(loaded, with_backtest=False)
    }
    return settings.day_of(loaded, answers)


@pytest.fixture(scope="module")
def learned(day):
    return {(one.habit, one.knowing): one for one in study(day, SEEDS)}


def test_every_habit_meets_every_observer(learned):
    assert set(learned) == {(habit.title, knowing) for habit in HABITS for knowing in KNOWING}
    assert len({one.accounts for one in learned.values()}) == 1


def test_who_buys_and_redeems_as_all_do_is_found_by_chance_alone(learned, day):
    one = learned["alike, mixed", "sales of notes"]
    assert one.candidates == len(day.people)
    assert one.buyers_found_percent == pytest.approx(one.chance_percent)
    assert one.sellers_found_percent == pytest.approx(one.chance_percent)


def test_who_redeems_at_once_is_found(learned):
    for habit in ("alike, at once", "as needed, at once"):
        one = learned[habit, "sales of notes"]
        assert one.buyers_found_percent == one.sellers_found_percent == 100


def test_the_only_generator_is_found_whatever_it_does(learned):
    for habit in HABITS:
        assert learned[habit.title, "and kinds"].sellers_found_percent == 100


def test_knowing_more_never_leaves_more_candidates(learned):
    for habit in HABITS:
        counts = [learned[habit.title, knowing].candidates for knowing in KNOWING]
        assert counts == sorted(counts, reverse=True)


def test_who_trades_the_same_every_day_is_found_by_what_it_claimed(learned):
    one, other = learned["alike, mixed", "and past claims"], learned["alike, mixed", "and kinds"]
    assert one.buyers_found_percent > other.buyers_found_percent


def test_equal_seeds_learn_the_same(day, learned):
    again = study(replace(day, seed=99), SEEDS)
    assert {(one.habit, one.knowing): one for one in again} == learned
