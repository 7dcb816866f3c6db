"""EIP-712 digests and signatures, quick enough for thousands a second; tests hold them to ``setm.messages``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import coincurve
from eth_utils.crypto import keccak

from setm import messages

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FORMS = ("good", "high_s", "flipped", "compact", "low_v", "zero", "empty")

PERMIT = (
    ("address", "owner"),
    ("address", "spender"),
    ("uint256", "value"),
    ("uint256", "nonce"),
    ("uint256", "deadline"),
)
# The venue of one-time accounts has a type of the same name.
ANONYMOUS_AGREEMENT = "Agreement of accounts"
# Name of the type, its fields, and the name of the domain that it counts in.
TYPES = {
    "Credential": (messages.CREDENTIAL, messages.REGISTRY_DOMAIN),
    "Join": (messages.JOIN, messages.REGISTRY_DOMAIN),
    "Rotate": (messages.ROTATE, messages.REGISTRY_DOMAIN),
    "Binding": (messages.BINDING, messages.METER_DOMAIN),
    "Reading": (messages.READING, messages.METER_DOMAIN),
    "Commit": (messages.COMMIT, messages.AUCTION_DOMAIN),
    "PlaceOrder": (messages.PLACE_ORDER, messages.AUCTION_DOMAIN),
    "Announce": (messages.ANNOUNCE, messages.TARIFF_DOMAIN),
    "Take": (messages.TAKE, messages.TARIFF_DOMAIN),
    "Agreement": (messages.AGREEMENT, messages.NEGOTIATION_DOMAIN),
    ANONYMOUS_AGREEMENT: (messages.ANONYMOUS_AGREEMENT, messages.ANONYMOUS_DOMAIN),
    "Broadcast": (messages.BROADCAST, messages.ANONYMOUS_DOMAIN),
    "CashIn": (messages.CASH_IN, messages.ANONYMOUS_DOMAIN),
    "Claim": (messages.CLAIM, messages.ANONYMOUS_DOMAIN),
    "Decision": (messages.DECISION, messages.ANONYMOUS_DOMAIN),
    "Permit": (PERMIT, "Test Euro"),
}
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"


@cache
def separator(domain_name: str, chain_id: int, contract: str) -> bytes:
    """Return the domain separator of a contract."""
    words = (keccak(text=_DOMAIN), keccak(text=domain_name), keccak(text="1"), chain_id, contract)
    return bytes(keccak(b"".join(map(word, words))))


@cache
def _type_hash(kind: str) -> bytes:
    fields = TYPES[kind][0]
    listed = ",".join(f"{field_type} {name}" for field_type, name in fields)
    return bytes(keccak(text=f"{kind.partition(' ')[0]}({listed})"))


def struct_hash(kind: str, values: Sequence[Any]) -> bytes:
    """Return hashStruct of a message of static fields."""
    return bytes(keccak(_type_hash(kind) + b"".join(map(word, values))))


def digest(kind: str, values: Sequence[Any], chain_id: int, contract: str) -> bytes:
    """Return the 32 bytes that are signed."""
    domain = separator(TYPES[kind][1], chain_id, contract)
    return bytes(keccak(b"\x19\x01" + domain + struct_hash(kind, values)))


def word(value: Any) -> bytes:
    """Return a static value in its word."""
    if isinstance(value, bytes):
        return value.ljust(32, b"\0")
    if isinstance(value, str):
        return bytes(12) + bytes.fromhex(value[2:])
    return int(value % 2**256).to_bytes(32, "big")


@cache
def _key(secret: bytes) -> coincurve.PrivateKey:
    return coincurve.PrivateKey(secret)


def sign(secret: bytes, signed: bytes, form: str = "good") -> bytes:
    """Return r, s, v of 65 bytes, or what an adversary makes of it; deterministic (RFC 6979)."""
    if form == "empty":
        return b""
    if form == "zero":
        return bytes(65)
    found = _key(secret).sign_recoverable(signed, hasher=None)
    r, s, v = found[:32], int.from_bytes(found[32:64], "big"), found[64]
    if form == "high_s":
        return r + (ORDER - s).to_bytes(32, "big") + bytes([27 + (v ^ 1)])
    if form == "flipped":
        return r + (s ^ 1 << (s % 200)).to_bytes(32, "big") + bytes([27 + v])
    if form == "compact":
        return r + (v << 255 | s).to_bytes(32, "big")
    return found[:64] + bytes([v if form == "low_v" else 27 + v])


def sign_compact(secret: bytes, signed: bytes, form: str = "good") -> tuple[bytes, bytes]:
    """Return r and vs (ERC-2098)."""
    full = sign(secret, signed, "flipped" if form == "flipped" else "good")
    if form in ("zero", "empty"):
        return bytes(32), bytes(32)
    if form == "high_s":
        # Does not fit beside v: the other v makes it another key's.
        v = 1 - (full[64] - 27)
        return full[:32], (v << 255 | int.from_bytes(full[32:64], "big")).to_bytes(32, "big")
    return full[:32], ((full[64] - 27) << 255 | int.from_bytes(full[32:64], "big")).to_bytes(
        32, "big"
    )
