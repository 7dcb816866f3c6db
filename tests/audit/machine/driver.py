"""An EVM in this process behind the few verbs that the machine needs; ``ganache.py`` has the same over JSON-RPC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from setm.errors import Reverted
from setm.evm import Evm
from tests.audit.machine.steps import Outcome, Step
from tests.audit.machine.world import CONTRACTS, World

START_AT = 1_800_000_000


class EvmDriver:
    """Sends steps to an ``Evm``; after each transaction the clock goes on by ``block_seconds``."""

    def __init__(self, *, block_seconds: int = 1, evm: Evm | None = None) -> None:
        self.evm = evm or Evm(now=START_AT)
        self.world = World(self.evm.chain_id)
        self.block_seconds = block_seconds

    @property
    def now(self) -> int:
        """The time of the next transaction."""
        return self.evm.now

    @property
    def view_now(self) -> int:
        """The time that a call sees."""
        return self.evm.now

    def advance_to(self, seconds: int) -> None:
        """Let time pass; it never goes back."""
        if seconds > self.evm.now:
            self.evm.now = seconds

    def deploy(self, role: str, *args: Any) -> None:
        """Deploy the contract of a role as governance; contracts among the arguments go by role."""
        plain = [_addressed(self.world, value) for value in args]
        deployer = self.world.address("governance")
        self.world.put(role, self.evm.deploy(CONTRACTS[role], *plain, sender=deployer).address)

    def send(self, step: Step, data: bytes) -> Outcome:
        """Send a step, encoded as ``data``, now."""
        world = self.world
        to, sender = world.address(step.contract), world.address(step.sender)
        try:
            value, gas, events = self.evm.send_raw(to, data, sender=sender)
        except Reverted as error:
            return Outcome(world.said(error.name, error.arguments), b"", (), 0)
        finally:
            self.evm.now += self.block_seconds
        seen = tuple(world.seen(event.address, event.name, event.args) for event in events)
        return Outcome("", value, seen, gas)

    def read(self, role: str, function: str, *args: Any) -> list[int]:
        """Return the words that a getter answers."""
        step = Step(0, "stranger", role, function, args)
        answer = self.evm.call_raw(self.world.address(role), self.world.calldata(step))
        return words_of(answer)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end whatever happens inside, time included."""
        with self.evm.undone():
            yield


def words_of(answer: bytes) -> list[int]:
    """Return an answer's words as numbers."""
    view = memoryview(answer)
    return [int.from_bytes(view[at : at + 32], "big") for at in range(0, len(answer), 32)]


def _addressed(world: World, value: Any) -> Any:
    if isinstance(value, str):
        return world.address(value)
    if isinstance(value, Sequence):
        return type(value)(_addressed(world, part) for part in value)  # type: ignore[call-arg]
    return value
