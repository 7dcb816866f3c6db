"""A day by signed schedules, also when the collector ignores somebody, is gone, or posts what the contract refuses."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from setm.agents.types import QuantityForecast
from setm.compare.confirm import confirm_folder
from setm.compare.record import read_record
from setm.errors import RunError
from setm.report.schedules import books
from setm.schedules import Opened, posting
from setm.simulation import day_ahead_day
from setm.simulation.mechanism import Watch, run_mechanism
from setm.slots import Slot
from setm.trading import MECHANISMS, Certified, DayAheadTerms
from setm.trading.day_ahead import DayAhead, windows_of
from setm.units import Money
from tests.python.simulation.test_continue import Ended, Silent, ends_after
from tests.python.simulation.test_rehearsal import crossing_day as crossing_day
from tests.python.simulation.test_rehearsal import traded, without_nothing


@pytest.fixture(scope="module")
def whole_day(crossing_day):
    """A day of all its slots: meters sign it once, and it is settled as a whole."""
    windows = windows_of(crossing_day.trading)
    slots = [Slot(one) for one in windows.slots_of(windows.span_of(crossing_day.slots[0]))]
    return replace(crossing_day, slots=slots)


def live(day, folder):
    """Return everybody's trades, and the events by name."""
    members = run_mechanism("day_ahead", day, "anvil", folder, Silent())
    events = {}
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        events.setdefault(event["event"], []).append(event["args"])
    return traded(folder, members), events


def rehearsed(day, name="day_ahead"):
    return without_nothing(MECHANISMS[name].rehearse(day.trading))


