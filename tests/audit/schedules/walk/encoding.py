"""The walk's values as the contracts take them: the one place that knows how a batch and its entries look."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from setm import messages
from setm.days import day_digest
from setm.schedules import (
    BOOK_DOMAIN,
    Entry,
    ScheduleOutcome,
    ScheduleRules,
    Source,
    chained,
    head_word,
    leaf_of_schedule,
    outcome_of,
    pack_entries,
    schedule_digest,
    schedule_hash,
    unpack_members,
    words_hash,
)
from setm.signatures import keccak, separator_of
from tests.audit.machine import signing
from tests.audit.machine.steps import Step
from tests.audit.machine.world import secret_of
from tests.audit.schedules.walk.steps import Batch, Day, Digest, Key, Line, Member

SIGNED, FORCED, SET_ASIDE = range(3)
NONE = bytes(32)


def plain_args(names: Any, step: Step) -> tuple[Any, ...]:
    """Return a step's arguments with nothing in them but words, bytes and names."""
    key = step.args[0] if step.args else ()
    if step.contract == "book" and step.function == "commit":
        key = (step.args[0], step.args[1], step.sender)
    if step.function == "postDays":
        return ([word for day in step.args[0] for word in day_words(names, day)],)
    return tuple(_plain(names, key, value) for value in step.args)


def _plain(names: Any, key: Any, value: Any) -> Any:
    if isinstance(value, Batch):
        return batch_of(names, key, value)
    if isinstance(value, Digest):
        return digest_of(names, key, value.lines)
    if isinstance(value, Member):
        return member_of(value)
    if isinstance(value, list):
        return [_plain(names, key, part) for part in value]
    return value


# Books


def batch_of(names: Any, key: Key, batch: Batch) -> tuple[Any, ...]:
    """Return a batch as ``post`` takes it."""
    entries = pack_entries([entry_of(names, key, line) for line in batch.lines], names.span_slots)
    return list(batch.margins), list(batch.sums), entries + bytes(batch.odd_bytes), batch.is_last


def entry_of(names: Any, key: Key, line: Line) -> Entry:
    """Return an entry: of a forced schedule it holds the leaf of the signed one that it takes the place of."""
    r, vs = leaf_of(names, key, line) or NONE, NONE
    if line.sig is not None:
        r, vs = compact_of(names, key, line)
    return Entry(source=Source(line.source), participant_id=line.who, r=r, vs=vs, orders=line.words)


def member_of(member: Member) -> tuple[int, bytes]:
    """Return a member of a group as ``refund`` and ``unpack`` take it."""
    head = head_word(member.who, member.payment, member.cover, member.revenue)
    fills = words_hash(member.fills)
    return (0, keccak(head.to_bytes(32, "big") + fills)) if member.is_hidden else (head, fills)


def outcomes_told(
    members: bytes, margins: tuple[int, ...], rules: ScheduleRules
) -> list[ScheduleOutcome]:
    """Return the outcomes of which GroupBound tells the fills; the money follows from the margins."""
    told = unpack_members(members, rules.span_slots)
    return [outcome_of(who, fills, margins, rules) for who, fills in told]


def day_words(names: Any, day: Day) -> list[int]:
    """Return a day as ``postDays`` takes it."""
    domain = messages.Domain(chain_id=names.chain_id, contract=names.address("meters"))
    half = len(day.values) // 2
    digest = _day_digest(domain)(
        day.meter, day.day, list(day.values[:half]), list(day.values[half:])
    )
    r, vs = _signature(day.signer, digest, "good")
    signature = (int.from_bytes(part, "big") for part in (r, vs))
    return [day.meter << 32 | day.day, *signature, *day.values]


@lru_cache(maxsize=64)
def _day_digest(domain: messages.Domain) -> Any:
    return day_digest(domain)


# Signatures and commitments


def book_name(names: Any, key: Key) -> bytes:
    """Return the name of a book."""
    span, zone, collector = key
    return _hashed((span, zone, names.address(collector)))


def digest_of(names: Any, key: Key, lines: tuple[Line, ...]) -> bytes:
    """Return the commitment to lines; those that were only forced in are no part of it."""
    return chained([leaf for line in lines if (leaf := leaf_of(names, key, line))])


def leaf_of(names: Any, key: Key, line: Line) -> bytes | None:
    """Return what a commitment holds of a line, None if it was only forced in."""
    if line.sig is None:
        return leaf_of(names, key, line.instead) if line.instead else None
    hashed = schedule_hash(key[0], line.who, names.address(key[2]), line.words)
    return leaf_of_schedule(hashed, *compact_of(names, key, line))


def posted_leaf(names: Any, key: Key, line: Line) -> bytes:
    """Return what a walk makes of a line that is posted as a signed one."""
    hashed = schedule_hash(key[0], line.who, names.address(key[2]), line.words)
    entry = entry_of(names, key, line)
    return leaf_of_schedule(hashed, entry.r, entry.vs)


def compact_of(names: Any, key: Key, line: Line) -> tuple[bytes, bytes]:
    """Return r and vs of a line's signature."""
    assert line.sig is not None
    digest = _signed_digest(names, key, line, line.sig.changed)
    r, vs = _signature(line.sig.signer, digest, line.sig.form)
    return r, vs


def says_its_own(names: Any, key: Key, line: Line) -> bool:
    """Return whether what is signed is what the line says."""
    assert line.sig is not None
    own = _signed_digest(names, key, line, ())
    return own == _signed_digest(names, key, line, line.sig.changed)


def _signed_digest(names: Any, key: Key, line: Line, changes: tuple[tuple[str, Any], ...]) -> bytes:
    says = {
        "span": key[0],
        "who": line.who,
        "collector": key[2],
        "words": line.words,
        "chain": names.chain_id,
        "contract": "book",
        **dict(changes),
    }
    domain = messages.Domain(chain_id=says["chain"], contract=names.address(says["contract"]))
    hashed = schedule_hash(
        says["span"], says["who"], names.address(says["collector"]), says["words"]
    )
    return schedule_digest(_separator(domain), hashed)


@lru_cache(maxsize=64)
def _separator(domain: messages.Domain) -> bytes:
    return separator_of(BOOK_DOMAIN, domain)


@lru_cache(maxsize=4096)
def _signature(signer: str, digest: bytes, form: str) -> tuple[bytes, bytes]:
    if form == "high":
        # The highest s that fits beside v: beyond half of the curve's order.
        r, _ = signing.sign_compact(secret_of(signer), digest)
        return r, ((1 << 255) - 1).to_bytes(32, "big")
    if form == "other_v":
        r, vs = signing.sign_compact(secret_of(signer), digest)
        return r, bytes([vs[0] ^ 0x80]) + vs[1:]
    return signing.sign_compact(secret_of(signer), digest, form)


@lru_cache(maxsize=4096)
def _hashed(parts: tuple[Any, ...]) -> bytes:
    return keccak(b"".join(map(signing.word, parts)))
