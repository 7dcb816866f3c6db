"""From a scenario to what a run needs: series, questions to the forecasts, traders and the contracts' configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from setm.agents.net import known, net_forecast
from setm.agents.types import Band, QuantityForecast
from setm.data import MeterSeries
from setm.forecast import Direction
from setm.keystore import KeySource
from setm.scenario import ParticipantSpec, Scenario, Times, load_meter_data, times_of
from setm.simulation.foresight import Foresight, Question
from setm.simulation.keys import DerivedKeys
from setm.simulation.mechanism import Day, Person
from setm.slots import Slot
from setm.trading import Certified, DayAheadTerms, Market, Rules, Strategy, Trader
from setm.types import GridTariff, Side
from setm.units import Wh, money_from_eur, price_from_eur_per_mwh

MAX_ENERGY_WH = Wh(10**9)
HORIZON_SECONDS = 2 * 86_400
GOVERNANCE_DELAY_SECONDS = 86_400
RECOVERY_DELAY_SECONDS = 2 * 86_400
# A meter can measure twice the most it has ever seen.
CAPACITY_FACTOR = 2
DIRECTIONS: tuple[Direction, ...] = ("import", "export")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A scenario with its meter series."""

    scenario: Scenario
    times: Times
    series: Mapping[str, MeterSeries]


def load(scenario: Scenario) -> Loaded:
    """Read every participant's meter data; raise ``DataError`` for the first that cannot be used."""
    times = times_of(scenario)
    series = {item.name: load_meter_data(scenario, item, times) for item in scenario.participants}
    return Loaded(scenario=scenario, times=times, series=series)


def questions(loaded: Loaded, *, with_backtest: bool) -> list[Question]:
    """Return what each participant asks of its own history: what it takes, and what it feeds in if it ever did."""
    asked: list[Question] = []
    for item in loaded.scenario.participants:
        series = loaded.series[item.name]
        directions: list[Direction] = ["import"]
        if series.has_export:
            directions.append("export")
        traded: Direction = "export" if item.sells else "import"
        if traded not in directions:
            directions.append(traded)
        asked.extend(_question(loaded, item, direction, with_backtest) for direction in directions)
    return asked


def _question(
    loaded: Loaded, item: ParticipantSpec, direction: Direction, with_backtest: bool
) -> Question:
    times = loaded.times
    return Question(
        name=item.name,
        series=loaded.series[item.name].window(
            loaded.series[item.name].first_slot, times.gate_slot
        ),
        direction=direction,
        days=item.days_for_forecasting,
        model=item.model,
        gate_slot=times.gate_slot,
        first_slot=times.first_slot,
        horizon_slots=len(times.slots),
        seed=loaded.scenario.seed % 2**31,
        with_backtest=with_backtest,
    )


def day_of(
    loaded: Loaded,
    answers: Mapping[tuple[str, Direction], Foresight],
    keys: KeySource | None = None,
) -> Day:
    """Return the day that each mechanism trades; without ``keys`` they are derived from the scenario's seed."""
    scenario = loaded.scenario
    people = [_person(loaded, item, answers) for item in scenario.participants]
    return Day(
        seed=scenario.seed,
        keys=keys or DerivedKeys(scenario.seed),
        slots=loaded.times.slots,
        slot_seconds=scenario.slot_seconds,
        dispute_window=60 * scenario.metering.dispute_window_minutes,
        people=people,
        market=_market(scenario),
        rules=_rules(scenario),
        day_ahead=_day_ahead(scenario),
        deploy_config=deploy_config(scenario),
    )


def _person(
    loaded: Loaded,
    item: ParticipantSpec,
    answers: Mapping[tuple[str, Direction], Foresight],
) -> Person:
    series = loaded.series[item.name]
    highest = int(np.maximum(series.import_wh, series.export_wh).max())
    side = Side.ASK if item.sells else Side.BID
    sides, forecasts = _wanted(loaded, item, answers)
    trader = Trader(
        name=item.name,
        side=side,
        sides={slot: other for slot, other in sides.items() if other is not side},
        bidder=item.bidder,
        band=Band(min_bid=item.min_bid, max_bid=item.max_bid),
        strategy=Strategy(**item.strategy.model_dump()),
        forecasts=forecasts,
        seed=loaded.scenario.seed,
        certified=Certified(
            device_class=item.device_class, zone=item.zone, source=item.certified_source
        ),
    )
    return Person(
        trader=trader,
        kind=item.kind_number,
        device_class=item.device_class,
        zone=item.zone,
        capacity_wh=max(CAPACITY_FACTOR * highest, 1),
        delivered=series.window(loaded.times.first_slot, loaded.times.last_slot + 1),
    )


