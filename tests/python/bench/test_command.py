"""``setm bench`` speaks to people and to programs, writes its report, and says what is wrong with its options."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from setm.bench import gas
from setm.cli.app import app
from setm.errors import ConfigError
from setm.report.bench_schema import BENCH_TABLES


def told(out, *options):
    found = CliRunner().invoke(app, ["bench", "--out", str(out), *options])
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "out"
    return out, json.loads(told(out, "--quick", "--json"))


def test_a_quick_bench_fills_every_table_but_that_of_single_operations(quick):
    _, listed = quick
    names = {table.name for table in BENCH_TABLES}
    assert set(listed) == {"report", *names}
    assert {name for name in names if not listed[name]} == {"operations"}


def test_json_has_the_columns_of_the_dictionary(quick):
    _, listed = quick
    for table in BENCH_TABLES:
        for row in listed[table.name]:
            assert list(row) == table.names()


def test_shares_of_an_order_sum_to_all_of_it(quick):
    _, listed = quick
    for row in listed["venues"]:
        parts = ("placed", "cleared", "metered", "paid")
        assert sum(row[f"{part}_per_order_gas"] for part in parts) == pytest.approx(
            row["total_per_order_gas"]
        )
        assert row["total_gas"] == pytest.approx(row["total_per_order_gas"] * row["orders"])


def test_a_day_is_timed_stage_by_stage_and_its_memory_is_told(quick):
    _, listed = quick
    stages = {row["stage"]: row["duration_s"] for row in listed["seconds"]}
    assert all(stages[name] > 0 for name in ("forecast", "sign", "collect", "clear", "settle"))
    assert all(row["program_mib"] > 0 for row in listed["memory"])
    assert {row["participants"] for row in listed["memory"]} == {4, 8}


def test_chains_count_the_same_gas(quick):
    _, listed = quick
    assert {row["difference_gas"] for row in listed["same_gas"]} == {0}


def test_the_report_holds_tables_plots_and_a_page_that_fetches_nothing(quick):
    out, listed = quick
    assert {path.name for path in (out / "plots").iterdir()} == {
        "gas.png",
        "seconds.png",
        "memory.png",
    }
    for table in BENCH_TABLES:
        rows = pl.read_parquet(out / "tables" / f"{table.name}.parquet")
        assert rows.columns == table.names()
        assert rows.height == len(listed[table.name])
        assert (out / "tables" / f"{table.name}.csv").is_file()
    page = (out / "index.html").read_text()
    assert "http://" not in page
    assert "https://" not in page
    assert "What is promised" in page


def test_people_see_every_promise_with_value_bound_and_verdict(tmp_path):
    text = told(tmp_path, "--only", "venues", "--sizes", "4,8")
    assert "exponent of total gas" in text
    assert "met" in text
    assert "sealed auction" in text
    assert "seconds" not in text


def test_peers_are_quoted_where_a_hundred_participants_were_measured(tmp_path):
    text = told(tmp_path, "--only", "venues", "--sizes", "10,100")
    assert "not measured by this command" in " ".join(text.split())
    assert "64,190" in text


def test_the_gas_of_single_operations_alone_is_still_a_command(tmp_path, monkeypatch):
    monkeypatch.setattr(gas, "GROUPS", {"registry": gas.GROUPS["registry"]})
    found = CliRunner().invoke(app, ["bench", "gas", "--json", "--out", str(tmp_path)])
    (row,) = json.loads(found.stdout)
    assert row["scenario"] == "registration"
    assert row["is_met"]
    assert (tmp_path / "gas.csv").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sizes", "10,many"), "--sizes 'many': expected whole numbers from 2 to 1000"),
        (("--sizes", "1"), "--sizes '1': expected"),
        (("--sizes", "1001"), "--sizes '1001': expected"),
        (("--sizes", ""), "--sizes '': expected"),
        (("--network", "mainnet"), "--network mainnet: expected anvil, ganache, both"),
        (("--only", "gas"), "--only gas: expected some of operations, venues"),
    ],
)
def test_refuses_what_it_cannot_measure(tmp_path, options, words):
    found = CliRunner().invoke(app, ["bench", "--out", str(tmp_path / "none"), *options])
    assert isinstance(found.exception, ConfigError)
    assert words in str(found.exception)
    assert not (tmp_path / "none").exists()


def test_help_shows_examples():
    text = CliRunner().invoke(app, ["bench", "--help"]).stdout
    assert "setm bench --only venues,speeds --sizes 10,100,1000" in text
