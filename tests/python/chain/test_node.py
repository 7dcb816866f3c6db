"""A local chain ends with the work that needed it, whatever happens to that work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from setm.chain import node as chain_node
from setm.chain.node import CHAIN_ID, advance_to, local_node
from setm.chain.sender import connect
from setm.errors import ChainUnreachable, ConfigError, SetupError
from tests.python.chain.conftest import START_AT

ROOT = Path(__file__).resolve().parents[3]
KINDS = ["ganache", "anvil"]


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_gone(process_id: int) -> bool:
    """Whether the process ends within two seconds."""
    deadline = time.monotonic() + 2
    while is_alive(process_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(process_id)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_no_process_behind(kind, tmp_path):
    with local_node(kind, start_at=START_AT, log=tmp_path / "chain.log") as node:
        assert is_alive(node.process_id)
        connect(node.url)
    assert is_gone(node.process_id)
    with pytest.raises(ChainUnreachable, match="no chain answers at"):
        connect(node.url)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_leaves_no_process_behind_when_the_work_fails(kind, interruption, tmp_path):
    with (
        pytest.raises(interruption),
        local_node(kind, start_at=START_AT, log=tmp_path / "chain.log") as node,
    ):
        raise interruption
    assert is_gone(node.process_id)


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_no_process_behind_when_the_parent_is_killed(kind, tmp_path):
    program = f"""
import sys, time
from datetime import datetime, UTC
from pathlib import Path
from setm.chain.node import local_node
with local_node({kind!r}, start_at=datetime(2030, 1, 1, tzinfo=UTC), log=Path({str(tmp_path / "log")!r})) as node:
    print(node.process_id, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    try:
        process_id = int(parent.stdout.readline())
        assert is_alive(process_id)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    assert is_gone(process_id)


def test_two_chains_live_side_by_side(tmp_path):
    with (
        local_node("anvil", start_at=START_AT, log=tmp_path / "one.log") as one,
        local_node("anvil", start_at=START_AT, log=tmp_path / "two.log") as two,
    ):
        assert one.port != two.port
        assert connect(one.url).eth.chain_id == connect(two.url).eth.chain_id == CHAIN_ID


def test_begins_at_the_time_that_was_asked_for(node, web3):
    latest = web3.eth.get_block("latest")["timestamp"]
    assert START_AT.timestamp() <= latest <= START_AT.timestamp() + 60


def test_moves_its_clock_to_the_second_and_never_back(node, web3):
    later = int((START_AT + timedelta(days=1)).timestamp())
    advance_to(node.kind, web3, later)
    assert web3.eth.get_block("latest")["timestamp"] == later
    number = web3.eth.block_number
    advance_to(node.kind, web3, later - 100)
    assert web3.eth.block_number == number


def test_a_chain_that_dies_at_once_says_its_last_words(monkeypatch, tmp_path):
    words = ["sh", "-c", "echo port is taken; exit 1"]
    monkeypatch.setattr(chain_node, "_command", lambda *_: words)
    with (
        pytest.raises(ChainUnreachable, match="does not answer; its last words: port is taken"),
        local_node("anvil", start_at=START_AT, log=tmp_path / "chain.log"),
    ):
        pytest.fail("it never ran")


def test_a_missing_program_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(chain_node, "PROJECT_ROOT", tmp_path)
    with (
        pytest.raises(SetupError, match="is missing: run `make setup`"),
        local_node("anvil", start_at=START_AT, log=tmp_path / "chain.log"),
    ):
        pytest.fail("it never ran")


def test_refuses_another_kind_of_chain(tmp_path):
    with (
        pytest.raises(ConfigError, match="network hardhat: expected ganache or anvil"),
        local_node("hardhat", start_at=START_AT, log=tmp_path / "chain.log"),
    ):
        pytest.fail("it never ran")


def pay(web3, times: int) -> list:
    """Send ``times`` payments, each in a block of its own that is made on return; return their hashes."""
    payer, payee = web3.eth.accounts[:2]
    payment = {"from": payer, "to": payee, "value": 1}
    hashes = []
    for _ in range(times):
        hashes.append(web3.eth.send_transaction(payment))
        # Anvil answers before it has made the block.
        web3.eth.wait_for_transaction_receipt(hashes[-1], poll_latency=0.01)
    return hashes


def timestamps(web3) -> list[int]:
    return [web3.eth.get_block(number)["timestamp"] for number in range(web3.eth.block_number + 1)]


def wait_for(happened, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_that_ended_continues_from_its_state(kind, tmp_path):
    folders = {"log": tmp_path / "chain.log", "state": tmp_path / "state"}
    with local_node(kind, start_at=START_AT, **folders) as node:
        web3 = connect(node.url)
        hashes = pay(web3, 3)
        advance_to(kind, web3, int(START_AT.timestamp()) + 5000)
        hashes += pay(web3, 2)
        before = [web3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]

    with local_node(kind, start_at=START_AT, **folders) as node:
        web3 = connect(node.url)
        assert [web3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes] == before
        assert web3.eth.get_transaction_count(web3.eth.accounts[0]) == 5
        pay(web3, 2)
        times = timestamps(web3)
    start = times[0]
    assert start == int(START_AT.timestamp())
    assert [found - start for found in times] == [0, 1, 2, 3, 5000, 5001, 5002, 5003, 5004]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_chain_comes_back_on_its_port_with_what_it_had_saved(kind, tmp_path):
    log, state = tmp_path / "chain.log", tmp_path / "state"
    with local_node(kind, start_at=START_AT, log=log, state=state) as node:
        web3 = connect(node.url)
        hashes = pay(web3, 3)
        head = web3.eth.get_block("latest")
        if kind == "anvil":
            # In two copies: a kill in the middle of writing tears the state, and one copy may lack its last block.
            wait_for(lambda: "0x" + head["hash"].hex() in saved(state / "state.2.json"))
        port, first = node.port, node.process_id
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: not node.is_alive())

        assert node.revive()
        assert not node.revive()
        assert node.port == port
        assert node.process_id != first
        assert web3.eth.get_block("latest") == head
        assert all(web3.eth.get_transaction_receipt(tx_hash)["status"] for tx_hash in hashes)
        pay(web3, 1)
        assert web3.eth.get_block("latest")["timestamp"] == head["timestamp"] + 1
        second = node.process_id
    assert is_gone(second)


def saved(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_chain_without_state_begins_anew(kind, tmp_path):
    with local_node(kind, start_at=START_AT, log=tmp_path / "chain.log") as node:
        web3 = connect(node.url)
        pay(web3, 3)
        os.kill(node.process_id, signal.SIGKILL)
        node.restart()
        assert timestamps(web3) == [int(START_AT.timestamp())]


def half(state: Path) -> None:
    """As a kill in the middle of writing leaves it."""
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2])


