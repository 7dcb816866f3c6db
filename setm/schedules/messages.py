"""What is signed and hashed of schedules: by concatenation, since a day has thousands of them.

Source: EIP-712; the tests hold these against eth-account's own encoder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from eth_utils.address import to_canonical_address
from eth_utils.crypto import keccak

from setm.schedules.words import LANE_BITS

SCHEDULE_TYPE = b"Schedule(uint32 span,uint32 participantId,address collector,uint256[] orders)"
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
NAME = b"SETM ScheduleBook"
_TYPEHASH = keccak(SCHEDULE_TYPE)


@dataclass(frozen=True, slots=True)
class ScheduleDomain:
    """Where a schedule counts: one contract on one chain."""

    chain_id: int
    contract: str
    separator: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Compute the domain separator, once."""
        parts = (keccak(DOMAIN_TYPE), keccak(NAME), keccak(b"1"))
        text = b"".join(parts) + _word(self.chain_id) + _address(self.contract)
        object.__setattr__(self, "separator", keccak(text))

    def digest(self, struct_hash: bytes) -> bytes:
        """Return the 32 bytes that are signed."""
        return keccak(b"\x19\x01" + self.separator + struct_hash)


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


def leaf_of_outcome(head: int, fills: Sequence[int]) -> bytes:
    """Return what a group holds of a member; ``fills`` are its words."""
    return keccak(_word(head) + words_hash(fills))


def group_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the word that the chain keeps of a group."""
    return keccak(b"".join(leaves))


def book_name(span: int, zone: int, collector: str) -> bytes:
    """Return the name under which a book is known: keccak256 of span, zone and collector."""
    return keccak(_word(span) + _word(zone) + _address(collector))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address(address: str) -> bytes:
    return bytes(to_canonical_address(address)).rjust(32, b"\0")
