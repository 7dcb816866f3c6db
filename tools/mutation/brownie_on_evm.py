"""Lets the contract tests run on the EVM of this process: a pytest plugin that gives Brownie another chain.

A transaction takes a millisecond instead of thirty, no chain is started and no project compiled, so that a whole suite
can be asked about each of thousands of mutants. What the tests hold in hand are Brownie's own values (events, return
values, errors); only the chain, the contracts and the accounts are replaced, and only as far as these tests go. That a
test can be asked here at all is not assumed: every test must first pass with the contracts as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import brownie
import brownie.network.event
import brownie.test
import pytest
from brownie.convert.normalize import format_event, format_input, format_output
from brownie.exceptions import VirtualMachineError, parse_errors_from_abi
from brownie.network.event import EventDict
from brownie.test.managers.runner import RevertContextManager
from eth_abi.abi import decode
from eth_account import Account as EthAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from setm.evm import abi, artifact
from setm.evm.machine import _HALT, _REVERT, CHAIN_ID, Evm

START_AT = 1_800_000_000
ZERO_ADDRESS = "0x" + "00" * 20


class RefusingEvm(Evm):
    """An EVM that refuses as Brownie does."""

    def _run(self, action: str, execute: Any) -> Any:
        try:
            return execute()
        except RuntimeError as error:
            text = str(error)
        if found := _REVERT.match(text):
            data = found.group(2)
            # An error without data is a revert without a reason.
            payload = {"data": f"0x{data}"} if data else {"data": {"0x00": {"error": "revert"}}}
            raise VirtualMachineError(ValueError({"message": f"{action} reverted", **payload}))
        if found := _HALT.match(text):
            payload = {"data": {"0x00": {"error": found.group(1)}}}
            raise VirtualMachineError(ValueError({"message": f"{action} halted", **payload}))
        raise RuntimeError(text)


class Chain:
    """What `brownie.chain` is to the tests: a clock and the newest block. One block holds one transaction."""

    id = CHAIN_ID

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin a new chain."""
        self.evm = RefusingEvm(chain_id=CHAIN_ID, now=START_AT)
        self.height = 0
        self.nonces: Counter[str] = Counter()
        self.logs: list[dict[str, Any]] = []
        self.receipts: list[Receipt] = []
        self._mined_at = START_AT

    def mark(self) -> tuple[Any, ...]:
        """Return what `go_back` needs to undo everything since."""
        kept = (self.height, self._mined_at, Counter(self.nonces))
        return self.evm.snapshot(), kept, len(self.logs), len(self.receipts)

    def go_back(self, mark: tuple[Any, ...]) -> None:
        """Undo everything since `mark`."""
        snapshot, kept, logs, receipts = mark
        self.evm.revert(snapshot)
        self.height, self._mined_at, self.nonces = kept
        del self.logs[logs:], self.receipts[receipts:]

    def time(self) -> int:
        """Return the present, UTC Unix seconds."""
        return self.evm.now

    def mine(self, blocks: int = 1, timestamp: int | None = None) -> None:
        """Mine blocks; the last one comes at ``timestamp``."""
        if timestamp is not None:
            self.evm.now = int(timestamp)
        for _ in range(blocks):
            self.next_block()

    def next_block(self) -> None:
        """Count a block at the present time."""
        self.height += 1
        self._mined_at = self.evm.now

    def __getitem__(self, index: int) -> SimpleNamespace:
        if index != -1:
            raise NotImplementedError("blocks before the newest")
        return SimpleNamespace(timestamp=self._mined_at, number=self.height)


class LocalAccount:
    """An account of the local mnemonic, which also stands for its address."""

    def __init__(self, key: Any) -> None:
        self.address = key.address
        self.private_key = "0x" + bytes(key.key).hex()

    def transfer(self, to: Any, amount: int) -> None:
        """Send ether."""
        machine, target = chain.evm._machine, abi.address_of(to)
        machine.set_balance(self.address, amount)
        chain.evm._run(
            "transfer", lambda: machine.message_call(self.address, target, b"", value=amount)
        )

    def __str__(self) -> str:
        return str(self.address)

    def __eq__(self, other: object) -> bool:
        return str(self).lower() == str(other).lower()

    def __hash__(self) -> int:
        return hash(self.address)


