"""One key, one writer: signs, sends, waits, and says clearly why something was refused."""

from __future__ import annotations

from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.types import RPCEndpoint, TxReceipt

from setm.chain.abi import decode_error
from setm.chain.connection import Connection, Patience, connect
from setm.chain.journal import Entry, Intent, Journal, Mined, Sent, Signed, State
from setm.chain.keeper import Keeper
from setm.errors import Reverted

__all__ = ["Connection", "Patience", "Sender", "Sent", "connect", "revert_data"]

MAX_FEE_PER_GAS = 100 * 10**9
PRIORITY_FEE_PER_GAS = 10**9
SELECTOR_LENGTH = 10


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
        journal = self.keeper.journal
        intent = Intent(
            participant=self.name,
            action=action,
            contract=contract,
            target=Web3.to_checksum_address(to),
            selector=data[:SELECTOR_LENGTH],
            value=value,
        )
        entry = journal.expect(self.address, self._ordinal, intent)
        if entry is None:
            self.keeper.check()
            entry = journal.plan(self.address, self._ordinal, intent)
        if entry.state is State.PLANNED:
            entry = journal.sign(entry, self._signed(intent, data, gas))
        if entry.state in (State.SIGNED, State.SENT):
            mined = self.keeper.deliver(entry, self._renewed, self._refusal)
            entry = journal.mined(entry, mined)
        self._ordinal += 1
        return self._result(entry)

    def _result(self, entry: Entry) -> TxReceipt:
        assert entry.mined is not None
        if not entry.mined.ok:
            error = decode_error(bytes(HexBytes(entry.mined.refusal)))
            raise Reverted(entry.name, error.name, error.arguments)
        return _receipt(entry.mined)

    def _signed(self, intent: Intent, data: str, gas: int) -> Signed:
        transaction = {
            "to": intent.target,
            "data": HexBytes(data),
            "value": intent.value,
            "gas": gas,
            "nonce": self._next_nonce(),
            "chainId": self.keeper.chain_id,
            "maxFeePerGas": MAX_FEE_PER_GAS,
            "maxPriorityFeePerGas": PRIORITY_FEE_PER_GAS,
            "type": 2,
        }
        return self._sign(transaction)

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
        signed = self.account.sign_transaction(transaction)
        return Signed(
            nonce=int(transaction["nonce"]),
            tx_hash="0x" + bytes(signed.hash).hex(),
            max_fee=int(transaction["maxFeePerGas"]),
            raw=bytes(signed.raw_transaction),
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


def _receipt(mined: Mined) -> TxReceipt:
    """Return what web3.py returns for a receipt."""
    raw = mined.receipt
    logs = [
        {
            **log,
            "address": Web3.to_checksum_address(log["address"]),
            "topics": [HexBytes(topic) for topic in log["topics"]],
            "data": HexBytes(log["data"]),
            "blockHash": HexBytes(log["blockHash"]),
            "blockNumber": int(log["blockNumber"], 16),
            "transactionHash": HexBytes(log["transactionHash"]),
            "transactionIndex": int(log["transactionIndex"], 16),
            "logIndex": int(log["logIndex"], 16),
        }
        for log in raw["logs"]
    ]
    receipt = {
        "transactionHash": HexBytes(raw["transactionHash"]),
        "blockHash": HexBytes(raw["blockHash"]),
        "blockNumber": mined.block,
        "from": Web3.to_checksum_address(raw["from"]),
        "to": Web3.to_checksum_address(raw["to"]),
        "gasUsed": mined.gas_used,
        "status": int(mined.ok),
        "logs": logs,
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