def ahead(state: Path) -> None:
    """As Anvil saves it in the middle of making a block: with what the block does, without the block."""
    content = json.loads(state.read_text())
    payer = next(item for item in content["accounts"].values() if item["nonce"])
    payer["nonce"] += 1
    state.write_text(json.dumps(content))


@pytest.mark.parametrize("damage", [half, ahead])
def test_a_damaged_state_gives_way_to_its_copy(damage, tmp_path):
    log, state = tmp_path / "chain.log", tmp_path / "state"
    with local_node("anvil", start_at=START_AT, log=log, state=state) as node:
        web3 = connect(node.url)
        pay(web3, 3)
        head = web3.eth.get_block("latest")
        wait_for(lambda: "0x" + head["hash"].hex() in saved(state / "state.2.json"))
        os.kill(node.process_id, signal.SIGKILL)
        wait_for(lambda: not node.is_alive())
        damage(state / "state.json")

        node.restart()
        assert web3.eth.get_block("latest") == head
        assert web3.eth.get_transaction_count(web3.eth.accounts[0]) == 3


def test_a_damaged_state_without_a_good_copy_begins_anew(tmp_path):
    log, state = tmp_path / "chain.log", tmp_path / "state"
    with local_node("anvil", start_at=START_AT, log=log, state=state) as node:
        pay(connect(node.url), 3)
        wait_for(lambda: '"nonce":3' in saved(state / "state.3.json"))
    for file in state.glob("state*.json"):
        ahead(file)
    with local_node("anvil", start_at=START_AT, log=log, state=state) as node:
        web3 = connect(node.url)
        assert (web3.eth.block_number, web3.eth.get_transaction_count(web3.eth.accounts[0])) == (
            0,
            0,
        )


