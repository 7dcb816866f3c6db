"""What a venue's day on an EVM cost, stage by stage, and what every venue has to offer to be measured.

::

    post ─▶ commit ─▶ open ─▶ clear ─▶ readings ─▶ settle
    └───── placed ──────┘    cleared    metered     paid

A venue leaves out the stages that it does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from setm.evm import Evm

Stage = Literal["post", "commit", "open", "clear", "readings", "settle"]
STAGES: tuple[Stage, ...] = ("post", "commit", "open", "clear", "readings", "settle")
PLACING: tuple[Stage, ...] = ("post", "commit", "open")

# Venues of which headline figures speak, by what their days are called.
DAY_AHEAD, SIGNED_ORDERS = "day ahead", "signed orders"

Machine = Callable[[int], Evm]
"""Makes an empty chain whose time is the given one, UTC Unix seconds."""


def in_process(now: int) -> Evm:
    """Return an EVM in this process."""
    return Evm(now=now)


class Sent(Protocol):
    """A transaction that was executed: its gas, and the size of what it handed in."""

    @property
    def gas_used(self) -> int:
        """Gas, refunds taken off."""

    @property
    def input_bytes(self) -> int:
        """Bytes of selector and arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageGas:
    """The transactions of one stage; ``largest_gas`` is the dearest of them, ``input_bytes`` are of all."""

    stage: Stage
    transactions: int
    gas: int
    largest_gas: int
    input_bytes: int


def stage_gas(stage: Stage, sent: Sequence[Sent]) -> StageGas:
    """Return a stage by its transactions, of which there is at least one."""
    gas = [one.gas_used for one in sent]
    return StageGas(
        stage=stage,
        transactions=len(gas),
        gas=sum(gas),
        largest_gas=max(gas),
        input_bytes=sum(one.input_bytes for one in sent),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Gas of one day at one venue: ``participants`` with a meter each, ``orders`` in ``slots`` slots together.

    An order is one participant's wish in one slot; a schedule of 96 slots is 96 orders. Shares are gas, real.
    """

    venue: str
    participants: int
    slots: int
    orders: int
    stages: tuple[StageGas, ...]

    def gas_of(self, *stages: Stage) -> int:
        """Return the gas of some stages together, of all if none is named."""
        wanted = stages or STAGES
        return sum(one.gas for one in self.stages if one.stage in wanted)

    def stage(self, stage: Stage) -> StageGas | None:
        """Return a stage of the day; None if it has none."""
        return next((one for one in self.stages if one.stage == stage), None)

    @property
    def transactions(self) -> int:
        """All transactions of the day."""
        return sum(one.transactions for one in self.stages)

    @property
    def largest_gas(self) -> int:
        """The dearest transaction."""
        return max(one.largest_gas for one in self.stages)

    @property
    def placed_per_order(self) -> float:
        """What it costs to bring an order to the venue: posted, or committed and opened."""
        return self.gas_of(*PLACING) / self.orders

    @property
    def cleared_per_order(self) -> float:
        """An order's share of the clearing; at a tariff of taking the posted price."""
        return self.gas_of("clear") / self.orders

    @property
    def traded_per_order(self) -> float:
        """Placed and cleared: an order with its signature checked and its fill decided."""
        return self.gas_of(*PLACING, "clear") / self.orders

    @property
    def metered_per_order(self) -> float:
        """An order's share of the readings."""
        return self.gas_of("readings") / self.orders

    @property
    def paid_per_order(self) -> float:
        """An order's share of settlement, which pays what was traded and delivered."""
        return self.gas_of("settle") / self.orders

    @property
    def gas_per_order(self) -> float:
        """An order's share of everything, from its placing to its payment, the meter reading included."""
        return self.gas_of() / self.orders

    @property
    def metering_per_slot(self) -> float:
        """Readings and settlement of one participant in one slot."""
        return self.gas_of("readings", "settle") / (self.participants * self.slots)

    @property
    def gas_per_participant_day(self) -> float:
        """What all slots of the day cost together, for each participant."""
        return self.gas_of() / self.participants


class VenueBench(Protocol):
    """A venue that can be measured; ``setm.bench.venues.VENUES`` lists them."""

    @property
    def name(self) -> str:
        """What tables and plots call it."""

    def measure(self, participants: int, machine: Machine = in_process) -> Sequence[Measured]:
        """Return what a day with so many participants costs, one for each kind of day that the venue knows.

        The machine is metered before anything is counted, and every transaction fits into what a chain accepts.
        """
