"""What the fields of a scenario must be to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from setm.units import eur_per_mwh

if TYPE_CHECKING:
    from setm.scenario.models import CommunitySpec, ParticipantSpec, Scenario

Location = tuple[str | int, ...]

GRID_OPERATOR = "grid operator"
# Records of a slot are overwritten so many slots later (design: "ring").
RING_SLOTS = 1024
# Where a trader may buy in one slot and sell in the next.
NET_MECHANISMS = ("auction", "vickrey", "pay_as_bid", "mcafee", "supply_demand", "day_ahead")
# From when no book can be posted any more to the first gate of the auction that then takes its place.
FALLBACK_MINUTES = 15
# A day-ahead venue keeps what a schedule can bind at most in 48 bits; an order has 23 bits, a tick 8.
MOST_BOUND, MOST_ORDER_WH, TOP_TICK, SPAN_SLOTS = 2**48 - 1, 2**23 - 1, 255, 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A field whose value contradicts another field, and what was expected instead."""

    location: Location
    found: object
    expected: str


def inconsistencies(scenario: Scenario) -> list[Problem]:
    """Return every contradiction between fields that are each right by themselves."""
    return [
        *_tariff(scenario),
        *_windows(scenario),
        *_day_ahead(scenario),
        *_doubled(scenario),
        *_sides(scenario),
        *(
            problem
            for index, item in enumerate(scenario.participants)
            for problem in _participant(scenario, item, ("participants", index))
        ),
    ]


def _tariff(scenario: Scenario) -> Iterator[Problem]:
    tariff = scenario.tariff
    if tariff.feed_in_eur_per_mwh >= tariff.retail_eur_per_mwh:
        yield Problem(
            location=("tariff", "feed_in_eur_per_mwh"),
            found=tariff.feed_in_eur_per_mwh,
            expected=f"below tariff.retail_eur_per_mwh ({tariff.retail_eur_per_mwh})",
        )


def _windows(scenario: Scenario) -> Iterator[Problem]:
    auction, metering = scenario.auction, scenario.metering
    if auction.reveal_minutes + auction.clear_minutes > auction.gate_lead_minutes:
        yield Problem(
            location=("auction", "gate_lead_minutes"),
            found=auction.gate_lead_minutes,
            expected=f"at least reveal_minutes + clear_minutes ({auction.reveal_minutes} + "
            f"{auction.clear_minutes}), so that a slot is cleared before its delivery",
        )
    minutes = (
        metering.reading_window_minutes
        + metering.dispute_window_minutes
        + metering.resolve_window_minutes
    )
    limit = RING_SLOTS * scenario.slot_seconds // 60
    if minutes > limit:
        yield Problem(
            location=("metering", "resolve_window_minutes"),
            found=metering.resolve_window_minutes,
            expected=f"the three windows together at most {limit} minutes ({RING_SLOTS} slots), "
            f"they are {minutes}",
        )


def _day_ahead(scenario: Scenario) -> Iterator[Problem]:
    """Yield what the day-ahead auction would refuse, or what would leave no time for the auction after it."""
    if "day_ahead" not in scenario.mechanisms:
        return
    terms, lead = scenario.day_ahead, scenario.auction.gate_lead_minutes
    least = terms.post_minutes + FALLBACK_MINUTES + lead
    if terms.gate_lead_minutes < least:
        yield Problem(
            location=("day_ahead", "gate_lead_minutes"),
            found=terms.gate_lead_minutes,
            expected=f"at least {least}: post_minutes ({terms.post_minutes}), {FALLBACK_MINUTES}, and "
            f"auction.gate_lead_minutes ({lead}), so that the auction can take over",
        )
    grid = scenario.market.grid
    top = grid.floor_price + TOP_TICK * grid.tick_size
    most = MOST_BOUND * 1000 // (MOST_ORDER_WH + 1) // SPAN_SLOTS
    if top > most:
        yield Problem(
            location=("market", "tick_eur_per_mwh"),
            found=scenario.market.tick_eur_per_mwh,
            expected=f"a price of tick {TOP_TICK} of at most {eur_per_mwh(most)} with mechanism day_ahead, it is "
            f"{eur_per_mwh(top)}",
        )
    if scenario.community is not None:
        # Asked again once its households stand among the participants.
        return
    names = {item.name for item in scenario.participants}
    for index, name in enumerate(terms.ignores):
        if name not in names:
            yield Problem(
                location=("day_ahead", "ignores", index),
                found=name,
                expected="the name of a participant",
            )


