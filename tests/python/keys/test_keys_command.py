"""``setm keys``: what it prints, what it writes, and that no secret comes by the command line or goes to the screen."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from typer.testing import CliRunner

from setm import keystore
from setm.cli.app import app
from setm.errors import ConfigError, KeyExists, KeystoreError, WrongPassword

ROOT = Path(__file__).resolve().parents[3]
PASSWORD, OTHER = "correct horse battery staple", "another horse battery staple"


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Take a cost that no deployment may have; the default is a parameter's, so it is replaced there."""
    monkeypatch.setattr(keystore.Keystore.__init__, "__kwdefaults__", {"scrypt_cost": 2})


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def password(tmp_path):
    return private(tmp_path / "password", PASSWORD)


def private(path: Path, text: str) -> str:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def run(*words: object) -> str:
    """Return what a command prints on standard output; raise what it raises."""
    result = CliRunner().invoke(app, ["keys", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_makes_lists_and_shows_keys(folder, password):
    made = json.loads(run("new", folder, "alice", "bob", "--password-file", password, "--json"))
    listed = json.loads(run("list", folder, "--json"))

    assert [row["name"] for row in made] == ["alice", "bob"]
    assert [(row["name"], row["address"]) for row in listed] == [
        (row["name"], row["address"]) for row in made
    ]
    assert run("show-address", folder, "bob").strip() == made[1]["address"]
    assert made[0]["address"] in run("list", folder)


def test_an_empty_keystore_is_said_to_be_empty(folder):
    folder.mkdir(mode=0o700)

    assert "no keys" in run("list", folder)
    with pytest.raises(KeystoreError, match="has no keys"):
        run("change-password", folder)


def test_makes_no_key_at_all_if_one_name_is_taken(folder, password):
    run("new", folder, "bob", "--password-file", password)

    with pytest.raises(KeyExists):
        run("new", folder, "alice", "bob", "--password-file", password)
    assert [row["name"] for row in json.loads(run("list", folder, "--json"))] == ["bob"]


def test_takes_the_password_from_a_variable_by_its_name(folder, monkeypatch):
    monkeypatch.setenv("SETM_TEST_PASSWORD", PASSWORD)

    run("new", folder, "alice", "--password-env", "SETM_TEST_PASSWORD")

    assert "SETM_TEST_PASSWORD" not in os.environ


def test_imports_a_key(folder, password, tmp_path):
    account = Account.create()
    key = private(tmp_path / "bare", account.key.hex())

    printed = run("import", folder, "alice", "--key-file", key, "--password-file", password)

    assert account.address in printed
    assert account.key.hex() not in printed


def test_refuses_a_bare_key_that_others_could_read(folder, password, tmp_path):
    key = private(tmp_path / "bare", "11" * 32)
    Path(key).chmod(0o644)

    with pytest.raises(KeystoreError, match="mode 0644"):
        run("import", folder, "alice", "--key-file", key, "--password-file", password)


def test_changes_the_password(folder, password, tmp_path):
    run("new", folder, "alice", "--password-file", password)
    new = private(tmp_path / "new", OTHER)
    words = ("change-password", folder, "--password-file", password, "--new-password-file", new)

    assert "alice" in run(*words)
    with pytest.raises(WrongPassword):
        run("change-password", folder, "--password-file", password, "--new-password-file", password)


@pytest.mark.parametrize("command", ["new", "import"])
def test_asks_nobody_where_nobody_can_answer(folder, command):
    with pytest.raises(ConfigError, match="nobody can be asked here"):
        run(command, folder, "alice")


def test_refuses_two_sources_of_one_password(folder, password):
    with pytest.raises(ConfigError, match="not both"):
        run("new", folder, "alice", "--password-file", password, "--password-env", "HOME")


@pytest.mark.parametrize("command", ["new", "list", "show-address", "import", "change-password"])
def test_no_command_takes_a_secret_as_a_word(command):
    result = CliRunner().invoke(app, ["keys", command, "--help"], env={"COLUMNS": "200"})
    options = set(re.findall(r"--[a-z-]+", result.stdout))

    assert "Example" in result.stdout
    assert {option for option in options if "password" in option or "key" in option} <= {
        *("--password-file", "--password-env", "--new-password-file", "--new-password-env"),
        "--key-file",
    }


def test_a_prompt_shows_nothing_of_what_is_typed(folder):
    """On a real terminal, in a process of its own, at the real cost."""
    terminal, inside = pty.openpty()
    command = [sys.executable, "-c", "from setm.cli import main; main()"]
    with subprocess.Popen(
        [*command, "keys", "new", str(folder), "alice"],
        cwd=ROOT,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    ) as process:
        os.close(inside)
        shown = b""
        for _ in range(2):
            shown += _until(terminal, b": ")
            os.write(terminal, PASSWORD.encode() + b"\n")
        shown += _until(terminal, b"\x00")
        process.wait(timeout=30)
    os.close(terminal)

    assert process.returncode == 0, shown
    assert b"0x" in shown
    assert PASSWORD.encode() not in shown
    assert [entry.cost for entry in keystore.Keystore(folder).entries()] == [2**18]


def _until(terminal: int, mark: bytes) -> bytes:
    """Read what a terminal shows until ``mark`` ends it or its process is gone."""
    text = b""
    while not text.endswith(mark):
        try:
            text += os.read(terminal, 1)
        except OSError:
            break
    return text
