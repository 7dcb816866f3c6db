"""A collector's receipts: its signed word that a schedule came in time and will be in the book.

A receipt whose leaf is missing where the commitment was opened proves, to anybody, that the collector broke its word.
It does not put the schedule into the book: who does not find its leaf among those that the collector names when it
commits forces its schedule in from the chain, before the gate closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coincurve import PrivateKey
from eth_utils.address import to_canonical_address

from setm.errors import NotSecured
from setm.messages import Domain, Fields
from setm.schedules.messages import BOOK_DOMAIN, chained
from setm.schedules.signed import BookKey
from setm.signatures import Digest, digest_of, sign, signer

RECEIPT: Fields = (
    ("bytes32", "book"),
    ("uint32", "participantId"),
    ("bytes32", "leaf"),
    ("uint64", "receivedAt"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a collector signs of a schedule that it has taken; ``received_at`` UTC seconds."""

    book: BookKey
    participant_id: int
    leaf: bytes
    received_at: int
    signature: bytes


def receipt_digest(domain: Domain) -> Digest:
    """Return what hashes the values of a receipt; ``domain`` is that of the book's contract."""
    return digest_of(BOOK_DOMAIN, domain, "Receipt", RECEIPT)


def give_receipt(
    key: PrivateKey,
    digest: Digest,
    book: BookKey,
    participant_id: int,
    leaf: bytes,
    received_at: int,
) -> Receipt:
    """Return the collector's signed receipt of a schedule's leaf."""
    return Receipt(
        book=book,
        participant_id=participant_id,
        leaf=leaf,
        received_at=received_at,
        signature=sign(key, digest(book.name, participant_id, leaf, received_at)),
    )


def verify_receipt(receipt: Receipt, digest: Digest) -> None:
    """Raise ``NotSecured`` unless the book's collector signed this receipt."""
    book = receipt.book
    values = (book.name, receipt.participant_id, receipt.leaf, receipt.received_at)
    if signer(digest(*values), receipt.signature) != to_canonical_address(book.collector):
        raise NotSecured(
            f"receipt for participant {receipt.participant_id}: not signed by collector {book.collector}; "
            "do not count on it, and force the schedule in"
        )


def is_under(leaf: bytes, leaves: Sequence[bytes], committed: bytes) -> bool:
    """Tell whether a leaf is among those of a commitment: what a participant asks before the gate closes."""
    return leaf in leaves and chained(leaves) == committed


def proves_omission(
    receipt: Receipt, digest: Digest, leaves: Sequence[bytes], committed: bytes
) -> bool:
    """Tell whether a receipt proves that its collector broke its word; raise ``NotSecured`` for a forged one.

    ``committed`` is the collector's digest on the chain, 32 zeros if it never committed, ``leaves`` those that were
    posted. Leaves that are not of that commitment prove nothing.
    """
    verify_receipt(receipt, digest)
    return chained(leaves) == committed and receipt.leaf not in leaves
