"""How costs grow with the number of participants: the exponent of a power law, fitted by least squares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from setm.bench.day import STAGES, TimedDay
from setm.bench.measured import Measured

Item = TypeVar("Item")

# Total gas that grows no faster than this power of N counts as linear: 2 % for what another batch costs.
LINEAR = 1.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The exponent of one quantity in N over ``sizes``; the verdicts are of gas, and None of seconds.

    ``subject`` is a venue, or a mechanism on a network; ``quantity`` is ``gas`` or a stage's ``seconds``.
    """

    subject: str
    slots: int
    quantity: str
    sizes: tuple[int, ...]
    exponent: float
    is_linear: bool | None
    is_share_falling: bool | None


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Return b of the fit a N^b to positive values at two sizes or more: least squares of the logarithms.

    >>> round(exponent([10, 100, 1000], [50, 500, 5000]), 9)
    1.0
    """
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(slope)


def gas_growth(measured: Iterable[Measured]) -> list[Growth]:
    """Return the growth of each venue's total gas, and whether an order's share of it never rises with N."""
    found = []
    for rows in _series(measured, lambda one: (one.venue, one.slots), lambda one: one.participants):
        sizes = tuple(one.participants for one in rows)
        power = exponent(sizes, [one.gas_of() for one in rows])
        shares = [round(one.gas_per_order) for one in rows]
        growth = Growth(
            subject=rows[0].venue,
            slots=rows[0].slots,
            quantity="gas",
            sizes=sizes,
            exponent=power,
            is_linear=power <= LINEAR,
            is_share_falling=all(later <= earlier for earlier, later in pairwise(shares)),
        )
        found.append(growth)
    return found


def seconds_growth(days: Iterable[TimedDay]) -> list[Growth]:
    """Return the growth of each stage's seconds by mechanism and network; deployment does not know N."""
    return [
        Growth(
            subject=f"{rows[0].plan.mechanism} on {rows[0].plan.network}",
            slots=rows[0].plan.slots,
            quantity=f"seconds: {stage}",
            sizes=tuple(one.plan.participants for one in rows),
            exponent=exponent(
                [one.plan.participants for one in rows], [one.seconds[stage] for one in rows]
            ),
            is_linear=None,
            is_share_falling=None,
        )
        for rows in _series(days, _kind_of_day, lambda one: one.plan.participants)
        for stage in STAGES
        if all(one.seconds.get(stage, 0.0) > 0 for one in rows)
    ]


def _kind_of_day(one: TimedDay) -> tuple[str, str, int]:
    return one.plan.mechanism, one.plan.network, one.plan.slots


def _series(
    items: Iterable[Item], kind: Callable[[Item], object], size: Callable[[Item], int]
) -> Iterator[list[Item]]:
    """Yield what is of one kind, by size, if there are two sizes or more: a line needs two points."""
    kinds: dict[object, list[Item]] = {}
    for item in items:
        kinds.setdefault(kind(item), []).append(item)
    for rows in kinds.values():
        if len({size(item) for item in rows}) > 1:
            yield sorted(rows, key=size)
