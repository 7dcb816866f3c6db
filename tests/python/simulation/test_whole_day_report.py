"""The report of a day that was settled as a whole: tables of slots that add up to what the chain says of the day."""

from __future__ import annotations

import json
import shutil

import polars as pl
import pytest
import yaml

from setm.days import settled_day
from setm.errors import RunError
from setm.report.build import build
from setm.report.explain import explain
from setm.report.run import read_run
from setm.scenario import load_scenario
from setm.simulation.run import run
from tests.python.simulation.conftest import small_scenario
from tests.python.simulation.test_run import Silent

SLOTS = 24


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A run of the small scenario by signed schedules, with its report."""
    folder = tmp_path_factory.mktemp("whole")
    path = small_scenario(folder)
    raw = yaml.safe_load(path.read_text())
    raw["mechanisms"] = ["day_ahead"]
    path.write_text(yaml.safe_dump(raw))
    out = folder / "out"
    run(load_scenario(path), network="anvil", out=out, progress=Silent(), with_backtest=False)
    build(out)
    return out


def table(folder, name):
    return pl.read_parquet(folder / "tables" / f"day_ahead_{name}.parquet")


def told(folder):
    """What DaysSettled says of each participant."""
    events = read_run(folder).mechanism("day_ahead").of("DaysSettled")
    return {(one := settled_day(word)).participant_id: one for e in events for word in e["words"]}


def test_slots_of_a_whole_day_add_up_to_what_the_chain_says(reported):
    payments = table(reported, "payments")
    assert payments["settled_as"].unique().to_list() == ["day"]
    sums = payments.group_by("participant_id").agg(
        pl.col("grid_bought_wh", "grid_sold_wh", "arrears_change_micro_eur").sum(), pl.len()
    )
    days = told(reported)
    assert len(days) == sums.height == 3
    for row in sums.iter_rows(named=True):
        day = days[row["participant_id"]]
        assert row["len"] == SLOTS
        assert row["grid_bought_wh"] == day.grid_bought_wh
        assert row["grid_sold_wh"] == day.grid_sold_wh
        assert row["arrears_change_micro_eur"] == day.arrears_change


def test_trades_readings_and_accounts_are_those_of_any_other_day(reported):
    trades, prices = table(reported, "trades"), table(reported, "prices")
    assert trades.height > 0
    assert table(reported, "readings").height == 3 * SLOTS
    assert table(reported, "conservation")["sum_micro_eur"].unique().to_list() == [0]
    assert table(reported, "accounts")["unexplained_micro_eur"].unique().to_list() == [0]
    # One price a slot, from the margins and not from what rounding left.
    assert (prices["low_milli_eur_per_mwh"] == prices["high_milli_eur_per_mwh"]).all()


def test_orders_of_schedules_are_those_of_any_auction(reported):
    orders, trades = table(reported, "orders"), table(reported, "trades")
    assert orders["state"].unique().to_list() == ["signed"]
    assert orders["venue"].unique().to_list() == ["day_ahead"]
    keys = ["slot", "participant_id", "side"]
    filled = orders.filter(pl.col("filled_wh") > 0)
    assert filled.height == trades.height
    both = filled.join(trades, on=keys, suffix="_traded")
    assert (both["filled_wh"] == both["energy_wh_traded"]).all()
    prices = table(reported, "prices").filter(pl.col("volume_wh") > 0)
    assert prices["bid_margin_milli_eur_per_mwh"].null_count() == 0


def test_an_order_of_a_schedule_is_explained(reported):
    row = table(reported, "orders").filter(pl.col("filled_wh") > 0).row(0, named=True)
    lines = "\n".join(explain(reported, "day_ahead", row["participant"], row["slot"]))
    for words in ("committed to in", "sealed until the gate closed", "the worst bid filled", "is"):
        assert words in lines
    assert f"{row['filled_wh']} Wh" in lines


def test_a_slot_is_explained_as_a_part_of_its_day(reported):
    run_ = read_run(reported)
    payments = table(reported, "payments").filter(pl.col("charge_micro_eur") > 0)
    row = payments.row(-1, named=True)
    lines = "\n".join(explain(reported, "day_ahead", row["participant"], row["slot"]))
    assert "rounded up once for the day" in lines
    assert "equals the slot's part of DaysSettled" in lines
    assert f"= {row['charge_micro_eur']} =" in lines
    assert run_.mechanisms.keys() == {"day_ahead"}


def tampered(reported, tmp_path, event, change):
    """A copy of the run in which the first event of a name has other arguments."""
    copy = tmp_path / "copy"
    shutil.copytree(reported, copy)
    path = copy / "day_ahead" / "events.jsonl"
    lines = path.read_text().splitlines()
    place = next(at for at, line in enumerate(lines) if json.loads(line)["event"] == event)
    row = json.loads(lines[place])
    change(row["args"])
    lines[place] = json.dumps(row)
    path.write_text("\n".join(lines) + "\n")
    return copy


def one_more(name, place=0, by=1):
    def change(args):
        args[name][place] += by

    return change


@pytest.mark.parametrize(
    ("event", "change", "message"),
    [
        ("DaysSettled", one_more("words", by=1 << 184), "DaysSettled says grid bought"),
        ("DaysSettled", one_more("words", by=1 << 80), "trade credit"),
        ("DaysSettled", one_more("words", by=1 << 224), "participant"),
        ("DaysPosted", one_more("readings"), "no values have the hash"),
        ("ClosedMany", one_more("words", by=1 << 32), "leaves participant|explain"),
        ("BookCleared", one_more("margins", place=12, by=1), "DaysSettled|other margins"),
    ],
)
def test_events_of_a_day_that_were_changed_are_found(reported, tmp_path, event, change, message):
    with pytest.raises(RunError, match=message):
        build(tampered(reported, tmp_path, event, change))


@pytest.mark.parametrize(
    ("flipped", "message"),
    [
        # A Wh more or less in every slot, which may change nothing; or half of it, which does.
        (sum(1 << 32 * lane for lane in range(8)), "are not those that its collector committed"),
        (sum(1 << 32 * lane + 31 for lane in range(8)), "other margins or fills"),
    ],
)
def test_entries_that_were_changed_are_found(reported, tmp_path, flipped, message):
    copy = tmp_path / "copy"
    shutil.copytree(reported, copy)
    path = copy / "day_ahead" / "schedules.jsonl"
    row, *others = map(json.loads, path.read_text().splitlines())
    row["orders"] = [word ^ flipped for word in row["orders"]]
    path.write_text("\n".join(map(json.dumps, [row, *others])) + "\n")
    with pytest.raises(RunError, match=message):
        build(copy)


def test_a_run_without_the_values_of_its_readings_says_so(reported, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(reported, copy)
    (copy / "day_ahead" / "days.jsonl").unlink()
    with pytest.raises(RunError, match=r"days.jsonl: missing"):
        build(copy)


def test_a_name_is_found_with_zeros_before_its_number(reported):
    orders = table(reported, "orders").filter(pl.col("participant") == "personal consumer 2")
    slot = orders.row(0, named=True)["slot"]
    assert list(explain(reported, "day_ahead", "Personal consumer 002", slot)) == list(
        explain(reported, "day_ahead", "personal consumer 2", slot)
    )


def test_who_is_misspelt_in_a_large_community_gets_the_nearest_names(reported, monkeypatch):
    monkeypatch.setattr("setm.report.explain.LISTED", 2)
    with pytest.raises(RunError, match="the nearest are personal consumer 2"):
        explain(reported, "day_ahead", "personal consumer 22", 1)