def _doubled(scenario: Scenario) -> Iterator[Problem]:
    if not scenario.mechanisms:
        yield Problem(
            location=("mechanisms",), found="none", expected="negotiation, auction or both"
        )
    seen: Counter[str] = Counter()
    for index, mechanism in enumerate(scenario.mechanisms):
        if seen[mechanism]:
            yield Problem(
                location=("mechanisms", index), found=mechanism, expected="each mechanism once"
            )
        seen[mechanism] += 1
    first_named: dict[str, int] = {}
    for index, item in enumerate(scenario.participants):
        location: Location = ("participants", index, "name")
        if item.name == GRID_OPERATOR:
            yield Problem(
                location=location, found=item.name, expected="another name: this one is taken"
            )
        if item.name in first_named:
            other = f"participants[{first_named[item.name]}]"
            yield Problem(
                location=location, found=item.name, expected=f"a name that {other} does not have"
            )
        first_named.setdefault(item.name, index)


def _sides(scenario: Scenario) -> Iterator[Problem]:
    if scenario.community is not None:
        # Asked again once its households stand among the participants.
        yield from _community(scenario.community)
        return
    sides = [item.stated_side for item in scenario.participants]
    for side, missing in (
        ("sell", "at least one seller (kind: generation, or side: sell)"),
        ("buy", "at least one buyer (any other kind, or side: buy)"),
    ):
        if side not in sides and "net" not in sides:
            yield Problem(
                location=("participants",), found=f"{len(sides)} participants", expected=missing
            )


def _community(community: CommunitySpec) -> Iterator[Problem]:
    if not community.profiles.is_file():
        yield Problem(
            location=("community", "profiles"),
            found=community.profiles.as_posix(),
            expected="an existing CSV file, its path relative to the scenario file",
        )


def _participant(
    scenario: Scenario, item: ParticipantSpec, location: Location
) -> Iterator[Problem]:
    grid, cap = scenario.market.grid, scenario.market.cap_price
    prices = {
        "min_bid_eur_per_mwh": (item.min_bid, item.min_bid_eur_per_mwh),
        "max_bid_eur_per_mwh": (item.max_bid, item.max_bid_eur_per_mwh),
    }
    for field, (price, found) in prices.items():
        if not grid.floor_price <= price <= cap:
            expected = (
                f"from {eur_per_mwh(grid.floor_price)} to {eur_per_mwh(cap)}, the market's prices"
            )
            yield Problem(location=(*location, field), found=found, expected=expected)
        elif (price - grid.floor_price) % grid.tick_size:
            expected = (
                f"a whole number of ticks of {eur_per_mwh(grid.tick_size)} "
                f"above {eur_per_mwh(grid.floor_price)}"
            )
            yield Problem(location=(*location, field), found=found, expected=expected)
    if item.min_bid > item.max_bid:
        yield Problem(
            location=(*location, "min_bid_eur_per_mwh"),
            found=item.min_bid_eur_per_mwh,
            expected=f"at most max_bid_eur_per_mwh ({item.max_bid_eur_per_mwh})",
        )
    unable = [name for name in scenario.mechanisms if name not in NET_MECHANISMS]
    if item.stated_side == "net" and unable:
        yield Problem(
            location=(*location, "side"),
            found=f"net with mechanisms {', '.join(unable)}",
            expected=f"buy or sell, or mechanisms among {', '.join(NET_MECHANISMS)}",
        )
    if not item.data.is_file():
        yield Problem(
            location=(*location, "data"),
            found=item.data.as_posix(),
            expected="an existing CSV file, its path relative to the scenario file",
        )
