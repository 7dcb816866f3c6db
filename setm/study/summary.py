"""The study in one table: a row for each supply, kind of bidder and kind of quantities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from setm.report.study_schema import MEASURES
from setm.study.mengelkamp import BIDDERS, PUBLISHED_LOST, QUANTITIES, SUPPLIES, Rehearsed
from setm.study.statistics import Estimate, mean, share

Row = Mapping[str, str | int | float | None]

MEANS = tuple(name for name, _, _ in MEASURES)
PERFECT = "delivered"


def day_rows(found: Sequence[Rehearsed]) -> list[Row]:
    """Return one row for each day and condition."""
    return [
        {
            "supply": one.supply,
            "bidder": one.bidder,
            "quantities": one.quantities,
            "seed": one.seed,
            "day": one.day.isoformat(),
            "grid_only_eur": one.measures.grid_only_eur,
            **{name: _plain(getattr(one.measures, name)) for name in MEANS},
            "consumers_grid_only_eur": one.measures.consumers_grid_only_eur,
            "local_kwh": one.measures.local_kwh,
            "import_kwh": one.measures.import_kwh,
            "export_kwh": one.measures.export_kwh,
        }
        for one in found
    ]


def summary_rows(found: Sequence[Rehearsed]) -> list[Row]:
    """Return one row for each condition: means over seeds, and what forecast errors eat, each with its interval."""
    rows: list[Row] = []
    for supply in SUPPLIES:
        for bidder in BIDDERS:
            perfect = _chosen(found, supply, bidder, PERFECT)
            for quantities in QUANTITIES:
                held = _chosen(found, supply, bidder, quantities)
                rows.append(_row(supply, held, perfect))
    return rows


def _chosen(
    found: Sequence[Rehearsed], supply: str, bidder: str, quantities: str
) -> list[Rehearsed]:
    """Return the days of a condition in the order of their seeds."""
    wanted = (supply, bidder, quantities)
    return [one for one in found if (one.supply, one.bidder, one.quantities) == wanted]


def _row(supply: str, held: Sequence[Rehearsed], perfect: Sequence[Rehearsed]) -> Row:
    row: dict[str, str | int | float | None] = {
        "supply": supply,
        "bidder": held[0].bidder,
        "quantities": held[0].quantities,
        "seeds": len(held),
    }
    for name in MEANS:
        row |= _columns(name, _mean(_values(held, name)))
    is_perfect = held[0].quantities == PERFECT
    for name, found in _shares(held, perfect).items():
        row |= _columns(name, None if is_perfect else found)
    row["published_lost_percent"] = None if is_perfect else PUBLISHED_LOST[supply]
    return row


def _shares(held: Sequence[Rehearsed], perfect: Sequence[Rehearsed]) -> dict[str, Estimate]:
    """Return, in % of the saving with perfect quantities, what is lost of it, and which part of that is imbalance."""
    saved = _values(perfect, "saving_eur")
    consumers_saved = _values(perfect, "consumers_saving_eur")
    return {
        "lost_percent": _percent(_less(saved, _values(held, "saving_eur")), saved),
        "imbalance_percent": _percent(_values(held, "imbalance_cost_eur"), saved),
        "consumers_lost_percent": _percent(
            _less(consumers_saved, _values(held, "consumers_saving_eur")), consumers_saved
        ),
    }


def _values(days: Sequence[Rehearsed], name: str) -> list[float]:
    return [float(getattr(one.measures, name)) for one in days]


def _less(wholes: Sequence[float], kept: Sequence[float]) -> list[float]:
    return [whole - part for whole, part in zip(wholes, kept, strict=True)]


def _percent(parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
    found = share(parts, wholes)
    return Estimate(value=100 * found.value, low=100 * found.low, high=100 * found.high)


def _mean(values: Sequence[float]) -> Estimate | None:
    """Return the mean of what there is: a day without trade has no price."""
    known = [value for value in values if math.isfinite(value)]
    return mean(known) if known else None


def _columns(name: str, found: Estimate | None) -> dict[str, float | None]:
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {
        name: _plain(found.value),
        f"{name}_low": _plain(found.low),
        f"{name}_high": _plain(found.high),
    }


def _plain(value: float) -> float | None:
    """Return a value as files hold it: none where there is none, no digits that nobody can read."""
    return round(value, 6) if math.isfinite(value) else None
