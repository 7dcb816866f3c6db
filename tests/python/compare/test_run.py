"""A whole comparison: on a chain, in the reference only, interrupted, and with an altered record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from markupsafe import escape
from typer.testing import CliRunner

from setm.cli.app import app
from setm.compare import run as comparing
from setm.compare.public import PUBLIC
from setm.compare.run import Plan, able, compare
from setm.errors import ConfigError, RunError
from setm.files import write_whole
from setm.report.comparison import COMPARISON_TABLES
from setm.scenario import load_scenario
from setm.scenario.checks import NET_MECHANISMS
from setm.simulation import mechanism
from setm.simulation import run as simulation
from setm.trading import MECHANISMS
from tests.python.simulation.conftest import ROOT, small_scenario

# Each mechanism's chain is deployed and traded once, one after the other.
pytestmark = pytest.mark.timeout(1200)
ALL = tuple(MECHANISMS)
# With these, every mechanism has something to trade in the afternoon.
PEOPLE = ("personal consumer 5", "industrial consumer 1", "generation 1")
AFTERNOON = slice(14, 17)
PLOTS = {"summary", "welfare", "surplus", "price", "saving", "sufficiency", "gas"}


class Silent:
    """Progress for nobody."""

    def stage(self, name, steps):
        return lambda: None


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    """Three participants of the case study."""
    return load_scenario(small_scenario(tmp_path_factory.mktemp("scenario"), chosen=PEOPLE))


@pytest.fixture(scope="module")
def three_hours():
    """Cut every day to three slots of the afternoon while the module's tests run."""
    whole = comparing.day_of
    with pytest.MonkeyPatch.context() as patch:
        for module in (comparing, simulation):
            patch.setattr(module, "day_of", lambda *args: _short(whole(*args)))
        yield


def _short(day):
    return replace(day, slots=day.slots[AFTERNOON])


@pytest.fixture(scope="module")
def on_chain(scenario, three_hours, tmp_path_factory):
    """A comparison of all mechanisms on Anvil that stops before its plots and is then continued, and its folder."""
    out = tmp_path_factory.mktemp("chain") / "comparison"
    plan = Plan(scenario=scenario, mechanisms=ALL, seeds=3, network="anvil", command="setm compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "write_plots", fail)
        with pytest.raises(RunError, match="on purpose"):
            compare(plan, out, Silent())
    assert not out.exists()
    with pytest.MonkeyPatch.context() as patch:
        # No chain is needed again: what was traded is kept.
        patch.setattr(mechanism, "local_node", fail)
        return compare(plan, out, Silent()), out


def fail(*_args, **_kwargs):
    raise RunError("on purpose")


def test_the_chain_comes_to_the_same_trades_and_bills_as_the_reference(on_chain):
    content, _ = on_chain
    for entry in content.entries:
        assert entry.chain.confirmed.bills == 3 * 3
    # McAfee's rule gives up one trade of each side, which is all that a single seller has.
    idle = [entry.name for entry in content.entries if entry.chain.confirmed.trades == 0]
    assert idle == ["mcafee"]


def test_every_fact_that_is_said_to_be_public_is_in_an_event_of_the_day(on_chain):
    content, _ = on_chain
    for entry in content.entries:
        empty = [fact for fact, fields in entry.chain.shown.items() if not fields]
        assert empty == [], entry.name
        assert entry.chain.shown.keys() == PUBLIC[entry.name]


def test_the_folder_holds_page_plots_tables_and_the_chains_record(on_chain):
    content, out = on_chain
    assert {path.stem for path in (out / "plots").glob("*.png")} == PLOTS
    for table in COMPARISON_TABLES:
        packed = pl.read_parquet(out / "tables" / f"{table.name}.parquet")
        assert packed.columns == table.names()
        assert packed.height > 0
        assert (out / "tables" / f"{table.name}.csv").read_text().count("\n") == packed.height + 1
    assert pl.read_parquet(out / "tables/seeds.parquet")["seed"].unique().to_list() == [1, 2, 3]
    for name in ALL:
        assert (out / name / "events.jsonl").is_file()
    assert json.loads((out / "comparison.json").read_text()) == dict(content.about)
    assert not list(out.parent.glob(".*"))


def test_the_page_fetches_nothing_and_names_every_mechanism(on_chain):
    content, out = on_chain
    text = (out / "index.html").read_text()
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)
    assert text.count("data:image/png;base64,") == len(PLOTS)
    for entry in content.entries:
        assert escape(entry.title) in text
    for link in re.findall(r'href="([^"#]+)"', text):
        assert (out / link).is_file(), link


def rehearsals(content, name: str):
    """A mechanism's rehearsals in a comparison."""
    return next(entry.rehearsals for entry in content.entries if entry.name == name)


