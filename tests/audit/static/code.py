"""What the compiler says of each contract that is deployed: its interface, its storage and its code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from eth_utils.crypto import keccak

from setm.evm import artifact
from setm.evm.abi import signature_of, type_of
from tests.audit.figures import ROOT

CONTRACTS = ROOT / "contracts"
_CONCRETE = re.compile(r"^contract (\w+)", re.MULTILINE)
# Numbers of the syntax tree stand behind the names of structs, enums and contracts: they change with any source.
_TREE_NUMBER = re.compile(r"\)\d+")

# EIP-170 and EIP-3860, bytes.
MAX_RUNTIME = 24_576
MAX_INIT = 49_152

PUSH1, PUSH32 = 0x60, 0x7F
# Code from elsewhere in our storage, code that vanishes, code that makes code, and who began the transaction.
FORBIDDEN = {
    0x32: "ORIGIN",
    0xF0: "CREATE",
    0xF2: "CALLCODE",
    0xF4: "DELEGATECALL",
    0xF5: "CREATE2",
    0xFF: "SELFDESTRUCT",
}


@cache
def deployed() -> tuple[str, ...]:
    """Return the names of all contracts that can be deployed, mocks excepted."""
    files = (path for path in sorted(CONTRACTS.rglob("*.sol")) if "mocks" not in path.parts)
    return tuple(sorted(name for path in files for name in _CONCRETE.findall(path.read_text())))


def snapshot(name: str) -> dict[str, list[str]]:
    """Return a contract's interface and storage as lines that a reader can compare."""
    compiled = artifact(name)
    return {
        "abi": sorted(_described(entry) for entry in compiled["abi"]),
        "storage": list(_stored(compiled["layout"])),
    }


def _described(entry: Mapping[str, Any]) -> str:
    kind = entry["type"]
    if kind == "constructor":
        return f"constructor({_parts(entry['inputs'])})"
    full = bytes(keccak(text=signature_of(entry)))
    identity = (full if kind == "event" else full[:4]).hex()
    line = f"{kind} {entry['name']}({_parts(entry['inputs'])})"
    if kind == "function":
        line += f" {entry['stateMutability']} returns ({_parts(entry['outputs'])})"
    return f"{line} 0x{identity}"


def _parts(entries: list[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{type_of(part)}{' indexed' if part.get('indexed') else ''} {part['name']}".rstrip()
        for part in entries
    )


def _stored(layout: Mapping[str, Any]) -> Iterator[str]:
    types = layout["types"] or {}
    for item in layout["storage"]:
        yield _placed(item, types)
    # What stands behind mappings and in arrays.
    for key in sorted(types, key=_plain):
        if "members" in types[key]:
            yield f"{_plain(key)}, {types[key]['numberOfBytes']} bytes"
            yield from (f"  {_placed(member, types)}" for member in types[key]["members"])


def _placed(item: Mapping[str, Any], types: Mapping[str, Any]) -> str:
    size = types[item["type"]]["numberOfBytes"]
    place = f"slot {item['slot']} byte {item['offset']}, {size} bytes"
    return f"{place}: {_plain(item['type'])} {item['label']}"


def _plain(kind: str) -> str:
    return _TREE_NUMBER.sub(")", kind)


def sizes(name: str) -> tuple[int, int]:
    """Return the bytes of a contract's runtime code and of what deploys it, without constructor arguments."""
    compiled = artifact(name)
    return len(compiled["runtime"]) // 2, len(compiled["bytecode"]) // 2


def forbidden_in(runtime: bytes, forbidden: Mapping[int, str] = FORBIDDEN) -> list[str]:
    """Return the forbidden instructions in runtime code, in the order in which they stand there."""
    end = len(runtime)
    if end > 2 and runtime[-2:] != b"\x00\x00":
        # The compiler's metadata is no code; its length stands in the last two bytes.
        length = int.from_bytes(runtime[-2:], "big") + 2
        end -= length if length < end else 0
    found, place = [], 0
    while place < end:
        opcode = runtime[place]
        if opcode in forbidden:
            found.append(forbidden[opcode])
        place += opcode - PUSH1 + 2 if PUSH1 <= opcode <= PUSH32 else 1
    return found
