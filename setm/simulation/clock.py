"""What is due when: actions on the chain's clock, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from setm.chain.keeper import Keeper

Action = Callable[[], None]


@dataclass(slots=True)
class Agenda:
    """Actions by time; those due at the same second run in the order in which they were added."""

    keeper: Keeper
    _due: list[tuple[int, int, Action]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def at(self, timestamp: int, action: Action) -> None:
        """Plan ``action`` for ``timestamp`` (UTC seconds) or as soon as possible after it."""
        heapq.heappush(self._due, (timestamp, next(self._numbers), action))

    def now(self) -> int:
        """Return the time of the newest block."""
        return self.keeper.now()

    def run(self, each: Callable[[], None] = lambda: None) -> None:
        """Move the chain's clock from action to action until nothing is due; call ``each`` after every one."""
        while self._due:
            timestamp, _, action = heapq.heappop(self._due)
            self.keeper.advance(timestamp)
            action()
            each()

    def __len__(self) -> int:
        return len(self._due)
