"""Runs Slither over every contract that is deployed, and compares with what is explained.

::

    tools/audit-tools                                     # once
    .venv/bin/python -m tests.audit.static.slither        # prints what is unexplained, ready to be explained
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.audit.figures import ROOT
from tests.audit.static.code import CONTRACTS, deployed

SLITHER = ROOT / ".venv-slither" / "bin" / "slither"
EXPLAINED = Path(__file__).parent / "slither_explained.yaml"
COMPILER = ROOT / "tools" / "solc" / "solc-v0.8.30"
# What explains a finding enough to be recognised: where it is, and the code that it is about.
WRITES = "variables_written"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One finding of high or medium impact; no line numbers, which change with every comment."""

    detector: str
    place: str


def source_of(name: str) -> Path:
    """Return the file of a deployed contract."""
    (path,) = CONTRACTS.rglob(f"{name}.sol")
    return path


def analysed(source: Path) -> list[Finding]:
    """Return what Slither finds in a file and all that it imports, OpenZeppelin excepted."""
    command = [
        str(SLITHER),
        str(source),
        *("--solc", str(COMPILER)),
        *("--compile-force-framework", "solc"),
        *("--solc-remaps", "@openzeppelin=node_modules/@openzeppelin"),
        *("--filter-paths", "node_modules"),
        "--exclude-dependencies",
        "--exclude-informational",
        "--exclude-optimization",
        "--exclude-low",
        *("--json", "-"),
    ]
    # The compiler is a program for Node, which may live in .venv.
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(finished.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"{source.name}: {finished.stderr[-2000:]}") from None
    if not answer["success"]:
        raise RuntimeError(f"{source.name}: {answer['error']}")
    return [_finding(result) for result in answer["results"].get("detectors", [])]


def _finding(result: Mapping[str, Any]) -> Finding:
    first, *others = result["elements"]
    nodes = [other for other in others if other["type"] == "node"]
    written = [
        node for node in nodes if node.get("additional_fields", {}).get("underlying_type") == WRITES
    ]
    code = " | ".join(sorted({node["name"] for node in written or nodes}))
    return Finding(result["check"], f"{_owned(first)}: {code}" if code else _owned(first))


def _owned(element: Mapping[str, Any]) -> str:
    """Return ``Contract.function(types)``, with a variable's own name behind it."""
    parent = element.get("type_specific_fields", {}).get("parent", {})
    name = element.get("type_specific_fields", {}).get("signature", element["name"])
    return f"{_owned(parent)}.{name}" if parent.get("type") in ("contract", "function") else name


def all_findings() -> set[Finding]:
    return {found for name in deployed() for found in analysed(source_of(name))}


def explained() -> dict[Finding, str]:
    """Return the checked-in explanations by finding."""
    groups = yaml.safe_load(EXPLAINED.read_text())
    return {
        Finding(group["detector"], place): group["reason"]
        for group in groups
        for place in group["places"]
    }


def as_yaml(findings: Iterable[Finding]) -> str:
    groups: dict[str, list[str]] = {}
    for finding in sorted(findings):
        groups.setdefault(finding.detector, []).append(finding.place)
    listed = [{"detector": d, "reason": "", "places": places} for d, places in groups.items()]
    return str(yaml.safe_dump(listed, sort_keys=False, width=1000)) if listed else ""


if __name__ == "__main__":
    unexplained = all_findings() - (explained().keys() if EXPLAINED.exists() else set())
    print(as_yaml(unexplained), end="")
    sys.exit(bool(unexplained))
