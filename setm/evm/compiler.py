"""Compiles each contract once for each state of its sources, with the settings of brownie-config.yaml.

A contract is compiled with nothing but what it imports, so that a change elsewhere costs no time. The answers are kept
in build/evm.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache, reduce
from pathlib import Path
from typing import Any

import solcx
import yaml

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "evm"
FOLDERS = ("contracts", "interfaces")
# What else decides the bytecode: the settings, and the version of the imported library.
INPUTS = ("brownie-config.yaml", "package-lock.json")
# What is asked of the compiler and, in the same order, under which names `artifact` returns it.
OUTPUTS = ("abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout")
NAMES = ("abi", "bytecode", "runtime", "layout")

_DEFINED = re.compile(r"^(?:abstract )?(?:contract|interface|library) (\w+)", re.MULTILINE)
_IMPORTED = re.compile(r"^import [^;]*?\"(\.[^\"]+)\"", re.MULTILINE)


class CompilationFailed(Exception):
    """The compiler's own messages."""


@cache
def artifact(contract_name: str) -> Mapping[str, Any]:
    """Return ``{"abi": [...], "bytecode": "...", "runtime": "...", "layout": {...}}`` of a contract or interface.

    ``runtime`` is what stands on chain, immutables zero; ``layout`` is where the storage keeps what.
    """
    file = _files()[contract_name]
    sources = _closure(file)
    stored = CACHE / f"{contract_name}-{_digest(sources)}.json"
    if not stored.exists():
        found = _compile(file)[contract_name]
        CACHE.mkdir(parents=True, exist_ok=True)
        # Renamed into place, so that a second process never reads half a file.
        partial = stored.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(found))
        partial.replace(stored)
    read: dict[str, Any] = json.loads(stored.read_text())
    return read


@cache
def _files() -> dict[str, Path]:
    return {
        name: path
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.sol"))
        for name in _DEFINED.findall(path.read_text())
    }


def _closure(file: Path) -> dict[str, str]:
    sources: dict[str, str] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(ROOT).as_posix()
        if name not in sources:
            sources[name] = path.read_text()
            waiting += [
                (path.parent / found).resolve() for found in _IMPORTED.findall(sources[name])
            ]
    return sources


def _digest(sources: Mapping[str, str]) -> str:
    inputs = {name: (ROOT / name).read_text() for name in INPUTS}
    text = json.dumps([sources, inputs, OUTPUTS], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _compile(file: Path) -> Mapping[str, Mapping[str, Any]]:
    compiler = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    name = file.relative_to(ROOT).as_posix()
    request = {
        "language": "Solidity",
        "sources": {name: {"content": file.read_text()}},
        "settings": {
            "evmVersion": compiler["evm_version"],
            "optimizer": compiler["solc"]["optimizer"],
            "viaIR": compiler["solc"].get("viaIR", False),
            "remappings": compiler["solc"].get("remappings", []),
            "outputSelection": {name: {"*": list(OUTPUTS)}},
        },
    }
    version = str(compiler["solc"]["version"])
    try:
        answer = solcx.compile_standard(
            request, base_path=ROOT, allow_paths=[ROOT], solc_version=version
        )
    except solcx.exceptions.SolcError as error:
        raise CompilationFailed(str(error).partition("\n> command")[0]) from None
    return {
        found: {
            field: reduce(lambda part, key: part[key], path.split("."), parts)
            for field, path in zip(NAMES, OUTPUTS, strict=True)
        }
        for found, parts in answer["contracts"][name].items()
    }
