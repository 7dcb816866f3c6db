"""What a batch's entries and a group's outcomes look like as bytes (IScheduleBook, IDayAheadAuction.GroupBound)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from setm.errors import OrderRefused
from setm.schedules.words import SLOTS_PER_WORD, unpack_fills, word_count

NUMBER_BYTES, HASH_BYTES, LANE_BYTES, WORD_BYTES = 4, 32, 4, 32


class Source(IntEnum):
    """How an entry came into a batch (IScheduleBook.Source)."""

    SIGNED = 0
    FORCED = 1
    SET_ASIDE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One participant's schedule in a batch; ``orders`` are its words, ``r`` and ``vs`` 32 bytes each (ERC-2098)."""

    source: Source
    participant_id: int
    r: bytes
    vs: bytes
    orders: tuple[int, ...]


def entry_bytes(slots: int) -> int:
    """Return the length of an entry in a span of so many slots.

    >>> entry_bytes(96)
    453
    """
    return 1 + NUMBER_BYTES + 2 * HASH_BYTES + LANE_BYTES * slots


def pack_entries(entries: Sequence[Entry], slots: int) -> bytes:
    """Return the entries of a batch as one run of bytes, 69 + 4 * ``slots`` each.

    Raises ``OrderRefused`` for orders of another length than the span, or beyond it.

    >>> entry = Entry(source=Source.FORCED, participant_id=7, r=bytes(32), vs=bytes(32), orders=(5,))
    >>> packed = pack_entries([entry], 1)
    >>> packed[:5].hex(), packed[-4:].hex(), len(packed)
    ('0100000007', '00000005', 73)
    """
    return b"".join(
        bytes([entry.source])
        + entry.participant_id.to_bytes(NUMBER_BYTES, "big")
        + entry.r.rjust(HASH_BYTES, b"\0")
        + entry.vs.rjust(HASH_BYTES, b"\0")
        + pack_lanes(entry.orders, slots)
        for entry in entries
    )


def pack_lanes(words: Sequence[int], slots: int) -> bytes:
    """Return words of eight slots as bytes, the last, shorter one as its low bytes.

    >>> pack_lanes([1], 1).hex()
    '00000001'
    """
    if len(words) != word_count(slots):
        raise OrderRefused(f"{len(words)} words: expected {word_count(slots)} for {slots} slots")
    lengths = [WORD_BYTES] * (slots // SLOTS_PER_WORD)
    if slots % SLOTS_PER_WORD:
        lengths.append(LANE_BYTES * (slots % SLOTS_PER_WORD))
    try:
        packed = [word.to_bytes(size, "big") for word, size in zip(words, lengths, strict=True)]
    except OverflowError as error:
        raise OrderRefused(f"an order stands beyond slot {slots - 1} of its span") from error
    return b"".join(packed)


def unpack_entries(packed: bytes, slots: int) -> list[Entry]:
    """Return the entries of a batch; the inverse of ``pack_entries``.

    Raises ``OrderRefused`` if the bytes are no whole number of entries.

    >>> entry = Entry(source=Source.FORCED, participant_id=7, r=bytes(32), vs=bytes(32), orders=(5,))
    >>> unpack_entries(pack_entries([entry], 1), 1) == [entry]
    True
    """
    stride, lanes_at = entry_bytes(slots), 1 + NUMBER_BYTES + 2 * HASH_BYTES
    if len(packed) % stride:
        raise OrderRefused(f"{len(packed)} bytes: expected a multiple of {stride}")
    return [
        Entry(
            source=Source(packed[at]),
            participant_id=int.from_bytes(packed[at + 1 : at + 1 + NUMBER_BYTES], "big"),
            r=packed[at + 1 + NUMBER_BYTES : at + 1 + NUMBER_BYTES + HASH_BYTES],
            vs=packed[at + 1 + NUMBER_BYTES + HASH_BYTES : at + lanes_at],
            orders=tuple(_words(packed[at + lanes_at : at + stride])),
        )
        for at in range(0, len(packed), stride)
    ]


def _words(lanes: bytes) -> list[int]:
    """Return the words of lanes, the last one shorter."""
    return [
        int.from_bytes(lanes[place : place + WORD_BYTES], "big")
        for place in range(0, len(lanes), WORD_BYTES)
    ]


def unpack_members(members: bytes, slots: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return number and fills of a group's members, Wh and negative if sold (``GroupBound``).

    Raises ``OrderRefused`` if the bytes are no whole number of members.

    >>> unpack_members(bytes.fromhex("00000007" "80000003"), 1)
    [(7, (-3,))]
    """
    stride = NUMBER_BYTES + LANE_BYTES * slots
    if len(members) % stride:
        raise OrderRefused(f"{len(members)} bytes: expected a multiple of {stride}")
    found = []
    for at in range(0, len(members), stride):
        number = int.from_bytes(members[at : at + NUMBER_BYTES], "big")
        words = _words(members[at + NUMBER_BYTES : at + stride])
        found.append((number, tuple(unpack_fills(words, slots))))
    return found
