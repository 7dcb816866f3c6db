"""A local chain ends with the work that needed it, whatever happens to that work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

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
