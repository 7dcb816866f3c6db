"""What was found as rows for people: the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from setm.bench.content import Found
from setm.bench.day import STAGES, TimedDay
from setm.bench.gas import GasRow
from setm.bench.growth import Growth
from setm.bench.headlines import Headline
from setm.bench.scale import ScaleRow

Line = Mapping[str, Any]
VERDICTS = {None: "", True: "met", False: "MISSED"}


def headline_lines(found: Found) -> list[Line]:
    """Return one line for each promise: the figure, its value, its bound, whether it is met."""
    return [
        {
            "figure": one.name,
            "value": _value(one, one.value),
            "bound": f"{'≥' if one.is_floor else '≤'} {_value(one, one.bound)}",
            "unit": one.unit,
            "": VERDICTS[one.is_met],
        }
        for one in found.headlines
    ]


def _value(one: Headline, value: float) -> str:
    return f"{value:,.3f}" if one.bound < 10 else f"{value:,.0f}"


def operation_lines(rows: Sequence[GasRow]) -> list[Line]:
    """Return the gas of each operation and its ceiling."""
    return [
        {
            "contract": one.contract,
            "operation": one.scenario.replace("_", " "),
            "gas": one.median_gas,
            "ceiling": "" if one.ceiling_gas is None else f"{one.ceiling_gas:,}",
            "": VERDICTS[one.is_met],
        }
        for one in rows
    ]


def venue_lines(found: Found) -> list[Line]:
    """Return gas per order by venue and number of participants, share by share."""
    return [
        {
            "venue": title(one.venue, one.slots),
            "N": one.participants,
            "placed": round(one.placed_per_order),
            "cleared": round(one.cleared_per_order),
            "metered": round(one.metered_per_order),
            "paid": round(one.paid_per_order),
            "all": round(one.gas_per_order),
        }
        for one in found.venues
    ]


def title(venue: str, slots: int) -> str:
    """Return a venue's name, with the slots of its day if there is more than one."""
    return venue if slots == 1 else f"{venue}, {slots} slots"


def _power(one: Growth | None) -> str:
    return "" if one is None else f"{one.exponent:.3f}"


def growth_lines(found: Found) -> list[Line]:
    """Return gas per participant-day by venue, the exponent of all gas in N, and whether that is linear or better."""
    days: dict[tuple[str, int], dict[str, str]] = {}
    for one in found.venues:
        row = days.setdefault((one.venue, one.slots), {})
        row[f"N = {one.participants:,}"] = f"{one.gas_per_participant_day:,.0f}"
    growths = {(one.subject, one.slots): one for one in found.growth if one.quantity == "gas"}
    return [
        {"venue": title(*kind), **row, **_verdicts(growths.get(kind))} for kind, row in days.items()
    ]


def _verdicts(one: Growth | None) -> Line:
    return {
        "N^": _power(one),
        "linear": "" if one is None else VERDICTS[one.is_linear],
        "falls": "" if one is None else VERDICTS[one.is_share_falling],
    }


def scale_lines(found: Found) -> list[Line]:
    """Return, for each venue, number of participants and chain, what a whole day would take of the chain."""
    days: dict[tuple[str, int, str], list[ScaleRow]] = {}
    for one in found.scale:
        subject = title(one.venue, one.slots)
        days.setdefault((subject, one.participants, one.chain.name), []).append(one)
    return [
        {
            "venue": subject,
            "N": size,
            "chain": chain,
            "gas, 10^9": f"{sum(row.gas for row in rows) / 1e9:,.2f}",
            "input, MiB": f"{sum(row.input_bytes for row in rows) / 2**20:,.1f}",
            "transactions": sum(row.transactions for row in rows),
            "blocks": sum(row.blocks for row in rows),
            "minutes": f"{sum(row.seconds for row in rows) / 60:,.1f}",
            "of a day": f"{sum(row.day_share for row in rows):.2%}",
        }
        for (subject, size, chain), rows in days.items()
    ]


def same_lines(found: Found) -> list[Line]:
    """Return, for each venue and network, how far the chain's gas is from ours."""
    groups: dict[tuple[str, str, int], list[int]] = {}
    for one in found.same:
        key = one.venue, one.network, one.participants
        groups.setdefault(key, []).append(abs(one.difference))
    return [
        {
            "venue": venue,
            "network": network,
            "N": size,
            "largest difference of a stage, gas": max(gas),
        }
        for (venue, network, size), gas in groups.items()
    ]


def day_lines(found: Found) -> dict[str, list[Line]]:
    """Return, for each mechanism and network, seconds by stage and peak memory, with a column for each N."""
    groups: dict[str, list[TimedDay]] = {}
    for one in found.days:
        groups.setdefault(f"{one.plan.mechanism} on {one.plan.network}", []).append(one)
    return {
        f"{subject}, {days[0].plan.slots} slots": _by_size(subject, days, found.growth)
        for subject, days in groups.items()
    }


def _by_size(subject: str, days: Sequence[TimedDay], growths: Sequence[Growth]) -> list[Line]:
    powers = {one.quantity: one for one in growths if one.subject == subject}
    told: dict[str, list[str]] = {
        f"{stage}, s": [_seconds(one.seconds.get(stage, 0.0)) for one in days] for stage in STAGES
    }
    told["all, s"] = [_seconds(sum(one.seconds.values())) for one in days]
    told["transactions"] = [f"{one.transactions:,}" for one in days]
    told["program, MiB"] = [f"{one.program_mib:.0f}" for one in days]
    told["chain, MiB"] = ["-" if one.chain_mib is None else f"{one.chain_mib:.0f}" for one in days]
    return [
        {
            "stage": name,
            **{
                f"N = {one.plan.participants:,}": value
                for one, value in zip(days, values, strict=True)
            },
            "N^": _power(powers.get(f"seconds: {name.removesuffix(', s')}")),
        }
        for name, values in told.items()
    ]


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
