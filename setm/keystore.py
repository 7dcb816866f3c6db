"""Private keys at rest: one file a key, in the encrypted format of eth-account (Web3 Secret Storage, version 3).

::

    keystore = Keystore(Path("keys"))
    alice = keystore.new("alice", SecretStr("correct horse battery staple"))
    keystore.account("alice", SecretStr("correct horse battery staple")).address == alice.address

Only the owner may read the folder (0700) and its files (0600); a file that others can read is refused, not repaired,
because its key must be taken for known. No function here prints, logs or puts a key or password into an error.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from pydantic import SecretStr

from setm import environment
from setm.errors import KeyExists, KeystoreError, WrongPassword

# scrypt's cost (N): a quarter of a GiB and about a second for each guess. Tests take less.
SCRYPT_COST = 2**18
MAX_COST: Mapping[str, int] = {"scrypt": 2**20, "pbkdf2": 10**7}
LEAST_PASSWORD_CHARACTERS = 12
# Chain numbers of Ganache, Anvil and Hardhat as developers start them: only there may everybody know the keys.
LOCAL_CHAIN_IDS = frozenset([1337, 5777, 31337])
MAX_NAME_BYTES = 200
NOT_A_KEY = "not a private key; expected 64 hex digits, or the text of a keystore file"

_SUFFIX = ".json"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeySource(Protocol):
    """Where the keys of a run come from; ``purpose`` is a role and a name, such as ``("meter", "alice")``."""

    @property
    def origin(self) -> str:
        """Where they come from, in words that are no secret."""

    def account(self, *purpose: str) -> LocalAccount:
        """Return the key for a purpose, always the same one."""

    def secret(self, *purpose: str) -> bytes:
        """Return 32 secret bytes for a purpose, always the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a key's file says without its password."""

    name: str
    address: str
    kdf: str
    cost: int


