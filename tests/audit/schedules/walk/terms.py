"""What holds for the venue of the walk, and when: windows so short that whole spans pass within some dozen steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from setm.metering import Windows
from setm.schedules import ScheduleRules
from setm.types import Grid
from setm.units import Price
from tests.audit.machine.world import CONFIG


class Phase(IntEnum):
    """The phase of a span (IScheduleBook.Phase)."""

    EARLY = 0
    GATHERING = 1
    FORCING = 2
    POSTING = 3
    DECIDED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A configuration; seconds, and prices in 0.001 EUR/MWh."""

    floor_price: int = 30_000
    tick_size: int = 101
    k: int = 333
    span_slots: int = 3
    force_window: int = 600
    gate_lead: int = 2_700
    post_window: int = 1_500
    lease_seconds: int = 300
    horizon_seconds: int = 10_800
    cover_price: int = 55_500
    slot_seconds: int = CONFIG["slot_seconds"]
    # Whether meters are read day by day; then a span is a day.
    is_daily: bool = False

    @property
    def config(self) -> tuple[int, ...]:
        """The struct of the constructor."""
        own = ("slot_seconds", "is_daily")
        return tuple(getattr(self, name) for name in self.__slots__ if name not in own)

    @property
    def rules(self) -> ScheduleRules:
        """The same for the reference."""
        grid = Grid(floor_price=Price(self.floor_price), tick_size=Price(self.tick_size))
        return ScheduleRules(
            grid=grid, k=self.k, span_slots=self.span_slots, cover_price=Price(self.cover_price)
        )

    @property
    def span_seconds(self) -> int:
        return self.span_slots * self.slot_seconds

    @property
    def windows(self) -> Windows:
        """When readings may be posted, disputed and resolved."""
        return Windows(slot_seconds=self.slot_seconds, **CONFIG["metering"])

    @property
    def largest_bound(self) -> int:
        """What one order can bind at most, 1e-6 EUR."""
        dearest = max(self.cover_price, self.floor_price + 255 * self.tick_size)
        return -(-((1 << 23) - 1) * dearest // 1000)

    def start_of(self, span: int) -> int:
        return span * self.span_seconds

    def gate_of(self, span: int) -> int:
        return self.start_of(span) - self.gate_lead

    def decided_at(self, span: int) -> int:
        """Return from when on a span is decided."""
        return self.gate_of(span) + self.post_window

    def slots_of(self, span: int) -> range:
        return range(span * self.span_slots, (span + 1) * self.span_slots)

    def phase(self, span: int, now: int) -> Phase:
        """Return the phase of a span."""
        start, gate = self.start_of(span), self.gate_of(span)
        if now < start - self.horizon_seconds:
            return Phase.EARLY
        if now < gate - self.force_window:
            return Phase.GATHERING
        if now < gate:
            return Phase.FORCING
        return Phase.POSTING if now < self.decided_at(span) else Phase.DECIDED

    def posted_span(self, now: int) -> int:
        """Return the span that is posted now; 0 if none is."""
        span = (now + self.gate_lead) // self.span_seconds
        return span if self.phase(span, now) is Phase.POSTING else 0


SHORT = Terms()
SINGLE = Terms(
    span_slots=1,
    force_window=200,
    gate_lead=900,
    post_window=600,
    lease_seconds=150,
    horizon_seconds=4_500,
)
# The last slot stands in a second word.
LONG = Terms(span_slots=9, horizon_seconds=25_200)
# Three slots of eight hours.
DAYS = Terms(slot_seconds=28_800, is_daily=True, horizon_seconds=280_000)
GROUNDS: Mapping[str, Terms] = {
    "three slots": SHORT,
    "one slot": SINGLE,
    "nine slots": LONG,
    "whole days": DAYS,
}
