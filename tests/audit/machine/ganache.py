"""The verbs of the machine over JSON-RPC: a real Ganache, a block for each transaction, each a second later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from setm.chain.node import CHAIN_ID, Node
from setm.evm import abi, artifact
from tests.audit.machine.driver import words_of
from tests.audit.machine.steps import Outcome, Seen, Step
from tests.audit.machine.world import ACCOUNTS, CONTRACTS, World, secret_of

GAS = 12_000_000
FEE = 100 * 10**9


class GanacheDriver:
    """Sends steps to a node; the next transaction comes a second after the last."""

    def __init__(self, node: Node) -> None:
        self._provider = HTTPProvider(node.url, request_kwargs={"timeout": 60})
        self.world = World(CHAIN_ID)
        self._nonces: dict[str, int] = {}
        self._errors: dict[bytes, Mapping[str, Any]] = {}
        self._events: dict[bytes, Mapping[str, Any]] = {}
        for name in set(CONTRACTS.values()):
            entries = artifact(name)["abi"]
            self._errors |= abi.index(entries, "error")
            self._events |= abi.index(entries, "event")
        for name in ACCOUNTS:
            self._ask("evm_setAccountBalance", self.world.address(name), hex(10**26))

    def _ask(self, method: str, *params: Any) -> Any:
        answer = self._provider.make_request(RPCEndpoint(method), list(params))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    # Time

    @property
    def view_now(self) -> int:
        """The time that a call sees: that of the latest block."""
        return int(self._ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    @property
    def now(self) -> int:
        """The time of the next transaction."""
        return self.view_now + 1

    def advance_to(self, seconds: int) -> None:
        """Let time pass, so that the next transaction comes at ``seconds``; it never goes back."""
        if seconds > self.now:
            self._ask("evm_mine", seconds - 1)

    # Transactions

    def deploy(self, role: str, *args: Any) -> None:
        """Deploy the contract of a role as governance; contracts among the arguments go by role."""
        compiled = artifact(CONTRACTS[role])
        built: Mapping[str, Any] = next(
            (entry for entry in compiled["abi"] if entry["type"] == "constructor"), {"inputs": []}
        )
        plain = [self._addressed(value) for value in args]
        data = bytes.fromhex(compiled["bytecode"]) + abi.encode(built["inputs"], plain)
        receipt = self._mined("governance", None, data)
        self.world.put(role, to_checksum_address(receipt["contractAddress"]))

    def _addressed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.world.address(value)
        if isinstance(value, list | tuple):
            return type(value)(self._addressed(part) for part in value)
        return value

    def send(self, step: Step, data: bytes) -> Outcome:
        """Send a step, encoded as ``data``, now."""
        receipt = self._mined(step.sender, self.world.address(step.contract), data)
        gas = int(receipt["gasUsed"], 16)
        if receipt["status"] != "0x1":
            return Outcome(self._refusal(step, data), b"", (), 0)
        seen = (self._seen(log) for log in receipt["logs"])
        return Outcome("", b"", tuple(event for event in seen if event), gas)

    def _mined(self, sender: str, to: str | None, data: bytes) -> Any:
        nonce = self._nonces.get(sender, 0)
        transaction = {
            "data": data,
            "value": 0,
            "gas": GAS,
            "nonce": nonce,
            "chainId": CHAIN_ID,
            "gasPrice": FEE,
            **({} if to is None else {"to": to}),
        }
        raw = Account.sign_transaction(transaction, secret_of(sender)).raw_transaction
        tx_hash = self._ask("eth_sendRawTransaction", "0x" + bytes(raw).hex())
        self._nonces[sender] = nonce + 1
        return self._ask("eth_getTransactionReceipt", tx_hash)

    def _refusal(self, step: Step, data: bytes) -> str:
        """Return why a transaction was refused: asked again at its own block it changes nothing and fails alike."""
        call = {
            "from": self.world.address(step.sender),
            "to": self.world.address(step.contract),
            "data": "0x" + data.hex(),
            "gas": hex(GAS),
        }
        request = RPCEndpoint("eth_call"), [call, "latest"]
        answer: Any = self._provider.make_request(*request)
        told = answer["error"].get("data", "0x")
        told = told.get("result", "0x") if isinstance(told, dict) else told
        name, arguments = abi.decode_error(self._errors, bytes.fromhex(told[2:]))
        return self.world.said(name, arguments)

    def _seen(self, log: Mapping[str, Any]) -> Seen | None:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        if not topics or topics[0] not in self._events:
            return None
        address = to_checksum_address(log["address"])
        data = bytes.fromhex(log["data"][2:])
        event = abi.decode_event(self._events[topics[0]], address, topics, data)
        return self.world.seen(event.address, event.name, event.args)

    # Reading

    def read(self, role: str, function: str, *args: Any) -> list[int]:
        """Return the words that a getter answers."""
        data = self.world.calldata(Step(0, "stranger", role, function, args))
        call = {"to": self.world.address(role), "data": "0x" + data.hex(), "gas": hex(29_000_000)}
        return words_of(bytes.fromhex(self._ask("eth_call", call, "latest")[2:]))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo at the end whatever happens inside, time included."""
        mark, nonces = self._ask("evm_snapshot"), dict(self._nonces)
        try:
            yield
        finally:
            self._ask("evm_revert", mark)
            self._nonces = nonces