def sent(folder):
    lines = (folder / "transactions.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def states(folder):
    """How many schedules of final books stand in which state, by what the report folds."""
    found = books(read_record(folder, "day_ahead"), "day_ahead")
    people = {(one.participant_id, one.state) for book in found for one in book.orders}
    return Counter(state for _, state in people)


def with_terms(day, **terms):
    return replace(day, day_ahead=DayAheadTerms(**terms))


def test_who_is_ignored_forces_its_schedule_in_and_trades_the_same(crossing_day, tmp_path):
    ignored = frozenset(person.trader.name for person in crossing_day.people[:2])
    day = with_terms(crossing_day, ignored=ignored)
    found, events = live(day, tmp_path / "day_ahead")
    assert found == rehearsed(day) == rehearsed(crossing_day)
    assert len(events["ScheduleForced"]) == 2
    assert len(events["BookCleared"]) == 1
    assert states(tmp_path / "day_ahead") == {"forced": 2, "signed": len(day.people) - 2}
    assert {
        one["participant"] for one in sent(tmp_path / "day_ahead") if one["action"] == "force"
    } == ignored


def test_a_collector_that_ignores_everybody_stops_nobody(crossing_day, tmp_path):
    ignored = frozenset(person.trader.name for person in crossing_day.people)
    day = with_terms(crossing_day, ignored=ignored)
    found, events = live(day, tmp_path / "day_ahead")
    assert found == rehearsed(day)
    assert "BookCommitted" not in events


def test_each_zone_is_a_book_of_its_own(crossing_day, tmp_path):
    people = [
        replace(
            person,
            zone=1 + index % 2,
            trader=replace(person.trader, certified=Certified(zone=1 + index % 2)),
        )
        for index, person in enumerate(crossing_day.people)
    ]
    day = replace(crossing_day, people=people)
    found, events = live(day, tmp_path / "day_ahead")
    assert found == rehearsed(day) != rehearsed(crossing_day)
    assert {one["zone"] for one in events["BookCommitted"]} == {1, 2}


def test_without_a_book_the_day_is_traded_slot_by_slot(crossing_day, tmp_path):
    day = with_terms(crossing_day, is_posted=False)
    folder = tmp_path / "day_ahead"
    found, events = live(day, folder)
    assert found == rehearsed(day) == rehearsed(day, "auction")
    assert len(events["BookCommitted"]) == 1
    assert "BookCleared" not in events
    assert len(events["SlotCleared"]) == len(day.slots)
    assert confirm_folder("day_ahead", day, folder).trades > 0


def spoilt(entries, rules):
    """Open a book with margins that leave a Wh out where somebody trades."""
    right = posting.opened(entries, rules)
    traded_slot = next(at for at, one in enumerate(right.cleared.clearings) if one.volume_wh)
    margins = list(right.cleared.margins)
    # The filled part of the marginal bid has bits 67 to 106.
    margins[traded_slot] ^= 1 << 67
    return Opened(cleared=replace(right.cleared, margins=tuple(margins)), batches=right.batches)


@pytest.mark.parametrize("together", [2, 200])
def test_a_book_that_the_contract_refuses_leaves_the_day_to_the_auction(
    together, crossing_day, tmp_path, monkeypatch
):
    monkeypatch.setattr(day_ahead_day, "opened", spoilt)
    monkeypatch.setattr(posting, "entries_together", lambda slots: together)
    found, events = live(crossing_day, tmp_path / "day_ahead")
    assert found == rehearsed(crossing_day, "auction")
    # What the first of two batches bound is given back before margins move on.
    assert len(events.get("GroupRefunded", [])) == (1 if together == 2 else 0)
    refused = [one for one in sent(tmp_path / "day_ahead") if not one["ok"]]
    assert [one["action"] for one in refused] == ["post book"]


@pytest.mark.parametrize(("is_posted", "share"), [(True, 0.55), (True, 0.9), (False, 0.7)])
def test_a_day_that_was_interrupted_ends_as_if_it_had_not_been(
    is_posted, share, crossing_day, tmp_path, monkeypatch
):
    monkeypatch.setattr(posting, "entries_together", lambda slots: 3)
    day = with_terms(crossing_day, is_posted=is_posted)
    whole = Counter()
    watch = Watch(observe=lambda change, _entries: whole.update([change]))
    run_mechanism("day_ahead", day, "anvil", tmp_path / "whole", Silent(), watch)
    cut = Watch(observe=ends_after(int(whole.total() * share)))
    with pytest.raises(Ended):
        run_mechanism("day_ahead", day, "anvil", tmp_path / "day_ahead", Silent(), cut)
    found, _ = live(day, tmp_path / "day_ahead")
    assert found == rehearsed(day)
    assert len(sent(tmp_path / "day_ahead")) == len(sent(tmp_path / "whole"))


def test_a_book_of_several_transactions_is_one_book(crossing_day, tmp_path, monkeypatch):
    monkeypatch.setattr(posting, "entries_together", lambda slots: 3)
    found, events = live(crossing_day, tmp_path / "day_ahead")
    assert found == rehearsed(crossing_day)
    assert len(events["BatchWalked"]) == len(events["BookCleared"]) == 1
    assert states(tmp_path / "day_ahead") == {"signed": len(crossing_day.people)}


def test_who_is_not_covered_is_set_aside_and_the_others_trade(crossing_day, tmp_path, monkeypatch):
    poor, enough = crossing_day.people[0].trader.name, DayAhead.margin

    def margin(self, trader, day):
        return Money(1) if trader.name == poor else enough(self, trader, day)

    monkeypatch.setattr(DayAhead, "margin", margin)
    found, events = live(crossing_day, tmp_path / "day_ahead")
    others = [person for person in crossing_day.people if person.trader.name != poor]
    assert found == rehearsed(replace(crossing_day, people=others))
    assert [one["fault"] for one in events["ScheduleSetAside"]] == [6]
    assert states(tmp_path / "day_ahead") == {"set aside": 1, "signed": len(others)}


def test_posts_stay_below_their_gas_ceiling_and_the_limits_of_a_transaction():
    for slots in (24, 96):
        size = posting.entries_together(slots)
        batch = posting.Batch(
            entries=tuple(
                posting.Entry(
                    participant_id=number,
                    source=posting.Source.SIGNED,
                    orders=(0,) * (slots // 8),
                    r=bytes(32),
                    vs=bytes(32),
                )
                for number in range(size)
            ),
            is_last=True,
        )
        assert posting.gas_of(batch, slots) <= posting.MAX_TRANSACTION_GAS


def test_a_whole_day_is_read_and_settled_at_once_to_the_unit(whole_day, tmp_path):
    folder = tmp_path / "day_ahead"
    _, events = live(whole_day, folder)
    found = confirm_folder("day_ahead", whole_day, folder)
    assert found.trades > 20
    assert found.bills == len(whole_day.people) * len(whole_day.slots)
    assert "SlotSettled" not in events
    actions = Counter(one["action"] for one in sent(folder))
    assert actions["post days"] == actions["settle day"] == 1
    assert {"post readings", "unpack", "unpack day", "settle"} & actions.keys() == set()


def test_who_wants_nothing_is_settled_slot_by_slot_beside_whole_days(whole_day, tmp_path):
    first, *others = whole_day.people
    nothing = QuantityForecast(mean_wh=0, lower_wh=0, upper_wh=0)
    trader = replace(first.trader, forecasts=dict.fromkeys(first.trader.forecasts, nothing))
    day = replace(whole_day, people=[replace(first, trader=trader), *others])
    folder = tmp_path / "day_ahead"
    _, events = live(day, folder)
    assert confirm_folder("day_ahead", day, folder).bills == len(day.people) * len(day.slots)
    assert len(events["SlotSettled"]) == len(day.slots)
    assert len(events["DayUnpacked"]) == 1


def test_a_whole_day_without_a_book_is_settled_slot_by_slot(whole_day, tmp_path):
    day = with_terms(whole_day, is_posted=False)
    folder = tmp_path / "day_ahead"
    _, events = live(day, folder)
    assert confirm_folder("day_ahead", day, folder).trades > 20
    assert "DaysSettled" not in events
    assert len(events["DayUnpacked"]) == len(day.people)


def test_readings_that_were_changed_after_the_day_are_found(whole_day, tmp_path):
    folder = tmp_path / "day_ahead"
    live(whole_day, folder)
    lines = (folder / "days.jsonl").read_text().splitlines()
    row = json.loads(lines[0])
    row["imports_wh"][3] += 1
    (folder / "days.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
    with pytest.raises(RunError, match=r"no values have the hash that DaysPosted tells of meter 1"):
        confirm_folder("day_ahead", whole_day, folder)


def test_a_whole_day_that_was_interrupted_ends_as_if_it_had_not_been(whole_day, tmp_path):
    whole = Counter()
    watch = Watch(observe=lambda change, _entries: whole.update([change]))
    run_mechanism("day_ahead", whole_day, "anvil", tmp_path / "whole", Silent(), watch)
    cut = Watch(observe=ends_after(int(whole.total() * 0.97)))
    with pytest.raises(Ended):
        run_mechanism("day_ahead", whole_day, "anvil", tmp_path / "day_ahead", Silent(), cut)
    live(whole_day, tmp_path / "day_ahead")
    assert confirm_folder("day_ahead", whole_day, tmp_path / "day_ahead").trades > 20
    assert len(sent(tmp_path / "day_ahead")) == len(sent(tmp_path / "whole"))


def test_groups_that_pay_on_balance_are_settled_first(whole_day, tmp_path, monkeypatch):
    # A seller has the lowest number: in the order of groups nobody would have paid yet.
    monkeypatch.setattr(posting, "entries_together", lambda slots: 1)
    folder = tmp_path / "day_ahead"
    _, events = live(whole_day, folder)
    assert len(events["DaysSettled"]) == len(whole_day.people)
    assert confirm_folder("day_ahead", whole_day, folder).trades > 20
