"""A whole comparison: what its page, plots and tables show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from setm.compare.confirm import Confirmed
from setm.compare.effort import Effort
from setm.compare.seeds import Rehearsal
from setm.compare.study import Interval, intervals
from setm.compare.workload import Workload
from setm.trading import mechanism_named


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChain:
    """What a mechanism's day on the chain showed: that it equals the rehearsal, its effort, and what became public."""

    confirmed: Confirmed
    effort: Effort
    shown: Mapping[str, Sequence[str]]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One mechanism: its rehearsals, the scenario's own seed first, and its day on the chain if there was one."""

    name: str
    rehearsals: Sequence[Rehearsal]
    chain: OnChain | None

    @property
    def title(self) -> str:
        """How tables and plots call it."""
        return mechanism_named(self.name).title

    @property
    def after(self) -> str:
        """The published system that it stands for."""
        return mechanism_named(self.name).after

    @property
    def own(self) -> Rehearsal:
        """The rehearsal with the scenario's own seed, which the chain confirms."""
        return self.rehearsals[0]

    @property
    def intervals(self) -> Mapping[str, Interval]:
        """Mean and 95 % interval of each measure over the seeds."""
        return intervals([one.measures for one in self.rehearsals])

    @property
    def has_chance(self) -> bool:
        """Whether any measure differs from seed to seed."""
        return not all(one.is_certain for one in self.intervals.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All mechanisms on one workload; ``about`` says of what, when and with which programs."""

    about: Mapping[str, Any]
    workload: Workload
    optimum_nano: int
    entries: Sequence[Entry]

    @property
    def seeds(self) -> list[int]:
        """The seeds of the study, the scenario's own first."""
        return [one.seed for one in self.entries[0].rehearsals]

    @property
    def has_chain(self) -> bool:
        """Whether the mechanisms ran on a chain as well."""
        return all(entry.chain is not None for entry in self.entries)
