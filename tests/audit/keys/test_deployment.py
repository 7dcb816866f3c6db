"""A chain that is nobody's laptop: known keys and test money are refused there, keys of a keystore deploy."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from setm.chain.sender import connect
from setm.errors import ChainUnreachable
from setm.keystore import Keystore
from setm.verify import read_deployment, verify
from setm.verify.source import compile_sources
from tests.audit.keys.scan import Phrase, Secret, search

ROOT = Path(__file__).resolve().parents[3]
CHAIN_ID = 4242
PASSWORD = "correct horse battery staple"
OFFICES = ("governance", "authority", "operator")


@dataclass
class Elsewhere:
    """A chain with a number of its own, on which the public test accounts have nothing."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def deploy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the deploy script as docs/deployment.md says."""
        config = {**os.environ, "SETM_CHAIN_PORT": str(self.port)}
        config |= {"SETM_CONFIG": str(ROOT / "scripts" / "defaults.json")}
        config |= {"SETM_DEPLOYMENT": str(self.folder / "deployment.json")}
        return subprocess.run(
            [str(Path(sys.executable).with_name("brownie")), "run", "deploy", "--network", "anvil"],
            cwd=ROOT,
            env={**config, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def elsewhere(tmp_path) -> Iterator[Elsewhere]:
    binary = next(ROOT.glob("node_modules/@foundry-rs/anvil-*/bin/anvil"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--chain-id", str(CHAIN_ID), "--accounts", "1", "--quiet"]
    options += ["--mnemonic-random", "12", "--hardfork", "shanghai"]
    with subprocess.Popen([str(binary), *options], stdout=subprocess.DEVNULL) as process:
        try:
            place = Elsewhere(port, tmp_path)
            _wait(place.url)
            yield place
        finally:
            process.terminate()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            connect(url)
            return
        except ChainUnreachable:
            if time.monotonic() > deadline:
                raise


def test_the_public_keys_deploy_nothing_beyond_a_local_chain(elsewhere):
    done = elsewhere.deploy()

    assert (
        f"chain {CHAIN_ID}: no place for the keys of the public test mnemonic"
        in done.stdout + done.stderr
    )
    assert not (elsewhere.folder / "deployment.json").exists()
    assert connect(elsewhere.url).eth.block_number == 0


def test_the_keys_of_a_keystore_deploy_and_the_deployment_verifies(elsewhere):
    keystore = Keystore(elsewhere.folder / "keys", scrypt_cost=2).create()
    keys = {name: keystore.new(name, SecretStr(PASSWORD)) for name in OFFICES}
    password = elsewhere.folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    web3 = connect(elsewhere.url)
    for account in keys.values():
        web3.provider.make_request("anvil_setBalance", [account.address, hex(10**20)])

    done = elsewhere.deploy(
        SETM_KEYSTORE=str(keystore.folder),
        SETM_PASSWORD_FILE=str(password),
        SETM_ALLOW_TEST_KEYS="yes",
    )

    path = elsewhere.folder / "deployment.json"
    assert path.is_file(), done.stdout + done.stderr
    record = json.loads(path.read_text())
    assert record["chain_id"] == CHAIN_ID
    assert record["roles"] == {
        "governance": keys["governance"].address,
        "authorities": [keys["authority"].address],
        "operator": keys["operator"].address,
    }
    checks = verify(read_deployment(path), elsewhere.url, compile_sources())
    assert {check.name: check.why for check in checks if check.outcome == "failed"} == {
        "token has worth": f"TestEuro on chain {CHAIN_ID}: anyone mints it"
    }
    told = {"output": (done.stdout + done.stderr).encode(), "file": path.read_bytes()}
    secrets = [Secret(name, bytes(account.key)) for name, account in keys.items()]
    assert search(told, [*secrets, Phrase("the password", PASSWORD.encode())]) == []


def test_a_keystore_without_test_money_allowed_deploys_no_test_money(elsewhere):
    keystore = Keystore(elsewhere.folder / "keys", scrypt_cost=2).create()
    for name in OFFICES:
        keystore.new(name, SecretStr(PASSWORD))
    password = elsewhere.folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)

    done = elsewhere.deploy(SETM_KEYSTORE=str(keystore.folder), SETM_PASSWORD_FILE=str(password))

    assert "no place for a euro that anyone can mint" in done.stdout + done.stderr
    assert connect(elsewhere.url).eth.block_number == 0
