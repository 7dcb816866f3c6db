"""Whether a chain counts the same gas as the EVM in this process, for the same calls."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from setm.bench.measured import Measured, Stage, VenueBench
from setm.bench.node_evm import NodeEvm, node_evm
from setm.chain.node import NodeKind

# How far a chain's count may be from ours, gas a transaction.
TOLERANCE_GAS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SameGas:
    """One stage of a venue's day in process and on a chain: gas of all its transactions."""

    venue: str
    network: NodeKind
    participants: int
    slots: int
    stage: Stage
    transactions: int
    gas: int
    chain_gas: int

    @property
    def difference(self) -> int:
        """The chain's count less ours."""
        return self.chain_gas - self.gas

    @property
    def difference_each(self) -> float:
        """How far apart they are, gas a transaction."""
        return abs(self.difference) / self.transactions


def same_gas(venue: VenueBench, participants: int, network: NodeKind) -> list[SameGas]:
    """Measure a venue in process and on a fresh chain, which is ended again."""
    ours = venue.measure(participants)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as chains:

        def machine(now: int) -> NodeEvm:
            return chains.enter_context(node_evm(network, Path(folder), now))

        theirs = venue.measure(participants, machine)
    return [
        row
        for one, other in zip(ours, theirs, strict=True)
        for row in _compared(one, other, network)
    ]


def _compared(ours: Measured, theirs: Measured, network: NodeKind) -> list[SameGas]:
    return [
        SameGas(
            venue=ours.venue,
            network=network,
            participants=ours.participants,
            slots=ours.slots,
            stage=one.stage,
            transactions=one.transactions,
            gas=one.gas,
            chain_gas=other.gas,
        )
        for one, other in zip(ours.stages, theirs.stages, strict=True)
    ]
