"""The quick way of signed orders against its plain twin: how far it goes, and what it comes to."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from setm.evm import Evm
from setm.schedules import (
    Entry,
    Source,
    cleared,
    pack_entries,
    pack_orders,
    schedule_digest,
    schedule_hash,
)
from setm.signatures import address_of, private_key, sign
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.world import random_schedules, rules_of

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BOOKS = 60 * DEPTH
# Of a record of the roster (IKeyRoster).
ZONE, PAGE, LATE = 7, 3, 2**40 - 1
SPAN, COLLECTOR, DOMAIN = 12_345, "0x" + "c0" * 20, bytes(range(32))
# What makes an entry one that has to be asked about, or does not.
SPOILT = ("source", "number", "page", "ended", "ends", "zone", "key", "malleable", "r", "order")


def signed(key: Any, number: int, words: tuple[int, ...]) -> Entry:
    digest = schedule_digest(DOMAIN, schedule_hash(SPAN, number, COLLECTOR, words))
    made = sign(key, digest)
    return Entry(
        source=Source.SIGNED, participant_id=number, r=made[:32], vs=made[32:], orders=words
    )


def spoilt(how: str, entry: Entry, records: list[int], now: int, dice: random.Random) -> Entry:
    """Return the entry spoilt in one way, or spoil the record of its participant."""
    place, vs = entry.participant_id % 256, int.from_bytes(entry.vs, "big")
    until = {"ended": now, "ends": now + 1}.get(how, LATE)
    records[place] = records[place] & ~(LATE << 32) | until << 32
    if how == "zone":
        records[place] ^= 1 << dice.randrange(32)
    elif how == "key":
        records[place] ^= 1 << dice.randrange(72, 232)
    elif how == "source":
        return replace(entry, source=dice.choice([Source.FORCED, Source.SET_ASIDE]))
    elif how in ("number", "page"):
        step = dice.choice([-1, 1]) if how == "number" else dice.choice([-256, 256, 1 << 31])
        return replace(entry, participant_id=entry.participant_id + step)
    elif how == "malleable":
        s = CURVE_ORDER - vs % 2**255
        return replace(entry, vs=(s % 2**255 | (1 - (vs >> 255)) << 255).to_bytes(32, "big"))
    elif how == "r":
        return replace(entry, r=dice.choice([bytes(32), b"\xff" * 32]))
    elif how == "order":
        return replace(entry, orders=(entry.orders[0] ^ 1 << dice.randrange(32),))
    return entry


def plan_of(book: Any, dice: random.Random) -> int:
    """Return the margins of a book with their price; sometimes others."""
    (margins,), (clearing,) = book.margins, book.clearings
    if not clearing.volume_wh or dice.random() < 0.3:
        bid, ask = (min(256, max(1, 100 + dice.randint(-99, 156))) for _ in range(2))
        bid, ask = dice.choice([(bid, ask), (257, 0)])
        cut = dice.choice([bid, ask, dice.randrange(258)])
        price = dice.getrandbits(17)
        return bid | ask << 9 | cut << 18 | 1 << 27 | 1 << 67 | 1 << 107 | 1 << 147 | price << 187
    missing = max(0, 55_500 - clearing.bid_price)
    return int(margins | clearing.bid_price << 187 | missing << 219)


def test_the_quick_way_goes_as_far_as_its_plain_twin_and_comes_to_the_same() -> None:
    evm, dice, walked, stopped = Evm(), random.Random(31), 0, 0
    twin = evm.deploy("PlainSingle")
    for _ in range(BOOKS):
        numbers = sorted(dice.sample(range(PAGE * 256, PAGE * 256 + 256), dice.randint(1, 12)))
        schedules = random_schedules(dice, numbers, 1, ticks=dice.choice([3, 30, 256]))
        records, entries = [0] * 256, []
        for number, orders in schedules.items():
            key = private_key(dice.randbytes(32))
            address = int.from_bytes(address_of(key.public_key), "big")
            records[number % 256] = address << 72 | LATE << 32 | ZONE
            entry = signed(key, number, tuple(pack_orders(orders)))
            how = dice.choice(SPOILT) if dice.random() < 0.05 else ""
            entries.append(spoilt(how, entry, records, evm.now, dice))
        last = dice.choice([0, numbers[0] - 1, numbers[0]])
        room = dice.choice([12, 12, dice.randint(1, 12)])
        plan = plan_of(cleared(schedules, rules_of(1)), dice)
        terms = (SPAN, COLLECTOR, DOMAIN, plan, PAGE, ZONE, last, room)
        packed = pack_entries(entries, 1)
        found = twin.call("packed", terms, records, packed)
        assert found == twin.call("plain", terms, records, packed)
        walked += found[0]
        stopped += found[0] < min(room, len(entries))
    assert stopped > BOOKS // 5
    record(
        "schedules",
        "signed orders walked the quick way and by its plain twin",
        walked,
        wanted=f"at least {BOOKS}",
        ok=walked >= BOOKS,
    )
