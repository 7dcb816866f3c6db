"""How fast the programs off the chain are, on one core; speeds are plugged in by a line in ``SPEEDS``."""

from __future__ import annotations

from collections.abc import Callable

from setm.bench.headlines import Headline
from setm.bench.offchain import Workload, measure

QUICK = Workload(orders=20_000, participants=20, agents=10, signatures=100, schedules=10, runs=2)


def off_chain(is_quick: bool) -> list[Headline]:
    """Return what clearing, forecasting and signing take, as far as there is a bound to hold it against."""
    headlines = []
    for figure in measure(QUICK if is_quick else Workload()):
        bound = figure.ceiling if figure.floor is None else figure.floor
        if bound is None:
            continue
        headlines.append(
            Headline(
                name=figure.name,
                value=figure.value,
                bound=bound,
                unit=figure.unit,
                is_floor=figure.floor is not None,
            )
        )
    return headlines


SPEEDS: tuple[Callable[[bool], list[Headline]], ...] = (off_chain,)
