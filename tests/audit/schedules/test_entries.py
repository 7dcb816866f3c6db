"""The assembly that reads entries and writes groups against its plain twins, and bytes that are no entries."""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth_abi import encode

from setm.errors import OrderRefused, Reverted
from setm.evm import Evm
from setm.schedules import (
    BookKey,
    Entry,
    Source,
    head_word,
    pack_entries,
    pack_fills,
    pack_orders,
    schedule_digest,
    schedule_hash,
    unpack_members,
)
from setm.signatures import keccak, private_key, sign
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import FORCED, World, random_schedules, world

BATCHES = 10 * DEPTH
SLOTS = (1, 7, 8, 9, 24, 96)
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def signature(dice: random.Random, digest: bytes) -> tuple[bytes, bytes]:
    """Return a good signature, a malleable one, a changed one, or none."""
    made = sign(private_key(dice.randbytes(32)), digest)
    r, vs = made[:32], int.from_bytes(made[32:], "big")
    kind = dice.randrange(5)
    if kind == 0:
        s = CURVE_ORDER - (vs & (1 << 255) - 1)
        vs = (s & (1 << 255) - 1) | (1 - (vs >> 255)) << 255
    if kind == 1:
        r = dice.choice([bytes(32), b"\xff" * 32, dice.randbytes(32)])
    if kind == 2:
        half = CURVE_ORDER // 2
        vs = dice.choice([0, half, half + 1, half - 1, dice.getrandbits(256)])
    return r, vs.to_bytes(32, "big")


def test_entries_are_read_as_the_plain_twin_reads_them() -> None:
    twin, dice, read = Evm().deploy("PlainSchedule"), random.Random(21), 0
    signers = set()
    for _ in range(BATCHES):
        slots = dice.choice(SLOTS)
        schedules = random_schedules(dice, sorted(dice.sample(range(1, 2**32), 5)), slots)
        terms = (slots, dice.getrandbits(32), "0x" + dice.randbytes(20).hex(), dice.randbytes(32))
        entries = []
        for number, orders in schedules.items():
            r, vs = signature(dice, dice.randbytes(32))
            words = tuple(pack_orders(orders))
            entry = Entry(
                source=dice.choice(list(Source)), participant_id=number, r=r, vs=vs, orders=words
            )
            entries.append(entry)
        packed = pack_entries(entries, slots)
        found = twin.call("packed", terms, packed)
        assert found == twin.call("plain", terms, packed)
        assert [one[1] for one in found] == sorted(schedules)
        signers |= {one[3] for one in found}
        read += len(found)
    assert "0x" + "00" * 20 in {str(signer).lower() for signer in signers}
    record(
        "schedules",
        "entries read by assembly and by its plain twin",
        read,
        wanted=f"at least {BATCHES}",
        ok=read >= BATCHES,
    )


def test_groups_are_hashed_and_told_as_the_plain_twin_does() -> None:
    evm, dice = Evm(), random.Random(22)
    twin = evm.deploy("PlainSchedule")
    for _ in range(BATCHES):
        slots, count = dice.choice(SLOTS), dice.randint(1, 6)
        fills = [[dice.randint(-(2**23), 2**23) for _ in range(slots)] for _ in range(count)]
        numbers = [dice.getrandbits(32) for _ in range(count)]
        members = [
            word
            for number, one in zip(numbers, fills, strict=True)
            for word in (number << 224 | dice.getrandbits(192) << 32, *pack_fills(one))
        ]
        packed = twin.send("packedGroup", slots, members)
        plain = twin.send("plainGroup", slots, members)
        assert packed.value == plain.value
        (told,), (said,) = evm_events(packed), evm_events(plain)
        assert told == said
        read = unpack_members(bytes(told["members"]), slots)
        assert read == [(n, tuple(f)) for n, f in zip(numbers, fills, strict=True)]


