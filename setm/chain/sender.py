"""One key, one writer: signs, sends, waits, and says clearly why something was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import rlp
from coincurve import PrivateKey
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.types import RPCEndpoint, TxReceipt

from setm.chain.abi import checksummed, decode_error
from setm.chain.connection import Connection, Patience, connect
from setm.chain.journal import Entry, Intent, Journal, Mined, Sent, Signed, State
from setm.chain.keeper import Keeper
from setm.errors import Reverted
from setm.signatures import keccak, private_key

__all__ = [
    "Call",
    "Connection",
    "Patience",
    "Sender",
    "Sent",
    "connect",
    "revert_data",
    "send_all",
]

MAX_FEE_PER_GAS = 100 * 10**9
PRIORITY_FEE_PER_GAS = 10**9
SELECTOR_LENGTH = 10
TYPE_2 = b"\x02"


class Sender:
    """Sends the transactions of one key. No other writer may use the key at the same time.

    What is sent is written into the keeper's journal first. A program that is started again and repeats its sends gets
    the journaled results, and continues where the journal ends.
    """

    def __init__(
        self,
        web3: Connection,
        account: LocalAccount,
        name: str,
        keeper: Keeper | None = None,
    ) -> None:
        self.web3 = web3
        self.account = account
        self.name = name
        self.keeper = keeper or Keeper(web3, Journal())
        self._ordinal = 0
        self._key: PrivateKey = private_key(bytes(account.key))

    @property
    def address(self) -> str:
        """The key's address."""
        return str(self.account.address)

    def send(
        self, *, to: str, data: str, action: str, contract: str, gas: int, value: int = 0
    ) -> TxReceipt:
        """Send one transaction and wait until it is in a block.

        ``gas`` is a ceiling, not an estimate. Raises ``Reverted`` with the contract's reason, ``TransactionLost`` if it
        does not get into a block in time, ``ChainUnreachable`` if the node stays silent; after those two the next call
        continues with the same transaction.
        """
        (receipt,) = send_all(
            [Call(self, to=to, data=data, action=action, contract=contract, gas=gas, value=value)]
        )
        return receipt

    def _result(self, entry: Entry) -> TxReceipt:
        assert entry.mined is not None
        if not entry.mined.ok:
            error = decode_error(bytes(HexBytes(entry.mined.refusal)))
            raise Reverted(entry.name, error.name, error.arguments)
        return _receipt(entry.mined)

    def _signed(self, call: Call, nonce: int, max_fee: int) -> Signed:
        return self._sign(
            {
                "to": checksummed(call.to),
                "data": HexBytes(call.data),
                "value": call.value,
                "gas": call.gas,
                "nonce": nonce,
                "chainId": self.keeper.chain_id,
                "maxFeePerGas": max_fee,
                "maxPriorityFeePerGas": PRIORITY_FEE_PER_GAS,
            }
        )

    def _next_nonce(self) -> int:
        """Return the nonce after the journal's last; for a key that is new to it the chain's, never what is pending."""
        journaled = self.keeper.journal.next_nonce(self.address)
        return self.keeper.next_nonce(self.address) if journaled is None else journaled

    def _renewed(self, _entry: Entry, last: Signed, fee: int, nonce: int) -> Signed:
        signed_before = TypedTransaction.from_bytes(HexBytes(last.raw)).as_dict()
        kept = {name: signed_before[name] for name in signed_before if name not in ("v", "r", "s")}
        tip = max(int(kept["maxPriorityFeePerGas"]) * 9 // 8 + 1, PRIORITY_FEE_PER_GAS)
        return self._sign(
            {**kept, "nonce": nonce, "maxFeePerGas": fee, "maxPriorityFeePerGas": min(tip, fee)}
        )

    def _sign(self, transaction: dict[str, Any]) -> Signed:
        """Return a transaction of type 2 (EIP-1559) with its signature; eth-account takes ten times as long."""
        fields = [
            int(transaction["chainId"]),
            int(transaction["nonce"]),
            int(transaction["maxPriorityFeePerGas"]),
            int(transaction["maxFeePerGas"]),
            int(transaction["gas"]),
            bytes(HexBytes(transaction["to"])),
            int(transaction["value"]),
            bytes(HexBytes(transaction["data"])),
            [],
        ]
        made = self._key.sign_recoverable(keccak(TYPE_2 + rlp.encode(fields)), hasher=None)
        r, s = int.from_bytes(made[:32], "big"), int.from_bytes(made[32:64], "big")
        raw = TYPE_2 + rlp.encode([*fields, made[64], r, s])
        return Signed(
            nonce=int(transaction["nonce"]),
            tx_hash="0x" + keccak(raw).hex(),
            max_fee=int(transaction["maxFeePerGas"]),
            raw=raw,
        )

    def _refusal(self, entry: Entry, signed: Signed, block: int) -> str:
        """Return why it was refused: the chain keeps only that it was."""
        sent = TypedTransaction.from_bytes(HexBytes(signed.raw)).as_dict()
        call = {
            "from": self.address,
            "to": entry.intent.target,
            "data": Web3.to_hex(HexBytes(sent["data"])),
            "value": hex(entry.intent.value),
            "gas": hex(int(sent["gas"])),
        }
        return "0x" + revert_data(self.web3, call, block - 1).hex()


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction to be sent; ``gas`` is a ceiling, ``value`` wei."""

    sender: Sender
    to: str
    data: str
    action: str
    contract: str
    gas: int
    value: int = 0

    @property
    def intent(self) -> Intent:
        """What the journal keeps of it."""
        return Intent(
            participant=self.sender.name,
            action=self.action,
            contract=self.contract,
            target=checksummed(self.to),
            selector=self.data[:SELECTOR_LENGTH],
            value=self.value,
        )


def send_all(calls: Sequence[Call]) -> list[TxReceipt]:
    """Send transactions of one keeper's senders in their order and wait until all are in blocks.

    A local Anvil is given them at once, another chain one after the other. None may need what another one returns.
    Raises what ``Sender.send`` raises, at the first that fails; the others are sent all the same where all are given at
    once.
    """
    if not calls:
        return []
    keeper = calls[0].sender.keeper
    size = len(calls) if keeper.takes_many else 1
    receipts: list[TxReceipt] = []
    for first in range(0, len(calls), size):
        receipts += _sent_together(keeper, calls[first : first + size])
    return receipts


def _sent_together(keeper: Keeper, calls: Sequence[Call]) -> list[TxReceipt]:
    entries = _signed_entries(keeper, calls)
    fresh = [item for item in entries if item.state in (State.SIGNED, State.SENT)]
    if keeper.takes_many and len(calls) > 1 and fresh:
        renew = {
            entry.number: call.sender._renewed for call, entry in zip(calls, entries, strict=True)
        }
        handed = {item.number: item for item in keeper.hand_in_many(fresh, renew)}
        entries = [handed.get(item.number, item) for item in entries]
    done = []
    for call, entry in zip(calls, entries, strict=True):
        if entry.state in (State.SIGNED, State.SENT):
            mined = keeper.deliver(entry, call.sender._renewed, call.sender._refusal)
            entry = keeper.journal.mined(entry, mined)
        done.append(entry)
    for call in calls:
        call.sender._ordinal += 1
    return [call.sender._result(entry) for call, entry in zip(calls, done, strict=True)]


def _signed_entries(keeper: Keeper, calls: Sequence[Call]) -> list[Entry]:
    """Return the journal's line of each call, planned and signed if it was not yet."""
    journal, before = keeper.journal, Counter[str]()
    entries: list[Entry | None] = []
    planned = []
    for call in calls:
        address = call.sender.address
        place = call.sender._ordinal + before[address]
        before[address] += 1
        entries.append(journal.expect(address, place, call.intent))
        if entries[-1] is None:
            planned.append((address, place, call.intent))
    if planned:
        keeper.check()
    added = iter(journal.plan_many(planned) if planned else [])
    lines = [next(added) if entry is None else entry for entry in entries]
    nonces: dict[str, int] = {}
    signed = []
    for place, (call, line) in enumerate(zip(calls, lines, strict=True)):
        if line.state is State.PLANNED:
            # Anvil takes the highest first: what is sent together stands in blocks in the order of the calls.
            max_fee = MAX_FEE_PER_GAS + len(calls) - 1 - place
            address = call.sender.address
            nonces[address] = (
                nonces[address] + 1 if address in nonces else call.sender._next_nonce()
            )
            signed.append((line, call.sender._signed(call, nonces[address], max_fee)))
    made = {item.number: item for item in journal.sign_many(signed)} if signed else {}
    return [made.get(line.number, line) for line in lines]


class _Logs(Sequence[Any]):
    """The logs of a receipt in web3.py's form, made when somebody looks: most nobody does."""

    def __init__(self, raw: Sequence[Mapping[str, Any]]) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, place: Any) -> Any:
        log = self._raw[place]
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        return {
            **log,
            "address": checksummed(log["address"]),
            "topics": [HexBytes(topic) for topic in log["topics"]],
            "data": HexBytes(log["data"]),
            "blockHash": HexBytes(log["blockHash"]),
            "blockNumber": int(log["blockNumber"], 16),
            "transactionHash": HexBytes(log["transactionHash"]),
            "transactionIndex": int(log["transactionIndex"], 16),
            "logIndex": int(log["logIndex"], 16),
        }


def _receipt(mined: Mined) -> TxReceipt:
    """Return what web3.py returns for a receipt."""
    raw = mined.receipt
    receipt = {
        "transactionHash": HexBytes(raw["transactionHash"]),
        "blockHash": HexBytes(raw["blockHash"]),
        "blockNumber": mined.block,
        "from": checksummed(raw["from"]),
        "to": checksummed(raw["to"]),
        "gasUsed": mined.gas_used,
        "status": int(mined.ok),
        "logs": _Logs(raw["logs"]),
    }
    return cast(TxReceipt, receipt)


def revert_data(web3: Web3, call: dict[str, Any], block: int | str) -> bytes:
    """Return the revert data of a call, empty if it does not revert; Ganache and Anvil differ in where they put it."""
    number = hex(block) if isinstance(block, int) else block
    answer: Any = web3.provider.make_request(RPCEndpoint("eth_call"), [call, number])
    if "error" not in answer:
        return b""
    data = answer["error"].get("data", "")
    if isinstance(data, dict):
        data = data.get("result") or data.get("data") or ""
    return bytes(HexBytes(data)) if str(data).startswith("0x") else b""
