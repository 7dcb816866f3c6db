"""What can be done to a program's world while it works: to its chain, its chain's process and the program itself."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from web3 import HTTPProvider
from web3.types import RPCEndpoint

if TYPE_CHECKING:
    from tests.audit.faults.program import Surroundings

# Long enough that the program notices, short enough that it need not give up.
WHILE_SECONDS = 1.0
DEEP = 6


def ask(surroundings: Surroundings, method: str, *params: Any) -> Any:
    """Ask the node itself, past the proxy; raise if it refuses, so that no effect is only imagined."""
    assert surroundings.node is not None
    provider = HTTPProvider(surroundings.node.url, request_kwargs={"timeout": 10})
    answer = provider.make_request(RPCEndpoint(method), list(params))
    if "error" in answer:
        raise RuntimeError(f"{method} {params}: {answer['error']}")
    return answer["result"]


def _later(action: Callable[[], Any], seconds: float = WHILE_SECONDS) -> None:
    def act() -> None:
        time.sleep(seconds)
        action()

    threading.Thread(target=act, daemon=True).start()


def _signal(number: int) -> Callable[[Surroundings], None]:
    def act(surroundings: Surroundings) -> None:
        assert surroundings.node is not None
        os.kill(surroundings.node.process_id, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            while surroundings.node.is_alive():
                time.sleep(0.002)

    return act


def _chain_stops_a_while(surroundings: Surroundings) -> None:
    assert surroundings.node is not None
    process_id = surroundings.node.process_id
    os.kill(process_id, signal.SIGSTOP)
    _later(lambda: os.kill(process_id, signal.SIGCONT))


def _chain_loses_its_state(surroundings: Surroundings) -> None:
    """Killed, and its disk is gone: everything from the first block on has to come back."""
    _signal(signal.SIGKILL)(surroundings)
    state = surroundings.life.folder / "chain"
    for file in sorted(state.rglob("*"), reverse=True):
        if file.is_file() and file.name != "lock":
            file.unlink()


def _chain_state_is_torn(surroundings: Surroundings) -> None:
    _signal(signal.SIGKILL)(surroundings)
    file = surroundings.life.folder / "chain" / "state.json"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def _program_dies(surroundings: Surroundings) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _program_is_ended(surroundings: Surroundings) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _both_die(surroundings: Surroundings) -> None:
    _signal(signal.SIGKILL)(surroundings)
    _program_dies(surroundings)


def _reorganised(depth: int) -> Callable[[Surroundings], None]:
    """The newest blocks are replaced by empty ones; their transactions are gone."""
    return lambda surroundings: ask(surroundings, "anvil_reorg", depth, [])


def _rolled_back(depth: int) -> Callable[[Surroundings], None]:
    """The newest blocks are gone, and nothing is in their place."""
    return lambda surroundings: ask(surroundings, "anvil_rollback", depth)


def _no_blocks_for_a_while(surroundings: Surroundings) -> None:
    """Transactions hang in the pool."""
    assert surroundings.node is not None
    if surroundings.node.kind == "ganache":
        ask(surroundings, "miner_stop")
        _later(lambda: ask(surroundings, "miner_start"))
        return
    if not ask(surroundings, "anvil_getAutomine"):
        # What is handed in together gets its block when the program wants it: then there is one more.
        _later(lambda: ask(surroundings, "evm_mine"))
        return
    ask(surroundings, "evm_setAutomine", False)

    def resume() -> None:
        ask(surroundings, "evm_setAutomine", True)
        if int(ask(surroundings, "txpool_status")["pending"], 16):
            ask(surroundings, "evm_mine")

    _later(resume)


def _pool_is_emptied(surroundings: Surroundings) -> None:
    """Transactions hang in the pool, then are dropped from it, then there are blocks again."""
    if not ask(surroundings, "anvil_getAutomine"):
        # They hang already, because they are handed in together.
        ask(surroundings, "anvil_dropAllTransactions")
        return
    ask(surroundings, "evm_setAutomine", False)

    def resume() -> None:
        ask(surroundings, "anvil_dropAllTransactions")
        ask(surroundings, "evm_setAutomine", True)

    _later(resume)


def _clock_jumps(seconds: int) -> Callable[[Surroundings], None]:
    def act(surroundings: Surroundings) -> None:
        latest = ask(surroundings, "eth_getBlockByNumber", "latest", False)
        later = int(latest["timestamp"], 16) + seconds
        assert surroundings.node is not None
        if surroundings.node.kind == "ganache":
            ask(surroundings, "evm_mine", later)
        else:
            ask(surroundings, "evm_setNextBlockTimestamp", later)
            ask(surroundings, "evm_mine")

    return act


def _blocks_get_dear(surroundings: Surroundings) -> None:
    """The base fee of the next block is above what every transaction offers."""
    ask(surroundings, "anvil_setNextBlockBaseFeePerGas", hex(150 * 10**9))


def _empty_block(surroundings: Surroundings) -> None:
    ask(surroundings, "evm_mine")


def _disk_is_full(surroundings: Surroundings) -> None:
    """From now on no file of the program grows beyond a hundred bytes; its chain has a disk of its own."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def _endpoint_goes(surroundings: Surroundings) -> None:
    surroundings.schedule.is_gone = True


EFFECTS: dict[str, Callable[[Surroundings], None]] = {
    "chain killed": _signal(signal.SIGKILL),
    "chain ended": _signal(signal.SIGTERM),
    "chain stopped for a while": _chain_stops_a_while,
    "chain killed, its state lost": _chain_loses_its_state,
    "chain killed, its state torn": _chain_state_is_torn,
    "program killed": _program_dies,
    "program ended": _program_is_ended,
    "program and chain killed": _both_die,
    "reorganisation of 1 block": _reorganised(1),
    "reorganisation of 3 blocks": _reorganised(3),
    f"reorganisation of {DEEP} blocks": _reorganised(DEEP),
    "rollback of 1 block": _rolled_back(1),
    "rollback of 3 blocks": _rolled_back(3),
    "no blocks for a while": _no_blocks_for_a_while,
    "transactions dropped": _pool_is_emptied,
    "clock 7 s ahead": _clock_jumps(7),
    "clock 120 s ahead": _clock_jumps(120),
    "base fee above every offer": _blocks_get_dear,
    "empty block": _empty_block,
    "disk full": _disk_is_full,
    "endpoint lost for good": _endpoint_goes,
}
