"""Keys at rest: who may read them, what opens them, and what a spoilt or exposed file answers."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account
from pydantic import SecretStr

from setm import keystore as keystore_module
from setm.errors import KeyExists, KeystoreError, WrongPassword
from setm.keystore import (
    Keystore,
    StoredKeys,
    decoded_key,
    password_from_environment,
    password_from_file,
)

PASSWORD = SecretStr("correct horse battery staple")
OTHER = SecretStr("another horse battery staple")
FAST = 2


@pytest.fixture
def keys(tmp_path):
    return Keystore(tmp_path / "keys", scrypt_cost=FAST).create()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_cost_of_a_guess_is_what_ethereum_clients_use():
    assert keystore_module.SCRYPT_COST == 2**18


def test_a_key_comes_back_with_its_password(keys):
    alice = keys.new("alice", PASSWORD)

    assert keys.account("alice", PASSWORD).key == alice.key
    assert keys.address("alice") == alice.address
    assert [(entry.name, entry.kdf, entry.cost) for entry in keys.entries()] == [
        ("alice", "scrypt", FAST)
    ]


def test_every_new_key_is_another_one(keys):
    made = {keys.new(f"key {number}", PASSWORD).address for number in range(20)}

    assert len(made) == 20


def test_the_file_is_in_the_format_of_eth_account(keys):
    alice = keys.new("alice", PASSWORD)
    text = (keys.folder / "alice.json").read_text()

    assert json.loads(text)["version"] == 3
    assert bytes(Account.decrypt(text, PASSWORD.get_secret_value())) == alice.key


def test_only_the_owner_may_read_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        keys = Keystore(tmp_path / "deep" / "keys", scrypt_cost=FAST).create()
        keys.new("alice", PASSWORD)
    finally:
        os.umask(before)

    assert mode(keys.folder) == 0o700
    assert mode(keys.folder / "alice.json") == 0o600
    assert [path.name for path in keys.folder.iterdir()] == ["alice.json"]


@pytest.mark.parametrize("name", ["a/b", "personal consumer 1", "Öl & Gas %2F", "-", "a.json"])
def test_any_name_stays_in_the_folder_and_comes_back(keys, name):
    address = keys.new(name, PASSWORD).address

    assert [path.parent for path in keys.folder.parent.rglob("*.json")] == [keys.folder]
    assert [(entry.name, entry.address) for entry in keys.entries()] == [(name, address)]


@pytest.mark.parametrize("name", ["", " ", ".hidden", "..", "../alice", "x" * 250])
def test_refuses_a_name_that_no_file_can_have(keys, name):
    with pytest.raises(KeystoreError, match="key name"):
        keys.new(name, PASSWORD)


def test_refuses_a_wrong_password(keys):
    keys.new("alice", PASSWORD)

    with pytest.raises(WrongPassword, match=r"alice\.json: the password does not open it"):
        keys.account("alice", OTHER)


def test_refuses_a_short_password(keys):
    with pytest.raises(KeystoreError, match="at least 12 characters"):
        keys.new("alice", SecretStr("short"))

    assert keys.entries() == []


def test_never_overwrites_a_key(keys):
    alice = keys.new("alice", PASSWORD)

    with pytest.raises(KeyExists, match="exists; a key is never overwritten"):
        keys.new("alice", PASSWORD)
    with pytest.raises(KeyExists):
        keys.add("alice", b"\x01" * 32, OTHER)
    assert keys.account("alice", PASSWORD).key == alice.key


def test_two_writers_of_one_name_do_not_lose_a_key(keys, monkeypatch):
    """The second writer looks before the first has written, and writes after it."""
    rival = Keystore(keys.folder, scrypt_cost=FAST)
    alice = keys.new("alice", PASSWORD)
    monkeypatch.setattr(rival, "require_free", lambda *names: None)

    with pytest.raises(KeyExists):
        rival.new("alice", OTHER)
    assert keys.account("alice", PASSWORD).key == alice.key
    assert [path.name for path in keys.folder.iterdir()] == ["alice.json"]


def test_says_which_key_is_missing(keys):
    with pytest.raises(KeystoreError, match=r"bob\.json: no such key"):
        keys.account("bob", PASSWORD)
    with pytest.raises(KeystoreError, match="no such keystore"):
        Keystore(keys.folder / "nowhere").entries()


@pytest.mark.parametrize("shared", [0o640, 0o604, 0o620, 0o610])
def test_refuses_a_file_that_others_may_touch(keys, shared):
    keys.new("alice", PASSWORD)
    (keys.folder / "alice.json").chmod(shared)

    with pytest.raises(
        KeystoreError, match=f"mode {shared:04o}, others may have read it; expected 0600"
    ):
        keys.account("alice", PASSWORD)


def test_refuses_a_folder_that_others_may_list(keys):
    keys.folder.chmod(0o750)

    for action in (keys.entries, keys.create, lambda: keys.new("alice", PASSWORD)):
        with pytest.raises(KeystoreError, match="expected 0700"):
            action()


def test_refuses_a_link_in_place_of_a_key(keys, tmp_path):
    keys.new("alice", PASSWORD)
    (keys.folder / "alice.json").rename(tmp_path / "elsewhere.json")
    (keys.folder / "alice.json").symlink_to(tmp_path / "elsewhere.json")

    with pytest.raises(KeystoreError, match="a link"):
        keys.account("alice", PASSWORD)


def spoil(keys: Keystore, name: str, change) -> None:
    path = keys.folder / f"{name}.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda r: r["crypto"].update(ciphertext="00" * 32), WrongPassword),
        (lambda r: r["crypto"].update(mac="00" * 32), WrongPassword),
        (lambda r: r["crypto"]["kdfparams"].update(salt="00" * 16), WrongPassword),
        (lambda r: r["crypto"]["cipherparams"].update(iv="00" * 16), KeystoreError),
        (lambda r: r.update(address="00" * 20), KeystoreError),
        (lambda r: r.update(version=2), KeystoreError),
        (lambda r: r.pop("crypto"), KeystoreError),
        (lambda r: r.pop("address"), KeystoreError),
        (lambda r: r["crypto"].update(kdf="rot13"), KeystoreError),
        (lambda r: r["crypto"]["kdfparams"].update(n=2**30), KeystoreError),
        (lambda r: r["crypto"]["kdfparams"].update(n="many"), KeystoreError),
    ],
)
def test_refuses_a_changed_file(keys, change, error):
    keys.new("alice", PASSWORD)
    spoil(keys, "alice", change)

    with pytest.raises(error, match=r"alice\.json"):
        keys.account("alice", PASSWORD)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 3', "\x00\xff"])
def test_refuses_a_file_that_is_no_key(keys, text):
    keys.new("alice", PASSWORD)
    (keys.folder / "alice.json").write_text(text)

    with pytest.raises(KeystoreError, match="not a key file, or spoilt"):
        keys.account("alice", PASSWORD)
    with pytest.raises(KeystoreError, match="not a key file, or spoilt"):
        keys.entries()


def test_no_error_tells_a_key_or_a_password(keys):
    alice = keys.new("alice", PASSWORD)
    told = []
    for action in (
        lambda: keys.account("alice", OTHER),
        lambda: keys.add("bob", alice.key + b"\x00", PASSWORD),
        lambda: keys.add("bob", b"\x00" * 32, PASSWORD),
        lambda: keys.add("alice", alice.key, PASSWORD),
        lambda: decoded_key(SecretStr(alice.key.hex() + "0"), PASSWORD),
    ):
        with pytest.raises(KeystoreError) as caught:
            action()
        error = caught.value
        told += [str(error), repr(error), str(error.__cause__), repr(PASSWORD), repr(alice)]

    text = " ".join(told)
    assert alice.key.hex().removeprefix("0x") not in text
    assert PASSWORD.get_secret_value() not in text
    assert OTHER.get_secret_value() not in text


def test_a_new_password_opens_all_keys_and_the_old_one_none(keys):
    before = {name: keys.new(name, PASSWORD).key for name in ("alice", "bob")}

    assert keys.change_password(PASSWORD, OTHER) == ["alice", "bob"]

    assert {name: keys.account(name, OTHER).key for name in before} == before
    with pytest.raises(WrongPassword):
        keys.account("bob", PASSWORD)
    assert sorted(path.name for path in keys.folder.iterdir()) == ["alice.json", "bob.json"]
    assert mode(keys.folder / "alice.json") == 0o600


def test_a_new_password_for_one_key_leaves_the_others(keys):
    for name in ("alice", "bob"):
        keys.new(name, PASSWORD)

    assert keys.change_password(PASSWORD, OTHER, ["bob"]) == ["bob"]

    keys.account("alice", PASSWORD)
    keys.account("bob", OTHER)


def test_a_change_that_cannot_open_every_key_changes_none(keys):
    keys.new("alice", PASSWORD)
    keys.new("bob", SecretStr("a third password of bob"))
    before = {path: path.read_bytes() for path in keys.folder.iterdir()}

    with pytest.raises(WrongPassword, match="bob"):
        keys.change_password(PASSWORD, OTHER)

    assert {path: path.read_bytes() for path in keys.folder.iterdir()} == before


@pytest.mark.parametrize("replaced_before", [0, 1, 2])
def test_an_interrupted_change_of_password_is_finished_by_the_same_call(
    keys, monkeypatch, replaced_before
):
    names = ["alice", "bob", "carol"]
    before = {name: keys.new(name, PASSWORD).key for name in names}
    done, replace = [], Path.replace

    def fail_later(path, target):
        if len(done) == replaced_before:
            raise OSError(28, "No space left on device")
        done.append(target)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_later)
    with pytest.raises(OSError, match="No space left"):
        keys.change_password(PASSWORD, OTHER)
    monkeypatch.undo()
    assert sorted(path.name for path in keys.folder.iterdir()) == [f"{name}.json" for name in names]

    keys.change_password(PASSWORD, OTHER)

    assert {name: keys.account(name, OTHER).key for name in names} == before


def test_stored_keys_are_made_on_first_use_and_stay(keys):
    first, again = (StoredKeys(keys, PASSWORD) for _ in range(2))
    alice = first.account("participant", "alice")

    assert first.account("participant", "alice") is alice
    assert again.account("participant", "alice").key == alice.key
    assert first.account("meter", "alice").key != alice.key
    assert first.secret("identity", "alice") == again.secret("identity", "alice")


def test_stored_secrets_differ_by_purpose_and_participant_and_are_no_key(keys):
    source = StoredKeys(keys, PASSWORD)
    found = [source.secret(use, who) for use in ("identity", "salt") for who in ("alice", "bob")]
    bare = [bytes(source.account("participant", who).key) for who in ("alice", "bob")]

    assert len({*found, *bare}) == 6
    assert all(len(item) == 32 for item in found)


def test_a_password_file_is_for_its_owner_only(tmp_path):
    path = tmp_path / "password"
    path.write_text("correct horse battery staple\nand a second line\n")
    path.chmod(0o600)
    assert password_from_file(path).get_secret_value() == "correct horse battery staple"

    path.chmod(0o644)
    with pytest.raises(KeystoreError, match="mode 0644"):
        password_from_file(path)
    with pytest.raises(KeystoreError, match="not readable"):
        password_from_file(tmp_path / "nowhere")


def test_an_empty_password_file_is_refused(tmp_path):
    path = tmp_path / "password"
    path.write_text("\n")
    path.chmod(0o600)

    with pytest.raises(KeystoreError, match="empty or not there"):
        password_from_file(path)


def test_a_password_from_the_environment_is_taken_out_of_it(monkeypatch):
    monkeypatch.setenv("SETM_TEST_PASSWORD", "correct horse battery staple")

    assert password_from_environment("SETM_TEST_PASSWORD") == PASSWORD

    assert "SETM_TEST_PASSWORD" not in os.environ
    with pytest.raises(KeystoreError, match="empty or not there"):
        password_from_environment("SETM_TEST_PASSWORD")


def test_a_password_leaves_the_memory_that_other_programs_can_look_at():
    program = (
        "from pathlib import Path; from setm.keystore import password_from_environment as ask; "
        "given = ask('SETM_TEST_PASSWORD').get_secret_value(); "
        "print(given, Path('/proc/self/environ').read_bytes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SETM_TEST_PASSWORD": "once and nowhere else"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.count("once and nowhere else") == 1


def test_a_password_is_hidden_before_anything_else_is_started():
    """PyCryptodome starts a program when it is imported; the hook sees what environment it would have."""
    program = (
        "import os, sys; "
        "sys.addaudithook(lambda event, _: event == 'subprocess.Popen' and print(dict(os.environ))); "
        "sys.argv = ['setm', 'keys', 'list', '/nowhere', '--new-password-env=SETM_TEST_PASSWORD']; "
        "from setm.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SETM_TEST_PASSWORD": "once and nowhere else"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "HOME" in done.stdout
    assert "once and nowhere else" not in done.stdout


def test_a_key_can_be_brought_as_hex_or_as_a_key_file(keys):
    alice = keys.new("alice", PASSWORD)
    text = (keys.folder / "alice.json").read_text()

    assert decoded_key(SecretStr("0x" + bytes(alice.key).hex() + "\n"), PASSWORD) == alice.key
    assert decoded_key(SecretStr(text), PASSWORD) == alice.key
    with pytest.raises(WrongPassword):
        decoded_key(SecretStr(text), OTHER)
    for wrong in ("", "0x12", "not hex", "{}"):
        with pytest.raises(KeystoreError, match="not a private key"):
            decoded_key(SecretStr(wrong), PASSWORD)