class Receipt:
    """A transaction that went through."""

    status = 1

    def __init__(
        self, name: str, sender: str, receiver: str, value: Any, gas_used: int, events: Any
    ) -> None:
        self.fn_name, self.sender, self.receiver = name, sender, receiver
        self.return_value = value
        self.gas_used, self.events = gas_used, events
        self.timestamp, self.block_number = chain[-1].timestamp, chain.height
        self.txid = "0x" + bytes(keccak(text=f"{chain.height} {name}")).hex()


class Method:
    """One function of a contract; the number of arguments chooses among those of one name."""

    def __init__(self, contract: Contract, entries: list[Mapping[str, Any]]) -> None:
        self._contract, self._entries = contract, entries
        self._name = f"{contract._name}.{entries[0]['name']}"

    def _encoded(self, args: tuple[Any, ...]) -> tuple[Mapping[str, Any], bytes]:
        (entry,) = [entry for entry in self._entries if len(entry["inputs"]) == len(args)]
        values = format_input(cast(Any, entry), args)
        return entry, abi.selector_of(entry) + abi.encode(entry["inputs"], values)

    def encode_input(self, *args: Any) -> str:
        """Return the call's data."""
        return "0x" + self._encoded(args)[1].hex()

    def __call__(self, *args: Any) -> Any:
        args, options = _options(args)
        entry, data = self._encoded(args)
        if entry["stateMutability"] in ("view", "pure"):
            sender = _sender(options) if options else ZERO_ADDRESS
            output = chain.evm.call_raw(self._contract, data, sender=sender, action=self._name)
            return _value(entry, output)
        return self._send(entry, data, _sender(options))

    def transact(self, *args: Any) -> Receipt:
        """Send a transaction, also to a function that only reads."""
        args, options = _options(args)
        return self._send(*self._encoded(args), _sender(options))

    def _send(self, entry: Mapping[str, Any], data: bytes, sender: str) -> Receipt:
        chain.nonces[sender] += 1
        chain.next_block()
        output, gas_used, _ = chain.evm.send_raw(
            self._contract, data, sender=sender, action=self._name
        )
        receiver, value = self._contract.address, _value(entry, output)
        return _mined(str(entry["name"]), sender, receiver, value, gas_used)


class Contract:
    """A deployed contract."""

    def __init__(self, name: str, entries: Any, address: str) -> None:
        self._name, self.address, self.abi = name, address, list(entries)
        by_name: dict[str, list[Mapping[str, Any]]] = {}
        for entry in entries:
            if entry["type"] == "function":
                by_name.setdefault(entry["name"], []).append(entry)
        for function, found in by_name.items():
            setattr(self, function, Method(self, found))

    def __str__(self) -> str:
        return self.address

    def __eq__(self, other: object) -> bool:
        return self.address.lower() == str(other).lower()

    def __hash__(self) -> int:
        return hash(self.address)


