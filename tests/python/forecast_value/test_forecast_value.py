"""What a longer history is worth: what the data allow, who sees what, and bills that add up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from setm.cli.app import app
from setm.data import MeterSeries
from setm.errors import ConfigError, ForecastError
from setm.forecast_value import answers
from setm.forecast_value.answers import answer_all, perfect
from setm.forecast_value.costs import Costs, costs_of
from setm.forecast_value.output import tables, write
from setm.forecast_value.plan import HISTORIES, at, plan, questions
from setm.forecast_value.study import Options, study
from setm.report.value_schema import VALUE_TABLES
from setm.scenario import load_scenario
from setm.simulation.settings import load
from setm.slots import Slot
from setm.types import GridTariff, Side, Trade
from setm.units import Money, Price, Wh, payment_down, payment_up
from tests.python.simulation.conftest import CASE_STUDY, small_scenario
from tests.python.simulation.test_continue import Silent

TARIFF = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_000))
RETAIL, FEED_IN = TARIFF.retail_price, TARIFF.feed_in_price
ENERGY = st.integers(0, 5_000)


@pytest.fixture(scope="module")
def case_study():
    return load(load_scenario(CASE_STUDY))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return load(load_scenario(small_scenario(tmp_path_factory.mktemp("small"))))


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    return studied(small, tmp_path_factory.mktemp("cache"))


def studied(loaded, cache):
    options = Options(
        days=3, seeds=2, mechanisms=("negotiation", "auction", "distributed"), histories=(1, 4)
    )
    return study(loaded, options, cache, Silent())


def series(import_wh, export_wh):
    return MeterSeries(
        first_slot=Slot(100),
        slot_seconds=3600,
        import_wh=np.array([import_wh]),
        export_wh=np.array([export_wh]),
        path=Path("memory"),
    )


# What the data allow


def test_each_participant_gets_the_histories_that_its_data_allow(case_study):
    made = plan(case_study, 10)
    longest = {name: allowed[-1] for name, allowed in made.allowed.items()}
    assert longest.pop("industrial consumer 1") == 1393
    assert longest.pop("generation 1") == 342
    assert set(longest.values()) == {90}
    assert made.used("generation 1", 1393) == 342
    assert made.histories == list(HISTORIES)


def test_days_are_spread_evenly_over_what_the_data_allow(case_study):
    days = plan(case_study, 20).days
    assert (days[0], days[-1]) == (date(2016, 10, 31), date(2016, 12, 30))
    assert {(later - one).days for one, later in pairwise(days)} == {3, 4}
    # Offices and factories follow the week.
    assert len({day.weekday() for day in days}) == 7


def test_every_history_is_whole_and_ends_before_the_gate(case_study):
    for day, question in questions(case_study, plan(case_study, 4), None):
        assert question.gate_slot == at(case_study, day).times.gate_slot
        assert question.series.end_slot == question.gate_slot
        assert question.series.slot_count == 24 * question.days


def test_one_model_serves_all_lengths_where_it_can(case_study):
    asked = [question for _, question in questions(case_study, plan(case_study, 1), "boosted")]
    assert {one.model for one in asked if one.days >= 60} == {"boosted"}
    assert {one.model for one in asked if one.days < 60} == {"auto"}


@pytest.mark.parametrize(
    ("days", "histories", "message"),
    [
        (0, (1,), "days 0: expected at least 1"),
        (5, (), r"histories \[\]: expected days of at least 1"),
        (5, (0, 4), r"histories \[0, 4\]: expected days of at least 1"),
        (62, HISTORIES, "days 62: expected at most 61, from 2016-10-31 to 2016-12-30"),
    ],
)
def test_refuses_a_plan_that_cannot_be(case_study, days, histories, message):
    with pytest.raises(ConfigError, match=message):
        plan(case_study, days, histories)


def test_refuses_data_that_allow_no_history_at_all(case_study):
    with pytest.raises(
        ForecastError, match=r"personal consumer 1: .* too few days for a history of 342"
    ):
        plan(case_study, 5, (342,))


def test_refuses_no_seed_and_an_unknown_mechanism():
    with pytest.raises(ConfigError, match="seeds 0: expected at least 1"):
        Options(days=1, seeds=0, mechanisms=("auction",))
    with pytest.raises(ConfigError, match="mechanism barter: expected one of"):
        Options(days=1, seeds=1, mechanisms=("barter",))


# Forecasts are made once


def test_a_kept_forecast_is_the_forecast_that_was_made(small, tmp_path, monkeypatch):
    asked = [question for _, question in questions(small, plan(small, 2, (1, 4)), None)]
    first = answer_all(asked, tmp_path, lambda: None)
    monkeypatch.setattr(answers, "foresee", None)
    again = answer_all(asked, tmp_path, lambda: None)
    for one, other in zip(first, again, strict=True):
        assert (one.name, one.direction) == (other.name, other.direction)
        assert one.by_slot() == other.by_slot()


def test_another_history_is_another_question(small, tmp_path):
    _, question = next(questions(small, plan(small, 1, (4,)), None))
    changed = question.series.import_wh.copy()
    changed[0] += 1
    other = replace(question, series=replace(question.series, import_wh=changed))
    answer_all([question, other, replace(question, seed=99)], tmp_path, lambda: None)
    assert len(list(tmp_path.glob("*.json"))) == 3


# Bills add up


@given(ENERGY, ENERGY, ENERGY, st.integers(30_000, 55_500))
def test_imbalance_is_what_was_bought_and_not_taken(bought, taken, fed, price):
    trade = Trade(bought_wh=Wh(bought), payment=payment_up(bought, price))
    outcome = {Slot(100): {"alice": trade}}
    found = costs_of(outcome, {"alice": series(taken, fed)}, {"alice": Side.BID}, TARIFF)["alice"]
    assert found.energy_wh == taken
    assert abs(found.imbalance - max(bought - taken, 0) * (price - FEED_IN) / 1000) <= 2
    assert abs(found.saving - min(bought, taken) * (RETAIL - price) / 1000) <= 4
    assert found.grid - found.cost == found.saving - found.imbalance


@given(ENERGY, ENERGY, st.integers(30_000, 55_500))
def test_imbalance_is_what_was_sold_and_not_delivered(sold, fed, price):
    trade = Trade(sold_wh=Wh(sold), revenue=payment_down(sold, price))
    outcome = {Slot(100): {"bob": trade}}
    found = costs_of(outcome, {"bob": series(0, fed)}, {"bob": Side.ASK}, TARIFF)["bob"]
    assert found.energy_wh == fed
    assert abs(found.imbalance - max(sold - fed, 0) * (RETAIL - price) / 1000) <= 2
    assert abs(found.saving - min(sold, fed) * (price - FEED_IN) / 1000) <= 4


def test_costs_of_days_add_up():
    one = Costs(energy_wh=Wh(1), traded_wh=Wh(2), grid=Money(3), cost=Money(4), imbalance=Money(5))
    assert one + Costs() == one
    assert (one + one).saving == 2 * one.saving == 8


def test_who_knows_the_day_has_no_imbalance(made):
    for (_, history, _), found in made.costs.items():
        if history is None:
            assert all(one.imbalance == 0 for one in found.values())


def test_without_trade_a_day_costs_the_same_whatever_was_forecast(made):
    for day in made.plan.days:
        for name in made.plan.allowed:
            grid = {made.costs[key][name].grid for key in made.costs if key[2] == day}
            assert len(grid) == 1


def test_perfect_foresight_is_what_flowed(small):
    _, question = next(questions(small, plan(small, 1, (1,)), None))
    told = perfect(question.name, small.series[question.name], question).by_slot()
    for slot, forecast in told.items():
        flowed = small.series[question.name].window(slot, slot + 1).import_wh[0]
        assert forecast.mean_wh == forecast.lower_wh == forecast.upper_wh == flowed


# The whole


def test_the_study_repeats_itself(small, made, tmp_path):
    assert studied(small, tmp_path).costs == made.costs


def test_tables_have_their_columns_and_the_plot_repeats_itself(made, tmp_path):
    found = tables(made, frozenset({"personal consumer 2", "personal consumer 5"}))
    assert {name: table.columns for name, table in found.items()} == {
        table.name: table.names() for table in VALUE_TABLES
    }
    files = write(found, tmp_path / "one")
    for path in files:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()
    again = write(found, tmp_path / "two")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]
    assert {path.suffix for path in files} == {".csv", ".parquet", ".png", ".svg"}


def test_a_row_of_the_table_is_the_sum_of_its_days(made):
    consumers = frozenset({"personal consumer 2", "personal consumer 5"})
    table = tables(made, consumers)["values"]
    row = table.filter((pl.col("mechanism") == "auction") & (pl.col("history_days") == 4)).row(
        0, named=True
    )
    days = [made.costs["auction", 4, day] for day in made.plan.days]
    energy = sum(day[name].energy_wh for day in days for name in consumers)
    cost = sum(one.cost for day in days for one in day.values())
    assert row["cost_eur_per_mwh"] == pytest.approx(cost / energy)
    assert row["net_eur_per_mwh"] == pytest.approx(
        row["saving_eur_per_mwh"] - row["imbalance_eur_per_mwh"]
    )
    best = table.filter((pl.col("mechanism") == "auction") & pl.col("history_days").is_null())
    assert row["behind_eur_per_mwh"] == pytest.approx(
        best["net_eur_per_mwh"][0] - row["net_eur_per_mwh"]
    )
    assert (
        row["behind_low_eur_per_mwh"] <= row["behind_eur_per_mwh"] <= row["behind_high_eur_per_mwh"]
    )


def test_the_command_prints_tables_or_json_and_writes_files(tmp_path):
    scenario = small_scenario(tmp_path)
    base = [
        "forecast-value",
        str(scenario),
        "--days",
        "2",
        "--seeds",
        "1",
        "--mechanisms",
        "auction",
    ]
    base += [
        "--model",
        "seasonal_naive",
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "kept"),
    ]
    run = CliRunner().invoke(app, base)
    assert run.exit_code == 0, run.output
    assert "auction, 2 days from 2016-10-31" in run.stdout
    assert "generation 1: at most 342 days" in run.stdout
    told = CliRunner().invoke(app, [*base, "--json"])
    assert {row["mechanism"] for row in json.loads(told.stdout)["values"]} == {"auction"}
    assert (tmp_path / "out" / "forecast_value.svg").is_file()
