"""What happens after gate closure cannot change an order or a negotiator's wish."""

import shutil
from pathlib import Path

import polars as pl
import pytest

from setm.scenario import load_scenario, times_of
from setm.simulation.foresight import foresee
from setm.simulation.settings import day_of, load, questions
from setm.slots import slot_start
from setm.trading.auction import draft_orders
from setm.trading.negotiation import wanted
from tests.python.simulation.conftest import CHOSEN, ROOT, small_scenario

DATA = ROOT / "data" / "case_study"


def wishes(scenario_file: Path):
    """Return every draft order and every negotiated want of the day, by participant."""
    loaded = load(load_scenario(scenario_file))
    answers = {(q.name, q.direction): foresee(q) for q in questions(loaded, with_backtest=False)}
    day = day_of(loaded, answers)
    return {
        person.trader.name: (
            draft_orders(person.trader, day.slots, day.market),
            [wanted(person.trader, slot, day.rules.tariff) for slot in day.slots],
        )
        for person in day.people
    }


def altered(target: Path, scenario_file: Path, *, after_gate: bool) -> Path:
    """Copy the data with doubled energy after, or before, the first gate closure; return the scenario that uses it."""
    gate = slot_start(times_of(load_scenario(scenario_file)).gate_slot, 3600).isoformat()
    data = target / "data"
    shutil.copytree(DATA, data)
    for path in data.glob("*.csv"):
        table = pl.read_csv(path)
        later = pl.col("start_at") >= gate
        factor = pl.when(later if after_gate else ~later).then(2).otherwise(1)
        table.with_columns(pl.col("import_wh") * factor, pl.col("export_wh") * factor).write_csv(
            path
        )
    return small_scenario(target, data)


def test_data_after_gate_closure_changes_no_order_and_no_wish(tmp_path, scenario_file):
    changed = altered(tmp_path / "later", scenario_file, after_gate=True)

    assert wishes(changed) == wishes(scenario_file)


def test_data_before_gate_closure_does_change_them(tmp_path, scenario_file):
    changed = altered(tmp_path / "earlier", scenario_file, after_gate=False)
    before, after = wishes(scenario_file), wishes(changed)

    assert all(before[name] != after[name] for name in CHOSEN)


def test_a_question_carries_no_value_from_the_gate_on(scenario):
    loaded = load(scenario)

    for question in questions(loaded, with_backtest=True):
        assert question.series.end_slot == loaded.times.gate_slot


@pytest.mark.parametrize("name", CHOSEN)
def test_another_seed_gives_another_price(name, scenario):
    def ticks(seed: int) -> list[int]:
        loaded = load(scenario.with_seed(seed))
        answers = {
            (q.name, q.direction): foresee(q) for q in questions(loaded, with_backtest=False)
        }
        day = day_of(loaded, answers)
        person = next(person for person in day.people if person.trader.name == name)
        return [draft.tick for draft in draft_orders(person.trader, day.slots, day.market)]

    assert ticks(1) == ticks(1)
    assert ticks(1) != ticks(2)
