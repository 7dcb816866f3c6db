"""What became of all tags, folded from the events of an EnergyTag contract alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from setm.tags.certificates import GREEN, Source, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTotal:
    """Tags of a source and slot, all zones together, Wh; ``consumed_wh`` is what of the claims proves consumption."""

    minted_wh: int = 0
    claimed_wh: int = 0
    consumed_wh: int = 0


Totals = Mapping[tuple[Source, int], TagTotal]
"""By source and slot."""


def fold_tags(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Totals:
    """Return the totals that events, as pairs of name and arguments, tell of; those of other contracts are passed over.

    >>> claim = {"id": 2 << 64 | 7, "energyWh": 60}
    >>> totals = fold_tags([("TagsMinted", {**claim, "energyWh": 100}), ("ConsumptionClaimed", claim)])
    >>> totals[Source.SOLAR, 7]
    TagTotal(minted_wh=100, claimed_wh=60, consumed_wh=60)
    """
    totals: dict[tuple[Source, int], TagTotal] = {}
    for name, args in events:
        if name in ("TagsMinted", "TagsClaimed", "ConsumptionClaimed"):
            tag = decode(args["id"])
            place = tag.source, tag.slot
            totals[place] = _with(totals.get(place, TagTotal()), name, args["energyWh"])
    return totals


def green_share(totals: Totals, consumption_wh: int) -> float:
    """Return the part of what was consumed that tags of green sources prove, 0 to 1; 0 without consumption.

    >>> green_share({(Source.WIND, 7): TagTotal(consumed_wh=30), (Source.GRID, 7): TagTotal(consumed_wh=9)}, 120)
    0.25
    """
    proved_wh = sum(
        total.consumed_wh for (source, _), total in totals.items() if source.bit & GREEN
    )
    return proved_wh / consumption_wh if consumption_wh else 0.0


def _with(total: TagTotal, name: str, energy_wh: int) -> TagTotal:
    if name == "TagsMinted":
        return replace(total, minted_wh=total.minted_wh + energy_wh)
    claimed_wh = total.claimed_wh + energy_wh
    if name == "TagsClaimed":
        return replace(total, claimed_wh=claimed_wh)
    return replace(total, claimed_wh=claimed_wh, consumed_wh=total.consumed_wh + energy_wh)
