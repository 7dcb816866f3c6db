"""Encoding and decoding by ABI: structs go in as tuples or dicts and come out as named tuples."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode as _decode
from eth_abi.abi import encode as _encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

PANICS = {0x01: "assert", 0x11: "overflow", 0x12: "division by zero", 0x21: "enum", 0x32: "index"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One decoded event; ``args`` by name, indexed or not."""

    name: str
    address: str
    args: Mapping[str, Any]


def type_of(entry: Mapping[str, Any]) -> str:
    """Return the canonical type of an ABI entry, tuples written out."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(type_of(part) for part in entry["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def signature_of(entry: Mapping[str, Any]) -> str:
    """Return ``name(type,...)`` of a function, error or event."""
    return f"{entry['name']}({','.join(type_of(part) for part in entry['inputs'])})"


def selector_of(entry: Mapping[str, Any]) -> bytes:
    """Return the first four bytes of the signature's hash."""
    return bytes(keccak(text=signature_of(entry))[:4])


def encode(inputs: Sequence[Mapping[str, Any]], values: Sequence[Any]) -> bytes:
    """Return the ABI encoding of ``values``."""
    if len(inputs) != len(values):
        raise TypeError(f"{len(values)} arguments: expected {len(inputs)}")
    plain = [_plain(entry, value) for entry, value in zip(inputs, values, strict=True)]
    return bytes(_encode([type_of(entry) for entry in inputs], plain))


def decode(outputs: Sequence[Mapping[str, Any]], data: bytes) -> tuple[Any, ...]:
    """Return the decoded values."""
    values = _decode([type_of(entry) for entry in outputs], data)
    return tuple(_named(entry, value) for entry, value in zip(outputs, values, strict=True))


def decode_event(
    entry: Mapping[str, Any], address: str, topics: Sequence[bytes], data: bytes
) -> Event:
    """Return a decoded event; an indexed value of dynamic type stays its hash."""
    indexed = [part for part in entry["inputs"] if part["indexed"]]
    others = [part for part in entry["inputs"] if not part["indexed"]]
    found: dict[str, Any] = dict(
        zip((part["name"] for part in others), decode(others, data), strict=True)
    )
    for part, topic in zip(indexed, topics[1:], strict=True):
        is_hash = part["type"].endswith("]") or part["type"] in ("bytes", "string")
        found[part["name"]] = topic if is_hash else decode([part], topic)[0]
    args = {part["name"]: found[part["name"]] for part in entry["inputs"]}
    return Event(name=entry["name"], address=address, args=args)


def decode_error(
    errors: Mapping[bytes, Mapping[str, Any]], data: bytes
) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of what a call reverted with; name is empty for no data."""
    if not data:
        return "", {}
    selector, body = data[:4], data[4:]
    if selector == keccak(text="Error(string)")[:4]:
        return "Error", {"message": _decode(["string"], body)[0]}
    if selector == keccak(text="Panic(uint256)")[:4]:
        code = _decode(["uint256"], body)[0]
        return "Panic", {"code": code, "meaning": PANICS.get(code, "")}
    if selector not in errors:
        return "UnknownError", {"data": data.hex()}
    entry = errors[selector]
    names = (part["name"] or str(place) for place, part in enumerate(entry["inputs"]))
    return entry["name"], dict(zip(names, decode(entry["inputs"], body), strict=True))


def index(entries: Iterable[Mapping[str, Any]], kind: str) -> dict[bytes, Mapping[str, Any]]:
    """Return errors by selector, or events by topic, of an ABI."""
    found = {}
    for entry in entries:
        if entry["type"] == kind:
            full = bytes(keccak(text=signature_of(entry)))
            found[full[:4] if kind == "error" else full] = entry
    return found


def _plain(entry: Mapping[str, Any], value: Any) -> Any:
    kind = str(entry["type"])
    if kind.endswith("]"):
        part = {**entry, "type": kind[: kind.rindex("[")]}
        return [_plain(part, one) for one in value]
    if kind == "tuple":
        if is_dataclass(value) and not isinstance(value, type):
            value = [getattr(value, part.name) for part in fields(value)]
        if isinstance(value, Mapping):
            value = [value[part["name"]] for part in entry["components"]]
        pairs = zip(entry["components"], value, strict=True)
        return tuple(_plain(part, one) for part, one in pairs)
    if kind == "address":
        return address_of(value)
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _named(entry: Mapping[str, Any], value: Any) -> Any:
    kind = str(entry["type"])
    if kind.endswith("]"):
        part = {**entry, "type": kind[: kind.rindex("[")]}
        return [_named(part, one) for one in value]
    if kind == "tuple":
        record = _record(tuple(part["name"] for part in entry["components"]))
        pairs = zip(entry["components"], value, strict=True)
        return record(*(_named(part, one) for part, one in pairs))
    return to_checksum_address(value) if kind == "address" else value


@cache
def _record(names: tuple[str, ...]) -> Any:
    return namedtuple("Record", names, rename=True)


def address_of(value: Any) -> str:
    """Return the address of a contract, an eth-account account or an address itself."""
    return str(getattr(value, "address", value))
