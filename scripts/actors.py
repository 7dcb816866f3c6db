"""Who acts: on a local chain accounts of its public test mnemonic, elsewhere keys of a keystore.

``SETM_KEYSTORE`` names the keystore, in which the keys are called governance, authority and operator, and
``SETM_PASSWORD_FILE`` the file with its password (see docs/deployment.md).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brownie

from setm.errors import ConfigError
from setm.keystore import LOCAL_CHAIN_IDS, Keystore, password_from_file

# The mnemonic that every local development chain shares; brownie-config.yaml names the same.
LOCAL_MNEMONIC = "test test test test test test test test test test test junk"


@dataclass
class Actors:
    """Accounts by what they do; all hold their own private key. Only local chains have more than the three offices."""

    governance: Any
    authority: Any
    operator: Any
    alice: Any = None
    bob: Any = None
    carol: Any = None
    mallory: Any = None
    others: list[Any] = field(default_factory=list)


def local_actors() -> Actors:
    """Return the accounts of the local chain; the chain has given each of them ether."""
    accounts = brownie.accounts.from_mnemonic(LOCAL_MNEMONIC, count=20)
    return Actors(*accounts[:7], accounts[7:])


def chosen_actors() -> Actors:
    """Return the offices of the keystore if one is named, else the local chain's accounts; these nowhere else."""
    if keystore := os.environ.get("SETM_KEYSTORE"):
        return _stored_actors(Keystore(Path(keystore)))
    require_local("the keys of the public test mnemonic, which everybody has", "SETM_KEYSTORE")
    return local_actors()


def require_local(what: str, instead: str) -> None:
    """Raise ``ConfigError`` on a chain where money may count, unless SETM_ALLOW_TEST_KEYS says that it does not."""
    if brownie.chain.id not in LOCAL_CHAIN_IDS and os.environ.get("SETM_ALLOW_TEST_KEYS") != "yes":
        raise ConfigError(
            f"chain {brownie.chain.id}: no place for {what}; set {instead}, or SETM_ALLOW_TEST_KEYS=yes if "
            "nothing there has worth"
        )


def _stored_actors(keystore: Keystore) -> Actors:
    named = os.environ.get("SETM_PASSWORD_FILE")
    if not named:
        raise ConfigError("SETM_PASSWORD_FILE: expected the file with the keystore's password")
    password = password_from_file(Path(named))
    offices = [keystore.account(name, password) for name in ("governance", "authority", "operator")]
    return Actors(*(brownie.accounts.add(account.key) for account in offices))


def move_clock(timestamp: int) -> None:
    """Mine a block at ``timestamp`` (UTC seconds); Anvil refuses the form in which Brownie asks for it."""
    if "anvil" in brownie.web3.client_version.lower():
        brownie.web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])
        brownie.chain.mine()
    else:
        brownie.chain.mine(timestamp=timestamp)


def main() -> Actors:
    """Say who acts."""
    actors = chosen_actors()
    for name in ("governance", "authority", "operator", "alice", "bob", "carol", "mallory"):
        if account := getattr(actors, name):
            print(f"{name:11} {account.address}")
    return actors
