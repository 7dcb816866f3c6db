"""A local Ganache or Anvil that lives exactly as long as the work that needs it."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from setm.errors import ChainUnreachable, ConfigError, SetupError

NodeKind = Literal["ganache", "anvil"]
PROJECT_ROOT = Path(__file__).resolve().parents[2]
LOCAL_MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 1337
ACCOUNTS = 20
# Each of them can give gas money to thousands of members.
BALANCE_ETHER = 1_000_000
BLOCK_GAS_LIMIT = 30_000_000
START_SECONDS = 30.0
ADVANCE_ATTEMPTS = 5
HOST = "127.0.0.1"
# How often Anvil writes its state, unless somebody wants it less often.
SAVE_SECONDS = 1
COPIES = 3
# Anvil keeps the whole state of so many blocks; by default it copies thousands of them, later ones to the disk.
KEPT_STATES = 64
NOBODY = "0x0000000000000000000000000000000000000000"


class Node:
    """A running local chain; each block is one second after the one before.

    It keeps its port for life. Its process may die and be started again: then ``process_id`` changes.
    """

    def __init__(
        self,
        kind: NodeKind,
        port: int,
        start_at: datetime,
        log: Path,
        state: Path | None,
        save_seconds: int = SAVE_SECONDS,
    ) -> None:
        self.kind = kind
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._start_at = start_at
        self._log = log
        self._saved = _Saved(state, kind, save_seconds) if state is not None else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int:
        """The chain's process, alive or not."""
        if self._process is None:
            raise ChainUnreachable(f"{self.kind} on port {self.port} was never started")
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the chain's process runs; a stopped one counts as running."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> None:
        """End what is left of the chain and start it again on its port, from its saved state if it has one.

        Ganache comes back with every block that it answered for. Anvil comes back whole after an orderly end; after a
        kill it lacks the blocks since its last saving (see ``save_seconds``). Without a saved state it begins anew.
        """
        self._end()
        saved = self._saved
        if saved is None:
            self._start([])
            return
        continued = saved.prepare()
        self._start(saved.arguments())
        while continued and not self._is_consistent():
            self._end()
            saved.fall_back()
            continued = saved.prepare()
            self._start(saved.arguments())
        if self._process is not None:
            saved.keep(self._process)

    def revive(self) -> bool:
        """Start the chain again if its process has ended; return whether that was needed."""
        if self.is_alive():
            return False
        self.restart()
        return True

    def _start(self, arguments: list[str]) -> None:
        with self._log.open("a") as output:
            self._process = subprocess.Popen(
                [*_command(self.kind, self.port, self._start_at), *arguments],
                cwd=PROJECT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                pass_fds=self._saved.descriptors() if self._saved else (),
            )
        _wait_until_up(self, self._process, self._log)
        if self.kind == "anvil":
            # Anvil saves its blocks but neither its clock nor its interval: without this the next block is dated at
            # the beginning of the chain.
            latest = _request(self, "eth_getBlockByNumber", "latest", False)["result"]
            _request(self, "anvil_setTime", int(latest["timestamp"], 16))
            _request(self, "anvil_setBlockTimestampInterval", 1)

    def _is_consistent(self) -> bool:
        """Whether the state is that of the newest block: Anvil may save one while it makes the next.

        Such a chain has the effects of a transaction that is in none of its blocks. Of its first block Anvil gives no
        root: a chain that was saved there begins anew.
        """
        if self.kind == "ganache":
            return True
        proof = _request(self, "eth_getProof", NOBODY, [], "latest")["result"]["accountProof"]
        latest = _request(self, "eth_getBlockByNumber", "latest", False)["result"]
        return bool(Web3.to_hex(Web3.keccak(hexstr=proof[0])) == latest["stateRoot"])

    def _end(self) -> None:
        if self._process is not None:
            _stop(self._process)
        if self._saved:
            self._saved.rest()

    def close(self) -> None:
        """End the chain for good; its saved state stays."""
        try:
            self._end()
        finally:
            if self._saved:
                self._saved.unlock()