def _wanted(
    loaded: Loaded,
    item: ParticipantSpec,
    answers: Mapping[tuple[str, Direction], Foresight],
) -> tuple[Mapping[Slot, Side], Mapping[Slot, QuantityForecast]]:
    """Return what a participant expects to trade in each slot, and on which side where the slot decides that."""
    expected = _expected(loaded, item, answers)
    if item.stated_side != "net":
        return {}, expected["export" if item.sells else "import"]
    if "export" not in expected:
        return {}, expected["import"]
    net = {
        slot: net_forecast(taken, expected["export"][slot])
        for slot, taken in expected["import"].items()
    }
    return (
        {slot: side for slot, (side, _) in net.items()},
        {slot: quantity for slot, (_, quantity) in net.items()},
    )


def _expected(
    loaded: Loaded,
    item: ParticipantSpec,
    answers: Mapping[tuple[str, Direction], Foresight],
) -> dict[Direction, Mapping[Slot, QuantityForecast]]:
    """Return what a participant expects to take and to feed in: its forecasts, or what its meter will count."""
    if item.quantities == "forecast":
        return {
            direction: answers[item.name, direction].by_slot()
            for direction in DIRECTIONS
            if (item.name, direction) in answers
        }
    slots = loaded.times.slots
    day = loaded.series[item.name].window(slots[0], slots[-1] + 1)
    return {
        "import": {s: known(Wh(int(v))) for s, v in zip(slots, day.import_wh, strict=True)},
        "export": {s: known(Wh(int(v))) for s, v in zip(slots, day.export_wh, strict=True)},
    }


def _tariff(scenario: Scenario) -> GridTariff:
    return GridTariff(
        retail_price=price_from_eur_per_mwh(scenario.tariff.retail_eur_per_mwh),
        feed_in_price=price_from_eur_per_mwh(scenario.tariff.feed_in_eur_per_mwh),
    )


def _market(scenario: Scenario) -> Market:
    return Market(
        grid=scenario.market.grid,
        tick_count=scenario.market.tick_count,
        tariff=_tariff(scenario),
        cover_price=_tariff(scenario).retail_price,
        bond=scenario.auction.bond,
        max_order_wh=MAX_ENERGY_WH,
        gate_lead=60 * scenario.auction.gate_lead_minutes,
        reveal_window=60 * scenario.auction.reveal_minutes,
        slot_seconds=scenario.slot_seconds,
    )


def _rules(scenario: Scenario) -> Rules:
    return Rules(
        tariff=_tariff(scenario),
        cover_price=_tariff(scenario).retail_price,
        tick_size=scenario.market.grid.tick_size,
        max_rounds=scenario.negotiation.max_rounds,
        offer_seconds=60 * scenario.negotiation.offer_minutes,
        gate_lead=60 * scenario.negotiation.gate_lead_minutes,
        slot_seconds=scenario.slot_seconds,
    )


def _day_ahead(scenario: Scenario) -> DayAheadTerms:
    terms = scenario.day_ahead
    return DayAheadTerms(
        gate_lead=60 * terms.gate_lead_minutes,
        force_window=60 * terms.force_minutes,
        post_window=60 * terms.post_minutes,
        is_posted=terms.collector == "present",
        ignored=frozenset(terms.ignores),
    )


def deploy_config(scenario: Scenario) -> dict[str, Any]:
    """Return the parameters of scripts/deploy.py, in the order of the contracts' structs (scripts/defaults.json)."""
    market, tariff, metering = _market(scenario), _tariff(scenario), scenario.metering
    reading, dispute, resolve = (
        60 * metering.reading_window_minutes,
        60 * metering.dispute_window_minutes,
        60 * metering.resolve_window_minutes,
    )
    return {
        "slot_seconds": scenario.slot_seconds,
        "governance_delay": GOVERNANCE_DELAY_SECONDS,
        "recovery_delay": RECOVERY_DELAY_SECONDS,
        "metering": {
            "reading_window": reading,
            "dispute_window": dispute,
            "resolve_window": resolve,
        },
        "settlement": {
            "retail_price": tariff.retail_price,
            "feed_in_price": tariff.feed_in_price,
            "fraud_penalty": money_from_eur(metering.fraud_penalty_eur),
            "release_delay": HORIZON_SECONDS + reading + dispute + resolve + scenario.slot_seconds,
        },
        "auction": {
            "floor_price": market.grid.floor_price,
            "tick_size": market.grid.tick_size,
            "tick_count": market.tick_count,
            "is_sealed": True,
            "gate_lead": market.gate_lead,
            "reveal_window": market.reveal_window,
            "clear_window": 60 * scenario.auction.clear_minutes,
            "horizon_seconds": HORIZON_SECONDS,
            "bond": market.bond,
            "cover_price": market.cover_price,
            "max_order_wh": market.max_order_wh,
        },
        "negotiation": {
            "gate_lead": 60 * scenario.negotiation.gate_lead_minutes,
            "horizon_seconds": HORIZON_SECONDS,
            "floor_price": market.grid.floor_price,
            "cap_price": scenario.market.cap_price,
            "cover_price": market.cover_price,
            "max_energy_wh": MAX_ENERGY_WH,
        },
    }
