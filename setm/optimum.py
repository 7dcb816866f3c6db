"""The welfare optimum: the most that bids and asks of one slot can be worth together, whoever arranges it.

A bid is a quantity and the most that it is worth, an ask a quantity and the least that it costs::

    welfare = sum over trades of (bid's price - ask's price) * Wh

Quantities are Wh, prices 0.001 EUR/MWh, so that welfare is whole numbers of 1e-9 EUR; what is paid moves money between
both sides and does not count. Among equal optima the one that trades most is meant. Slots do not depend on each other:
the optimum of a day is the sum of its slots.

Everybody with everybody: bids from the dearest down meet asks from the cheapest up until they cross (merit order).
Neighbours only: a transport problem, solved as a linear programme with HiGHS, which SciPy brings along (Huangfu & Hall
2018, Parallelizing the dual revised simplex method, Mathematical Programming Computation 10, 119-142). Its matrix is
totally unimodular: corners of the feasible set are whole Wh, and one of them is an optimum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array

from setm.errors import ConfigError
from setm.units import Wh

Offer = tuple[int, int]
"""A quantity, Wh, and a price, 0.001 EUR/MWh."""


class Optimum(NamedTuple):
    """Welfare, 1e-9 EUR, and energy traded, Wh."""

    welfare: int
    volume_wh: Wh


def optimum(bids: Sequence[Offer], asks: Sequence[Offer]) -> Optimum:
    """Return the optimum of one slot in which everybody can trade with everybody; exact.

    >>> optimum(bids=[(500, 46_000), (300, 41_000)], asks=[(600, 40_000), (900, 45_000)])
    Optimum(welfare=3100000, volume_wh=600)
    """
    _require_offers(bids, asks)
    wanted = sorted(bids, key=lambda bid: -bid[1])
    offered = sorted(asks, key=lambda ask: ask[1])
    welfare = volume_wh = 0
    buyer = seller = 0
    left_bid, left_ask = (side[0][0] if side else 0 for side in (wanted, offered))
    while buyer < len(wanted) and seller < len(offered):
        gain = wanted[buyer][1] - offered[seller][1]
        if gain < 0:
            break
        matched = min(left_bid, left_ask)
        welfare += gain * matched
        volume_wh += matched
        left_bid -= matched
        left_ask -= matched
        if left_bid == 0:
            buyer += 1
            left_bid = wanted[buyer][0] if buyer < len(wanted) else 0
        if left_ask == 0:
            seller += 1
            left_ask = offered[seller][0] if seller < len(offered) else 0
    return Optimum(welfare, Wh(volume_wh))


def network_optimum(
    bids: Sequence[Offer], asks: Sequence[Offer], links: Iterable[tuple[int, int]]
) -> Optimum:
    """Return the optimum of one slot in which only neighbours trade.

    ``links`` are pairs (index of a bid, index of an ask). HiGHS works with floats; what it finds is rounded to whole
    Wh, which a corner is, and counted again in integers.

    >>> network_optimum([(500, 46_000), (300, 41_000)], [(600, 40_000), (900, 45_000)], [(0, 1), (1, 0)])
    Optimum(welfare=800000, volume_wh=800)
    """
    _require_offers(bids, asks)
    pairs = sorted(set(links))
    for bid, ask in pairs:
        if not (0 <= bid < len(bids) and 0 <= ask < len(asks)):
            raise ConfigError(
                f"link ({bid}, {ask}): expected a bid of 0 to {len(bids) - 1} and an ask of 0 to {len(asks) - 1}"
            )
    # Links that lose welfare carry nothing.
    pairs = [(bid, ask) for bid, ask in pairs if bids[bid][1] >= asks[ask][1]]
    if not pairs:
        return Optimum(0, Wh(0))
    gains = [bids[bid][1] - asks[ask][1] for bid, ask in pairs]
    flows = _solve([q for q, _ in bids], [q for q, _ in asks], pairs, gains)
    welfare = sum(gain * flow for gain, flow in zip(gains, flows, strict=True))
    return Optimum(welfare, Wh(sum(flows)))


def _solve(
    wanted: Sequence[int],
    offered: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    gains: Sequence[int],
) -> list[int]:
    """Return the flow over each link, Wh."""
    rows = np.array([row for bid, ask in pairs for row in (bid, len(wanted) + ask)])
    columns = np.repeat(np.arange(len(pairs)), 2)
    limits = np.array([*wanted, *offered], dtype=np.float64)
    # Welfare first, then volume: what a Wh gains on the way to another corner is a whole number, and no way is longer
    # than there are rows.
    weights = np.array(gains, dtype=np.float64) * (len(limits) + 1) + 1
    found = linprog(
        -weights,
        A_ub=csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(limits), len(pairs))),
        b_ub=limits,
        # Simplex ends at a corner, which is whole numbers; an interior point need not.
        method="highs-ds",
    )
    if not found.success:
        raise ConfigError(
            f"linear programme of {len(pairs)} links: HiGHS says {found.message}; are quantities below 1e9 Wh?"
        )
    return [round(flow) for flow in found.x]


def _require_offers(bids: Sequence[Offer], asks: Sequence[Offer]) -> None:
    for name, offers in (("bid", bids), ("ask", asks)):
        for energy_wh, price in offers:
            if energy_wh < 0 or price < 0:
                raise ConfigError(
                    f"{name} of {energy_wh} Wh at {price}: expected at least 0 Wh and a price of at least 0"
                )
