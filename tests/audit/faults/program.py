"""The program under attack: a real process that lives through one mechanism's day behind the proxy.

Only its surroundings are bent: its node is reached through the proxy, its journal's observer may kill it, its files may
be limited in size. It is the program that ``setm run`` runs, unchanged.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from setm.chain import node as chain_node
from setm.chain.connection import Patience
from setm.chain.journal import Entry
from setm.errors import RunError, SetmError
from setm.simulation import mechanism
from tests.audit.faults import effects
from tests.audit.faults.chain_data import snapshot
from tests.audit.faults.proxy import Effect, Fault, Schedule, Struck, proxied

# Patient enough for every single fault, and quick enough for hundreds of them.
PATIENCE = Patience(attempts=5, pause=0.02, longest_pause=0.3, answer=1.5, block=10.0, stuck=0.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """An effect by its name in ``effects``, and the request at which it happens."""

    name: str
    method: str
    occurrence: int
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One start of the program: what it does, and what happens to it."""

    mechanism: str
    kind: chain_node.NodeKind
    folder: Path
    day_file: Path
    faults: tuple[Fault, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    # Killed right after so many writes of its journal.
    dies_after_writes: int | None = None
    # Files of the program (not of its chain) may not grow beyond this, bytes.
    file_limit: int | None = None
    # Whether it knows a second address of its node, which always answers.
    has_second_endpoint: bool = False
    # Tells the notes of two programs in one folder apart.
    tag: str = ""

    @property
    def notes(self) -> Path:
        """Where faults that struck are noted at once."""
        return self.folder.with_name(f"{self.folder.name}{self.tag}.struck.jsonl")

    @property
    def outcome(self) -> Path:
        """What the program said at its end; missing if it was killed."""
        return self.folder.with_name(f"{self.folder.name}{self.tag}.outcome.json")

    @property
    def chain(self) -> Path:
        """The chain's data, read before the chain ended."""
        return self.folder.with_name(f"{self.folder.name}{self.tag}.chain.json")


class Silent:
    """Progress for nobody."""

    def stage(self, name: str, steps: int) -> Any:
        """Begin a stage."""
        return lambda: None


@dataclass(slots=True)
class Surroundings:
    """What the program finds around itself: a node behind a proxy."""

    life: Life
    people: int
    schedule: Schedule = field(init=False)
    node: chain_node.Node | None = None

    def __post_init__(self) -> None:
        made = [
            Effect(
                kind=item.name,
                method=item.method,
                occurrence=item.occurrence,
                after=item.after,
                run=partial(effects.EFFECTS[item.name], self),
            )
            for item in self.life.triggers
        ]
        self.schedule = Schedule(faults=self.life.faults, effects=made, note=self._note)

    def _note(self, struck: Struck) -> None:
        with self.life.notes.open("a") as file:
            file.write(json.dumps(asdict(struck)) + "\n")

    @contextlib.contextmanager
    def local_node(self, kind: chain_node.NodeKind, **options: Any) -> Iterator[Any]:
        """Stand in for ``setm.chain.node.local_node``: the same node, reached through the proxy."""
        with unlimited(), chain_node.local_node(kind, **options) as node:
            self.node = node
            with (
                proxied(node.url, self.schedule) as proxy,
                proxied(node.url, Schedule()) as second,
                limited(self.life.file_limit),
            ):
                urls = [proxy.url, second.url]
                yield Reached(node, urls if self.life.has_second_endpoint else proxy.url)
                self._keep_chain(node)

    def _keep_chain(self, node: chain_node.Node) -> None:
        # A chain without the contracts is left because it has to be deployed on again; it is no day's end.
        with unlimited(), contextlib.suppress(RunError):
            found = snapshot(node.url, self.life.folder / "deployment.json", self.people)
            self.life.chain.write_text(json.dumps(found))


class Reached:
    """A node whose address is the proxy's, or whose addresses are the proxies'."""

    def __init__(self, node: chain_node.Node, url: str | list[str]) -> None:
        self._node = node
        self.url = url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


@contextlib.contextmanager
def limited(size: int | None) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes: a real EFBIG, as a full quota gives."""
    if size is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    """Lift the limit while something starts that is not the program."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def live(life: Life) -> None:
    """Live through the day; write down how it ended, unless a fault ends this process."""
    os.chdir(chain_node.PROJECT_ROOT)
    day = pickle.loads(life.day_file.read_bytes())
    surroundings = Surroundings(life=life, people=len(day.people))
    mechanism.local_node = surroundings.local_node  # type: ignore[assignment]
    notices: list[str] = []
    writes: list[str] = []

    def observe(change: str, entries: Sequence[Entry]) -> None:
        writes.append(f"{change} {', '.join(entry.name for entry in entries)}")
        if len(writes) == life.dies_after_writes:
            surroundings._note(
                Struck(kind="killed", method=f"journal: {writes[-1]}", occurrence=len(writes))
            )
            os.kill(os.getpid(), signal.SIGKILL)

    watch = mechanism.Watch(notice=notices.append, observe=observe, patience=PATIENCE)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    began, said = time.monotonic(), "an exception that is none of SETM's"
    try:
        with limited(life.file_limit):
            mechanism.run_mechanism(life.mechanism, day, life.kind, life.folder, Silent(), watch)
        said = ""
    except SetmError as error:
        said = f"{type(error).__name__}: {error}"
    except SystemExit as end:
        said = f"ended: {end.code}"
    finally:
        outcome = {
            "said": said,
            "trace": traceback.format_exc() if said else "",
            "notices": notices,
            "writes": writes,
            "requests": dict(surroundings.schedule.counts),
            "seconds": round(time.monotonic() - began, 2),
        }
        with unlimited():
            life.outcome.write_text(json.dumps(outcome))
