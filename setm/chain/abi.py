"""What the compiler wrote about each contract: function ABIs, event topics and custom errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from eth_abi.abi import decode
from eth_typing.abi import ABIEvent, ABIFunction
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector

from setm.deployment_plan import OPTIONAL, STANDARD
from setm.errors import SetupError

ROLES: Mapping[str, str] = MappingProxyType({**STANDARD, **OPTIONAL})
"""The contract that a role can have in some deployment."""
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


def decode_inputs(inputs: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Any]:
    """Return ABI-encoded ``data`` by the names of ``inputs``; tuples become dicts, bytes become 0x-hex."""
    values = decode([canonical_type(item) for item in inputs], data)
    return {item["name"]: named(item, value) for item, value in zip(inputs, values, strict=True)}


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
