"""What neighbours agree on with the wants of the case study is what a central planner would choose, to one percent."""

from pathlib import Path

import numpy as np
import pytest

from setm.agents.neighbour import buyer_of, seller_of
from setm.agents.neighbourhood import Network, converge, links_of
from setm.optimum import optimum
from setm.scenario import load_scenario
from setm.simulation.foresight import foresee
from setm.simulation.negotiation_day import wanted
from setm.simulation.settings import day_of, load, questions
from setm.types import Side

CASE_STUDY = Path(__file__).resolve().parents[3] / "scenarios" / "case_study.yaml"


@pytest.fixture(scope="module")
def day():
    scenario = load_scenario(CASE_STUDY)
    for item in scenario.participants:
        object.__setattr__(item, "model", "seasonal_mean")
    loaded = load(scenario)
    answers = [foresee(question) for question in questions(loaded, with_backtest=False)]
    return day_of(loaded, {(one.name, one.direction): one for one in answers})


def test_every_slot_is_within_one_percent_of_the_optimum(day):
    traded = 0
    for slot in day.slots:
        traders = [person.trader for person in day.people]
        wants = {one.name: wanted(one, slot, day.rules.tariff) for one in traders}
        tick = day.rules.tick_size
        active = [one for one in traders if wants[one.name] > 0]
        buys = [one for one in active if one.side is Side.BID]
        sells = [one for one in active if one.side is Side.ASK]
        ceilings = {one.name: one.band.max_bid for one in buys}
        floors = {one.name: one.band.min_bid for one in sells}
        best = optimum(
            [(wants[one.name], one.band.max_bid) for one in buys],
            [(wants[one.name], one.band.min_bid) for one in sells],
        )

        rng = np.random.default_rng([day.seed, slot])
        found = converge(
            [buyer_of(one.name, one.band, wants[one.name], tick) for one in buys],
            [seller_of(one.name, one.band, wants[one.name], tick) for one in sells],
            links_of(Network.EVERYBODY, [one.name for one in active], rng),
            rng,
        )

        reached = sum(
            one.energy_wh * (ceilings[one.buyer] - floors[one.seller]) for one in found.agreements
        )
        assert found.is_settled
        assert 100 * reached >= 99 * best.welfare
        traded += best.volume_wh
    assert traded > 0
