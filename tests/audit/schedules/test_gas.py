"""What a book of schedules costs, in gas, and that it does not grow faster than its participants."""

from __future__ import annotations

import random

import pytest

from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import World, random_schedules, world

# Gas of committing and posting, for each slot-order; 2 % above what was measured.
LIMITS = {
    ("day_ahead", 10): 914,
    ("day_ahead", 100): 400,
    ("intraday", 10): 26_640,
    ("intraday", 100): 9_270,
}
# The same for books of single slots in which the fixed costs hardly count.
LARGE = {400: 7_970, 1000: 7_750}
# What we want to reach.
CEILINGS = {"day_ahead": 500, "intraday": 7_000}


def gas_of(place: World, count: int) -> float:
    place.reset()
    # Written once in a long while: no part of a book's gas.
    place.write_roster()
    ids = [p.id for p in place.people[:count]]
    schedules = random_schedules(random.Random(1), ids, place.slots)
    entries, digest = place.entries(schedules)
    machine = place.evm.metered()
    used = place.book.on(machine).send("commit", *place.key[:2], digest, sender=place.collector)
    place.commit(digest)
    place.at(place.gate)
    book = place.cleared(schedules)
    posted = place.post(entries, place.words(schedules), book, evm=place.evm.metered())
    return float(used.gas_used + posted.gas_used) / count / place.slots


@pytest.mark.parametrize(("role", "count"), LIMITS)
def test_a_slot_order_costs_no_more_than_it_did(role: str, count: int) -> None:
    gas = gas_of(world(100, role), count)
    limit = LIMITS[role, count]
    name = f"gas of a slot-order, {role}, {count} participants"
    record("schedules", name, round(gas), wanted=f"at most {limit}", ok=gas <= limit)
    assert gas <= limit, f"{name}: {gas:,.0f}"


@pytest.mark.parametrize(
    "role",
    [
        "day_ahead",
        pytest.param("intraday", marks=pytest.mark.xfail(strict=True, reason="not met yet")),
    ],
)
def test_a_slot_order_meets_its_ceiling(role: str) -> None:
    assert gas_of(world(100, role), 100) <= CEILINGS[role]


@pytest.mark.skipif(DEPTH == 1, reason="1,000 people take minutes: it belongs to make audit")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("count", "limit"), LARGE.items())
def test_an_order_of_a_large_book_costs_no_more_than_it_did(count: int, limit: int) -> None:
    gas = gas_of(world(1000, "intraday"), count)
    name = f"gas of a signed order of a single slot, {count} participants"
    record("schedules", name, round(gas), wanted=f"at most {limit}", ok=gas <= limit)
    assert gas <= limit, f"{name}: {gas:,.0f}"


@pytest.mark.parametrize("role", CEILINGS)
def test_the_gas_of_an_order_falls_with_the_size_of_the_book(role: str) -> None:
    figures = [gas_of(world(100, role), count) for count in (10, 30, 100)]
    assert figures == sorted(figures, reverse=True)
