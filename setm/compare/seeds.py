"""Every mechanism rehearsed with every seed, on all cores: what chance does, computed by the reference."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import product

from setm.compare.figures import Figures, figures
from setm.compare.measures import measures
from setm.compare.workload import Workload
from setm.errors import RunError
from setm.trading import (
    Day,
    Outcome,
    WholeDays,
    mechanism_named,
    signed_orders,
    whole_days,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One mechanism's day with one seed: its trades, whose days are settled as a whole, and orders in schedules."""

    mechanism: str
    seed: int
    outcome: Outcome
    whole: WholeDays
    signed_orders: int
    figures: Figures
    measures: Mapping[str, float | None]
    seconds: float


def rehearse(mechanism: str, day: Day, workload: Workload, optimum_nano: int) -> Rehearsal:
    """Return what a mechanism makes of a day, and the wall time that its rehearsal took."""
    started = time.perf_counter()
    engine = mechanism_named(mechanism)
    outcome = engine.rehearse(day)
    seconds = time.perf_counter() - started
    whole = whole_days(engine, day)
    found = figures(workload, outcome, optimum_nano, whole)
    spare = workload.tariff.retail_price - workload.tariff.feed_in_price
    return Rehearsal(
        mechanism=mechanism,
        seed=day.seed,
        outcome=outcome,
        whole=whole,
        signed_orders=signed_orders(engine, day),
        figures=found,
        measures=measures(found, spare),
        seconds=seconds,
    )


def rehearse_all(
    mechanisms: Sequence[str],
    days: Sequence[Day],
    workload: Workload,
    optimum_nano: int,
    each: Callable[[], None],
) -> list[Rehearsal]:
    """Return a rehearsal for each mechanism and day, in the order of both; ``each`` hears of every one that is done.

    The days differ in their seeds alone. Raise ``RunError`` if the processes that rehearse are killed.
    """
    asked = list(product(mechanisms, days))
    found: dict[int, Rehearsal] = {}
    try:
        with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            pending = {
                pool.submit(rehearse, name, day, workload, optimum_nano): place
                for place, (name, day) in enumerate(asked)
            }
            for done in as_completed(pending):
                found[pending[done]] = done.result()
                each()
    except BrokenProcessPool as error:
        raise RunError(
            f"seeds: a process was killed after {len(found)} of {len(asked)} rehearsals (is memory short?); "
            "run the same command again"
        ) from error
    return [found[place] for place in range(len(asked))]
