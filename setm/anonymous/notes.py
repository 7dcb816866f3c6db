"""Blind signatures of notes: RSA with 2048 bits and exponent 65537 over a full-domain hash (Chaum 1983).

The holder multiplies the hash of a note by r^e; the issuer signs that number and learns nothing; divided by r it is the
issuer's signature of the note itself. All numbers are integers below the modulus, 256 bytes on chain.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from Crypto.PublicKey import RSA
from eth_abi.abi import encode
from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak

from setm.errors import ConfigError, NotSecured

KEY_BITS = 2048
KEY_BYTES = KEY_BITS // 8
EXPONENT = 65_537


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePlace:
    """Where notes count: those of one venue, in one book, on one chain."""

    chain_id: int
    book: str
    venue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """The issuer's public key (INoteBook.modulus)."""

    modulus: int

    def __post_init__(self) -> None:
        if self.modulus.bit_length() != KEY_BITS or self.modulus % 2 == 0:
            raise ConfigError(
                f"modulus of {self.modulus.bit_length()} bits: expected an odd number of {KEY_BITS} bits"
            )

    def opened(self, signature: int) -> int:
        """Return the number that a signature signs."""
        return pow(signature, EXPONENT, self.modulus)

    def blinded(self, number: int, factor: int) -> int:
        """Return a number as the issuer gets to see it."""
        return number * pow(factor, EXPONENT, self.modulus) % self.modulus

    def unblinded(self, blind_signature: int, factor: int, number: int) -> int:
        """Return the signature of ``number``; refuse an issuer's answer that is none."""
        signature = blind_signature * pow(factor, -1, self.modulus) % self.modulus
        if self.opened(signature) != number:
            raise NotSecured(
                "blind signature of a note: expected the issuer's over what was sent; "
                "the note is paid back after the venue's issue_seconds"
            )
        return signature


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerKey:
    """The issuer's secret key; whoever has it can make notes that nobody paid."""

    public: NoteKey
    exponent: int = field(repr=False)

    def sign(self, blinded: int) -> int:
        """Return the signature of a blinded number.

        It is blinded once more while it is signed, so that the time it takes tells nothing of the key.
        """
        modulus = self.public.modulus
        factor = secrets.randbelow(modulus - 2) + 1
        hidden = self.public.blinded(blinded, factor)
        signed: int = pow(hidden, self.exponent, modulus) * pow(factor, -1, modulus) % modulus
        return signed


def issuer_key(seed: bytes) -> IssuerKey:
    """Return the key that a seed always gives; for local chains, as all keys that come from a seed."""
    made = RSA.generate(KEY_BITS, randfunc=_stream(seed), e=EXPONENT)
    return IssuerKey(public=NoteKey(modulus=int(made.n)), exponent=int(made.d))


def _stream(seed: bytes) -> Callable[[int], bytes]:
    """Return a source of bytes: SHAKE-256 of the seed and a counter."""
    count = 0

    def read(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(seed + count.to_bytes(8, "big")).digest(size)

    return read


def note_hash(place: NotePlace, account: str, serial: bytes) -> bytes:
    """Return the hash of a note (INoteBook.noteHashOf): the account is inside, so nobody can redirect it."""
    values = [
        "SETM note",
        place.chain_id,
        to_canonical_address(place.book),
        to_canonical_address(place.venue),
        to_canonical_address(account),
        serial,
    ]
    types = ["string", "uint256", "address", "address", "address", "bytes32"]
    return bytes(keccak(encode(types, values)))


def domain_number(hashed: bytes) -> int:
    """Return the full-domain hash of a note: eight keccak words, the highest bit zero."""
    words = b"".join(keccak(encode(["bytes32", "uint256"], [hashed, i])) for i in range(8))
    return int.from_bytes(words, "big") % (1 << KEY_BITS - 1)


def to_bytes(number: int) -> bytes:
    """Return a number as the chain takes it, 256 bytes."""
    return number.to_bytes(KEY_BYTES, "big")
