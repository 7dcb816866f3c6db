"""Distributed pricing on the case study: neighbours come within one percent of what a central planner would choose."""

import pytest

from setm.agents.neighbourhood import Network
from setm.optimum import network_optimum
from setm.scenario import load_scenario
from setm.simulation.foresight import foresee
from setm.simulation.settings import day_of, load, questions
from setm.trading.distributed import Distributed
from setm.trading.negotiation import wanted
from setm.types import Side
from setm.units import payment_up
from tests.python.simulation.conftest import CASE_STUDY


@pytest.fixture(scope="module")
def day():
    scenario = load_scenario(CASE_STUDY)
    quick = [item.model_copy(update={"model": "seasonal_mean"}) for item in scenario.participants]
    loaded = load(scenario.model_copy(update={"participants": tuple(quick)}))
    answers = [foresee(question) for question in questions(loaded, with_backtest=False)]
    return day_of(loaded, {(one.name, one.direction): one for one in answers}).trading


def offers(day, slot, side):
    """Return who wants what in a slot, and at which limit."""
    wants = {one.name: wanted(one, slot, day.rules.tariff) for one in day.traders}
    return {
        one.name: (wants[one.name], one.band.max_bid if side is Side.BID else one.band.min_bid)
        for one in day.traders
        if one.side is side
    }


@pytest.mark.parametrize("network", Network)
def test_every_slot_is_within_one_percent_of_the_optimum(day, network):
    engine, volume = Distributed(network=network), 0
    links = engine.links(day)
    for slot, found in engine.agreed(day):
        bids, asks = offers(day, slot, Side.BID), offers(day, slot, Side.ASK)
        pairs = [
            (b, s)
            for b, buyer in enumerate(bids)
            for s, seller in enumerate(asks)
            if seller in links[buyer]
        ]
        best = network_optimum(list(bids.values()), list(asks.values()), pairs)
        reached = sum(
            one.energy_wh * (bids[one.buyer][1] - asks[one.seller][1]) for one in found.agreements
        )
        assert found.is_settled
        assert 100 * reached >= 99 * best.welfare
        volume += best.volume_wh
    assert volume > 0


def test_the_margin_covers_whatever_is_agreed(day):
    engine = Distributed()
    outcome = engine.rehearse(day)
    for trader in day.traders:
        trades = [by_name[trader.name] for by_name in outcome.values() if trader.name in by_name]
        sold_back = sum(payment_up(one.sold_wh, day.rules.cover_price) for one in trades)
        bound = sum(one.payment - one.revenue for one in trades) + sold_back
        assert engine.margin(trader, day) >= bound


def test_a_rehearsal_repeats_itself_and_balances(day):
    outcome = Distributed().rehearse(day)
    assert outcome == Distributed().rehearse(day)
    for by_name in outcome.values():
        assert sum(one.bought_wh - one.sold_wh for one in by_name.values()) == 0
        # Each agreement rounds the buyer up and the seller down: dust stays in the pool, money never comes out of it.
        assert 0 <= sum(one.payment - one.revenue for one in by_name.values()) <= len(by_name)
