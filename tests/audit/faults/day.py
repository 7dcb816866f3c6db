"""The day that every fault strikes: three participants, two slots, small enough to be lived through hundreds of times.

The contracts are deployed once for each kind of chain; every case continues from a copy of that folder, as a run does
that was interrupted after its deployment.
"""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from setm.chain.deployment import deploy
from setm.chain.node import NodeKind, local_node
from setm.scenario import load_scenario
from setm.simulation.foresight import foresee
from setm.simulation.mechanism import Day, start_of
from setm.simulation.settings import day_of, load, questions
from tests.python.simulation.conftest import small_scenario

# Noon and the hour after it: the sun shines, so both mechanisms trade.
FIRST, COUNT = 11, 2


def tiny_day(folder: Path) -> Day:
    """Return the day; ``folder`` takes its scenario file."""
    loaded = load(load_scenario(small_scenario(folder)))
    answers = {
        (asked.name, asked.direction): foresee(asked)
        for asked in questions(loaded, with_backtest=False)
    }
    day = day_of(loaded, answers)
    return replace(day, slots=day.slots[FIRST : FIRST + COUNT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A folder with the day, and for each kind of chain the state after deployment."""

    folder: Path

    @property
    def day_file(self) -> Path:
        """The day, pickled for the processes that live through it."""
        return self.folder / "day.pickle"

    def begin(self, kind: NodeKind, target: Path) -> Path:
        """Make ``target`` the folder of a mechanism's run that has its contracts and nothing else."""
        shutil.copytree(self.folder / kind, target)
        return target


def prepare(folder: Path, kinds: tuple[NodeKind, ...] = ("anvil", "ganache")) -> Prepared:
    """Deploy the day's contracts on each kind of chain."""
    folder.mkdir(parents=True, exist_ok=True)
    day = tiny_day(folder)
    prepared = Prepared(folder=folder)
    prepared.day_file.write_bytes(pickle.dumps(day))
    start_at = start_of("auction", day)
    for kind in kinds:
        own = folder / kind
        own.mkdir()
        with local_node(
            kind, start_at=start_at, log=own / "chain.log", state=own / "chain"
        ) as node:
            deploy(node, day.deploy_config, own)
    return prepared
