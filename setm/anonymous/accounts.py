"""One-time accounts and notes of a participant, derived from its secret.

They are the same after a restart, and without the secret nobody links them. Extract and expand as in RFC 5869,
with keccak in place of HMAC (a sponge needs no nested key), as for salts of orders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak

from setm.anonymous.notes import KEY_BITS, NoteKey, NotePlace, domain_number, note_hash
from setm.errors import OrderRefused

LEAST_SECRET_BYTES = 32
# The order of secp256k1 (SEC 2): private keys are 1 to this, less one.
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of a one-time account before it is signed; ``number`` is what the issuer shall sign without seeing it."""

    account: str
    serial: bytes
    number: int
    factor: int = field(repr=False)

    def blinded(self, key: NoteKey) -> int:
        """Return what the issuer gets to see."""
        return key.blinded(self.number, self.factor)


def one_time_account(secret: bytes, place: NotePlace, index: int) -> LocalAccount:
    """Return the one-time account of a number."""
    derived = int.from_bytes(_expand(secret, b"SETM one-time account", place, index, 0), "big")
    account: LocalAccount = Account.from_key((derived % (CURVE_ORDER - 1) + 1).to_bytes(32, "big"))
    return account


def note(secret: bytes, place: NotePlace, key: NoteKey, index: int, number: int) -> Note:
    """Return a note of the one-time account ``index``, counted by ``number`` from 0."""
    account = one_time_account(secret, place, index)
    serial = _expand(secret, b"SETM note serial", place, index, number)
    hashed = domain_number(note_hash(place, account.address, serial))
    seed = _expand(secret, b"SETM note factor", place, index, number)
    return Note(
        account=str(account.address), serial=serial, number=hashed, factor=_factor(seed, key)
    )


def _factor(seed: bytes, key: NoteKey) -> int:
    """Return a blinding factor: a unit modulo the issuer's modulus, of 128 bits more than it has, reduced."""
    attempt = 0
    while True:
        count = KEY_BITS // 256 + 1
        words = [keccak(encode(["bytes32", "uint256"], [seed, attempt + i])) for i in range(count)]
        found = int.from_bytes(b"".join(words), "big") % key.modulus
        if found > 1 and math.gcd(found, key.modulus) == 1:
            return found
        attempt += count


def _expand(secret: bytes, label: bytes, place: NotePlace, index: int, number: int) -> bytes:
    if len(secret) < LEAST_SECRET_BYTES:
        raise OrderRefused(f"secret of {len(secret)} bytes: expected at least {LEAST_SECRET_BYTES}")
    types = ["bytes32", "uint256", "address", "uint32", "uint32"]
    venue = to_canonical_address(place.venue)
    values = [keccak(label + secret), place.chain_id, venue, index, number]
    return bytes(keccak(encode(types, values)))
