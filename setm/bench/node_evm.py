"""A local Anvil or Ganache that benchmarks use as if it were an ``Evm``: the same calls, counted by a chain.

Contracts come to the same addresses as on an ``Evm``, and messages carry the same times, so that every calldata is the
same to the byte. Only the clock differs: each block is a second after the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from setm.chain.connection import Connection, connect, request
from setm.chain.node import CHAIN_ID, Node, NodeKind, advance_to, local_node
from setm.chain.sender import revert_data
from setm.errors import Reverted
from setm.evm import Contract, Evm, Person, abi
from setm.evm.machine import NOBODY

# What one transaction may ask for (EIP-7825).
TRANSACTION_GAS = 16_777_216
ETHER_WEI = 10**24
MAX_FEE_WEI = 10**12
START_SECONDS = 60


class NodeEvm(Evm):
    """A node through the interface of ``Evm``; what begins every transaction cold is a chain anyway."""

    def __init__(self, node: Node, web3: Connection, *, now: int) -> None:
        self._node, self._web3 = node, web3
        self._nonces: dict[str, int] = {}
        super().__init__(chain_id=CHAIN_ID, now=now)

    def _new_machine(self) -> None:
        return None

    @property
    def now(self) -> int:
        """The time that was last set; the chain's own is a second later after each transaction."""
        return self._now

    @now.setter
    def now(self, seconds: int) -> None:
        self._now = seconds
        advance_to(self._node.kind, self._web3, seconds)

    def metered(self) -> Evm:
        """Return the same chain."""
        return self

    def deploy(self, contract_name: str, *args: Any, sender: Any = NOBODY) -> Contract:
        """Deploy a compiled contract by name."""
        compiled = self._known(contract_name)
        built = (entry for entry in compiled["abi"] if entry["type"] == "constructor")
        constructor: dict[str, Any] = next(built, {"inputs": []})
        inputs = constructor["inputs"]
        code = bytes.fromhex(compiled["bytecode"]) + abi.encode(inputs, args)
        receipt = self._deliver(sender, None, code, contract_name)
        address = to_checksum_address(receipt["contractAddress"])
        return Contract(self, contract_name, compiled["abi"], address)

    def call_raw(
        self, to: Any, data: bytes, *, sender: Any = NOBODY, action: str = "call"
    ) -> bytes:
        """Return the output of a call; raise ``Reverted`` with the contract's reason."""
        call = {
            "from": self._key_of(sender).address,
            "to": abi.address_of(to),
            "data": "0x" + data.hex(),
            "gas": hex(TRANSACTION_GAS),
        }
        answer = request(self._web3, "eth_call", call, "latest", may_refuse=True)
        if answer is None:
            reason = revert_data(self._web3, call, self._web3.eth.block_number)
            raise Reverted(action, *abi.decode_error(self._errors, reason))
        return bytes(HexBytes(answer))

    def send_raw(
        self,
        to: Any,
        data: bytes,
        *,
        sender: Any = NOBODY,
        gas: int | None = None,
        action: str = "send",
    ) -> tuple[bytes, int, tuple[abi.Event, ...]]:
        """Return what a call would have returned just before, gas used and events of a transaction."""
        output = self.call_raw(to, data, sender=sender, action=action)
        receipt = self._deliver(sender, abi.address_of(to), data, action, gas or TRANSACTION_GAS)
        return output, int(receipt["gasUsed"], 16), self._events_in(receipt)

    def _events_in(self, receipt: Any) -> tuple[abi.Event, ...]:
        events = []
        for log in receipt["logs"]:
            topics = [bytes(HexBytes(topic)) for topic in log["topics"]]
            if topics and topics[0] in self._events:
                entry, data = self._events[topics[0]], bytes(HexBytes(log["data"]))
                events.append(abi.decode_event(entry, log["address"], topics, data))
        return tuple(events)

    def _deliver(
        self, sender: Any, to: str | None, data: bytes, action: str, gas: int = TRANSACTION_GAS
    ) -> Any:
        key = self._key_of(sender)
        nonce = self._nonces.setdefault(key.address, 0)
        if nonce == 0:
            self._enrich(key.address)
        transaction: dict[str, Any] = {
            "data": data,
            "gas": gas,
            "nonce": nonce,
            "value": 0,
            "chainId": self.chain_id,
            "type": 2,
            "maxFeePerGas": MAX_FEE_WEI,
            "maxPriorityFeePerGas": 10**9,
            **({} if to is None else {"to": to_checksum_address(to)}),
        }
        raw = key.sign_transaction(transaction).raw_transaction
        identifier = request(self._web3, "eth_sendRawTransaction", "0x" + raw.hex())
        self._nonces[key.address] = nonce + 1
        self._web3.eth.wait_for_transaction_receipt(identifier, poll_latency=0.005)
        receipt = request(self._web3, "eth_getTransactionReceipt", identifier)
        if int(receipt["status"], 16) == 0:
            raise Reverted(action, "Reverted", {"gas_used": int(receipt["gasUsed"], 16)})
        return receipt

    def _key_of(self, sender: Any) -> LocalAccount:
        if isinstance(sender, Person):
            return sender.key
        if isinstance(sender, LocalAccount):
            return sender
        if sender == NOBODY:
            return self.account("anyone")
        raise TypeError(f"sender {sender}: expected somebody with a key")

    def _enrich(self, address: str) -> None:
        method = {"anvil": "anvil_setBalance", "ganache": "evm_setAccountBalance"}[self._node.kind]
        request(self._web3, method, address, hex(ETHER_WEI))


@contextmanager
def node_evm(kind: NodeKind, folder: Path, now: int) -> Iterator[NodeEvm]:
    """Start a chain for one measurement, its log in ``folder``; end it on every way out."""
    start_at = datetime.fromtimestamp(now - START_SECONDS, tz=UTC)
    with local_node(kind, start_at=start_at, log=folder / f"{kind}.log") as node:
        web3 = connect(node.url, chain_id=CHAIN_ID, is_alive=node.is_alive)
        yield NodeEvm(node, web3, now=now)
