"""Who acts on a local chain: accounts of its public test mnemonic, never of a real one."""

from dataclasses import dataclass
from typing import Any

import brownie

# The mnemonic that every local development chain shares; brownie-config.yaml names the same.
LOCAL_MNEMONIC = "test test test test test test test test test test test junk"


@dataclass
class Actors:
    """Accounts by what they do; all hold their own private key."""

    governance: Any
    authority: Any
    operator: Any
    alice: Any
    bob: Any
    carol: Any
    mallory: Any
    others: list[Any]


def local_actors() -> Actors:
    """Return the accounts of the local chain; the chain has given each of them ether."""
    accounts = brownie.accounts.from_mnemonic(LOCAL_MNEMONIC, count=20)
    return Actors(*accounts[:7], accounts[7:])


def move_clock(timestamp: int) -> None:
    """Mine a block at ``timestamp`` (UTC seconds); Anvil refuses the form in which Brownie asks for it."""
    if "anvil" in brownie.web3.client_version.lower():
        brownie.web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp])
        brownie.chain.mine()
    else:
        brownie.chain.mine(timestamp=timestamp)


def main() -> Actors:
    """Say who acts."""
    actors = local_actors()
    for name in ("governance", "authority", "operator", "alice", "bob", "carol", "mallory"):
        print(f"{name:11} {getattr(actors, name).address}")
    return actors
