"""A day of N households on a local chain, timed stage by stage, in a process of its own whose memory is its own."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, MappingProxyType

from setm.bench.stopwatch import Stopwatch, child_named, peak_mib
from setm.chain.node import PROJECT_ROOT, NodeKind
from setm.errors import RunError, SetmError
from setm.scenario import Scenario, load_outline
from setm.scenario.community import populated
from setm.simulation.foresight import foresee_all
from setm.simulation.mechanism import Watch, run_mechanism
from setm.simulation.settings import day_of, load, questions
from setm.simulation.timing import Progress

SCENARIO = PROJECT_ROOT / "scenarios" / "mengelkamp.yaml"
# From this slot of the day on, so that sun shines and both sides have something to trade.
NOON = 48
STAGES = ("load", "forecast", "deploy", "enrol", "sign", "collect", "clear", "settle", "books")
LEAVE_SECONDS = 10.0
NODE_WORDS = ("anvil", "ganache")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What is run: a mechanism of ``setm.simulation.on_chain`` on so many slots around noon."""

    mechanism: str
    network: NodeKind
    participants: int
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedDay:
    """Seconds by stage, and the most memory that program and chain had in use, MiB; None where nobody tells."""

    plan: DayPlan
    seconds: Mapping[str, float]
    transactions: int
    program_mib: float
    chain_mib: float | None


# The mechanisms that are timed, and on how many slots; what signs, reads and settles a day at once is timed on a day.
DAYS: Mapping[str, int] = MappingProxyType({"auction": 2, "day_ahead": 96})


def run_day(plan: DayPlan, progress: Progress) -> TimedDay:
    """Run a day in a process of its own and return what it took; raise ``RunError`` with its words if it fails.

    The process is ended on every way out, and its chain with it.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, plan))
    process.start()
    theirs.close()
    try:
        found = _listen(ours, plan, progress)
        # It has said everything and is about to leave by itself.
        process.join(LEAVE_SECONDS)
        return found
    finally:
        process.terminate()
        process.join()


def _listen(ours: Connection, plan: DayPlan, progress: Progress) -> TimedDay:
    done: list[Callable[[], None]] = []
    while True:
        try:
            kind, value = ours.recv()
        except EOFError:
            raise RunError(f"{plan}: its process ended early; is memory short?") from None
        if kind == "stage":
            done.append(progress.stage(*value))
        elif kind == "step":
            done[value]()
        elif kind == "failed":
            raise RunError(f"{plan}: {value}")
        else:
            return value  # type: ignore[no-any-return]


def _child(theirs: Connection, plan: DayPlan) -> None:
    # The terminal's interrupt is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    try:
        theirs.send(("result", timed(plan, _Reporting(theirs, plan))))
    except SetmError as error:
        theirs.send(("failed", str(error)))


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


class _Reporting:
    """Passes progress on to the parent, and looks at the chain's memory on the way."""

    def __init__(self, pipe: Connection, plan: DayPlan) -> None:
        self.chain_mib: float | None = None
        self._pipe, self._stages = pipe, 0
        self._node: int | None = None
        self._title = f"{plan.network} {plan.participants}"

    def stage(self, name: str, steps: int) -> Callable[[], None]:
        number, self._stages = self._stages, self._stages + 1
        self._pipe.send(("stage", (f"{self._title}: {name}", steps)))

        def done() -> None:
            self._pipe.send(("step", number))
            self.look()

        return done

    def look(self) -> None:
        self._node = self._node or child_named(os.getpid(), NODE_WORDS)
        found = peak_mib(self._node)
        self.chain_mib = found if found is not None else self.chain_mib


def timed(plan: DayPlan, progress: _Reporting) -> TimedDay:
    """Run the day in this process and return what it took."""
    watch = Stopwatch()
    loaded = load(_community(plan.participants))
    watch.lap("load")
    asked = questions(loaded, with_backtest=False)
    done = progress.stage("forecast", len(asked))
    answers = foresee_all(asked, lambda _name: done())
    day = day_of(loaded, answers)
    first = min(NOON, len(day.slots) - plan.slots)
    day = replace(day, slots=day.slots[first : first + plan.slots])
    watch.lap("forecast")
    with tempfile.TemporaryDirectory() as folder:
        run_mechanism(
            plan.mechanism,
            day,
            plan.network,
            Path(folder) / plan.mechanism,
            progress,
            Watch(observe=watch.observe),
        )
    watch.lap("books")
    return TimedDay(
        plan=plan,
        seconds=watch.seconds,
        transactions=watch.transactions,
        program_mib=peak_mib(os.getpid()) or _lifetime_mib(),
        chain_mib=progress.chain_mib,
    )


def _community(count: int) -> Scenario:
    outline = load_outline(SCENARIO)
    assert outline.community is not None
    community = outline.community.model_copy(update={"count": count})
    return populated(outline.model_copy(update={"community": community}))


def _lifetime_mib() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
