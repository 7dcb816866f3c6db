"""The contracts compiled from the sources that are here, with the settings that are here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import solcx
import yaml
from eth_utils.crypto import keccak

from setm.deployment_plan import STANDARD
from setm.errors import SetupError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "verify"
# What decides the bytecode besides the contracts: the settings and the versions of compiler and library.
INPUTS = ("brownie-config.yaml", "package-lock.json")
WANTED = ("abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode", "storageLayout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One contract; ``immutables`` says at which bytes of the runtime code each immutable's 32-byte value stands,
    ``variables`` in which word of the storage each variable begins."""

    contract: str
    abi: list[dict[str, Any]]
    creation: str
    runtime: str
    metadata: str
    immutables: Mapping[str, list[int]]
    variables: Mapping[str, int]

    @property
    def compiler(self) -> str:
        """The compiler's version and the settings that matter, in words."""
        said = json.loads(self.metadata)
        optimizer = said["settings"]["optimizer"]
        runs = optimizer["runs"] if optimizer["enabled"] else "no"
        return (
            f"solc {said['compiler']['version']}, {said['settings']['evmVersion']}, "
            f"optimizer {runs} runs"
        )


def compile_sources(
    *, contracts: Mapping[str, str] = STANDARD, fresh: bool = False, **settings: Any
) -> dict[str, Compiled]:
    """Return contracts by their roles; ``settings`` replace those of brownie-config.yaml.

    A stored answer counts only while every source file has the hash that the compiler wrote into its metadata.
    """
    stored = CACHE / f"{_digest(contracts, settings)}.json"
    if not fresh and stored.is_file():
        read = {role: Compiled(**item) for role, item in json.loads(stored.read_text()).items()}
        if not any(changed for item in read.values() for changed in changed_sources(item)):
            return read
    compiled = _compile(contracts, settings)
    CACHE.mkdir(parents=True, exist_ok=True)
    # Renamed into place, so that a second process never reads half a file.
    partial = stored.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps({role: asdict(item) for role, item in compiled.items()}))
    partial.replace(stored)
    return compiled


def changed_sources(compiled: Compiled) -> Iterator[str]:
    """Yield the source files that are not what the contract was compiled from."""
    for name, source in json.loads(compiled.metadata)["sources"].items():
        path = ROOT / name
        if not path.is_file() or "0x" + keccak(path.read_bytes()).hex() != source["keccak256"]:
            yield name


def _digest(contracts: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    files = sorted((*(ROOT / "contracts").rglob("*.sol"), *(ROOT / "interfaces").rglob("*.sol")))
    inputs = [ROOT / name for name in INPUTS]
    parts = [[path.relative_to(ROOT).as_posix(), path.read_text()] for path in (*files, *inputs)]
    text = json.dumps([parts, dict(contracts), settings, WANTED], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _file_of(contract: str) -> str:
    found = sorted((ROOT / "contracts").rglob(f"{contract}.sol"))
    if len(found) != 1:
        raise SetupError(f"contracts/**/{contract}.sol: expected one file, found {len(found)}")
    return found[0].relative_to(ROOT).as_posix()


def _compile(contracts: Mapping[str, str], settings: Mapping[str, Any]) -> dict[str, Compiled]:
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    files = {role: _file_of(contract) for role, contract in contracts.items()}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": (ROOT / name).read_text()} for name in files.values()},
        "settings": {
            "evmVersion": config["evm_version"],
            "optimizer": config["solc"]["optimizer"],
            "viaIR": config["solc"].get("viaIR", False),
            "remappings": config["solc"].get("remappings", []),
            **settings,
            "outputSelection": {"*": {"*": list(WANTED), "": ["ast"]}},
        },
    }
    version = str(config["solc"]["version"])
    try:
        answer = solcx.compile_standard(
            request, base_path=ROOT, allow_paths=[ROOT], solc_version=version
        )
    except solcx.exceptions.SolcError as error:
        raise SetupError(f"the contracts do not compile: {error}") from None
    names = dict(_immutables(answer["sources"]))
    return {
        role: _compiled(contracts[role], answer["contracts"][name][contracts[role]], names)
        for role, name in files.items()
    }


def _compiled(contract: str, answer: Mapping[str, Any], names: Mapping[str, str]) -> Compiled:
    runtime = answer["evm"]["deployedBytecode"]
    return Compiled(
        contract=contract,
        abi=answer["abi"],
        creation=answer["evm"]["bytecode"]["object"],
        runtime=runtime["object"],
        metadata=answer["metadata"],
        immutables={
            names[number]: [place["start"] for place in places]
            for number, places in runtime["immutableReferences"].items()
        },
        variables={item["label"]: int(item["slot"]) for item in answer["storageLayout"]["storage"]},
    )


def _immutables(node: Any) -> Iterator[tuple[str, str]]:
    """Yield number and name of every immutable that is declared below a node of the syntax trees."""
    if isinstance(node, dict):
        if node.get("nodeType") == "VariableDeclaration" and node.get("mutability") == "immutable":
            yield str(node["id"]), node["name"]
        for part in node.values():
            yield from _immutables(part)
    elif isinstance(node, list):
        for part in node:
            yield from _immutables(part)
