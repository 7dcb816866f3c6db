"""The same day with many seeds: what chance makes of each mechanism, and how surely its mean is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The mean over ``count`` seeds, and where it lies with 95 % confidence; None if no seed has a value."""

    count: int
    mean: float | None
    low: float | None
    high: float | None
    lowest: float | None
    highest: float | None

    @property
    def is_certain(self) -> bool:
        """Whether every seed gives the same value: the mechanism does not depend on chance."""
        return self.lowest == self.highest


def interval(values: Sequence[float | None]) -> Interval:
    """Return the mean and Student's 95 % interval, mean +- t(n - 1) s / sqrt(n), of what is not None.

    Equal values have an interval of no width; a single one has none at all. The interval is about the mean over seeds,
    not about a single day, and takes the seeds for independent.

    >>> interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    known = [value for value in values if value is not None]
    if not known:
        return Interval(count=0, mean=None, low=None, high=None, lowest=None, highest=None)
    lowest, highest, count = min(known), max(known), len(known)
    if lowest == highest:
        width: float | None = 0.0 if count > 1 else None
        mean = lowest
    else:
        mean = math.fsum(known) / count
        variance = math.fsum((value - mean) ** 2 for value in known) / (count - 1)
        quantile = float(student.ppf((1 + CONFIDENCE) / 2, count - 1))
        width = quantile * math.sqrt(variance / count)
    return Interval(
        count=count,
        mean=mean,
        low=None if width is None else mean - width,
        high=None if width is None else mean + width,
        lowest=lowest,
        highest=highest,
    )


def intervals(rows: Sequence[Mapping[str, float | None]]) -> dict[str, Interval]:
    """Return the interval of every measure over rows of the same measures, one row a seed."""
    return {name: interval([row[name] for row in rows]) for name in (rows[0] if rows else {})}
