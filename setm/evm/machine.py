"""An EVM in this process (pyrevm, shanghai): 0.1 ms a transaction, snapshots, a clock that tests set.

pyrevm keeps one journal open for its whole life, so that what one transaction touched is warm in the next and its gas
comes out too low. ``Evm.metered`` returns a machine that begins every transaction cold, as a chain does; it is slower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyrevm
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from setm.errors import Reverted
from setm.evm import abi
from setm.evm.compiler import artifact

CHAIN_ID = 1337
START_AT = 1_800_000_000
GAS_LIMIT = 10**12
NOBODY = "0x" + "00" * 20

_REVERT = re.compile(r"^Revert \{ gas_used: (\d+), output: 0x([0-9a-f]*) \}$")
_HALT = re.compile(r"^Halt \{ reason: (.+), gas_used: (\d+) \}$")
_STORAGE = re.compile(
    r"(\d+): StorageSlot \{ previous_or_original_value: (\d+), present_value: (\d+) \}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a transaction did."""

    value: Any
    gas_used: int
    events: tuple[abi.Event, ...]
    input_bytes: int

    def named(self, name: str) -> list[abi.Event]:
        """Return the events of one name."""
        return [event for event in self.events if event.name == name]

    def only(self, name: str) -> dict[str, Any]:
        """Return the arguments of the single event of that name."""
        (event,) = self.named(name)
        return dict(event.args)


class Evm:
    """A chain with one clock, on which every transaction costs nothing but gas."""

    def __init__(self, *, chain_id: int = CHAIN_ID, now: int = START_AT) -> None:
        self.chain_id = chain_id
        self._now = now
        self._is_metered = False
        self._machine = self._new_machine()
        self._errors: dict[bytes, Mapping[str, Any]] = {}
        self._events: dict[bytes, Mapping[str, Any]] = {}

    def _new_machine(self) -> Any:
        env = pyrevm.Env(cfg=pyrevm.CfgEnv(chain_id=self.chain_id), block=self._block())
        return pyrevm.EVM(env=env, gas_limit=GAS_LIMIT, spec_id="SHANGHAI")

    def _block(self) -> Any:
        return pyrevm.BlockEnv(timestamp=self._now, number=1, gas_limit=GAS_LIMIT)

    # Time

    @property
    def now(self) -> int:
        """The time of the next transaction, UTC Unix seconds."""
        return self._now

    @now.setter
    def now(self, seconds: int) -> None:
        self._now = seconds
        self._machine.set_block_env(self._block())

    # Accounts and contracts

    @staticmethod
    def account(name: str) -> LocalAccount:
        """Return the account that always goes by this name."""
        account: LocalAccount = Account.from_key(keccak(text=f"setm tests {name}"))
        return account

    def deploy(self, contract_name: str, *args: Any, sender: Any = NOBODY) -> Contract:
        """Deploy a compiled contract by name; raise ``Reverted`` if its constructor refuses."""
        compiled = self._known(contract_name)
        built = (entry for entry in compiled["abi"] if entry["type"] == "constructor")
        constructor: dict[str, Any] = next(built, {"inputs": []})
        code = bytes.fromhex(compiled["bytecode"]) + abi.encode(constructor["inputs"], args)
        caller = abi.address_of(sender)
        if self._is_metered:
            raise NotImplementedError("deploy before metering")
        address = self._run(contract_name, lambda: self._machine.deploy(caller, code))
        return Contract(self, contract_name, compiled["abi"], to_checksum_address(address))

    def at(self, contract_name: str, address: Any) -> Contract:
        """Return a contract that is deployed already."""
        compiled = self._known(contract_name)
        return Contract(self, contract_name, compiled["abi"], abi.address_of(address))

    def _known(self, contract_name: str) -> Mapping[str, Any]:
        compiled = artifact(contract_name)
        self._errors |= abi.index(compiled["abi"], "error")
        self._events |= abi.index(compiled["abi"], "event")
        return compiled

    def decode_only(self, *names: str) -> None:
        """Tell of these events alone from now on: decoding takes longer than most transactions."""
        self._events = {t: entry for t, entry in self._events.items() if entry["name"] in names}

    # State

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end whatever happens inside, time included."""
        mark = self.snapshot()
        try:
            yield
        finally:
            self.revert(mark)

    def snapshot(self) -> tuple[Any, int]:
        """Mark the present state; each mark serves for one ``revert``, marks nest."""
        if self._is_metered:
            raise NotImplementedError("snapshots of a metered machine")
        return self._machine.snapshot(), self._now

    def revert(self, mark: tuple[Any, int]) -> None:
        """Go back to a mark."""
        self._machine.revert(mark[0])
        self.now = mark[1]

    def word(self, contract: Any, slot: int) -> int:
        """Return a word of a contract's storage."""
        return int(self._machine.storage(abi.address_of(contract), slot))

    def write_word(self, contract: Any, slot: int, value: int) -> None:
        """Write a word of a contract's storage: for states that would take thousands of transactions."""
        if self._is_metered:
            raise NotImplementedError("write before metering")
        self._machine.insert_account_storage(abi.address_of(contract), slot, value)

    def metered(self) -> Evm:
        """Return a copy of this machine whose gas figures are those of a chain."""
        copy = Evm(chain_id=self.chain_id, now=self._now)
        copy._is_metered = True
        copy._errors, copy._events = self._errors, self._events
        for address, info in self._machine.journal_state.items():
            copy._insert(address, info)
        for address, storage in self._touched():
            for key, value in storage:
                copy._store(address, key, value)
        return copy

    def _insert(self, address: str, info: Any) -> None:
        # An account that is given empty code would count as a contract, which cannot send.
        code = info.code if info.code and info.code != b"\x00" else None
        # Its type information lacks the keywords.
        make: Any = pyrevm.AccountInfo
        kept = make(balance=info.balance, nonce=info.nonce, code=code)
        self._machine.insert_account_info(address, kept)

    def _store(self, address: str, key: int, value: int) -> None:
        # The value goes into the database; the journal, which would make it warm, is taken back.
        mark = self._machine.snapshot()
        self._machine.insert_account_storage(address, key, value)
        self._machine.revert(mark)

    def _touched(self) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        text = self._machine.journal_str
        for part in re.finditer(r"(0x[0-9a-f]{40}): Account \{ info", text):
            start = text.index("storage: {", part.end())
            end = text.index(", status: AccountStatus", start)
            slots = _STORAGE.findall(text, start, end)
            yield part.group(1), [(int(key), int(value)) for key, _, value in slots]

    # Calls

    def call_raw(
        self, to: Any, data: bytes, *, sender: Any = NOBODY, action: str = "call"
    ) -> bytes:
        """Return the output of a call without a trace of it in the state."""
        caller, target = abi.address_of(sender), abi.address_of(to)
        if not self._is_metered:
            answer = self._run(
                action, lambda: self._machine.message_call(caller, target, data, is_static=True)
            )
            return bytes(answer)
        mark = self._machine.snapshot()
        try:
            return bytes(
                self._run(action, lambda: self._machine.message_call(caller, target, data))
            )
        finally:
            self._machine.revert(mark)

    def send_raw(
        self,
        to: Any,
        data: bytes,
        *,
        sender: Any = NOBODY,
        gas: int | None = None,
        action: str = "send",
    ) -> tuple[bytes, int, tuple[abi.Event, ...]]:
        """Return output, gas used (refunds taken off) and events of a transaction."""
        caller, target = abi.address_of(sender), abi.address_of(to)

        def execute() -> bytes:
            output: bytes = self._machine.message_call(caller, target, data, gas=gas)
            return output

        if not self._is_metered:
            output = self._run(action, execute)
            return output, self._machine.result.gas_used, self._logs()
        mark = self._machine.snapshot()
        try:
            output = self._run(action, execute)
            result, touched, events = self._machine.result, list(self._touched()), self._logs()
        finally:
            self._machine.revert(mark)
        for address, storage in touched:
            for key, value in storage:
                self._store(address, key, value)
        return output, result.gas_used, events

    def _run(self, action: str, execute: Callable[[], Any]) -> Any:
        try:
            return execute()
        except RuntimeError as error:
            text = str(error)
        if found := _REVERT.match(text):
            name, arguments = abi.decode_error(self._errors, bytes.fromhex(found.group(2)))
            raise Reverted(action, name, arguments)
        if found := _HALT.match(text):
            raise Reverted(action, found.group(1), {"gas_used": int(found.group(2))})
        raise RuntimeError(text)

    def _logs(self) -> tuple[abi.Event, ...]:
        events = []
        for log in self._machine.result.logs:
            topics, data = log.data
            if topics and topics[0] in self._events:
                entry = self._events[topics[0]]
                events.append(abi.decode_event(entry, log.address, topics, data))
        return tuple(events)


