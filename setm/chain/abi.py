"""What the compiler wrote about each contract: function ABIs, event topics and custom errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_typing.abi import ABIEvent, ABIFunction
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address

from setm.deployment_plan import BOOKS, OPTIONAL, STANDARD
from setm.errors import SetupError

ROLES: Mapping[str, str] = MappingProxyType({**STANDARD, **OPTIONAL, **BOOKS})
"""The contract that a role can have in some deployment."""
WORD = 32
Read = Callable[[bytes], Any]
"""Reads a value from its words."""
BUILD = Path(__file__).resolve().parents[2] / "build" / "contracts"


@cache
def artifact(contract: str) -> dict[str, Any]:
    """Return the compiler's output for a contract; raise ``SetupError`` if it was never compiled."""
    path = BUILD / f"{contract}.json"
    if not path.is_file():
        raise SetupError(f"{contract} is not compiled: run `make setup`")
    return dict(json.loads(path.read_text()))


def abi(contract: str) -> list[dict[str, Any]]:
    """Return the ABI of a contract."""
    return list(artifact(contract)["abi"])


@dataclass(frozen=True, slots=True)
class DecodedError:
    """A custom error with its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


@cache
def _errors() -> dict[bytes, dict[str, Any]]:
    known: dict[bytes, dict[str, Any]] = {}
    for contract in ROLES.values():
        for item in abi(contract):
            if item["type"] == "error":
                function = cast(ABIFunction, {**item, "type": "function"})
                known.setdefault(bytes(function_abi_to_4byte_selector(function)), item)
    return known


PANICS: Mapping[int, str] = {
    0x01: "assertion",
    0x11: "overflow",
    0x12: "division by zero",
    0x32: "index",
}


def decode_error(data: bytes) -> DecodedError:
    """Return the custom error in revert data, or a readable stand-in for what is not one of ours."""
    if not data:
        return DecodedError("Reverted", {})
    selector, body = data[:4], data[4:]
    if selector == bytes.fromhex("08c379a0"):
        return DecodedError("Error", {"message": decode(["string"], body)[0]})
    if selector == bytes.fromhex("4e487b71"):
        code = int.from_bytes(body, "big")
        return DecodedError("Panic", {"code": PANICS.get(code, hex(code))})
    found = _errors().get(selector)
    if found is None:
        return DecodedError("UnknownError", {"data": "0x" + data.hex()})
    return DecodedError(found["name"], decode_inputs(found["inputs"], body))


@cache
def topics(contract: str) -> dict[bytes, dict[str, Any]]:
    """Return the events of a contract by their topic."""
    events = (item for item in abi(contract) if item["type"] == "event")
    return {bytes(event_abi_to_log_topic(cast(ABIEvent, item))): item for item in events}


@cache
def checksummed(address: str) -> str:
    """Return an address in checksum form; a run has few of them and asks for them often."""
    return str(to_checksum_address(address))


def call_data(contract: str, function: str, args: Sequence[Any]) -> str:
    """Return the calldata of a function's call, 0x-hex."""
    selector, kinds = _function(contract, function, len(args))
    return "0x" + (selector + encode(kinds, args)).hex()


def arguments_of(contract: str, function: str, arguments: int, data: str) -> tuple[Any, ...] | None:
    """Return the arguments of a call of a function of so many arguments, None if ``data`` (0x-hex) is none."""
    selector, kinds = _function(contract, function, arguments)
    called, body = bytes.fromhex(data[2:10]), bytes.fromhex(data[10:])
    try:
        return tuple(decode(kinds, body)) if called == selector else None
    except DecodingError:
        return None


def answer_of(contract: str, function: str, arguments: int, answer: str) -> Any:
    """Return what a view answered, decoded: one value, or a tuple of several."""
    values = decode(_outputs(contract, function, arguments), bytes.fromhex(answer[2:]))
    return values[0] if len(values) == 1 else values


@cache
def _outputs(contract: str, function: str, arguments: int) -> list[str]:
    (item,) = _named(contract, function, arguments)
    return [canonical_type(part) for part in item["outputs"]]


@cache
def _function(contract: str, function: str, arguments: int) -> tuple[bytes, list[str]]:
    """Return selector and types of the function of that name with so many arguments."""
    (item,) = _named(contract, function, arguments)
    selector = bytes(function_abi_to_4byte_selector(cast(ABIFunction, item)))
    return selector, [canonical_type(part) for part in item["inputs"]]


def _named(contract: str, function: str, arguments: int) -> list[dict[str, Any]]:
    found = [
        item
        for item in abi(contract)
        if item["type"] == "function"
        and item["name"] == function
        and len(item["inputs"]) == arguments
    ]
    if len(found) != 1:
        raise SetupError(
            f"{contract} has {len(found)} functions {function} of {arguments} arguments: expected one"
        )
    return found


def decode_inputs(inputs: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Any]:
    """Return ABI-encoded ``data`` by the names of ``inputs``; tuples become dicts, bytes become 0x-hex."""
    values = decode([canonical_type(item) for item in inputs], data)
    return {item["name"]: named(item, value) for item, value in zip(inputs, values, strict=True)}


def fixed_reader(item: Mapping[str, Any]) -> tuple[int, Read] | None:
    """Return how many words a value of fixed length takes and what reads them as ``decode_inputs`` does, else None.

    Reading words is ten times as fast as decoding them.
    """
    kind = str(item["type"])
    if kind == "tuple":
        parts = [(part["name"], fixed_reader(part)) for part in item["components"]]
        if any(found is None for _, found in parts):
            return None
        return _struct_reader([(name, *found) for name, found in parts if found])
    if kind in ("address", "bool"):
        return 1, _address if kind == "address" else _bool
    number = re.fullmatch(r"(u?int|bytes)(\d+)", kind)
    if number is None:
        return None
    if number[1] == "bytes":
        return 1, partial(_bytes, int(number[2]))
    return 1, partial(_integer, number[1] == "int")


def _struct_reader(parts: Sequence[tuple[str, int, Read]]) -> tuple[int, Read]:
    def read(data: bytes) -> dict[str, Any]:
        values, at = {}, 0
        for name, words, inner in parts:
            values[name] = inner(data[at : at + WORD * words])
            at += WORD * words
        return values

    return sum(words for _, words, _ in parts), read


def _address(word: bytes) -> str:
    return "0x" + word[12:].hex()


def _bool(word: bytes) -> bool:
    return bool(word[-1])


def _bytes(size: int, word: bytes) -> str:
    return "0x" + word[:size].hex()


def _integer(is_signed: bool, word: bytes) -> int:
    return int.from_bytes(word, "big", signed=is_signed)


def canonical_type(item: Mapping[str, Any]) -> str:
    """Return the type string of an ABI input, tuples written out."""
    if not item["type"].startswith("tuple"):
        return str(item["type"])
    inner = ",".join(canonical_type(part) for part in item["components"])
    return f"({inner}){item['type'].removeprefix('tuple')}"


def named(item: Mapping[str, Any], value: Any) -> Any:
    """Return a decoded value in the form of the event files."""
    kind = item["type"]
    if kind.endswith("]"):
        inner = {**item, "type": kind[: kind.rindex("[")]}
        return [named(inner, part) for part in value]
    if kind == "tuple":
        parts = zip(item["components"], value, strict=True)
        return {part["name"]: named(part, inner) for part, inner in parts}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value
