"""A schedule with its signature, and the book to which it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coincurve import PrivateKey
from eth_utils.address import to_canonical_address

from setm.schedules.messages import leaf_of_schedule, schedule_digest, schedule_hash
from setm.schedules.words import SlotOrder, pack_orders
from setm.signatures import COMPACT_BYTES, keccak, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class BookKey:
    """What names a book (IScheduleBook.BookKey); ``collector`` is an address."""

    span: int
    zone: int
    collector: str

    @property
    def name(self) -> bytes:
        """The 32 bytes under which the contract and its events know it."""
        collector = to_canonical_address(self.collector)
        words = (self.span.to_bytes(32, "big"), self.zone.to_bytes(32, "big"))
        return keccak(b"".join(words) + collector.rjust(32, b"\0"))

    @property
    def values(self) -> tuple[int, int, str]:
        """The struct as the contract takes it."""
        return self.span, self.zone, self.collector


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSchedule:
    """A participant's orders of a span, eight slots to a word, signed by its owner key or by a session key.

    ``signer`` is the 20-byte address of the key, ``signature`` r and vs (ERC-2098).
    """

    book: BookKey
    participant_id: int
    signer: bytes
    words: tuple[int, ...]
    signature: bytes

    @property
    def struct_hash(self) -> bytes:
        """The EIP-712 hash of what is signed, without its domain."""
        book = self.book
        return schedule_hash(book.span, self.participant_id, book.collector, self.words)

    @property
    def leaf(self) -> bytes:
        """What a commitment holds of it; without the key nobody can tell the orders from it, or guess them."""
        return leaf_of_schedule(self.struct_hash, self.r, self.vs)

    @property
    def r(self) -> bytes:
        """The first word of the signature."""
        return self.signature[: COMPACT_BYTES // 2]

    @property
    def vs(self) -> bytes:
        """The second word of the signature."""
        return self.signature[COMPACT_BYTES // 2 :]


def sign_schedule(
    key: PrivateKey,
    signer: bytes,
    separator: bytes,
    book: BookKey,
    participant_id: int,
    orders: Sequence[SlotOrder | None],
) -> SignedSchedule:
    """Return a participant's schedule, one order or None for each slot of the span.

    ``separator`` is ``separator_of(BOOK_DOMAIN, ...)`` of the book's contract, ``signer`` the address of ``key``.
    """
    words = tuple(pack_orders(orders))
    hashed = schedule_hash(book.span, participant_id, book.collector, words)
    return SignedSchedule(
        book=book,
        participant_id=participant_id,
        signer=signer,
        words=words,
        signature=sign(key, schedule_digest(separator, hashed)),
    )
