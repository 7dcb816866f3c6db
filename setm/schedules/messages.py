"""What is signed and hashed of schedules: by concatenation, since a day has thousands of them.

Source: EIP-712; the tests hold these against eth-account's own encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eth_utils.address import to_canonical_address

from setm.messages import Fields
from setm.schedules.words import LANE_BITS
from setm.signatures import keccak

BOOK_DOMAIN = "SETM ScheduleBook"
SCHEDULE: Fields = (
    ("uint32", "span"),
    ("uint32", "participantId"),
    ("address", "collector"),
    ("uint256[]", "orders"),
)
_LISTED = ",".join(f"{kind} {name}" for kind, name in SCHEDULE)
_TYPEHASH = keccak(f"Schedule({_LISTED})".encode())


def schedule_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """Return the 32 bytes that are signed; ``separator`` is ``separator_of(BOOK_DOMAIN, ...)``."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def schedule_hash(span: int, participant_id: int, collector: str, orders: Sequence[int]) -> bytes:
    """Return the EIP-712 struct hash of a schedule; ``orders`` are its words."""
    head = _TYPEHASH + _word(span) + _word(participant_id) + _address(collector)
    return keccak(head + words_hash(orders))


def words_hash(words: Sequence[int]) -> bytes:
    """Return keccak256 of words, one after the other."""
    return keccak(b"".join(map(_word, words)))


def leaf_of_schedule(struct_hash: bytes, r: bytes, vs: bytes) -> bytes:
    """Return what a commitment holds of a signed schedule."""
    return keccak(struct_hash + r + vs)


def chained(leaves: Iterable[bytes]) -> bytes:
    """Return a collector's commitment to leaves in the order of participants; 32 zeros for none."""
    digest = bytes(32)
    for leaf in leaves:
        digest = keccak(digest + leaf)
    return digest


def head_word(participant_id: int, payment: int, cover: int, revenue: int) -> int:
    """Return a member's head: number, payment, cover and revenue in one word."""
    return participant_id << 224 | payment << 160 | cover << 96 | revenue << LANE_BITS


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address(address: str) -> bytes:
    return bytes(to_canonical_address(address)).rjust(32, b"\0")
