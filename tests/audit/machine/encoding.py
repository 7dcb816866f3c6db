"""Calldata without checks of range, so that an adversary may send what no honest client encodes; and quick.

Knows what the contracts' functions take: words, ``bytes``, tuples and arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]
Resolve = Callable[[Entry, Any], Any]


def encode(inputs: Sequence[Entry], values: Sequence[Any], resolve: Resolve) -> bytes:
    """Return the ABI encoding; ``resolve`` turns names into what stands for them."""
    heads: list[bytes | None] = []
    tails: list[bytes] = []
    for entry, value in zip(inputs, values, strict=True):
        body = _encoded(entry, value, resolve)
        is_dynamic = _is_dynamic(entry)
        heads.append(None if is_dynamic else body)
        tails.append(body if is_dynamic else b"")
    size = sum(32 if head is None else len(head) for head in heads)
    found = []
    for head, tail in zip(heads, tails, strict=True):
        found.append(_word(size) if head is None else head)
        size += len(tail)
    return b"".join((*found, *tails))


def _is_dynamic(entry: Entry) -> bool:
    if entry["type"] == "tuple":
        return any(_is_dynamic(part) for part in entry["components"])
    return bool(entry["type"] == "bytes" or entry["type"].endswith("]"))


def _encoded(entry: Entry, value: Any, resolve: Resolve) -> bytes:
    kind = entry["type"]
    if kind.endswith("[]"):
        part = {**entry, "type": kind[:-2]}
        return _word(len(value)) + encode([part] * len(value), value, resolve)
    value = resolve(entry, value)
    if kind == "tuple":
        return encode(entry["components"], value, resolve)
    if kind == "bytes":
        return _word(len(value)) + value + bytes(-len(value) % 32)
    if isinstance(value, bytes):
        return value.ljust(32, b"\0")
    if isinstance(value, str):
        return bytes(12) + bytes.fromhex(value[2:])
    return _word(int(value))


def _word(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")
