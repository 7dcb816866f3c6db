"""What ``setm bench`` finds: which sections, which sizes, everything measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from setm.bench import gas, speeds
from setm.bench.day import DAYS, DayPlan, TimedDay, run_day
from setm.bench.gas import GasRow
from setm.bench.growth import Growth, gas_growth, seconds_growth
from setm.bench.headlines import Headline, headlines
from setm.bench.measured import Measured
from setm.bench.same_gas import SameGas, same_gas
from setm.bench.scale import ScaleRow, scale
from setm.bench.venues import VENUES
from setm.chain.node import NodeKind
from setm.simulation.timing import Progress

Section = Literal["operations", "venues", "same-gas", "seconds", "speeds"]
SECTIONS: tuple[Section, ...] = ("operations", "venues", "same-gas", "seconds", "speeds")
# Where a chain's gas is compared with ours: more participants would tell nothing more.
SAME_GAS_PARTICIPANTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured; a quick plan asks for one slot a day and few signatures."""

    sections: Sequence[Section] = SECTIONS
    sizes: Sequence[int] = (10, 100, 400, 1000)
    networks: Sequence[NodeKind] = ("anvil", "ganache")
    is_quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything that was measured; empty where a section was left out."""

    plan: Plan
    operations: Sequence[GasRow] = ()
    venues: Sequence[Measured] = ()
    same: Sequence[SameGas] = ()
    days: Sequence[TimedDay] = ()
    speeds: Sequence[Headline] = ()
    growth: Sequence[Growth] = field(init=False)
    headlines: Sequence[Headline] = field(init=False)
    scale: Sequence[ScaleRow] = field(init=False)

    def __post_init__(self) -> None:
        growth = [*gas_growth(self.venues), *seconds_growth(self.days)]
        object.__setattr__(self, "growth", growth)
        promised = [*headlines(self.venues, growth, self.same), *self.speeds]
        object.__setattr__(self, "headlines", promised)
        object.__setattr__(self, "scale", scale(self.venues))


def measure(plan: Plan, progress: Progress) -> Found:
    """Measure the sections of a plan, one after another: they would disturb each other's clocks."""
    wanted = plan.sections
    return Found(
        plan=plan,
        speeds=_speeds(plan, progress) if "speeds" in wanted else (),
        operations=_operations(progress) if "operations" in wanted else (),
        venues=list(_venues(plan, progress)) if "venues" in wanted else (),
        same=list(_same(plan, progress)) if "same-gas" in wanted else (),
        days=list(_days(plan, progress)) if "seconds" in wanted else (),
    )


def _operations(progress: Progress) -> list[GasRow]:
    return gas.measure(progress.stage("operations", gas.steps()))


def _speeds(plan: Plan, progress: Progress) -> list[Headline]:
    done = progress.stage("speeds", len(speeds.SPEEDS))
    headlines: list[Headline] = []
    for speed in speeds.SPEEDS:
        headlines += speed(plan.is_quick)
        done()
    return headlines


def _venues(plan: Plan, progress: Progress) -> Iterator[Measured]:
    done = progress.stage("venues", len(VENUES) * len(plan.sizes))
    for venue in VENUES:
        for size in plan.sizes:
            yield from venue.measure(size)
            done()


def _same(plan: Plan, progress: Progress) -> Iterator[SameGas]:
    size = min(SAME_GAS_PARTICIPANTS, *plan.sizes)
    done = progress.stage("same gas on chains", len(VENUES) * len(plan.networks))
    for network in plan.networks:
        for venue in VENUES:
            yield from same_gas(venue, size, network)
            done()


def _days(plan: Plan, progress: Progress) -> Iterator[TimedDay]:
    for mechanism, slots in DAYS.items():
        for network in plan.networks:
            for size in plan.sizes:
                day = DayPlan(
                    mechanism=mechanism,
                    network=network,
                    participants=size,
                    slots=1 if plan.is_quick else slots,
                )
                yield run_day(day, progress)
