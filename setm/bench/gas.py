"""All gas scenarios with their ceilings, as one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from setm.bench import anonymous, auction, metering, negotiation, registry, tags, tariff

GROUPS: Mapping[str, Mapping[str, Callable[[], list[int]]]] = {
    "registry": registry.SCENARIOS,
    "auction": auction.SCENARIOS,
    "negotiation": negotiation.SCENARIOS,
    "tariff": tariff.SCENARIOS,
    "anonymous": anonymous.SCENARIOS,
    "metering": metering.SCENARIOS,
    "tags": tags.SCENARIOS,
}

# What we hold ourselves to, gas; scenarios without one are printed for comparison.
CEILINGS: Mapping[str, int] = {
    "registration": 180_000,
    "open_order": 45_000,
    "commit": 40_000,
    "open_and_clear_share": 12_000,
    "open_alone": 40_000,
    "clear_random_book": 500_000,
    "clear_every_tick": 500_000,
    "clear_every_tick_vickrey": 500_000,
    "clear_every_tick_pay_as_bid": 500_000,
    "clear_every_tick_mcafee": 500_000,
    "clear_every_tick_supply_demand": 500_000,
    "agree": 130_000,
    "announce": 50_000,
    "take": 52_000,
    "redeem": 120_000,
    "agree_anonymously": 190_000,
    "reading_in_batch": 14_000,
    "mint_share": tags.CEILINGS["mint_share"],
    "take_with_tags": tags.CEILINGS["take_with_tags"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GasRow:
    """One scenario: the median over its transactions and its ceiling."""

    contract: str
    scenario: str
    median_gas: int
    ceiling_gas: int | None
    transactions: int

    @property
    def is_met(self) -> bool | None:
        """Whether the median is within the ceiling; None without a ceiling."""
        return None if self.ceiling_gas is None else self.median_gas <= self.ceiling_gas


def steps() -> int:
    """Return how many scenarios there are."""
    return sum(len(scenarios) for scenarios in GROUPS.values())


def measure(each: Callable[[], None] = lambda: None) -> list[GasRow]:
    """Return a row for each scenario; the EVM is deterministic, so the figures repeat to the unit."""
    rows = []
    for contract, scenarios in GROUPS.items():
        for name, scenario in scenarios.items():
            gas = scenario()
            row = GasRow(
                contract=contract,
                scenario=name,
                median_gas=int(median(gas)),
                ceiling_gas=CEILINGS.get(name),
                transactions=len(gas),
            )
            rows.append(row)
            each()
    return rows
