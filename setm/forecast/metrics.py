"""Measures of a forecast's error; energies in Wh."""

from __future__ import annotations

import numpy as np

from setm.forecast.task import Floats


def mean_absolute_error(actual: Floats, mean: Floats) -> float:
    """Return the mean absolute error, Wh.

    >>> mean_absolute_error(np.array([1.0, 5.0]), np.array([2.0, 2.0]))
    2.0
    """
    return float(np.abs(actual - mean).mean())


def seasonal_scale(history: Floats, season: int) -> float:
    """Return the mean absolute error, Wh, of repeating the value one season earlier within the history.

    The denominator of MASE (Hyndman & Koehler 2006); NaN if the history is not longer than a season.

    >>> seasonal_scale(np.array([1.0, 2.0, 2.0, 4.0]), 2)
    1.5
    """
    if len(history) <= season:
        return float("nan")
    return float(np.abs(history[season:] - history[:-season]).mean())


def pinball_loss(actual: Floats, bound: Floats, quantile: float) -> float:
    """Return the mean pinball loss, Wh, of a bound meant as a quantile.

    >>> round(pinball_loss(np.array([10.0, 0.0]), np.array([4.0, 4.0]), 0.9), 6)
    2.9
    """
    above = actual - bound
    return float(np.maximum(quantile * above, (quantile - 1) * above).mean())


def coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Return the share of slots whose value lies inside the interval, bounds included.

    >>> coverage(np.array([1.0, 5.0]), np.array([0.0, 0.0]), np.array([1.0, 4.0]))
    0.5
    """
    return float(((lower <= actual) & (actual <= upper)).mean())