class _Saved:
    """The folder in which a chain keeps its state, used by one chain at a time."""

    def __init__(self, folder: Path, kind: NodeKind, save_seconds: int) -> None:
        self.folder = folder
        self._save_seconds = save_seconds
        self.kind = kind
        self._database = folder / "database"
        self._file = folder / "state.json"
        # The newest first.
        self._copies = [folder / f"state.{number}.json" for number in range(1, COPIES + 1)]
        self._resting = threading.Event()
        self._keeper: threading.Thread | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")

    def prepare(self) -> bool:
        """Put the newest copy in the place of a torn file; return whether there is a state to continue from."""
        if self.kind == "ganache":
            return self._database.exists()
        while self._file.exists() and not _is_json(self._file):
            self.fall_back()
        return self._file.exists()

    def arguments(self) -> list[str]:
        """Return the options with which the chain keeps its state here."""
        if self.kind == "ganache":
            return ["--database.dbPath", str(self._database.resolve())]
        return ["--state", str(self._file.resolve()), "--state-interval", str(self._save_seconds)]

    def fall_back(self) -> None:
        """Put the newest copy in the place of the state; nothing if there is no copy left."""
        self._file.unlink(missing_ok=True)
        for copy in self._copies:
            if copy.exists():
                copy.replace(self._file)
                return

    def descriptors(self) -> tuple[int, ...]:
        """Return the lock: the chain holds it too, so that nobody takes the folder while an orphan still writes."""
        return (self._lock,)

    def keep(self, process: subprocess.Popen[bytes]) -> None:
        """Keep a copy of each whole state: Anvil writes into its file, and a kill in the middle leaves half of it."""
        if self.kind == "ganache":
            return
        self._resting.clear()
        self._keeper = threading.Thread(target=self._copy_while, args=(process,), daemon=True)
        self._keeper.start()

    def rest(self) -> None:
        """Stop keeping copies."""
        self._resting.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None

    def unlock(self) -> None:
        """Let others have the folder."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _copy_while(self, process: subprocess.Popen[bytes]) -> None:
        copied, seen = None, self._stamp()
        while not self._resting.wait(SAVE_SECONDS / 4):
            before, seen = seen, self._stamp()
            # Unchanged for a while and after copying, by a process that lives: nobody is in the middle of writing it.
            if seen is None or seen == copied or seen != before:
                continue
            draft = self.folder / "draft"
            with contextlib.suppress(OSError):
                shutil.copyfile(self._file, draft)
                if process.poll() is None and self._stamp() == seen:
                    self._push(draft)
                    copied = seen

    def _push(self, draft: Path) -> None:
        for older, newer in zip(self._copies[:0:-1], self._copies[-2::-1], strict=True):
            if newer.exists():
                newer.replace(older)
        draft.replace(self._copies[0])

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


@contextlib.contextmanager
def local_node(
    kind: NodeKind,
    *,
    start_at: datetime,
    log: Path,
    state: Path | None = None,
    port: int | None = None,
    save_seconds: int = SAVE_SECONDS,
) -> Iterator[Node]:
    """Start a chain whose first block is at ``start_at``; end it on every way out.

    Its output goes to ``log``. With a folder ``state`` it continues from what an earlier chain of the same kind left
    there, and leaves its own state there, an Anvil every ``save_seconds``; see ``Node.restart`` for what survives.
    Raises ``SetupError`` if the program
    is missing, ``ChainUnreachable`` if it does not answer or another chain uses the folder.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    node = Node(kind, port or _free_port(), start_at, log, state, save_seconds)
    try:
        node.restart()
        yield node
    finally:
        node.close()


def advance_to(node_kind: NodeKind, web3: Web3, timestamp: int) -> None:
    """Mine one block at ``timestamp`` (UTC seconds), unless the chain is already there.

    A request that gets lost on the way is repeated; if the node got it all the same nothing happens twice, or an empty
    block follows.
    """
    problem = ""
    for _ in range(ADVANCE_ATTEMPTS):
        if web3.eth.get_block("latest")["timestamp"] >= timestamp:
            return
        try:
            _mine_at(node_kind, web3, timestamp)
        except ChainUnreachable as error:
            problem = f": {error}"
    found = web3.eth.get_block("latest")["timestamp"]
    if found < timestamp:
        raise ChainUnreachable(
            f"chain clock at {found}: expected {timestamp}; is it a local chain?{problem}"
        )


def _mine_at(node_kind: NodeKind, web3: Web3, timestamp: int) -> None:
    if node_kind == "ganache":
        web3.provider.make_request(RPCEndpoint("evm_mine"), [timestamp])
        return
    answer = web3.provider.make_request(RPCEndpoint("evm_setNextBlockTimestamp"), [timestamp])
    # Without the new time a block would only count one second on.
    if "error" not in answer:
        web3.provider.make_request(RPCEndpoint("evm_mine"), [])


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
            *("--wallet.defaultBalance", str(BALANCE_ETHER)),
            *("--server.host", HOST),
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
            *("--balance", str(BALANCE_ETHER)),
            *("--prune-history", str(KEPT_STATES)),
            *("--host", HOST),
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
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _locked(path: Path) -> int:
    """Return the descriptor of a lock that nobody else holds, waiting for a chain that is about to end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ChainUnreachable(
                    f"{path.parent} is in use by another chain: end the run that started it"
                ) from None
            time.sleep(0.05)


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False


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


def _request(node: Node, method: str, *params: object) -> Any:
    return HTTPProvider(node.url, request_kwargs={"timeout": 5}).make_request(
        RPCEndpoint(method), list(params)
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