def test_members_are_bound_as_the_plain_twin_binds_them() -> None:
    twin, dice, bound = Evm().deploy("PlainSchedule"), random.Random(26), 0
    for _ in range(20 * BATCHES):
        number = dice.choice([dice.randrange(1, 600), dice.getrandbits(32)])
        margins = sum(
            dice.choice([0, 1, 2**42 - 1, dice.getrandbits(42)]) << 42 * i for i in range(6)
        )
        packed = dice.choice([0, 1 << number % 256, dice.getrandbits(256)])
        margin = margins >> 42 * (number % 6) & 2**42 - 1
        total = dice.choice([0, margin, max(margin - 1, 0), margin + 1, dice.getrandbits(50)])
        payment = dice.randint(0, total)
        head = head_word(number, payment, total - payment, dice.getrandbits(64))
        words = (number // 6 + dice.choice([0, 0, 1]), margins, number // 256, packed)
        found = twin.call("packedBind", words, [head])
        assert found == twin.call("plainBind", words, [head])
        bound += found[1]
    assert BATCHES < bound < 20 * BATCHES


def evm_events(receipt: Any) -> list[dict[str, Any]]:
    return [dict(event.args) for event in receipt.named("GroupBound")]


# Bytes that are no entries


@pytest.fixture
def place() -> World:
    found = world(70, "intraday")
    found.reset()
    return found


@pytest.mark.parametrize("change", ["cut short", "trailing zero", "trailing entry's head"])
def test_a_stream_of_another_length_is_refused(place: World, change: str) -> None:
    schedules = random_schedules(random.Random(23), [p.id for p in place.people[:3]], 1)
    entries, digest = place.entries(schedules)
    place.commit(digest)
    place.at(place.gate)
    packed = place.packed(entries, place.words(schedules))
    changed = {
        "cut short": packed[:-1],
        "trailing zero": packed + b"\0",
        "trailing entry's head": packed + packed[:69],
    }[change]
    with pytest.raises(Reverted) as caught:
        place.post(changed, [], place.cleared(schedules))
    assert caught.value.name == "WordsMismatch"
    whole = len(changed) // 73 * 73
    assert caught.value.arguments == {"expected": whole, "found": len(changed)}


def test_an_entry_of_an_unknown_source_is_refused(place: World) -> None:
    schedules = random_schedules(random.Random(24), [p.id for p in place.people[:3]], 1)
    entries, digest = place.entries(schedules)
    place.commit(digest)
    place.at(place.gate)
    packed = place.packed(entries, place.words(schedules))
    for source in (3, 255):
        with pytest.raises(Reverted) as caught:
            place.post(bytes([source]) + packed[1:], [], place.cleared(schedules))
        assert caught.value.name == "ScheduleRefused"
        assert caught.value.arguments["participantId"] == min(schedules)


@pytest.mark.parametrize("role", ["day_ahead", "intraday"])
def test_wallets_may_ask_the_book_what_is_signed_and_what_a_book_is_called(role: str) -> None:
    place, dice = world(40, role), random.Random(role)
    for _ in range(5):
        number, span = dice.randrange(1, 2**32), dice.randrange(2**32)
        (orders,) = random_schedules(dice, [number], place.slots).values()
        words = pack_orders(orders)
        key = BookKey(span=span, zone=dice.randrange(2**32), collector=place.collector.address)
        wanted = schedule_digest(place.separator, schedule_hash(span, number, key.collector, words))
        told = place.book.call("scheduleDigest", span, number, key.collector, words)
        assert bytes(told) == wanted
        assert bytes(place.book.call("bookOf", key.values)) == key.name


def test_orders_beyond_the_span_have_no_bytes() -> None:
    for slots, words in ((1, (1 << 32,)), (9, (0, 1 << 32)), (9, (0, 0, 0)), (8, (1 << 256,))):
        entry = Entry(
            source=Source.SIGNED, participant_id=1, r=bytes(32), vs=bytes(32), orders=words
        )
        with pytest.raises(OrderRefused):
            pack_entries([entry], slots)
    with pytest.raises(OrderRefused):
        unpack_members(bytes(7), 1)


def test_bytes_behind_an_entry_do_not_change_what_is_signed(place: World) -> None:
    # The last, shorter word of an entry is read together with whatever stands behind it, which is cut off.
    schedules = random_schedules(random.Random(25), [p.id for p in place.people[:2]], 1)
    entries, digest = place.entries(schedules)
    packed = place.packed(entries, place.words(schedules))
    place.commit(digest)
    place.at(place.gate)
    book = place.cleared(schedules)
    kinds = ("(uint32,uint32,address)", "(uint256[],uint256[],bytes,bool)")
    data = keccak(f"post({','.join(kinds)})".encode())[:4]
    data += encode(kinds, [place.key, (list(book.margins), [], packed, True)])
    place.evm.send_raw(place.book, data + b"\xff" * 64, sender=place.collector)
    assert place.book.call("stateOf", place.key)[2]


def test_single_orders_come_to_the_same_the_quick_way_and_entry_by_entry() -> None:
    # Without a roster no entry goes the quick way. Forced schedules and orders at a margin come in between.
    place, dice, walked = world(70, "intraday"), random.Random(27), 0
    for _ in range(BATCHES):
        place.reset()
        ids = sorted(dice.sample([p.id for p in place.people], dice.randint(1, 70)))
        schedules = random_schedules(dice, ids, 1, ticks=dice.choice([3, 20, 256]))
        forced = dice.sample(ids, dice.randint(0, 2))
        told = []
        for way in ("plain", "quick", "stale"):
            place.reset()
            if way != "plain":
                place.write_roster()
            if way == "stale":
                place.system.registry.send(
                    "suspend", forced[0] if forced else ids[0], sender=place.system.authority
                )
                place.system.registry.send(
                    "reinstate", forced[0] if forced else ids[0], sender=place.system.authority
                )
            told.append(posted(place, schedules, forced))
            walked += len(ids)
        assert told[0] == told[1] == told[2]
    record(
        "schedules",
        "signed orders walked the quick way, entry by entry, and both",
        walked,
        wanted=f"at least {BATCHES}",
        ok=walked >= BATCHES,
    )


def posted(place: World, schedules: Any, forced: Any) -> list[Any]:
    """Return the events of a book and the margins that it leaves."""
    gathered = {n: s for n, s in schedules.items() if n not in forced}
    signed, digest = place.entries(gathered)
    place.commit(digest)
    for number in forced:
        words = pack_orders(schedules[number])
        place.book.send("force", place.key, words, sender=place.person(number))
    heads = [(FORCED << 32 | number, bytes(32), bytes(32)) for number in forced]
    entries = sorted([*signed, *heads], key=lambda entry: entry[0] & 0xFFFFFFFF)
    place.at(place.gate)
    book = place.cleared(schedules)
    receipt = place.post(entries, place.words(schedules), book)
    margins = [place.venue.call("marginOf", number) for number in sorted(schedules)]
    return [*((event.name, dict(event.args)) for event in receipt.events), margins]
