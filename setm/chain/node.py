"""A local Ganache or Anvil that lives exactly as long as the work that needs it."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from setm.errors import ChainUnreachable, ConfigError, SetupError

NodeKind = Literal["ganache", "anvil"]
PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOCAL_MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 1337
ACCOUNTS = 20
BLOCK_GAS_LIMIT = 30_000_000
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A running local chain; each block is one second after the one before."""

    kind: NodeKind
    url: str
    port: int
    process_id: int


@contextlib.contextmanager
def local_node(kind: NodeKind, *, start_at: datetime, log: Path) -> Iterator[Node]:
    """Start a chain whose first block is at ``start_at``; end it on every way out.

    Its output goes to ``log``. Raises ``SetupError`` if the program is missing, ``ChainUnreachable`` if it does not
    answer.
    """
    port = _free_port()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            _command(kind, port, start_at),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
    try:
        node = Node(kind=kind, url=f"http://127.0.0.1:{port}", port=port, process_id=process.pid)
        _wait_until_up(node, process, log)
        if kind == "anvil":
            _request(node, "anvil_setBlockTimestampInterval", 1)
        yield node
    finally:
        _stop(process)


def advance_to(node_kind: NodeKind, web3: Web3, timestamp: int) -> None:
    """Mine one block at ``timestamp`` (UTC seconds), unless the chain is already there."""
    latest = web3.eth.get_block("latest")["timestamp"]
    if latest >= timestamp:
        return
    if node_kind == "ganache":
        web3.provider.make_request(RPCEndpoint("evm_mine"), [timestamp])
    else:
        web3.provider.make_request(RPCEndpoint("evm_setNextBlockTimestamp"), [timestamp])
        web3.provider.make_request(RPCEndpoint("evm_mine"), [])
    found = web3.eth.get_block("latest")["timestamp"]
    if found != timestamp:
        raise ChainUnreachable(
            f"chain clock at {found}: expected {timestamp}; is it a local chain?"
        )


def _command(kind: NodeKind, port: int, start_at: datetime) -> list[str]:
    if kind == "ganache":
        return [
            _program("node"),
            str(_installed("node_modules/ganache/dist/node/cli.js")),
            *("--chain.time", start_at.astimezone(UTC).isoformat()),
            *("--chain.chainId", str(CHAIN_ID)),
            *("--chain.hardfork", "shanghai"),
            *("--miner.timestampIncrement", "1"),
            *("--miner.blockGasLimit", str(BLOCK_GAS_LIMIT)),
            *("--wallet.mnemonic", LOCAL_MNEMONIC),
            *("--wallet.totalAccounts", str(ACCOUNTS)),
            *("--server.host", "127.0.0.1"),
            *("--server.port", str(port)),
            *("--logging.quiet", "true"),
        ]
    if kind == "anvil":
        return [
            str(_installed("node_modules/@foundry-rs/anvil-*/bin/anvil")),
            *("--timestamp", str(int(start_at.timestamp()))),
            *("--chain-id", str(CHAIN_ID)),
            *("--hardfork", "shanghai"),
            *("--gas-limit", str(BLOCK_GAS_LIMIT)),
            *("--mnemonic", LOCAL_MNEMONIC),
            *("--accounts", str(ACCOUNTS)),
            *("--host", "127.0.0.1"),
            *("--port", str(port)),
            "--quiet",
        ]
    raise ConfigError(f"network {kind}: expected ganache or anvil")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SetupError(f"program {name} is missing: run `make setup`")
    return found


def _installed(pattern: str) -> Path:
    found = sorted(PROJECT_ROOT.glob(pattern))
    if not found:
        raise SetupError(f"{pattern} is missing: run `make setup`")
    return found[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    # Even a killed parent leaves no chain behind: PR_SET_PDEATHSIG is 1.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _wait_until_up(node: Node, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            _request(node, "eth_chainId")
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-500:]
    raise ChainUnreachable(
        f"{node.kind} on port {node.port} does not answer; its last words: {tail}"
    )


def _request(node: Node, method: str, *params: object) -> None:
    HTTPProvider(node.url, request_kwargs={"timeout": 5}).make_request(
        RPCEndpoint(method), list(params)
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
