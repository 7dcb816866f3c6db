"""What a venue of signed schedules can be deployed with: each term at its edges."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.units import Price, Wh, payment_up
from tests.audit.schedules.world import CONFIG

SLOT_SECONDS, TICKS, RING_SLOTS = 900, 256, 1024
LARGEST_ORDER, MOST_MARGIN, TOP_PRICE = Wh(2**23 - 1), 2**42 - 1, 2**32 - 1
LEAD = CONFIG["gate_lead"] + CONFIG["force_window"]
# The dearest price at which the largest orders of all slots are covered by a margin.
DEAREST = max(
    price
    for price in range(5_461_000, 5_462_000)
    if CONFIG["span_slots"] * payment_up(LARGEST_ORDER, Price(price)) <= MOST_MARGIN
)
# One slot a span: its windows are shorter than a quarter of an hour.
SHORT = {"span_slots": 1, "gate_lead": 900, "lease_seconds": 60, "cover_price": 55_500}
GOOD: tuple[Mapping[str, int], ...] = (
    {},
    {"k": 0},
    {"k": 1000},
    {"tick_size": 1},
    {"force_window": 1},
    {"lease_seconds": 1},
    {"post_window": 1},
    {"post_window": CONFIG["gate_lead"]},
    {**SHORT, "post_window": 899},
    {"horizon_seconds": LEAD + 1},
    {"horizon_seconds": RING_SLOTS * SLOT_SECONDS},
    {"cover_price": DEAREST},
    {"floor_price": DEAREST - (TICKS - 1) * CONFIG["tick_size"]},
)
BAD: tuple[tuple[str, Mapping[str, int]], ...] = (
    ("k", {"k": 1001}),
    ("tickSize", {"tick_size": 0}),
    ("tickSize", {"tick_size": 1, "floor_price": TOP_PRICE - (TICKS - 1) + 1}),
    ("coverPrice", {"tick_size": 1, "floor_price": TOP_PRICE - (TICKS - 1)}),
    ("spanSlots", {"span_slots": 0}),
    ("spanSlots", {"span_slots": 97}),
    ("forceWindow", {"force_window": 0}),
    ("leaseSeconds", {"lease_seconds": 0}),
    ("postWindow", {"post_window": 0}),
    ("postWindow", {"post_window": CONFIG["gate_lead"] + 1}),
    ("postWindow", {**SHORT, "post_window": 900}),
    ("horizonSeconds", {"horizon_seconds": LEAD}),
    ("horizonSeconds", {"horizon_seconds": RING_SLOTS * SLOT_SECONDS + 1}),
    ("coverPrice", {"cover_price": DEAREST + 1}),
    ("coverPrice", {"floor_price": DEAREST - (TICKS - 1) * CONFIG["tick_size"] + 1}),
)


def deploy(terms: Mapping[str, int]) -> object:
    return deploy_system(Evm(), default_config(day_ahead={**CONFIG, **terms}))


@pytest.mark.parametrize("terms", GOOD, ids=str)
def test_terms_up_to_their_edges_are_taken(terms: Mapping[str, int]) -> None:
    assert deploy(terms)


@pytest.mark.parametrize(("name", "terms"), BAD, ids=str)
def test_terms_beyond_their_edges_are_refused_by_name(name: str, terms: Mapping[str, int]) -> None:
    with pytest.raises(Reverted) as caught:
        deploy(terms)
    assert caught.value.name == "ConfigRefused"
    assert tuple(caught.value.arguments.values()) == (name,)
