"""Starts the program, lets faults strike it, starts it again, and judges what is on the chain."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.audit.faults.chain_data import (
    DEPLOYERS,
    Snapshot,
    differs_in_time,
    problems,
    refused,
    timeless,
)
from tests.audit.faults.day import Prepared
from tests.audit.faults.program import Life, live

# Processes that are real and die for real, without loading everything again each time.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.audit.faults.program"])
# A program that neither ends nor says why within this time hangs.
PATIENT_SECONDS = 120.0
STARTS = 3
Running = tuple[Any, float]
"""A process and when it was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one start of the program ended: whole, with words, or killed."""

    killed: bool
    hung: bool
    said: str
    trace: str
    notices: list[str]
    writes: list[str]
    requests: dict[str, int]
    seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether the day is complete."""
        return not (self.killed or self.hung or self.said)

    @property
    def asks_to_start_anew(self) -> bool:
        """Whether it says that the chain lost what cannot come back, as ``--fresh`` is for."""
        return self.said.startswith("RolledBack") and "--fresh" in self.said

    @property
    def words(self) -> str:
        """How it ended, in a few words."""
        if self.hung:
            return "hung"
        if self.killed:
            return "killed"
        return f"said {self.said}" if self.said else "completed"


def start(life: Life) -> Ended:
    """Start the program and wait until it ends."""
    return finish(life, begin(life))


def begin(life: Life) -> Running:
    """Start the program."""
    life.outcome.unlink(missing_ok=True)
    life.chain.unlink(missing_ok=True)
    process = PROCESSES.Process(target=live, args=(life,))
    began = time.monotonic()
    process.start()
    return process, began


def finish(life: Life, running: Running) -> Ended:
    """Wait until the program ends; end it if it hangs."""
    process, began = running
    process.join(PATIENT_SECONDS)
    hung = process.is_alive()
    if hung:
        process.kill()
        process.join()
    code = process.exitcode
    process.close()
    left = json.loads(life.outcome.read_text()) if life.outcome.exists() else {}
    return Ended(
        killed=not hung and code == -signal.SIGKILL,
        hung=hung,
        said=left.get("said", "" if code == -signal.SIGKILL or hung else f"exit code {code}"),
        trace=left.get("trace", ""),
        notices=left.get("notices", []),
        writes=left.get("writes", []),
        requests=left.get("requests", {}),
        seconds=time.monotonic() - began,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """What became of a program that faults struck, and of its day."""

    struck: list[dict[str, Any]]
    ends: list[Ended]
    wrong: list[str]
    differs_in_time: bool
    tables_differ: bool
    # Attempts that a contract refused on the way, and no undisturbed day makes.
    refused: int

    @property
    def began_anew(self) -> bool:
        """Whether a start asked for a fresh chain."""
        return any(end.asks_to_start_anew for end in self.ends)

    @property
    def happened(self) -> str:
        """What happened, in words, for the list of all faults."""
        words = "; started again: ".join(end.words for end in self.ends)
        return f"{words}; {self.refused} attempts refused and repeated" if self.refused else words

    @property
    def ok(self) -> bool:
        """Whether the day is complete and its chain holds what it should."""
        return not self.wrong and self.ends[-1].is_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The undisturbed day: its chain, and what the program wrote and asked."""

    chain: Snapshot
    end: Ended
    folder: Path

    def request_of(self, action: str, which: int = 0) -> int:
        """Return which request of eth_sendRawTransaction hands in the ``which``-th transaction for ``action``."""
        return self.requests_of(action)[which]

    def requests_of(self, action: str) -> list[int]:
        """Return which requests of eth_sendRawTransaction hand in transactions for ``action``, counted from 1."""
        lines = (self.folder / "transactions.jsonl").read_text().splitlines()
        actions = [json.loads(line)["action"] for line in lines]
        return [number for number, found in enumerate(actions, 1) if found == action]

    @property
    def actions(self) -> list[str]:
        """Return the actions of the day, each once, in order."""
        lines = (self.folder / "transactions.jsonl").read_text().splitlines()
        return list(dict.fromkeys(json.loads(line)["action"] for line in lines))


def undisturbed(prepared: Prepared, life: Life) -> Truth:
    """Live through the day without faults."""
    prepared.begin(life.kind, life.folder)
    end = start(life)
    assert end.is_whole, f"{end.words}\n{end.trace}"
    chain = json.loads(life.chain.read_text())
    assert problems(chain, chain) == []
    return Truth(chain=chain, end=end, folder=life.folder)


def survive(prepared: Prepared, truth: Truth, life: Life) -> Survival:
    """Let ``life``'s faults strike, start the program again until its day is whole, and look at the chain."""
    prepared.begin(life.kind, life.folder)
    ends = [start(life)]
    while not ends[-1].is_whole and len(ends) < STARTS:
        if ends[-1].asks_to_start_anew:
            shutil.rmtree(life.folder)
            prepared.begin(life.kind, life.folder)
        ends.append(start(undone(life)))
    return judge(truth, life, ends)


def undone(life: Life) -> Life:
    """Return the same command without faults."""
    return replace(life, faults=(), triggers=(), dies_after_writes=None, file_limit=None)


def judge(truth: Truth, life: Life, ends: list[Ended]) -> Survival:
    """Compare the chain, and the tables' source, with those of the undisturbed day."""
    struck = []
    if life.notes.exists():
        struck = [json.loads(line) for line in life.notes.read_text().splitlines()]
    wrong, time_differs, tables_differ, attempts = [], False, False, 0
    strange = [end for end in ends if end.said.startswith(("an exception", "exit code"))]
    wrong += [f"{end.said}\n{end.trace}" for end in strange]
    wrong += ["hung" for end in ends if end.hung]
    if ends[-1].is_whole:
        found = json.loads(life.chain.read_text())
        wrong += problems(truth.chain, found)
        attempts = len(refused(found)) - len(refused(truth.chain))
        time_differs = differs_in_time(truth.chain, found)
        tables_differ = events_of(truth.folder) != events_of(life.folder)
        if timeless_events(truth.folder) != timeless_events(life.folder):
            wrong.append("the events that the tables are a fold of differ in more than time")
    else:
        wrong.append(f"not whole after {len(ends)} starts: {ends[-1].words}\n{ends[-1].trace}")
    return Survival(
        struck=struck,
        ends=ends,
        wrong=wrong,
        differs_in_time=time_differs,
        tables_differ=tables_differ,
        refused=attempts,
    )


def events_of(folder: Path) -> list[dict[str, Any]]:
    """Return the events that the tables are a fold of, without their place in the chain and their time."""
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    where = ("block", "log_index", "tx_hash", "timestamp")
    return [
        {name: value for name, value in line.items() if name not in where}
        for line in lines
        # Drawn anew by each deployment, which a chain that lost everything needs.
        if str(line["args"].get("account")).lower() not in DEPLOYERS
    ]


def timeless_events(folder: Path) -> list[dict[str, Any]]:
    """Return the same without the arguments that follow the chain's clock, in an order that does not depend on it."""
    events = [{**line, "args": timeless(line["args"])} for line in events_of(folder)]
    return sorted(events, key=json.dumps)
