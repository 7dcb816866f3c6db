"""Households that buy in one slot and sell in the next, on a chain: the same trades and bills as on paper."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from setm.compare.confirm import confirm_folder
from setm.errors import RunError
from setm.scenario import load_scenario
from setm.simulation import auction_day, delivery, settings
from setm.simulation.foresight import foresee
from setm.simulation.mechanism import run_mechanism
from setm.types import Side
from tests.python.simulation.test_continue import Silent

ROOT = Path(__file__).resolve().parents[3]
# From 06:30 to 08:30 the plants wake up: some households change sides.
FIRST_SLOT, SLOT_COUNT = 26, 8


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    values = yaml.safe_load((ROOT / "scenarios" / "mengelkamp.yaml").read_text())
    profiles = str(ROOT / "data" / "community" / "quarter_hours.csv")
    values["community"] |= {"count": 10, "days_for_forecasting": 7, "profiles": profiles}
    path = tmp_path_factory.mktemp("community") / "ten.yaml"
    path.write_text(yaml.safe_dump(values))
    loaded = settings.load(load_scenario(path))
    answers = {
        (asked.name, asked.direction): foresee(asked)
        for asked in settings.questions(loaded, with_backtest=False)
    }
    whole = settings.day_of(loaded, answers)
    return replace(whole, slots=whole.slots[FIRST_SLOT : FIRST_SLOT + SLOT_COUNT])


def test_a_household_changes_sides_in_the_morning(day):
    sides = [{person.trader.side_in(slot) for slot in day.slots} for person in day.people]
    assert {Side.BID, Side.ASK} in sides
    assert {Side.BID} in sides


def test_trades_and_bills_are_those_of_the_rehearsal_also_in_small_batches(
    day, tmp_path, monkeypatch
):
    monkeypatch.setattr(auction_day, "OPENED_TOGETHER", 4)
    monkeypatch.setattr(delivery, "POSTED_TOGETHER", 4)
    monkeypatch.setattr(delivery, "COLLECTED_TOGETHER", 6)
    monkeypatch.setattr(delivery, "SETTLED_TOGETHER", 4)
    folder = tmp_path / "auction"
    run_mechanism("auction", day, "anvil", folder, Silent())

    found = confirm_folder("auction", day, folder)
    assert found.bills == 10 * SLOT_COUNT
    assert found.trades > 20

    events = folder / "events.jsonl"
    text = events.read_text()
    assert text.count('"TradeClosed"') == found.trades
    first = text.index('"revenue": ', text.index('"soldWh": ') + 1)
    events.write_text(text[:first] + '"revenue": 1' + text[first + len('"revenue": ') :])
    with pytest.raises(
        RunError, match=r"slot \d+, household \d+: the trade's revenue is 1\d+ on the"
    ):
        confirm_folder("auction", day, folder)
