"""What many participants would cost: measured days, carried on to sizes that nobody measures.

Gas, input and transactions of each stage are a + b N, fitted by least squares to the days that were measured; if the
limits of a transaction ask for more of them, there are more. A block holds whole transactions and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from setm.bench.measured import STAGES, Measured, Stage
from setm.bench.node_evm import TRANSACTION_GAS

# What nodes accept of one transaction's input, and what is left for signature, nonce and fees around it, bytes.
TRANSACTION_BYTES: Final = 128 * 1024
ENVELOPE_BYTES: Final = 256
SIZES: Final = (10_000, 1_000_000)
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRoom:
    """A chain by what it takes in: gas of a block, and seconds from one to the next."""

    name: str
    block_gas: int
    block_seconds: int


CHAINS: Final = (
    BlockRoom(name="private, 1 s", block_gas=60_000_000, block_seconds=1),
    BlockRoom(name="public, 12 s", block_gas=60_000_000, block_seconds=12),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRow:
    """One stage of a day of so many participants on a chain that does nothing else.

    ``fit_error`` is the largest relative difference between the fit and what was measured.
    """

    venue: str
    slots: int
    participants: int
    chain: BlockRoom
    stage: Stage
    gas: int
    input_bytes: int
    transactions: int
    blocks: int
    fit_error: float

    @property
    def seconds(self) -> int:
        """How long the stage fills the chain's blocks."""
        return self.blocks * self.chain.block_seconds

    @property
    def day_share(self) -> float:
        """Of all blocks of a day, those that the stage fills."""
        return self.seconds / DAY_SECONDS


def scale(measured: Iterable[Measured], sizes: Sequence[int] = SIZES) -> list[ScaleRow]:
    """Return what each venue that was measured at two sizes or more would cost at others."""
    kinds: dict[tuple[str, int], list[Measured]] = {}
    for one in measured:
        kinds.setdefault((one.venue, one.slots), []).append(one)
    return [
        row
        for days in kinds.values()
        if len({one.participants for one in days}) > 1
        for size in sizes
        for chain in CHAINS
        for row in _day(days, size, chain)
    ]


def _day(days: Sequence[Measured], size: int, chain: BlockRoom) -> Iterator[ScaleRow]:
    for stage in STAGES:
        found = [(one.participants, one.stage(stage)) for one in days if one.stage(stage)]
        if len(found) < len(days):
            continue
        counts = [count for count, _ in found]
        gas, error = line_at(size, counts, [part.gas for _, part in found if part])
        data, _ = line_at(size, counts, [part.input_bytes for _, part in found if part])
        sent, _ = line_at(size, counts, [part.transactions for _, part in found if part])
        transactions = max(sent, needed(gas, data))
        yield ScaleRow(
            venue=days[0].venue,
            slots=days[0].slots,
            participants=size,
            chain=chain,
            stage=stage,
            gas=gas,
            input_bytes=data,
            transactions=transactions,
            blocks=filled(transactions, gas, chain),
            fit_error=error,
        )


def line_at(size: int, counts: Sequence[int], values: Sequence[float]) -> tuple[int, float]:
    """Return the value of the fitted line a + b N at ``size``, rounded up, and its largest relative error.

    Errors count relatively, so that days of ten weigh as much as days of a thousand.

    >>> line_at(1_000, [10, 100], [120, 1_020])
    (10020, 0.0)
    """
    known = np.array(values, dtype=float)
    terms = np.column_stack([np.ones(len(counts)), counts]) / known[:, None]
    (fixed, each), *_ = np.linalg.lstsq(terms, np.ones(len(counts)), rcond=None)
    errors = np.abs(terms @ np.array([fixed, each]) - 1)
    return ceil(round(float(fixed + each * size), 6)), round(float(errors.max()), 9)


def needed(gas: int, data: int) -> int:
    """Return how many transactions hold that much gas and input.

    >>> needed(TRANSACTION_GAS + 1, 0), needed(1, 10 * TRANSACTION_BYTES)
    (2, 11)
    """
    return max(1, ceil(gas / TRANSACTION_GAS), ceil(data / (TRANSACTION_BYTES - ENVELOPE_BYTES)))


def filled(transactions: int, gas: int, chain: BlockRoom) -> int:
    """Return how many blocks so many transactions of equal gas fill.

    >>> filled(4, 4 * TRANSACTION_GAS, CHAINS[0])
    2
    """
    each = max(1, ceil(gas / transactions))
    return ceil(transactions / (chain.block_gas // each))
