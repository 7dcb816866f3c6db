"""Signing and checking many EIP-712 messages with native secp256k1.

``digest_of`` prepares a message type of one contract on one chain; what it returns hashes values to the 32 bytes that
``Message.digest`` gives, without building typed data each time. ``sign`` makes the compact 64-byte form of ERC-2098
(r, and s with the parity of R in its top bit), ``signer`` recovers the address as the chain does, ``verify_many``
checks a batch.

Checking with a known public key (ECDSA's own verification) would be a tenth faster, but it never looks at the parity:
a signature whose parity was flipped would pass here, and the chain would recover somebody else from it. So addresses
are recovered. Sources: EIP-712 (typed data), EIP-2 (low s), ERC-2098 (compact form).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from coincurve import PrivateKey, PublicKey
from sha3 import keccak_256

from setm.errors import NotSecured
from setm.messages import HALF_CURVE_ORDER, Domain, Fields

COMPACT_BYTES = 64
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WORD = 32

Digest = Callable[..., bytes]
"""Takes the values of a message in the order of its fields; returns the 32 bytes that are signed."""

Encode = Callable[[Any], Any]

_DOMAIN: Fields = (
    ("bytes32", "name"),
    ("bytes32", "version"),
    ("uint256", "chainId"),
    ("address", "verifyingContract"),
)
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_VERSION = b"1"
# How struct packs a small unsigned number at the end of a word; it refuses what does not fit.
_SMALL = {8: "31xB", 16: "30xH", 32: "28xI", 64: "24xQ"}


def digest_of(domain_name: str, domain: Domain, primary_type: str, fields: Fields) -> Digest:
    """Return a function from a message's values to its digest; equal to ``Message.digest``.

    Types may be ``bool``, ``address``, ``bytes``, ``string``, ``bytes1`` to ``bytes32``, ``uintN``, ``intN`` and arrays
    of all but the dynamic ones (``uint256[]``, ``uint32[96]``). Raises ``ValueError`` for any other type; the function
    raises ``NotSecured`` for a value that its type cannot hold.

    >>> there = Domain(chain_id=1, contract="0x" + "11" * 20)
    >>> digest = digest_of("SETM Auction", there, "Order", (("uint32", "slot"), ("uint256[]", "orders")))
    >>> digest(7, [1, 2]).hex()[:16]
    'ae96b17a8aa68f53'
    """
    listed = ",".join(f"{kind} {name}" for kind, name in fields)
    encode = _encoder(f"{primary_type}({listed})".encode(), fields)
    prefix = b"\x19\x01" + separator_of(domain_name, domain)

    def digest(*values: Any) -> bytes:
        try:
            encoded = encode(*values)
        except (
            struct.error,
            ArithmeticError,
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:
            raise NotSecured(
                f"{primary_type}({listed}) cannot hold {values!r}: {error}; give values of these types"
            ) from error
        return keccak(prefix + keccak(encoded))

    return digest


def separator_of(domain_name: str, domain: Domain) -> bytes:
    """Return the 32 bytes of a contract's EIP-712 domain."""
    encode_domain = _encoder(_DOMAIN_TYPE, _DOMAIN)
    name, version = keccak(domain_name.encode()), keccak(_VERSION)
    return keccak(encode_domain(name, version, domain.chain_id, domain.contract))


def keccak(data: bytes) -> bytes:
    """Return the 32 bytes of Keccak-256."""
    hashed: bytes = keccak_256(data).digest()
    return hashed


def private_key(secret: bytes) -> PrivateKey:
    """Return the native form of a 32-byte secret; making it once per key saves a third of a signature's time."""
    return PrivateKey(secret)


def address_of(public_key: PublicKey) -> bytes:
    """Return the 20 bytes of a key's address."""
    return keccak(public_key.format(compressed=False)[1:])[12:]


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """Return the compact signature (r, vs); deterministic (RFC 6979), s is the lower one."""
    _require_digest(digest)
    made: bytes = key.sign_recoverable(digest, hasher=None)
    if made[64] > 1:
        # r beyond the curve's order: no chain recovers it, and nobody has ever seen one.
        raise NotSecured("signature with r beyond the curve's order: change the message")
    return made[:32] + bytes([made[32] | made[64] << 7]) + made[33:64]


def signer(digest: bytes, signature: bytes) -> bytes:
    """Return the 20 bytes of the address whose key made a compact signature; refuse all that a chain refuses.

    Raises ``NotSecured`` for another length, an r or s of zero, an r beyond the order, a high s, and for an r that is
    on no point of the curve.
    """
    _require_digest(digest)
    if len(signature) != COMPACT_BYTES:
        raise NotSecured(
            f"signature of {len(signature)} bytes: expected {COMPACT_BYTES} (r, vs); sign again"
        )
    parity, top = signature[32] >> 7, signature[32] & 0x7F
    s = int.from_bytes(signature[32:], "big") & ~(1 << 255)
    if s > HALF_CURVE_ORDER:
        raise NotSecured("signature with a high s: expected the lower of the two; sign again")
    if s == 0 or not 0 < int.from_bytes(signature[:32], "big") < CURVE_ORDER:
        raise NotSecured("signature with r or s out of range: expected 1 to the order; sign again")
    whole = signature[:32] + bytes([top]) + signature[33:] + bytes([parity])
    try:
        return address_of(PublicKey.from_signature_and_message(whole, digest, hasher=None))
    except Exception as error:  # coincurve has no type of its own for it
        raise NotSecured("signature that no key can have made: sign again") from error


