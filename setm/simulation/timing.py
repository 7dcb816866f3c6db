"""How long each stage of a run took, as its progress tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Progress(Protocol):
    """Somebody who wants to see how far the work is."""

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        """Begin a stage of ``steps`` steps; the returned function says that one is done."""


@dataclass(slots=True)
class Clocked:
    """Passes progress on, and counts the seconds from the beginning of each stage to that of the next."""

    progress: Progress
    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    _name: str = ""
    _since: float = 0.0

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        """Begin a stage, which ends the one before."""
        self.end()
        self._name, self._since = name, self.clock()
        return self.progress.stage(name, steps)

    def end(self) -> None:
        """End the last stage."""
        if self._name:
            spent = self.clock() - self._since
            self.seconds[self._name] = self.seconds.get(self._name, 0.0) + spent
            self._name = ""

    def rounded(self) -> dict[str, float]:
        """Return the seconds of each stage that has ended, with one decimal."""
        return {name: round(spent, 1) for name, spent in self.seconds.items()}