class Container:
    """A contract of the project that can be deployed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def deploy(self, *args: Any) -> Contract:
        """Deploy it; the last argument names the sender."""
        args, options = _options(args)
        compiled, sender = _known(self._name), _sender(options)
        entries = [dict(e) for e in compiled["abi"] if e["type"] == "constructor"]
        entry: Any = {"name": "constructor", "inputs": []} | (entries[0] if entries else {})
        values = format_input(entry, args)
        chain.nonces[sender] += 1
        chain.next_block()
        deployed = chain.evm.deploy(self._name, *values, sender=sender)
        _mined("constructor", sender, deployed.address, None, 0)
        return Contract(self._name, compiled["abi"], deployed.address)

    def at(self, address: Any) -> Contract:
        """Return the contract at an address."""
        return Contract(self._name, _known(self._name)["abi"], to_checksum_address(str(address)))


class Project:
    """The contracts by name."""

    def __getattr__(self, name: str) -> Container:
        return Container(name)


def _known(name: str) -> Mapping[str, Any]:
    compiled = artifact(name)
    parse_errors_from_abi(compiled["abi"])
    chain.evm._known(name)
    return compiled


def _options(args: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args and isinstance(args[-1], dict):
        return args[:-1], args[-1]
    return args, {}


def _sender(options: Mapping[str, Any]) -> str:
    unknown = set(options) - {"from"}
    if unknown:
        raise NotImplementedError(f"transaction options {sorted(unknown)}")
    return to_checksum_address(str(options["from"]))


def _value(entry: Mapping[str, Any], output: bytes) -> Any:
    outputs = entry["outputs"]
    if not outputs:
        return None
    decoded = decode([abi.type_of(part) for part in outputs], output)
    values = format_output(cast(Any, entry), decoded)
    return values[0] if len(values) == 1 else values


def _mined(name: str, sender: str, receiver: str, value: Any, gas_used: int) -> Receipt:
    made: list[dict[str, Any]] = []
    for log in chain.evm._machine.result.logs:
        topics, data = log.data
        made.append(
            {
                "address": to_checksum_address(log.address),
                "topics": topics,
                "data": data,
                "blockNumber": chain.height,
                "logIndex": len(made),
                "transactionHash": bytes(keccak(text=f"{chain.height} {name}")),
                "timestamp": chain.evm.now,
            }
        )
    chain.logs += made
    receipt = Receipt(name, sender, receiver, value, gas_used, _events(made))
    chain.receipts.append(receipt)
    return receipt


def _events(logs: list[dict[str, Any]]) -> EventDict:
    found = []
    for log in logs:
        entry = chain.evm._events.get(log["topics"][0])
        if entry is None:
            continue
        event = abi.decode_event(entry, log["address"], log["topics"], log["data"])
        data = [
            {**part, "value": event.args[part["name"]], "decoded": True} for part in entry["inputs"]
        ]
        described: Any = {
            "name": event.name,
            "address": log["address"],
            "decoded": True,
            "data": data,
        }
        found.append(format_event(described))
    return EventDict(found)


class Eth:
    """The part of `web3.eth` that reads what happened."""

    @property
    def block_number(self) -> int:
        """The newest block."""
        return chain.height

    def get_transaction_count(self, address: Any) -> int:
        """Return how much an account has sent."""
        return chain.nonces[to_checksum_address(str(address))]

    def get_logs(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the logs of some contracts between two blocks."""
        first, last, wanted = query["fromBlock"], query["toBlock"], set(query["address"])
        last = chain.height if last == "latest" else last
        return [
            log
            for log in chain.logs
            if first <= log["blockNumber"] <= last and log["address"] in wanted
        ]

    def get_block(self, number: int) -> Mapping[str, Any]:
        """Return a block that holds a log."""
        times = (log["timestamp"] for log in chain.logs if log["blockNumber"] == number)
        return {"number": number, "timestamp": next(times)}


def _accounts_from(mnemonic: str, count: int) -> list[LocalAccount]:
    EthAccount.enable_unaudited_hdwallet_features()
    paths = (f"m/44'/60'/0'/0/{index}" for index in range(count))
    return [LocalAccount(EthAccount.from_mnemonic(mnemonic, account_path=path)) for path in paths]


def _history(*, fn_name: str) -> list[Receipt]:
    return [receipt for receipt in chain.receipts if receipt.fn_name == fn_name]


chain = Chain()


def pytest_configure() -> None:
    """Replace what the tests take from Brownie."""
    known: dict[tuple[str, int], list[LocalAccount]] = {}

    def from_mnemonic(mnemonic: str, count: int) -> list[LocalAccount]:
        if (mnemonic, count) not in known:
            known[mnemonic, count] = _accounts_from(mnemonic, count)
        return known[mnemonic, count]

    replaced: dict[Any, dict[str, Any]] = {
        brownie: {
            "chain": chain,
            "accounts": SimpleNamespace(from_mnemonic=from_mnemonic),
            "history": SimpleNamespace(filter=_history),
            "reverts": RevertContextManager,
            "web3": SimpleNamespace(eth=Eth(), client_version="pyrevm"),
        },
        brownie.project: {"get_loaded_projects": lambda: [Project()]},
        brownie.network.event: {"_decode_logs": _events},
    }
    for module, names in replaced.items():
        for name, value in names.items():
            setattr(module, name, value)


@pytest.fixture(scope="module")
def module_isolation() -> Iterator[None]:
    """Begin a new chain for each module."""
    chain.reset()
    yield
    chain.reset()


@pytest.fixture
def fn_isolation(module_isolation: None) -> Iterator[None]:
    """Undo what a test did."""
    mark = chain.mark()
    yield
    chain.go_back(mark)
