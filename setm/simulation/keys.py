"""Keys of a local run, derived from its seed so that a run can be repeated.

These keys hold test money on a chain that ends with the run. ``setm.keystore.StoredKeys`` takes their place when a
keystore is given; the offices keep the accounts to which the local chain has given ether.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm.chain.node import LOCAL_MNEMONIC

GOVERNANCE_INDEX, AUTHORITY_INDEX, OPERATOR_INDEX, COLLECTOR_INDEX = 0, 1, 2, 7


def local_account(index: int) -> LocalAccount:
    """Return an account that the local chain has given ether."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(
        LOCAL_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}"
    )
    return account


def secret(seed: int, *purpose: str) -> bytes:
    """Return 32 bytes that only who knows the seed can derive."""
    return bytes(keccak("/".join(("setm", str(seed), *purpose)).encode()))


def derived_account(seed: int, *purpose: str) -> LocalAccount:
    """Return the key of a participant or meter of this run."""
    account: LocalAccount = Account.from_key(secret(seed, *purpose))
    return account


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """A ``KeySource`` for which whoever knows the seed has every key."""

    seed: int
    origin: str = "seed"

    def account(self, *purpose: str) -> LocalAccount:
        """Return the key for a purpose."""
        return derived_account(self.seed, *purpose)

    def secret(self, *purpose: str) -> bytes:
        """Return 32 secret bytes for a purpose."""
        return secret(self.seed, *purpose)
