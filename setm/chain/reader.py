"""What a chain says at one block: every answer is of the same moment, however long the questions take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import requests
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_typing import ABIFunction
from eth_utils.abi import function_abi_to_4byte_selector
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from setm.chain.abi import ROLES, abi, canonical_type
from setm.chain.events import Event, read_events
from setm.chain.sender import connect
from setm.errors import ChainError

Answer = TypeVar("Answer")


class Reader:
    """Asks the contracts of a deployment (role to address), all at the block that was newest at the beginning."""

    def __init__(self, url: str, addresses: Mapping[str, str]) -> None:
        self._web3 = connect(url)
        self.addresses = {
            role: Web3.to_checksum_address(address) for role, address in addresses.items()
        }
        newest = self._web3.eth.get_block("latest")
        self.block = int(newest["number"])
        self.now = int(newest["timestamp"])
        self.chain_id = int(self._web3.eth.chain_id)

    def client(self) -> str:
        """Return what the node calls itself."""
        return str(self._web3.client_version)

    def code(self, role: str) -> bytes:
        """Return the code at a role's address, empty if there is none."""
        address = self.addresses[role]
        return self._asked(
            f"code of {role}", lambda: bytes(self._web3.eth.get_code(address, self.block))
        )

    def ask(self, role: str, function: str, *args: Any) -> Any:
        """Return the answer of a view; raise ``ChainError`` if it refuses or what answers is not this contract."""
        entry = _entry(role, function)
        data = _selector(role, function) + encode(_types(role, function, "inputs"), args)
        call = {"to": self.addresses[role], "data": "0x" + data.hex()}

        def call_and_decode() -> list[Any]:
            answer = self.request("eth_call", call, hex(self.block))
            values = decode(_types(role, function, "outputs"), bytes.fromhex(answer[2:]))
            return [_plain(*pair) for pair in zip(entry["outputs"], values, strict=True)]

        values = self._asked(f"{role}.{function}{args}", call_and_decode)
        return values[0] if len(values) == 1 else values

    def named(self, role: str, function: str, *args: Any) -> dict[str, Any]:
        """Return the struct that a view answers, by its fields' names."""
        fields = [part["name"] for part in _entry(role, function)["outputs"][0]["components"]]
        return dict(zip(fields, self.ask(role, function, *args), strict=True))

    def storage(self, role: str, place: int) -> int:
        """Return a word of a contract's storage."""
        address = self.addresses[role]
        word = self._asked(
            f"storage {place} of {role}",
            lambda: self._web3.eth.get_storage_at(address, place, self.block),
        )
        return int.from_bytes(word, "big")

    def events(self, from_block: int = 0) -> list[Event]:
        """Return all events of the contracts up to the reader's block."""
        read = self._asked(
            "events", lambda: list(read_events(self._web3, self.addresses, from_block))
        )
        return [event for event in read if event.block <= self.block]

    def request(self, method: str, *params: Any) -> Any:
        """Return the answer of a bare JSON-RPC request."""
        answer = self._web3.provider.make_request(cast(RPCEndpoint, method), list(params))
        if "error" in answer:
            raise ChainError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer["result"]

    def _asked(self, what: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except (
            Web3Exception,
            DecodingError,
            requests.RequestException,
            KeyError,
            ValueError,
        ) as error:
            # A log or an answer that does not decode is another contract's.
            raise ChainError(
                f"{what} at block {self.block}: {type(error).__name__}: {error}"
            ) from None


@cache
def _entry(role: str, function: str) -> dict[str, Any]:
    named = (item for item in abi(ROLES[role]) if item["type"] == "function")
    return next(item for item in named if item["name"] == function)


@cache
def _types(role: str, function: str, side: str) -> list[str]:
    return [canonical_type(item) for item in _entry(role, function)[side]]


@cache
def _selector(role: str, function: str) -> bytes:
    return bytes(function_abi_to_4byte_selector(cast(ABIFunction, _entry(role, function))))


def _plain(item: Mapping[str, Any], value: Any) -> Any:
    """Return a decoded value with its addresses in checksum form."""
    if item["type"].endswith("[]"):
        inner = {**item, "type": item["type"].removesuffix("[]")}
        return [_plain(inner, part) for part in value]
    if item["type"] == "tuple":
        return [_plain(*pair) for pair in zip(item["components"], value, strict=True)]
    return Web3.to_checksum_address(value) if item["type"] == "address" else value
