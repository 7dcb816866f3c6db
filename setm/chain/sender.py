"""One key, one writer: signs, sends, waits, and says clearly why something was refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import requests
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from web3 import HTTPProvider, Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import RPCEndpoint, TxParams, TxReceipt, Wei

from setm.chain.abi import decode_error
from setm.errors import ChainUnreachable, Reverted, TransactionLost

MAX_FEE_PER_GAS = Wei(100 * 10**9)
PRIORITY_FEE_PER_GAS = Wei(10**9)
RECEIPT_SECONDS = 30.0
ATTEMPTS = 5
Answer = TypeVar("Answer")
ALREADY_SENT = (
    "already known",
    "nonce too low",
    "known transaction",
    "already exists",
    "correct nonce",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A transaction in a block, with what it was for."""

    tx_hash: str
    block: int
    timestamp: int
    sender: str
    participant: str
    action: str
    contract: str
    gas_used: int
    ok: bool


Connection = Web3
"""A connection to a node, as the rest of SETM names it."""


def connect(url: str) -> Connection:
    """Return a connection; raise ``ChainUnreachable`` if nobody answers."""
    web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 30}))
    if not web3.is_connected():
        raise ChainUnreachable(f"no chain answers at {url}: start one, or check --network")
    return web3


class Sender:
    """Sends the transactions of one key. No other writer may use the key at the same time."""

    def __init__(
        self,
        web3: Web3,
        account: LocalAccount,
        name: str,
        record: Callable[[Sent], None] = lambda sent: None,
    ) -> None:
        self.web3 = web3
        self.account = account
        self.name = name
        self._record = record
        self._nonce: int | None = None
        self._chain_id = web3.eth.chain_id

    @property
    def address(self) -> str:
        """The key's address."""
        return str(self.account.address)

    def send(
        self, *, to: str, data: str, action: str, contract: str, gas: int, value: int = 0
    ) -> TxReceipt:
        """Send one transaction and wait until it is in a block.

        ``gas`` is a ceiling, not an estimate. Raises ``Reverted`` with the contract's reason, ``TransactionLost`` if it
        does not get into a block in time, ``ChainUnreachable`` if the node stays silent.
        """
        transaction: TxParams = {
            "to": Web3.to_checksum_address(to),
            "data": HexBytes(data),
            "value": Wei(value),
            "gas": gas,
            "nonce": self._next_nonce(),  # type: ignore[typeddict-item]
            "chainId": self._chain_id,
            "maxFeePerGas": MAX_FEE_PER_GAS,
            "maxPriorityFeePerGas": PRIORITY_FEE_PER_GAS,
            "type": 2,
        }
        signed = self.account.sign_transaction(cast(dict[str, Any], transaction))
        self._submit(signed.raw_transaction, signed.hash)
        receipt = self._wait(signed.hash, action)
        self._nonce = int(transaction["nonce"]) + 1
        self._note(receipt, action, contract)
        if receipt["status"] != 1:
            raise self._refusal(transaction, receipt, action)
        return receipt

    def _next_nonce(self) -> int:
        if self._nonce is None:
            self._nonce = patiently(
                lambda: self.web3.eth.get_transaction_count(self.account.address)
            )
        return self._nonce

    def _submit(self, raw: bytes, tx_hash: bytes) -> None:
        """Hand in the same signed bytes until the node has them; a repetition is never a second transaction."""

        def submit() -> None:
            try:
                self.web3.eth.send_raw_transaction(HexBytes(raw))
            except Web3RPCError as error:
                if not any(known in str(error).lower() for known in ALREADY_SENT):
                    raise
                self._require_known(tx_hash, error)

        patiently(submit)

    def _require_known(self, tx_hash: bytes, error: Web3RPCError) -> None:
        try:
            self.web3.eth.get_transaction(HexBytes(tx_hash))
        except TransactionNotFound:
            self._nonce = None
            raise TransactionLost(
                f"{self.name}: another writer used the nonce of 0x{bytes(tx_hash).hex()}: "
                "stop it, then run again"
            ) from error

    def _wait(self, tx_hash: bytes, action: str) -> TxReceipt:
        deadline, pause = time.monotonic() + RECEIPT_SECONDS, 0.001
        while time.monotonic() < deadline:
            try:
                return patiently(lambda: self.web3.eth.get_transaction_receipt(HexBytes(tx_hash)))
            except TransactionNotFound:
                time.sleep(pause)
                pause = min(pause * 2, 0.25)
        self._nonce = None
        raise TransactionLost(
            f"{action} of {self.name}: 0x{bytes(tx_hash).hex()} is in no block after "
            f"{RECEIPT_SECONDS:.0f} s: check that the chain makes blocks"
        )

    def _note(self, receipt: TxReceipt, action: str, contract: str) -> None:
        block = self.web3.eth.get_block(receipt["blockNumber"])
        self._record(
            Sent(
                tx_hash="0x" + bytes(receipt["transactionHash"]).hex(),
                block=receipt["blockNumber"],
                timestamp=block["timestamp"],
                sender=self.address,
                participant=self.name,
                action=action,
                contract=contract,
                gas_used=receipt["gasUsed"],
                ok=receipt["status"] == 1,
            )
        )

    def _refusal(self, transaction: TxParams, receipt: TxReceipt, action: str) -> Reverted:
        call = {
            "from": self.address,
            "to": transaction["to"],
            "data": Web3.to_hex(transaction["data"]),  # type: ignore[arg-type]
            "value": hex(transaction["value"]),
            "gas": hex(transaction["gas"]),
        }
        data = revert_data(self.web3, call, receipt["blockNumber"] - 1)
        error = decode_error(data)
        return Reverted(f"{action} of {self.name}", error.name, error.arguments)


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Return the node's answer, asking again when the connection fails; only for questions safe to repeat."""
    retrying = Retrying(
        retry=retry_if_exception_type((requests.ConnectionError, requests.Timeout)),
        wait=wait_exponential(multiplier=0.2, max=3),
        stop=stop_after_attempt(ATTEMPTS),
        reraise=True,
    )
    try:
        return retrying(ask)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise ChainUnreachable(
            f"the node does not answer after {ATTEMPTS} tries: {error}"
        ) from error


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
