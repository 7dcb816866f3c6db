"""Where a run's time goes: told by what its journal writes, without a word in the program that is timed.

::

    planned ──▶ signed ──▶ sent ──▶ mined ──▶ planned …
    └ message, signature ┘└── the chain ──┘└ next message ┘

What a participant or a meter does until its message is signed is ``sign``; what the chain then takes belongs to the
stage of the transaction. ``books`` is what belongs to none: moving the clock, noting what is final, checking balances.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from setm.chain.journal import Entry

# Journal's actions by the stage of a day that they belong to; everything else is enrolment.
STAGE_OF: Mapping[str, str] = MappingProxyType(
    {
        "commit": "collect",
        "order": "collect",
        "agree": "collect",
        "announce": "collect",
        "open": "collect",
        "commit book": "collect",
        "force": "collect",
        "post book": "clear",
        "write roster": "collect",
        "unpack": "settle",
        "post days": "settle",
        "unpack day": "settle",
        "settle day": "settle",
        "take": "clear",
        "clear": "clear",
        "post readings": "settle",
        "collect": "settle",
        "settle": "settle",
        "pay out surplus": "settle",
    }
)
# What participants and meters sign themselves; the rest is sent by anyone.
OWN_ACTIONS = (
    "commit",
    "force",
    "order",
    "agree",
    "announce",
    "take",
    "post readings",
    "post days",
)
BEFORE_CHAIN = ("planned", "signed")


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage: ``lap`` names what has gone on since the lap before, ``observe`` does so by a journal."""

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    transactions: int = 0
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap for ``stage``."""
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def observe(self, change: str, entries: Sequence[Entry]) -> None:
        """Count the time since the last change of the journal for the stage of this one, by its first line."""
        entry = entries[0]
        action = entry.intent.action
        if change == "final":
            self.lap("books")
            return
        is_own = action in OWN_ACTIONS and change in BEFORE_CHAIN
        # The first line of a journal comes after the contracts were deployed.
        is_first = entry.number == 1 and change == "planned"
        enrol = "deploy" if is_first else "enrol"
        self.lap("sign" if is_own else STAGE_OF.get(action, enrol))
        self.transactions += len(entries) if change == "mined" else 0


def peak_mib(process_id: int | None) -> float | None:
    """Return the most memory that a process ever had in use, MiB; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    except OSError:
        return None
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) / 1024 if peaks else None


def child_named(parent: int, words: tuple[str, ...]) -> int | None:
    """Return the child process of ``parent`` in whose command one of ``words`` stands; None if there is none."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = status.with_name("cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if int(fields[1]) == parent and any(word in command for word in words):
            return int(status.parent.name)
    return None
