"""Which side of the market somebody stands on who takes in some slots and feeds in in others."""

from __future__ import annotations

from setm.agents.types import QuantityForecast
from setm.types import Side
from setm.units import Wh


def net_forecast(taken: QuantityForecast, fed: QuantityForecast) -> tuple[Side, QuantityForecast]:
    """Return the side of a slot and the quantity to trade on it: what is taken less what is fed in, or the reverse.

    A meter counts in one direction at a time, so the difference of both means is the mean of the difference. The
    interval reaches from the least of one less the most of the other to the most less the least: it is never too
    narrow. Both forecasts have the same coverage.

    >>> flat = QuantityForecast(mean_wh=300.0, lower_wh=250.0, upper_wh=400.0)
    >>> sun = QuantityForecast(mean_wh=900.0, lower_wh=200.0, upper_wh=1000.0)
    >>> side, net = net_forecast(flat, sun)
    >>> side.name, net.mean_wh, net.lower_wh, net.upper_wh
    ('ASK', 600.0, 0.0, 750.0)
    """
    if fed.mean_wh > taken.mean_wh:
        return Side.ASK, _less(fed, taken)
    return Side.BID, _less(taken, fed)


def _less(one: QuantityForecast, other: QuantityForecast) -> QuantityForecast:
    mean = one.mean_wh - other.mean_wh
    return QuantityForecast(
        mean_wh=mean,
        lower_wh=min(mean, max(0.0, one.lower_wh - other.upper_wh)),
        upper_wh=max(mean, one.upper_wh - other.lower_wh),
        coverage=one.coverage,
    )


def known(energy_wh: Wh) -> QuantityForecast:
    """Return the forecast of somebody who knows the quantity."""
    return QuantityForecast(
        mean_wh=float(energy_wh), lower_wh=float(energy_wh), upper_wh=float(energy_wh)
    )
