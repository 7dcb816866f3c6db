"""A day of orders with conditions on a chain: who is owed which tags, what is minted, delivered and claimed."""

from __future__ import annotations

import json

import pytest

from setm.simulation.mechanism import run_mechanism
from setm.tags import Source
from setm.tags.fold import fold_tags, green_share
from setm.trading.conditional import Paper, trade
from setm.types import Side
from tests.python.simulation.test_continue import Silent
from tests.python.simulation.test_rehearsal import day as day


@pytest.fixture(scope="module")
def events(day, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tags") / "conditional"
    run_mechanism("conditional", day, "anvil", folder, Silent())
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [(event["event"], event["args"]) for event in map(json.loads, lines)]


@pytest.fixture(scope="module")
def paper(day):
    found = Paper(day.trading)
    trade(day.trading, found, lambda: None)
    return found


def named(events, name):
    return [args for found, args in events if found == name]


def delivered(day, side, slot):
    """Return what the meters of one side take or feed in during a slot, Wh."""
    people = [person for person in day.people if person.trader.side is side]
    windows = [person.delivered.window(slot, slot + 1) for person in people]
    if side is Side.BID:
        return sum(int(window.import_wh[0]) for window in windows)
    return sum(int(window.export_wh[0]) for window in windows)


def test_every_watt_hour_that_a_solar_plant_feeds_in_becomes_a_tag(day, events):
    totals = fold_tags(events)
    for slot in day.slots:
        fed_in = delivered(day, Side.ASK, slot)
        assert totals[Source.SOLAR, slot].minted_wh == fed_in > 0


def test_what_is_owed_on_paper_is_delivered_or_paid_for(day, events, paper):
    slots = {args["tradeId"]: args["slot"] for args in named(events, "OrderTaken")}
    for slot in day.slots:
        handed = [a for a in named(events, "TagsDelivered") if slots[a["tradeId"]] == slot]
        owed_wh = sum(args["energyWh"] + args["missingWh"] for args in handed)
        assert owed_wh == paper.owed_wh(slot) > 0


def test_buyers_claim_what_they_were_given_and_took(day, events):
    totals = fold_tags(events)
    received = sum(args["energyWh"] for args in named(events, "TagsDelivered"))
    consumed = sum(total.consumed_wh for total in totals.values())
    taken = sum(delivered(day, Side.BID, slot) for slot in day.slots)
    assert 0 < consumed <= min(received, taken)
    assert green_share(totals, taken) == consumed / taken
