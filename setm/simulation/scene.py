"""What the chain side of a mechanism works with, and what it has to offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from setm.chain.days import BoundGroup
from setm.simulation.clock import Agenda
from setm.simulation.community import Community, Member
from setm.trading import Day, Trader


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A trader with the membership under which it acts on the chain."""

    trader: Trader
    member: Member


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A day about to be traded: all have enrolled, and locked the margin of the mechanism at its venue."""

    day: Day
    community: Community
    enrolled: Sequence[Enrolled]
    agenda: Agenda
    # The roles of the venues in which something may have been traded; one that takes over is added.
    traded_in: list[str] = field(default_factory=list)
    # Groups of final books, whose days are settled as a whole.
    bound: list[BoundGroup] = field(default_factory=list)

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """The members by name."""
        return {item.member.name: item.member for item in self.enrolled}


class OnChain(Protocol):
    """The chain side of the mechanism of the same name in ``setm.trading``."""

    @property
    def venue(self) -> str:
        """The role of its venue in a deployment."""

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Return the sections of the deployment's configuration that it needs beyond the standard ones."""

    def lead_seconds(self, day: Day) -> int:
        """Return how long before the day of delivery its first gate closes, s; the chain begins so much earlier."""

    def steps(self, day: Day, traders: int) -> int:
        """Return how often ``trade`` says that a step is done."""

    def open_seconds(self, day: Day) -> int:
        """Return how long after its slot began an outcome can still change, s; settlement waits for it."""

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let everybody act, and plan on the agenda what is due later."""