class Keystore:
    """A folder of encrypted keys, each by its name."""

    def __init__(self, folder: Path, *, scrypt_cost: int = SCRYPT_COST) -> None:
        self.folder = folder
        self._cost = scrypt_cost

    def create(self) -> Keystore:
        """Make the folder, for its owner only, if it does not exist; return the keystore."""
        if not self.folder.exists():
            self.folder.mkdir(parents=True, mode=0o700)
        self._require_folder()
        return self

    def entries(self) -> list[Entry]:
        """Return what is there, by name; needs no password."""
        self._require_folder()
        names = sorted(unquote(path.stem) for path in self.folder.glob(f"[!.]*{_SUFFIX}"))
        return [self._entry(name) for name in names]

    def __contains__(self, name: str) -> bool:
        return self._path(name).exists()

    def address(self, name: str) -> str:
        """Return the address of a key; needs no password."""
        self._require_folder()
        return self._entry(name).address

    def new(self, name: str, password: SecretStr) -> LocalAccount:
        """Make and keep a new key; raise ``KeyExists`` if the name is taken."""
        return self.add(name, secrets.token_bytes(32), password)

    def add(self, name: str, key: bytes, password: SecretStr) -> LocalAccount:
        """Keep a key that exists already; raise ``KeyExists`` if the name is taken."""
        self._require_folder()
        self.require_free(name)
        path, account = self._path(name), _account(key, name)
        partial = self._write(path, _encrypted(account, password, self._cost))
        try:
            # A link, because unlike a renaming it refuses to replace what another process wrote meanwhile.
            path.hardlink_to(partial)
        except FileExistsError:
            raise KeyExists(f"{path}: exists; a key is never overwritten") from None
        finally:
            partial.unlink()
        self._sync_folder()
        return account

    def require_free(self, *names: str) -> None:
        """Raise ``KeyExists`` if one of the names is taken."""
        for name in names:
            if name in self:
                raise KeyExists(
                    f"{self._path(name)}: exists; a key is never overwritten, choose another name"
                )

    def account(self, name: str, password: SecretStr) -> LocalAccount:
        """Return a key; raise ``WrongPassword``, or ``KeystoreError`` if its file is missing or spoilt."""
        self._require_folder()
        path, expected = self._path(name), self._entry(name).address
        record = _read(path)
        try:
            account = _account(bytes(Account.decrypt(record, password.get_secret_value())), name)
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            if "MAC mismatch" in str(error):
                raise WrongPassword(
                    f"{path}: the password does not open it (or the file was changed)"
                ) from None
            raise KeystoreError(_spoilt(path)) from None
        if account.address != expected:
            raise KeystoreError(_spoilt(path))
        return account

    def change_password(
        self, old: SecretStr, new: SecretStr, names: Iterable[str] = ()
    ) -> list[str]:
        """Encrypt the named keys, or all, under a new password; return the names.

        All are opened before the first is replaced. A key that opens with the new password already is left as it is,
        so that a change that was interrupted is finished by the same call.
        """
        _require_strong(new)
        chosen = list(names) or [entry.name for entry in self.entries()]
        accounts = {name: self._opened(name, old, new) for name in chosen}
        waiting: list[tuple[Path, Path]] = []
        try:
            for name, account in accounts.items():
                if account is not None:
                    path = self._path(name)
                    record = _encrypted(account, new, self._cost)
                    waiting.append((self._write(path, record), path))
            for partial, path in waiting:
                partial.replace(path)
        finally:
            for partial, _ in waiting:
                partial.unlink(missing_ok=True)
        self._sync_folder()
        return chosen

    def _opened(self, name: str, old: SecretStr, new: SecretStr) -> LocalAccount | None:
        try:
            return self.account(name, old)
        except WrongPassword:
            self.account(name, new)
            return None

    def _path(self, name: str) -> Path:
        file = quote(name, safe=" ") + _SUFFIX
        if not name.strip() or name.startswith(".") or len(file) > MAX_NAME_BYTES:
            raise KeystoreError(
                f"key name {name!r}: expected 1 to {MAX_NAME_BYTES - len(_SUFFIX)} characters, the first of them no dot"
            )
        return self.folder / file

    def _entry(self, name: str) -> Entry:
        path = self._path(name)
        record = _read(path)
        try:
            crypto = {key.lower(): value for key, value in record.items()}["crypto"]
            parameters = crypto["kdfparams"]
            cost = parameters["n"] if crypto["kdf"] == "scrypt" else parameters["c"]
            address = to_checksum_address("0x" + str(record["address"]).removeprefix("0x"))
            # A changed file could ask for more memory or time than there is.
            if not 1 < int(cost) <= MAX_COST[crypto["kdf"]]:
                raise ValueError
            return Entry(name=name, address=address, kdf=str(crypto["kdf"]), cost=int(cost))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KeystoreError(_spoilt(path)) from None

    def _require_folder(self) -> None:
        if not self.folder.is_dir():
            raise KeystoreError(f"{self.folder}: no such keystore; make one with `setm keys new`")
        require_private(self.folder)

    def _write(self, path: Path, record: Mapping[str, Any]) -> Path:
        """Return a new file beside ``path`` that holds ``record``, on the disk and readable by its owner only."""
        partial = path.with_name(f".{secrets.token_hex(8)}.partial")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(partial, flags, 0o600), "w") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        return partial

    def _sync_folder(self) -> None:
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class StoredKeys:
    """A ``KeySource`` that keeps its keys in a keystore, each made on first use and opened once."""

    def __init__(self, keystore: Keystore, password: SecretStr) -> None:
        self._keystore = keystore.create()
        self._password = password
        self._opened: dict[str, LocalAccount] = {}
        self.origin = f"keystore {keystore.folder.resolve()}"
        # A wrong password is better known now than after an hour.
        for entry in self._keystore.entries()[:1]:
            self._opened[entry.name] = self._keystore.account(entry.name, password)

    def account(self, *purpose: str) -> LocalAccount:
        """Return the key for a purpose; a new one if the keystore has none."""
        name = " ".join(purpose)
        if name not in self._opened:
            is_known = name in self._keystore
            take = self._keystore.account if is_known else self._keystore.new
            self._opened[name] = take(name, self._password)
        return self._opened[name]

    def secret(self, *purpose: str) -> bytes:
        """Return 32 bytes that only who has the participant's key can derive; the last word of ``purpose`` names it."""
        key = bytes(self.account("participant", purpose[-1]).key)
        return hmac.digest(key, "/".join(("setm secret", *purpose)).encode(), "sha256")