def test_an_altered_record_is_refused_by_slot_and_participant(on_chain, scenario):
    content, out = on_chain
    plan = Plan(scenario=scenario, mechanisms=ALL, seeds=3, network="anvil")
    path = out / "negotiation" / "events.jsonl"
    before = path.read_text()
    altered = re.sub(
        r'("event": "TradeClosed".*?"boughtWh": )(\d*[1-9]\d*)',
        lambda found: f"{found[1]}{int(found[2]) + 1}",
        before,
        count=1,
    )
    assert altered != before
    write_whole(path, altered)
    try:
        with pytest.raises(
            RunError, match=r"negotiation: slot \d+, .*bought_wh is \d+ on the chain"
        ):
            comparing.entry_of(
                plan, "negotiation", out, content.workload, rehearsals(content, "negotiation")
            )
    finally:
        write_whole(path, before)


def test_a_record_that_is_cut_off_is_refused(on_chain, scenario):
    content, out = on_chain
    path = out / "auction" / "transactions.jsonl"
    before = path.read_text()
    write_whole(path, before[:-20])
    plan = Plan(scenario=scenario, mechanisms=ALL, seeds=3, network="anvil")
    try:
        with pytest.raises(
            RunError,
            match=r"auction/transactions.jsonl, line \d+: not JSON .* cut off or was changed",
        ):
            comparing.entry_of(
                plan, "auction", out, content.workload, rehearsals(content, "auction")
            )
    finally:
        write_whole(path, before)


def test_without_a_chain_the_reference_says_the_same(on_chain, scenario, tmp_path):
    content, _ = on_chain
    plan = Plan(scenario=scenario, mechanisms=ALL, seeds=3)
    paper = compare(plan, tmp_path / "comparison", Silent())
    assert not paper.has_chain
    for one, other in zip(content.entries, paper.entries, strict=True):
        assert [item.outcome for item in one.rehearsals] == [
            item.outcome for item in other.rehearsals
        ]
    plots = {path.stem for path in (tmp_path / "comparison/plots").glob("*.png")}
    assert plots == PLOTS - {"gas"}


def test_a_comparison_that_fails_leaves_the_older_one(scenario, three_hours, tmp_path, monkeypatch):
    out = tmp_path / "comparison"
    plan = Plan(scenario=scenario, mechanisms=ALL, seeds=1)
    compare(plan, out, Silent())
    before = (out / "index.html").read_bytes()
    monkeypatch.setattr(comparing, "write_plots", fail)
    with pytest.raises(RunError, match="on purpose"):
        compare(plan, out, Silent())
    assert (out / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["comparison"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mechanisms": ("auction", "barter")}, f"barter: expected one of {', '.join(MECHANISMS)}"),
        ({"mechanisms": ("auction", "auction")}, "auction: expected each mechanism once"),
        ({"mechanisms": ()}, "mechanisms is none"),
        ({"seeds": 0}, "0 seeds"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(scenario, changes, said):
    with pytest.raises(ConfigError, match=said):
        Plan(**{"scenario": scenario, "mechanisms": ALL} | changes)


def test_who_changes_sides_is_compared_with_mechanisms_that_know_it():
    street = load_scenario(ROOT / "scenarios" / "mengelkamp.yaml")
    assert set(able(street)) == set(NET_MECHANISMS) & set(MECHANISMS)
    Plan(scenario=street, mechanisms=able(street))
    with pytest.raises(ConfigError, match="net with mechanisms negotiation: expected buy or sell"):
        Plan(scenario=street, mechanisms=("negotiation",))


def test_other_days_are_traded_by_every_mechanism(scenario):
    assert able(scenario) == ALL


def command(*words: str):
    return CliRunner().invoke(app, ["compare", *words])


def test_the_command_speaks_json(three_hours, tmp_path):
    file = small_scenario(tmp_path)
    found = command(
        str(file), "--seeds", "2", "--no-chain", "--json", "--out", str(tmp_path / "out")
    )
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert [item["mechanism"] for item in said["results"]] == list(MECHANISMS)
    assert said["results"][0]["chain"] is None
    assert said["results"][0]["figures"]["traded_kwh"]["seeds"] == 2
    assert Path(said["report"]).is_file()


def test_the_command_refuses_an_unknown_mechanism_or_network(tmp_path):
    file = small_scenario(tmp_path)
    told = command(str(file), "--mechanisms", "auction,barter").exception
    assert str(told) == f"mechanism barter: expected one of {', '.join(MECHANISMS)}"
    told = command(str(file), "--network", "mainnet").exception
    assert str(told) == "network mainnet: expected ganache or anvil"
