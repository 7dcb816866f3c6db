"""Mengelkamp's market: what forecast errors leave of the saving, by supply, kind of bidder and seed.

The market is that of E. Mengelkamp, B. Notheisen, C. Beer, D. Dauer and C. Weinhardt, A blockchain-based smart grid:
towards sustainable local energy markets, Computer Science - Research and Development 33, 2018. The question is that of
M. Kostmann and W. K. Härdle, Forecasting in Blockchain-Based Local Energy Markets, Energies 12(14), 2718, 2019.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from multiprocessing import get_context

from setm.agents.types import Bidder
from setm.data import slots_per_day
from setm.errors import ConfigError, RunError
from setm.forecast import Direction
from setm.households import read_profiles
from setm.scenario import Scenario, populated, times_of
from setm.scenario.fields import Quantities
from setm.simulation.foresight import Foresight, foresee
from setm.simulation.mechanism import Day
from setm.simulation.settings import Loaded, day_of, load, questions
from setm.study.measures import Measures, measures_of
from setm.trading import mechanism_named

SUPPLIES: Mapping[str, float] = {"balanced": 1.0, "oversupplied": 2.0, "undersupplied": 0.5}
"""What all plants generate over what all households use, in the time of the profiles."""
BIDDERS: tuple[Bidder, ...] = ("zero intelligence", "forecast")
QUANTITIES: tuple[Quantities, ...] = ("delivered", "forecast")
MECHANISM = "auction"
PUBLISHED_LOST: Mapping[str, str] = {
    "balanced": "91",
    "oversupplied": "10",
    "undersupplied": "more than 100",
}
"""Which share of the saving, %, forecast errors eat according to Kostmann & Härdle 2019."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One community's day in one condition."""

    supply: str
    bidder: Bidder
    quantities: Quantities
    seed: int
    day: date
    measures: Measures


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One community's day, traded by each kind of bidder with each kind of quantities."""

    outline: Scenario
    supply: str
    number: int


def study(outline: Scenario, seeds: int, each: Callable[[], None]) -> list[Rehearsed]:
    """Return every condition with ``seeds`` seeds; ``each`` hears of every community's day that is done.

    Raises ``ConfigError`` for a scenario without a community, ``RunError`` if the processes at work are killed.
    """
    if outline.community is None:
        raise ConfigError(
            f"scenario {outline.name}: no community; the study draws one for each seed"
        )
    asked = asked_of(outline, seeds)
    found: dict[tuple[str, int], list[Rehearsed]] = {}
    try:
        # Fresh processes: a forked one inherits Polars' locks without the threads that would open them.
        fresh = get_context("spawn")
        with ProcessPoolExecutor(max_workers=os.cpu_count() or 1, mp_context=fresh) as pool:
            pending = {pool.submit(rehearse, one): (one.supply, one.number) for one in asked}
            for done in as_completed(pending):
                found[pending[done]] = done.result()
                each()
    except BrokenProcessPool as error:
        raise RunError(
            f"study: a process was killed after {len(found)} of {len(asked)} days (is memory short?); "
            "run the same command again"
        ) from error
    return [row for one in asked for row in found[one.supply, one.number]]


def asked_of(outline: Scenario, seeds: int) -> list[Asked]:
    """Return the days of a study."""
    return [
        Asked(outline=outline, supply=supply, number=number)
        for supply, number in product(SUPPLIES, range(seeds))
    ]


def rehearse(asked: Asked) -> list[Rehearsed]:
    """Return what every condition makes of one community's day; all of them draw the same prices."""
    scenario = scenario_of(asked.outline, SUPPLIES[asked.supply], asked.number)
    loaded = load(scenario)
    answers = {
        (question.name, question.direction): foresee(question)
        for question in questions(loaded, with_backtest=False)
    }
    rows = []
    for bidder, quantities in product(BIDDERS, QUANTITIES):
        day = _day(loaded, answers, bidder, quantities)
        outcome = mechanism_named(MECHANISM).rehearse(day.trading)
        rows.append(
            Rehearsed(
                supply=asked.supply,
                bidder=bidder,
                quantities=quantities,
                seed=scenario.seed,
                day=scenario.day,
                measures=measures_of(day, outcome),
            )
        )
    return rows


def scenario_of(outline: Scenario, supply_ratio: float, number: int) -> Scenario:
    """Return the scenario of one seed: another community, other prices, another day.

    Number 0 has the scenario's own seeds and day. The days follow each other, and begin anew with the scenario's day
    when the profiles end: so chance is in the weather too.
    """
    community = outline.community
    if community is None:
        raise ConfigError(f"scenario {outline.name}: no community to draw")
    profiles = read_profiles(community.profiles, outline.slot_seconds)
    left = profiles.first_slot + profiles.slot_count - times_of(outline).first_slot
    days = max(left // slots_per_day(outline.slot_seconds), 1)
    drawn = community.model_copy(
        update={"supply_ratio": supply_ratio, "seed": community.seed + number}
    )
    return populated(
        outline.model_copy(
            update={
                "seed": outline.seed + number,
                "day": outline.day + timedelta(days=number % days),
                "community": drawn,
            }
        )
    )


def _day(
    loaded: Loaded,
    answers: Mapping[tuple[str, Direction], Foresight],
    bidder: Bidder,
    quantities: Quantities,
) -> Day:
    changed: Sequence[object] = [
        item.model_copy(update={"bidder": bidder, "quantities": quantities})
        for item in loaded.scenario.participants
    ]
    scenario = loaded.scenario.model_copy(update={"participants": tuple(changed)})
    return day_of(Loaded(scenario=scenario, times=loaded.times, series=loaded.series), answers)