def require_private(path: Path) -> None:
    """Raise ``KeystoreError`` unless ``path`` is the user's own and nobody else may read or write it."""
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    if stat.S_ISLNK(found.st_mode):
        raise KeystoreError(f"{path}: a link; expected the file itself")
    if found.st_uid != os.geteuid():
        raise KeystoreError(
            f"{path}: belongs to user {found.st_uid}; expected user {os.geteuid()}, who runs this"
        )
    if mode & _OTHERS:
        raise KeystoreError(
            f"{path}: mode {mode:04o}, others may have read it; expected {wanted:04o}: "
            f"`chmod {wanted:o}` it and replace the secret in it"
        )


def secret_from_file(path: Path) -> SecretStr:
    """Return what is in a file that only its owner may read."""
    try:
        require_private(path)
        return _given(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise KeystoreError(f"{path}: not readable ({type(error).__name__})") from None


def password_from_file(path: Path) -> SecretStr:
    """Return the first line of a file that only its owner may read."""
    line = secret_from_file(path).get_secret_value().partition("\n")[0].removesuffix("\r")
    return _given(line, f"first line of {path}")


def password_from_environment(name: str) -> SecretStr:
    """Return an environment variable and take it out of the environment, so that no program started later has it."""
    return _given(environment.take(name), f"environment variable {name}")


def decoded_key(given: SecretStr, password: SecretStr) -> bytes:
    """Return a private key written as 64 hex digits, or as a keystore file that ``password`` opens."""
    text = given.get_secret_value().strip()
    try:
        if text.startswith("{"):
            return bytes(Account.decrypt(text, password.get_secret_value()))
        key = bytes.fromhex(text.removeprefix("0x"))
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        if "MAC mismatch" in str(error):
            raise WrongPassword("the password does not open the key to be imported") from None
        raise KeystoreError(NOT_A_KEY) from None
    if len(key) != 32:
        raise KeystoreError(NOT_A_KEY)
    return key


def _given(text: str, where: str) -> SecretStr:
    if not text:
        raise KeystoreError(f"{where}: empty or not there; expected a secret")
    return SecretStr(text)


def _require_strong(password: SecretStr) -> None:
    if len(password.get_secret_value()) < LEAST_PASSWORD_CHARACTERS:
        raise KeystoreError(f"password: expected at least {LEAST_PASSWORD_CHARACTERS} characters")


def _encrypted(account: LocalAccount, password: SecretStr, cost: int) -> Mapping[str, Any]:
    _require_strong(password)
    record: Mapping[str, Any] = Account.encrypt(
        account.key, password.get_secret_value(), kdf="scrypt", iterations=cost
    )
    return record


def _account(key: bytes, name: str) -> LocalAccount:
    try:
        account: LocalAccount = Account.from_key(key)
    except (ValueError, TypeError):
        # Without the cause: its text holds the key.
        raise KeystoreError(f"{name}: not a private key; expected 32 bytes") from None
    return account


def _read(path: Path) -> dict[str, Any]:
    try:
        require_private(path)
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KeystoreError(
            f"{path}: no such key; `setm keys list` shows those that exist"
        ) from None
    except (OSError, ValueError):
        raise KeystoreError(_spoilt(path)) from None
    if not isinstance(record, dict):
        raise KeystoreError(_spoilt(path))
    return record


def _spoilt(path: Path) -> str:
    return f"{path}: not a key file, or spoilt; bring it back from a backup"