@pytest.mark.parametrize("left", ["", "{", "[]", "\x00" * 100])
def test_a_state_of_which_nothing_is_left_begins_anew(left, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text(left)
    log, state = tmp_path / "chain.log", tmp_path / "state"
    with local_node("anvil", start_at=START_AT, log=log, state=state) as node:
        assert connect(node.url).eth.block_number == 0


def test_a_state_serves_one_chain_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(chain_node, "START_SECONDS", 0.3)
    log, state = tmp_path / "chain.log", tmp_path / "state"
    with (
        local_node("anvil", start_at=START_AT, log=log, state=state),
        pytest.raises(ChainUnreachable, match="state is in use by another chain: end the run"),
        local_node("anvil", start_at=START_AT, log=tmp_path / "other.log", state=state),
    ):
        pytest.fail("it never ran")
    with local_node("anvil", start_at=START_AT, log=log, state=state):
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_whose_parent_was_killed_leaves_every_block_to_its_successor(kind, tmp_path):
    program = f"""
import os, signal
from datetime import datetime, UTC
from pathlib import Path
from setm.chain.node import local_node
from setm.chain.sender import connect
folder = Path({str(tmp_path)!r})
start_at = datetime(2030, 1, 1, tzinfo=UTC)
with local_node({kind!r}, start_at=start_at, log=folder / "log", state=folder / "state") as node:
    web3 = connect(node.url)
    payer, payee = web3.eth.accounts[:2]
    for _ in range(30):
        web3.eth.send_transaction({{"from": payer, "to": payee, "value": 1}})
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    folders = {"log": tmp_path / "log", "state": tmp_path / "state"}
    with local_node(kind, start_at=START_AT, **folders) as node:
        web3 = connect(node.url)
        assert web3.eth.block_number == 30
        assert web3.eth.get_transaction_count(web3.eth.accounts[0]) == 30


def test_listens_on_the_port_that_was_asked_for(tmp_path):
    port = chain_node._free_port()
    with local_node("anvil", start_at=START_AT, log=tmp_path / "log", port=port) as node:
        assert node.url == f"http://127.0.0.1:{port}"
        assert connect(node.url).eth.chain_id == CHAIN_ID


class Muddler(HTTPProvider):
    """Passes requests on and forgets, swallows or doubles the first one of a method."""

    def __init__(self, url, what, method):
        super().__init__(url)
        self.due = {(what, method)}

    def make_request(self, method, params):
        if self._is_due("swallows", method):
            return {"jsonrpc": "2.0", "id": 0, "result": "0x0"}
        if self._is_due("doubles", method):
            super().make_request(method, params)
        answer = super().make_request(method, params)
        if self._is_due("forgets", method):
            raise ChainUnreachable("the answer got lost")
        return answer

    def _is_due(self, what, method):
        due = (what, method) in self.due
        self.due.discard((what, method))
        return due


@pytest.mark.parametrize("what", ["forgets", "swallows", "doubles"])
@pytest.mark.parametrize("method", ["evm_setNextBlockTimestamp", "evm_mine"])
def test_reaches_its_time_though_a_request_is_lost_or_doubled(node, what, method):
    web3 = connect(node.url)
    later = web3.eth.get_block("latest")["timestamp"] + 1000
    advance_to(node.kind, Web3(Muddler(node.url, what, method)), later)
    doubled = what == "doubles" and method == "evm_mine"
    assert web3.eth.get_block("latest")["timestamp"] - later in ([0, 1] if doubled else [0])
    times = timestamps(connect(node.url))
    assert later in times


def test_says_where_the_clock_stands_if_it_does_not_move(node, monkeypatch):
    web3 = connect(node.url)
    found = web3.eth.get_block("latest")["timestamp"]
    monkeypatch.setattr(chain_node, "_mine_at", lambda *_: None)
    with pytest.raises(ChainUnreachable, match=rf"clock at {found}: expected {found + 9}"):
        advance_to(node.kind, web3, found + 9)
