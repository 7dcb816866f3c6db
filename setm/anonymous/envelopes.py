"""Envelopes: what one-time accounts say to each other, encrypted, and all of one length.

ECIES over secp256k1 as eciespy has it (65 bytes of ephemeral key, 16 of nonce, 16 of tag, AES-256-GCM), over a text
padded to 256 bytes. The ephemeral key and the nonce come from the sender's secret and the message, as the nonce of a
signature does (RFC 6979), so that a sender that starts again says the same bytes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import ecies
from Crypto.Cipher import AES
from ecies.keys import PrivateKey, PublicKey
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey as AccountKey
from eth_keys.datatypes import Signature
from eth_utils.address import to_canonical_address, to_checksum_address
from eth_utils.crypto import keccak

from setm.errors import MessageUnreadable, OrderRefused
from setm.slots import Slot
from setm.units import Price, Wh

TEXT_BYTES = 256
ENVELOPE_BYTES = 65 + 16 + 16 + TEXT_BYTES
_CURVE: Literal["secp256k1"] = "secp256k1"
_LENGTH_BYTES = 2
_NONCE_BYTES = 16
# kind, account, slot, energy, price, round, expiry, arbiter, salt, deadline; a signature follows
_FIELD_BYTES = (1, 20, 4, 4, 4, 2, 5, 4, 32, 8)
_SIGNATURE_BYTES = 65


class Kind(IntEnum):
    """What a message is: who wants to buy or sell, an offer or counter-offer, its signed acceptance, or the end."""

    BUYER = 1
    SELLER = 2
    OFFER = 3
    ACCEPTANCE = 4
    REJECTION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is inside an envelope; ``account`` is its sender, ``signature`` that of an acceptance's agreement."""

    kind: Kind
    account: str
    slot: Slot
    energy_wh: Wh
    price: Price
    round: int
    expires_at: int
    arbiter_id: int
    salt: int
    deadline: int
    signature: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the text as it is encrypted, before padding."""
        numbers = (
            int(self.kind),
            int.from_bytes(to_canonical_address(self.account), "big"),
            self.slot,
            self.energy_wh,
            self.price,
            self.round,
            self.expires_at,
            self.arbiter_id,
            self.salt,
            self.deadline,
        )
        parts = (n.to_bytes(size, "big") for n, size in zip(numbers, _FIELD_BYTES, strict=True))
        return b"".join(parts) + self.signature


def text_from(data: bytes) -> Text:
    """Return what ``Text.to_bytes`` wrote; refuse anything else."""
    size = sum(_FIELD_BYTES)
    if len(data) not in (size, size + _SIGNATURE_BYTES):
        raise MessageUnreadable(
            f"text of {len(data)} bytes: expected {size}, or {size + _SIGNATURE_BYTES} with a signature"
        )
    numbers, at = [], 0
    for width in _FIELD_BYTES:
        numbers.append(int.from_bytes(data[at : at + width], "big"))
        at += width
    kind, account, slot, energy_wh, price, number, expires_at, arbiter_id, salt, deadline = numbers
    if kind not in set(Kind):
        raise MessageUnreadable(f"kind {kind} of a message: expected 1 to {len(Kind)}")
    return Text(
        kind=Kind(kind),
        account=to_checksum_address(account.to_bytes(20, "big")),
        slot=Slot(slot),
        energy_wh=Wh(energy_wh),
        price=Price(price),
        round=number,
        expires_at=expires_at,
        arbiter_id=arbiter_id,
        salt=salt,
        deadline=deadline,
        signature=data[at:],
    )


def seal(sender: LocalAccount, number: int, receiver: bytes, text: bytes) -> bytes:
    """Return the envelope of the sender's message ``number`` to a public key (64 or 65 bytes).

    >>> from eth_account import Account
    >>> one = Account.from_key(b"\\x01" * 32)
    >>> envelope = seal(one, 0, public_key(one), b"hello")
    >>> len(envelope), opened(one, envelope)
    (353, b'hello')
    """
    if len(text) > TEXT_BYTES - _LENGTH_BYTES:
        raise OrderRefused(
            f"text of {len(text)} bytes: expected at most {TEXT_BYTES - _LENGTH_BYTES}"
        )
    padded = len(text).to_bytes(_LENGTH_BYTES, "big") + text
    padded += bytes(TEXT_BYTES - len(padded))
    secret = keccak(b"SETM envelope" + bytes(sender.key))
    types = ["bytes32", "uint256", "bytes", "bytes"]
    seed = keccak(encode(types, [secret, number, receiver, padded]))
    # A hash that is no private key comes once in 2^128.
    ephemeral = PrivateKey(_CURVE, seed)
    key = ephemeral.encapsulate(PublicKey(_CURVE, _full(receiver)), False)
    cipher = AES.new(key, AES.MODE_GCM, keccak(seed)[:_NONCE_BYTES])
    encrypted, tag = cipher.encrypt_and_digest(padded)
    return bytes(ephemeral.public_key.to_bytes(False) + cipher.nonce + tag + encrypted)


def opened(receiver: LocalAccount, envelope: bytes) -> bytes:
    """Return the text of an envelope, or raise ``MessageUnreadable`` if it is for somebody else or spoilt."""
    if len(envelope) != ENVELOPE_BYTES:
        raise MessageUnreadable(f"envelope of {len(envelope)} bytes: expected {ENVELOPE_BYTES}")
    try:
        padded = ecies.decrypt(bytes(receiver.key), envelope)
    except ValueError:
        raise MessageUnreadable(
            f"envelope: expected one for {receiver.address}; it is for another account, or was changed; pass over it"
        ) from None
    size = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    text, padding = padded[_LENGTH_BYTES:][:size], padded[_LENGTH_BYTES + size :]
    if size > TEXT_BYTES - _LENGTH_BYTES or any(padding):
        raise MessageUnreadable("padding of an envelope: expected zeros after the text")
    return bytes(text)


def read(receiver: LocalAccount, sender: str, envelope: bytes) -> Text:
    """Return what an account broadcast to ``receiver``; refuse what it copied from another account."""
    text = text_from(opened(receiver, envelope))
    if text.account != sender:
        raise MessageUnreadable(
            f"message of {text.account} brought by {sender}: expected one account; it is a copy"
        )
    return text


def bulletin() -> LocalAccount:
    """Return the account whose key everybody knows: an envelope to it is for all, and looks like any other."""
    account: LocalAccount = Account.from_key(keccak(b"SETM bulletin"))
    return account


def public_key(account: LocalAccount) -> bytes:
    """Return the public key of an account, 64 bytes."""
    return bytes(AccountKey(bytes(account.key)).public_key.to_bytes())


def public_key_of(digest: bytes, signature: bytes) -> bytes:
    """Return the public key that made a 65-byte signature, 64 bytes: whoever has spoken can be written to."""
    values = signature[:64] + bytes([signature[64] - 27])
    return bytes(Signature(values).recover_public_key_from_msg_hash(digest).to_bytes())


def _full(key: bytes) -> bytes:
    return b"\x04" + key if len(key) == 64 else key
