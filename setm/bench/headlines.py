"""What we promise, one line each: the figure, its value, its bound. Whatever was not measured is not in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from setm.bench.growth import LINEAR, Growth
from setm.bench.measured import DAY_AHEAD, SIGNED_ORDERS, Measured
from setm.bench.node_evm import TRANSACTION_GAS
from setm.bench.same_gas import TOLERANCE_GAS, SameGas

DAY_SLOTS = 96
MANY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A figure that is to stay at or below ``bound``, or at or above it if ``is_floor``."""

    name: str
    value: float
    bound: float
    unit: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the promise holds."""
        return self.value >= self.bound if self.is_floor else self.value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    """A ceiling on the gas of every day that it is about."""

    name: str
    ceiling: int
    venue: str
    slots: int
    value: Callable[[Measured], float]

    def is_about(self, one: Measured) -> bool:
        """Whether it speaks of this day."""
        return one.venue == self.venue and one.slots >= self.slots and one.participants >= MANY


PROMISES = (
    _Promise(
        name=f"gas per slot-order, placed and cleared, from {MANY} × {DAY_SLOTS} on",
        ceiling=500,
        venue=DAY_AHEAD,
        slots=DAY_SLOTS,
        value=lambda one: one.traded_per_order,
    ),
    _Promise(
        name=f"gas per single-slot signed order, placed and cleared, from N = {MANY} on",
        ceiling=7_000,
        venue=SIGNED_ORDERS,
        slots=1,
        value=lambda one: one.traded_per_order,
    ),
    _Promise(
        name="gas per participant-day: schedule, readings, payment",
        ceiling=100_000,
        venue=DAY_AHEAD,
        slots=DAY_SLOTS,
        value=lambda one: one.gas_per_participant_day,
    ),
    _Promise(
        name="gas per slot for a reading, settled",
        ceiling=500,
        venue=DAY_AHEAD,
        slots=DAY_SLOTS,
        value=lambda one: one.metering_per_slot,
    ),
)


def headlines(
    venues: Sequence[Measured], growths: Iterable[Growth], same: Sequence[SameGas]
) -> list[Headline]:
    """Return the figures of gas: the worst of what was measured, for each promise that speaks of any of it."""
    return [*_promised(venues), *_growing(growths), *_kept_by_chains(venues, same)]


def _promised(venues: Sequence[Measured]) -> Iterator[Headline]:
    for promise in PROMISES:
        values = [promise.value(one) for one in venues if promise.is_about(one)]
        if values:
            yield Headline(name=promise.name, value=max(values), bound=promise.ceiling, unit="gas")


def _growing(growths: Iterable[Growth]) -> Iterator[Headline]:
    powers = [one for one in growths if one.is_linear is not None]
    if powers:
        highest = max(powers, key=lambda one: one.exponent)
        yield Headline(
            name=f"exponent of total gas in N, highest: {highest.subject}",
            value=highest.exponent,
            bound=LINEAR,
            unit="-",
        )


def _kept_by_chains(venues: Sequence[Measured], same: Sequence[SameGas]) -> Iterator[Headline]:
    if venues:
        largest = max(venues, key=lambda one: one.largest_gas)
        yield Headline(
            name=f"gas of the largest transaction: {largest.venue}, N = {largest.participants}",
            value=largest.largest_gas,
            bound=TRANSACTION_GAS,
            unit="gas",
        )
    if same:
        yield Headline(
            name="difference between a chain's gas and ours, a transaction",
            value=max(one.difference_each for one in same),
            bound=TOLERANCE_GAS,
            unit="gas",
        )
