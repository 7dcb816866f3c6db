"""The largest welfare that a day's readings allow: nobody uses or delivers more than what then flowed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from setm.compare.workload import Delivered, Workload
from setm.errors import RunError
from setm.optimum import Offer, network_optimum, optimum
from setm.types import Side


def optimum_of(workload: Workload) -> int:
    """Return the optimum over all slots, 1e-9 EUR, found twice: by merit order and by HiGHS as a linear programme.

    Per slot ``max sum ceiling_b x_b - sum floor_s y_s`` with ``0 <= x_b <= import_b``, ``0 <= y_s <= export_s`` and
    ``sum x = sum y``. Raise ``RunError`` naming the slot if both ways disagree.
    """
    total = 0
    for slot, readings in workload.readings.items():
        bids, asks = _offers(workload, readings)
        exact = optimum(bids, asks).welfare
        everybody = product(range(len(bids)), range(len(asks)))
        solved = network_optimum(bids, asks, everybody).welfare
        if solved != exact:
            raise RunError(
                f"slot {slot}: the optimum is {exact} by merit order and {solved} by linear programme (1e-9 EUR); "
                "expected the same, are quantities below 1e9 Wh?"
            )
        total += exact
    return total


def _offers(
    workload: Workload, readings: Mapping[str, Delivered]
) -> tuple[list[Offer], list[Offer]]:
    bids: list[Offer] = []
    asks: list[Offer] = []
    for person in workload.participants:
        measured = readings[person.name]
        if Side.BID in person.sides:
            bids.append((measured.import_wh, person.ceiling))
        if Side.ASK in person.sides:
            asks.append((measured.export_wh, person.floor))
    return bids, asks