def verify_many(signed: Iterable[tuple[bytes, bytes, bytes]]) -> list[bool]:
    """Return for each (digest, compact signature, 20-byte address) whether that address signed that digest.

    Malformed signatures count as not signed; one bad entry does not spoil the others.
    """
    return [_is_by(*entry) for entry in signed]


def compact(signature: bytes) -> bytes:
    """Return the compact form of a 65-byte signature (r, s, v); refuse a high s and a v that is not 27 or 28."""
    if len(signature) != 65:
        raise NotSecured(f"signature of {len(signature)} bytes: expected 65 (r, s, v); sign again")
    if signature[64] not in (27, 28):
        raise NotSecured(f"signature with v {signature[64]}: expected 27 or 28; sign again")
    if not 0 < int.from_bytes(signature[32:64], "big") <= HALF_CURVE_ORDER:
        raise NotSecured("signature with s zero or high: expected the lower of the two; sign again")
    if not 0 < int.from_bytes(signature[:32], "big") < CURVE_ORDER:
        raise NotSecured("signature with r out of range: expected 1 to the order; sign again")
    parity = signature[64] - 27
    return signature[:32] + bytes([signature[32] | parity << 7]) + signature[33:64]


def expanded(signature: bytes) -> bytes:
    """Return the 65 bytes (r, s, v) of a compact signature, as contracts without ERC-2098 take them."""
    if len(signature) != COMPACT_BYTES:
        raise NotSecured(
            f"signature of {len(signature)} bytes: expected {COMPACT_BYTES} (r, vs); sign again"
        )
    v = 27 + (signature[32] >> 7)
    return signature[:32] + bytes([signature[32] & 0x7F]) + signature[33:] + bytes([v])


def _is_by(digest: bytes, signature: bytes, address: bytes) -> bool:
    try:
        return signer(digest, signature) == address
    except NotSecured:
        return False


def _require_digest(digest: bytes) -> None:
    if len(digest) != WORD:
        raise NotSecured(f"digest of {len(digest)} bytes: expected {WORD}")


def _encoder(type_string: bytes, fields: Fields) -> Callable[..., bytes]:
    """Return what encodes a struct's values: the hash of its type and a word for each of them."""
    layouts, encoders = zip(*(_word(kind) for kind, _ in fields), strict=True)
    # Big-endian and without alignment; x is a byte of zero.
    pack = struct.Struct(">32s" + "".join(layouts)).pack
    type_hash = keccak(type_string)
    converted = [(place, encode) for place, encode in enumerate(encoders) if encode is not None]

    def encode(*values: Any) -> bytes:
        words = list(values)
        for place, change in converted:
            words[place] = change(words[place])
        return pack(type_hash, *words)

    return encode


def _word(kind: str) -> tuple[str, Encode | None]:
    """Return the layout of a type's word and what turns a value into its field; None if ``struct`` does."""
    array = re.fullmatch(r"(.+)\[(\d*)\]", kind)
    if array:
        return "32s", _array(array[1], int(array[2]) if array[2] else None)
    if kind == "bool":
        return "31xB", _as_bool
    if kind == "address":
        return "12x20s", _as_address
    if kind == "bytes":
        return "32s", keccak
    if kind == "string":
        return "32s", lambda text: keccak(text.encode())
    number = re.fullmatch(r"(u?int|bytes)(\d+)", kind)
    if number and number[1] == "bytes" and 1 <= int(number[2]) <= WORD:
        return "32s", _fixed_bytes(int(number[2]))
    if number and number[1] != "bytes" and int(number[2]) in range(8, 257, 8):
        bits = int(number[2])
        if number[1] == "uint" and bits in _SMALL:
            return _SMALL[bits], None
        return "32s", _unsigned(bits) if number[1] == "uint" else _signed(bits)
    raise ValueError(f"type {kind}: expected an elementary type or an array of one")


def _array(kind: str, length: int | None) -> Encode:
    if kind in ("bytes", "string") or kind.endswith("]"):
        raise ValueError(f"array of {kind}: expected one of an elementary type of fixed size")
    layout, change = _word(kind)

    def encode(values: Sequence[Any]) -> bytes:
        if length is not None and len(values) != length:
            raise ValueError(f"{len(values)} values: expected {length}")
        if kind == "uint256":
            return keccak(b"".join([value.to_bytes(WORD, "big") for value in values]))
        words = values if change is None else [change(value) for value in values]
        return keccak(struct.pack(">" + layout * len(values), *words))

    return encode


def _unsigned(bits: int) -> Encode:
    size = bits // 8
    if size == WORD:
        return lambda value: value.to_bytes(WORD, "big")
    return lambda value: value.to_bytes(size, "big").rjust(WORD, b"\0")


def _signed(bits: int) -> Encode:
    def encode(value: int) -> bytes:
        # Refuses what does not fit before the sign is carried to the whole word.
        value.to_bytes(bits // 8, "big", signed=True)
        return value.to_bytes(WORD, "big", signed=True)

    return encode


def _fixed_bytes(size: int) -> Encode:
    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{len(value)} bytes: expected {size}")
        return bytes(value)

    return encode


def _as_bool(value: bool) -> int:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r}: expected True or False")
    return int(value)


def _as_address(value: str | bytes) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
    if len(raw) != 20:
        raise ValueError(f"address of {len(raw)} bytes: expected 20")
    return raw
