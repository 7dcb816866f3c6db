"""Means and shares with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
# The bootstrap's own chance: the same values always have the same interval.
BOOTSTRAP_SEED = 20_160_623
CONFIDENCE = 0.95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with the interval that holds it with 95 % confidence."""

    value: float
    low: float
    high: float


def mean(values: Sequence[float]) -> Estimate:
    """Return the mean of what each seed came to.

    The interval is the percentile bootstrap over seeds (Efron & Tibshirani 1993, An Introduction to the Bootstrap).

    >>> found = mean([1.0, 2.0, 3.0])
    >>> found.value, found.low <= 2.0 <= found.high
    (2.0, True)
    """
    held = np.asarray(values, dtype=np.float64)
    return _estimate(float(held.mean()), held[_picks(len(held))].mean(axis=1))


def share(parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
    """Return the parts of all seeds over the wholes of all seeds.

    Sums, so that a day on which there is next to nothing to share does not count like any other; part and whole of a
    seed stay together when seeds are drawn again.

    >>> share([1.0, 2.0], [2.0, 4.0]).value
    0.5
    """
    part, whole = (np.asarray(each, dtype=np.float64) for each in (parts, wholes))
    picks = _picks(len(whole))
    drawn = part[picks].sum(axis=1) / whole[picks].sum(axis=1)
    return _estimate(float(part.sum() / whole.sum()), drawn)


def _picks(count: int) -> npt.NDArray[np.int64]:
    """Return which seeds each resample draws, with replacement."""
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    return rng.integers(count, size=(RESAMPLES, count), dtype=np.int64)


def _estimate(value: float, drawn: Floats) -> Estimate:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value=value, low=float(low), high=float(high))
