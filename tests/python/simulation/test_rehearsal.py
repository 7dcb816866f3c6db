"""What a mechanism comes to on paper is what it comes to on a chain, to the unit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest

from setm.agents.types import Band, QuantityForecast
from setm.errors import ConfigError
from setm.scenario import load_scenario
from setm.scenario.fields import Mechanism
from setm.simulation import settings
from setm.simulation.foresight import foresee
from setm.simulation.mechanism import run_mechanism
from setm.simulation.on_chain import ON_CHAIN
from setm.trading import MECHANISMS, mechanism_named
from setm.types import Side, Trade
from setm.units import Price
from tests.python.simulation.conftest import CHOSEN, small_scenario
from tests.python.simulation.test_continue import Silent

FIRST_SLOT, SLOT_COUNT = 11, 3


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return day_of_some(tmp_path_factory.mktemp("rehearsed"), CHOSEN)


@pytest.fixture(scope="module")
def crossing_day(tmp_path_factory):
    """A day with two sellers and two buyers whose prices cross: a small one of each side is better than the other."""
    some = (*CHOSEN, "industrial consumer 1")
    found = day_of_some(tmp_path_factory.mktemp("crossing"), some)
    people = [
        replace(person, trader=_crossing(person.trader, index))
        for index, person in enumerate(found.people)
    ]
    return replace(found, people=people)


def _crossing(trader, index):
    side = Side.ASK if index == 0 else trader.side
    is_small = trader.name.startswith("personal")
    low = (47_000 if is_small else 45_000) if side is Side.BID else (38_000 if is_small else 41_000)
    return replace(trader, side=side, band=Band(min_bid=Price(low), max_bid=Price(low + 1_000)))


def day_of_some(folder, chosen):
    loaded = settings.load(load_scenario(small_scenario(folder, chosen=chosen)))
    answers = {
        (asked.name, asked.direction): foresee(asked)
        for asked in settings.questions(loaded, with_backtest=False)
    }
    whole = settings.day_of(loaded, answers)
    return replace(whole, slots=whole.slots[FIRST_SLOT : FIRST_SLOT + SLOT_COUNT])


def with_scarce_supply(day):
    """Let sellers expect a ninth: where much is offered the tariff's price lies below their bands, and nobody sells."""
    return replace(day, people=[_expecting_a_ninth(person) for person in day.people])


def _expecting_a_ninth(person):
    if person.trader.side is Side.BID:
        return person
    forecasts = {
        slot: replace(
            one,
            mean_wh=one.mean_wh / 9,
            lower_wh=one.lower_wh / 9,
            upper_wh=one.upper_wh / 9,
        )
        for slot, one in person.trader.forecasts.items()
    }
    return replace(person, trader=replace(person.trader, forecasts=forecasts))


def traded(folder, members):
    """Return everybody's trades of each slot, from the events that every venue emits."""
    names = {item.participant_id: item.name for item in members}
    paid, found = {}, {}
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        args = event["args"]
        key = args.get("slot"), args.get("participantId")
        if event["event"] == "TradeCollected":
            paid[key] = args["payment"]
        elif event["event"] == "TradeClosed":
            found.setdefault(key[0], {})[names[key[1]]] = Trade(
                bought_wh=args["boughtWh"],
                sold_wh=args["soldWh"],
                payment=paid[key],
                revenue=args["revenue"],
            )
    return found


def without_nothing(outcome):
    kept = {
        slot: {name: trade for name, trade in by_name.items() if trade != Trade()}
        for slot, by_name in outcome.items()
    }
    return {slot: by_name for slot, by_name in kept.items() if by_name}


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_rehearsal_comes_to_what_the_chain_comes_to(name, day, crossing_day, tmp_path):
    if name == "tariff":
        day = with_scarce_supply(day)
    if name in ("mcafee", "supply_demand"):
        day = crossing_day
    members = run_mechanism(name, day, "anvil", tmp_path / name, Silent())
    rehearsed = without_nothing(MECHANISMS[name].rehearse(day.trading))

    assert traded(tmp_path / name, members) == rehearsed
    assert rehearsed


def test_who_wants_nothing_all_day_is_settled_all_the_same(day, tmp_path):
    first, *others = day.people
    nothing = QuantityForecast(mean_wh=0, lower_wh=0, upper_wh=0)
    trader = replace(first.trader, forecasts=dict.fromkeys(first.trader.forecasts, nothing))
    idle = replace(day, people=[replace(first, trader=trader), *others], slots=day.slots[:1])
    members = run_mechanism("auction", idle, "anvil", tmp_path / "auction", Silent())

    assert MECHANISMS["auction"].margin(trader, idle.trading) == 0
    events = map(json.loads, (tmp_path / "auction" / "events.jsonl").read_text().splitlines())
    settled = [event["args"] for event in events if event["event"] == "SlotSettled"]
    assert {item["participantId"] for item in settled} == {who.participant_id for who in members}


def test_every_mechanism_has_a_chain_side():
    assert ON_CHAIN.keys() == MECHANISMS.keys()


def test_a_scenario_may_name_every_mechanism():
    assert get_args(Mechanism) == tuple(MECHANISMS)


def test_an_unknown_mechanism_is_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"mechanism barter: expected one of negotiation, auction"
    ):
        mechanism_named("barter")