class Contract:
    """A deployed contract: ``contract.fn(*args)`` reads, ``contract.fn(*args, sender=account)`` sends."""

    def __init__(self, evm: Evm, name: str, entries: Any, address: str) -> None:
        self.evm = evm
        self.name = name
        self.address = address
        self._entries = entries
        self._functions: dict[tuple[str, int], Any] = {
            (e["name"], len(e["inputs"])): e for e in entries if e["type"] == "function"
        }

    def on(self, evm: Evm) -> Contract:
        """Return the same contract on another machine, such as a metered copy."""
        return Contract(evm, self.name, self._entries, self.address)

    def call(self, function: str, *args: Any, sender: Any = NOBODY) -> Any:
        """Return what a function returns now, without changing anything."""
        entry = self._functions[function, len(args)]
        data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
        action = f"{self.name}.{function}"
        output = self.evm.call_raw(self, data, sender=sender, action=action)
        return _unpacked(abi.decode(entry["outputs"], output))

    def send(
        self, function: str, *args: Any, sender: Any = NOBODY, gas: int | None = None
    ) -> Receipt:
        """Send a transaction; raise ``Reverted`` with the custom error's name and arguments."""
        entry = self._functions[function, len(args)]
        data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
        action = f"{self.name}.{function}"
        output, used, events = self.evm.send_raw(self, data, sender=sender, gas=gas, action=action)
        value = _unpacked(abi.decode(entry["outputs"], output))
        return Receipt(value=value, gas_used=used, events=events, input_bytes=len(data))

    def __getattr__(self, function: str) -> Callable[..., Any]:
        entry = next((e for (name, _), e in self._functions.items() if name == function), None)
        if entry is None:
            raise AttributeError(f"{self.name} has no function {function}")
        does_read = entry["stateMutability"] in ("view", "pure")

        def invoke(*args: Any, **options: Any) -> Any:
            return (self.call if does_read else self.send)(function, *args, **options)

        return invoke

    def __repr__(self) -> str:
        return f"{self.name}({self.address})"


def _unpacked(values: tuple[Any, ...]) -> Any:
    if not values:
        return None
    return values[0] if len(values) == 1 else values
