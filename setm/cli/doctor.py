"""``setm doctor``: is everything there that SETM needs?"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

import typer

from setm.chain.abi import BUILD, ROLES
from setm.chain.node import PROJECT_ROOT
from setm.cli.output import AsJson, print_json, print_rows

TOOL_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that SETM needs."""

    what: str
    expected: str
    found: str
    ok: bool
    remedy: str


def findings() -> list[Finding]:
    """Return what is needed, what is there, and what to do about a difference."""
    return [_python(), *_packages(), *_tools(), _contracts()]


def command(as_json: AsJson = False) -> None:
    """Check the installation: Python, Node, chains, compiler, compiled contracts.

    Example: setm doctor
    """
    found = findings()
    if as_json:
        print_json([asdict(item) for item in found])
    else:
        print_rows("setm doctor", [asdict(item) for item in found])
    if not all(item.ok for item in found):
        raise typer.Exit(1)


def _python() -> Finding:
    version = platform.python_version()
    return Finding(
        "python", "3.11", version, sys.version_info[:2] == (3, 11), "install Python 3.11"
    )


def _packages() -> list[Finding]:
    wanted = {"eth-brownie": "1.22.2", "web3": "7", "eth-account": "0.13", "py-solc-x": "2"}
    return [_package(name, version) for name, version in wanted.items()]


def _package(name: str, expected: str) -> Finding:
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        found = "missing"
    return Finding(name, expected, found, found.startswith(expected), "run `make setup`")


def _tools() -> list[Finding]:
    anvil = next(iter(PROJECT_ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")), None)
    commands = {
        "node": ("v", [shutil.which("node") or "node", "--version"]),
        "ganache": (
            "ganache v7.9.2",
            ["node", "node_modules/ganache/dist/node/cli.js", "--version"],
        ),
        "anvil": ("anvil Version: 1.7.1", [str(anvil or "anvil"), "--version"]),
    }
    return [_tool(name, expected, command) for name, (expected, command) in commands.items()]


def _tool(name: str, expected: str, command: list[str]) -> Finding:
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=TOOL_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        found = (done.stdout.splitlines() or ["no answer"])[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        found = str(error)
    return Finding(name, expected, found, found.startswith(expected), "run `make setup`")


def _contracts() -> Finding:
    missing = [name for name in ROLES.values() if not (BUILD / f"{name}.json").is_file()]
    found = f"missing: {', '.join(missing)}" if missing else "all compiled"
    return Finding("contracts", "all compiled", found, not missing, "run `make setup`")
