"""What is tried against signed schedules: forged, repeated, left out, stalled, uncovered."""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth_abi import encode
from eth_utils.crypto import keccak

from setm import messages
from setm.errors import Reverted
from setm.schedules import (
    BOOK_DOMAIN,
    SlotOrder,
    chained,
    leaf_of_schedule,
    pack_fills,
    pack_orders,
    schedule_digest,
    schedule_hash,
    words_hash,
    worst_of,
)
from setm.signatures import separator_of
from setm.types import Kind, Side
from setm.units import Wh
from tests.audit.schedules.world import (
    FORCED,
    SET_ASIDE,
    ZONE,
    World,
    members_of,
    random_schedules,
    signature_of,
    told_of,
    world,
)

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FAULTS = (
    "None",
    "NotSigned",
    "NotSecured",
    "OtherZone",
    "BeyondSpan",
    "BoundElsewhere",
    "NotCovered",
)
Schedules = dict[int, list[SlotOrder | None]]


@pytest.fixture(params=["registry", "roster"])
def place(request: pytest.FixtureRequest) -> World:
    found = world(70, "intraday")
    found.reset()
    if request.param == "roster":
        found.write_roster()
    return found


def two_sided(place: World) -> Schedules:
    """A buyer and a seller who trade 20 Wh, and one left out."""
    buyer, seller, late = (p.id for p in place.people[:3])
    return {
        buyer: [SlotOrder(side=Side.BID, tick=200, energy_wh=Wh(20))],
        seller: [SlotOrder(side=Side.ASK, tick=100, energy_wh=Wh(30))],
        late: [SlotOrder(side=Side.BID, tick=50, energy_wh=Wh(5))],
    }


def refused(name: str, do: Any) -> dict[str, Any]:
    with pytest.raises(Reverted) as caught:
        do()
    assert caught.value.name == name, caught.value
    return dict(caught.value.arguments)


def prepared(
    place: World, schedules: Schedules, change: Any = None, *, changed: int = 0
) -> tuple[Any, list[int], Any]:
    """Commit to entries, one of them changed, and go to the gate."""
    entries, _ = place.entries(schedules)
    if change is not None:
        entries[changed] = change(entries[changed])
    leaves = []
    for number, (_, r, vs) in zip(sorted(schedules), entries, strict=True):
        hashed = schedule_hash(
            place.span, number, place.collector.address, pack_orders(schedules[number])
        )
        leaves.append(leaf_of_schedule(hashed, r, vs))
    place.commit(chained(leaves))
    place.at(place.gate)
    return entries, place.words(schedules), place.cleared(schedules)


def resigned(place: World, **changes: Any) -> Any:
    """Return how an entry looks whose signature says something else."""

    def change(entry: Any) -> Any:
        number = entry[0] & 0xFFFFFFFF
        says = {
            "span": place.span,
            "participant": number,
            "collector": place.collector.address,
            "separator": place.separator,
            "key": place.person(number).key,
            **changes,
        }
        words = pack_orders(two_sided(place)[number])
        hashed = schedule_hash(says["span"], says["participant"], says["collector"], words)
        return entry[0], *signature_of(says["key"], schedule_digest(says["separator"], hashed))

    return change


def forged(place: World) -> dict[str, Any]:
    chain_id, contract = place.evm.chain_id + 1, place.book.address
    other = separator_of(BOOK_DOMAIN, messages.Domain(chain_id=chain_id, contract=contract))
    elsewhere = separator_of(BOOK_DOMAIN, place.system.domain(place.venue))

    def high_s(entry: Any) -> Any:
        vs = int.from_bytes(entry[2], "big")
        s, odd = vs & (1 << 255) - 1, vs >> 255
        flipped = (CURVE_ORDER - s) & ((1 << 255) - 1) | (1 - odd) << 255
        return entry[0], entry[1], flipped.to_bytes(32, "big")

    return {
        "another span": resigned(place, span=place.span + 1),
        "another collector": resigned(place, collector=place.people[5].address),
        "another chain": resigned(place, separator=other),
        "another contract": resigned(place, separator=elsewhere),
        "another participant's key": resigned(place, key=place.people[4].key),
        "a stranger's key": resigned(place, key=place.evm.account("mallory")),
        "the other v": lambda e: (e[0], e[1], bytes([e[2][0] ^ 0x80]) + e[2][1:]),
        "high s": high_s,
        "no signature": lambda e: (e[0], bytes(32), bytes(32)),
    }


FORGERIES = (
    "another span",
    "another collector",
    "another chain",
    "another contract",
    "another participant's key",
    "a stranger's key",
    "the other v",
    "high s",
    "no signature",
)


def test_every_forgery_is_tried(place: World) -> None:
    assert tuple(forged(place)) == FORGERIES


@pytest.mark.parametrize("how", FORGERIES)
def test_a_schedule_that_its_participant_did_not_sign_is_refused(place: World, how: str) -> None:
    entries, words, book = prepared(place, two_sided(place), forged(place)[how])
    with pytest.raises(Reverted) as caught:
        place.post(entries, words, book)
    assert caught.value.name in ("ScheduleRefused", "NotSecured"), caught.value


def quick(place: World) -> Schedules:
    """The second one, as ``two_sided`` has it, is better than the margin, and the first has its page turned.

    With a roster it is walked the quick way.
    """
    first, seller, margin, buyer = (p.id for p in place.people[:4])
    return {
        first: [SlotOrder(side=Side.BID, tick=50, energy_wh=Wh(5))],
        seller: two_sided(place)[seller],
        margin: [SlotOrder(side=Side.ASK, tick=120, energy_wh=Wh(20))],
        buyer: [SlotOrder(side=Side.BID, tick=200, energy_wh=Wh(40))],
    }


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forgery_is_refused_the_quick_way_too(place: World, how: str) -> None:
    entries, words, book = prepared(place, quick(place), forged(place)[how], changed=1)
    with pytest.raises(Reverted) as caught:
        place.post(entries, words, book)
    assert caught.value.name in ("ScheduleRefused", "NotSecured"), caught.value


def test_a_credential_that_ends_before_the_posting_lets_nobody_in_the_quick_way(
    place: World,
) -> None:
    second = place.people[1]
    registry = place.system.registry
    gathered_at = place.evm.now
    place.at(gathered_at - 120)
    message = messages.credential(
        place.system.domain(registry),
        account=second.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=ZONE,
        commitment=messages.identity_commitment(second.name, bytes(keccak(text=second.name))),
        valid_until=place.gate + 1,
        serial=registry.call("participant", second.id)[4] + 1,
    )
    signed = message.sign(place.system.authority)
    registry.send("renew", tuple(message.values.values()), place.system.authority, signed)
    place.at(gathered_at)
    # It is written a minute ago, after the change.
    place.write_roster()
    entries, words, book = prepared(place, quick(place))
    place.at(place.gate + 1)
    refused("NotSecured", lambda: place.post(entries, words, book))
    place.at(place.gate)
    place.post(entries, words, book)


@pytest.mark.parametrize("how", FORGERIES)
def test_a_forgery_that_was_committed_to_is_set_aside_and_the_rest_goes_through(
    place: World, how: str
) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules, forged(place)[how])
    first = min(schedules)
    entries[0] = (SET_ASIDE << 32 | first, *entries[0][1:])
    book = place.cleared({n: s for n, s in schedules.items() if n != first})
    receipt = place.post(entries, words, book)
    told = receipt.only("ScheduleSetAside")
    assert told["participantId"] == first
    assert FAULTS[told["fault"]] in ("NotSigned", "NotSecured")
    assert place.venue.call("outcomeOf", place.span, first) == 0


def test_a_good_schedule_cannot_be_set_aside(place: World) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules)
    first = min(schedules)
    entries[0] = (SET_ASIDE << 32 | first, *entries[0][1:])
    book = place.cleared({n: s for n, s in schedules.items() if n != first})
    assert refused("NotSetAside", lambda: place.post(entries, words, book)) == {
        "participantId": first
    }


def test_a_poster_cannot_spoil_a_signature_to_set_a_schedule_aside(place: World) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules)
    first = min(schedules)
    entries[0] = (SET_ASIDE << 32 | first, bytes(32), bytes(32))
    book = place.cleared({n: s for n, s in schedules.items() if n != first})
    refused("NotAsCommitted", lambda: place.post(entries, words, book))


def test_revoked_and_suspended_participants_are_set_aside(place: World) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules)
    first = min(schedules)
    place.system.registry.send("revoke", first, sender=place.system.authority)
    refused("NotSecured", lambda: place.post(entries, words, place.cleared(schedules)))
    entries[0] = (SET_ASIDE << 32 | first, *entries[0][1:])
    book = place.cleared({n: s for n, s in schedules.items() if n != first})
    told = place.post(entries, words, book).only("ScheduleSetAside")
    assert FAULTS[told["fault"]] == "NotSecured"


def keep(place: World, number: int, amount: int) -> None:
    """Leave a participant that much margin, at a time at which it can be released."""
    later = place.evm.now
    place.at(place.gate - 901)
    margin = place.venue.call("marginOf", number)
    place.venue.send("releaseMargin", margin - amount, sender=place.person(number))
    place.at(later)


def test_who_cannot_cover_is_refused_or_set_aside(place: World) -> None:
    schedules = two_sided(place)
    first = min(schedules)
    need = place.cleared(schedules).outcomes[0].bound
    keep(place, first, need - 1)
    entries, words, book = prepared(place, schedules)
    found = refused("ScheduleRefused", lambda: place.post(entries, words, book))
    assert FAULTS[found["fault"]] == "NotCovered"
    entries[0] = (SET_ASIDE << 32 | first, *entries[0][1:])
    rest = place.cleared({n: s for n, s in schedules.items() if n != first})
    told = place.post(entries, words, rest).only("ScheduleSetAside")
    assert FAULTS[told["fault"]] == "NotCovered"


def test_a_forged_entry_at_the_end_of_a_group_is_refused_as_forged(place: World) -> None:
    """Its signature is looked at before the group is bound, which would find that nobody covers it."""
    schedules = two_sided(place)
    last = max(schedules)
    keep(place, last, 0)
    forgery = forged(place)["a stranger's key"]
    entries, words, book = prepared(place, schedules, forgery, changed=len(schedules) - 1)
    with pytest.raises(Reverted) as caught:
        place.post(entries, words, book)
    name, said = caught.value.name, caught.value.arguments
    assert name == "NotSecured" or FAULTS[said["fault"]] == "NotSigned"


def test_who_covers_its_own_limits_cannot_be_set_aside(place: World) -> None:
    schedules = two_sided(place)
    first = min(schedules)
    # 20 Wh at the limit of 50 EUR/MWh, tick 200.
    keep(place, first, 1_000)
    entries, words, book = prepared(place, schedules)
    aside = [(SET_ASIDE << 32 | first, *entries[0][1:]), *entries[1:]]
    rest = place.cleared({n: s for n, s in schedules.items() if n != first})
    refused("NotSetAside", lambda: place.post(aside, words, rest))
    assert place.post(entries, words, book).only("BookCleared")


@pytest.mark.parametrize("lacking", [0, 1])
def test_a_day_is_covered_at_the_limits_of_all_its_slots(lacking: int) -> None:
    place = world(110)
    place.reset()
    ids = [p.id for p in place.people[:6]]
    schedules = random_schedules(random.Random(51), ids, place.slots)
    keep(place, ids[0], worst_of(pack_orders(schedules[ids[0]]), place.rules) - lacking)
    entries, words, _ = prepared(place, schedules)
    aside = [(SET_ASIDE << 32 | ids[0], *entries[0][1:]), *entries[1:]]
    rest = place.cleared({n: s for n, s in schedules.items() if n != ids[0]})
    if lacking:
        told = place.post(aside, words, rest).only("ScheduleSetAside")
        assert FAULTS[told["fault"]] == "NotCovered"
    else:
        refused("NotSetAside", lambda: place.post(aside, words, rest))


def test_a_schedule_of_another_zone_is_refused_or_set_aside(place: World) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules)
    first = min(schedules)
    person = place.person(first)
    moved = messages.credential(
        place.system.domain(place.system.registry),
        account=person.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=ZONE + 1,
        commitment=messages.identity_commitment(person.name, bytes(keccak(text=person.name))),
        valid_until=place.evm.now + 10**7,
        serial=2,
    )
    renewal = (
        tuple(moved.values.values()),
        place.system.authority,
        moved.sign(place.system.authority),
    )
    place.system.registry.send("renew", *renewal, sender=person)
    found = refused("ScheduleRefused", lambda: place.post(entries, words, place.cleared(schedules)))
    assert FAULTS[found["fault"]] == "OtherZone"
    entries[0] = (SET_ASIDE << 32 | first, *entries[0][1:])
    book = place.cleared({n: s for n, s in schedules.items() if n != first})
    told = place.post(entries, words, book).only("ScheduleSetAside")
    assert FAULTS[told["fault"]] == "OtherZone"


def test_a_forced_schedule_of_a_revoked_participant_is_set_aside(place: World) -> None:
    schedules = two_sided(place)
    first = min(schedules)
    gathered = {n: s for n, s in schedules.items() if n != first}
    entries, digest = place.entries(gathered)
    place.commit(digest)
    force(place, first, schedules[first])
    place.system.registry.send("revoke", first, sender=place.system.authority)
    place.at(place.gate)
    words = place.words(schedules)

    def post(source: int, book: Any) -> Any:
        return place.post([(source << 32 | first, bytes(32), bytes(32)), *entries], words, book)

    found = refused("ScheduleRefused", lambda: post(FORCED, place.cleared(schedules)))
    assert FAULTS[found["fault"]] == "NotSecured"
    told = post(SET_ASIDE, place.cleared(gathered)).only("ScheduleSetAside")
    assert FAULTS[told["fault"]] == "NotSecured"


@pytest.mark.parametrize("side", [Side.BID, Side.ASK])
def test_a_cut_that_hides_who_crosses_a_rationed_margin_is_refused(
    place: World, side: Side
) -> None:
    # The better order fills a part of the other side's margin; a second one, which would fill more of it, is hidden.
    other = Side.ASK if side is Side.BID else Side.BID
    ticks = (200, 150, 100) if side is Side.BID else (100, 150, 200)
    one, two, three = (p.id for p in place.people[:3])
    orders = {
        one: [SlotOrder(side=side, tick=ticks[0], energy_wh=Wh(20))],
        two: [SlotOrder(side=side, tick=ticks[1], energy_wh=Wh(5))],
        three: [SlotOrder(side=other, tick=ticks[2], energy_wh=Wh(30))],
    }
    entries, words, book = prepared(place, orders)
    bid_wh, ask_wh = (20, 30) if side is Side.BID else (30, 20)
    # Bids are left out below the cut, asks at it or above: hide the second order behind it.
    cut = 152 if side is Side.BID else 151
    hidden = 201 | 101 << 9 | cut << 18 | bid_wh << 27 | 20 << 67 | ask_wh << 107 | 20 << 147
    refused("MarginsRefused", lambda: place.post(entries, words, book, margins=[hidden]))
    assert place.post(entries, words, book).only("BookCleared")


@pytest.mark.parametrize("cut", [0, 1, 101, 102, 201, 202, 256, 257])
def test_two_who_cross_cannot_both_be_left_out(place: World, cut: int) -> None:
    """Margins at which the other two trade, whatever is said to part those who are left out."""
    buyer, seller, dear, cheap = (p.id for p in place.people[:4])
    traded: Schedules = {
        dear: [SlotOrder(side=Side.BID, tick=220, energy_wh=Wh(30))],
        cheap: [SlotOrder(side=Side.ASK, tick=90, energy_wh=Wh(30))],
    }
    schedules: Schedules = {
        buyer: [SlotOrder(side=Side.BID, tick=200, energy_wh=Wh(20))],
        seller: [SlotOrder(side=Side.ASK, tick=100, energy_wh=Wh(20))],
        **traded,
    }
    entries, words, _ = prepared(place, schedules)
    book = place.cleared(traded)
    margins = [book.margins[0] & ~(0x1FF << 18) | cut << 18]
    found = refused("LeftOut", lambda: place.post(entries, words, book, margins=margins))
    # A place is a tick plus one.
    assert tuple(found.values()) == (place.span, seller if cut > 201 else buyer)


def test_margin_is_frozen_while_books_are_posted(place: World) -> None:
    person = place.people[0]
    for seconds in (place.gate, place.gate + place.config["post_window"] - 1):
        place.at(seconds)
        found = refused("MarginFrozen", lambda: place.venue.send("releaseMargin", 1, sender=person))
        assert found == {"span": place.span, "untilAt": place.gate + place.config["post_window"]}
    for seconds in (place.gate - 1, place.gate + place.config["post_window"]):
        place.at(seconds)
        place.venue.send("releaseMargin", 1, sender=person)


def test_entries_out_of_order_or_doubled_are_refused(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    low, middle, high = sorted(schedules)
    found = refused("NotAscending", lambda: place.post(entries[::-1], words[::-1], book))
    assert tuple(found.values()) == (middle, high)
    doubled = [entries[0], *entries], [words[0], *words]
    found = refused("NotAscending", lambda: place.post(*doubled, book))
    assert tuple(found.values()) == (low, low)


def test_a_batch_that_leaves_out_what_was_committed_to_is_refused(place: World) -> None:
    schedules = two_sided(place)
    entries, words, _ = prepared(place, schedules)
    rest = place.cleared({n: s for n, s in schedules.items() if n != max(schedules)})
    committed = place.book.call("stateOf", place.key)[0]
    found = refused("NotAsCommitted", lambda: place.post(entries[:-1], words[:-1], rest))
    leaves = [
        leaf_of_schedule(*place.signed(place.person(n), schedules[n])) for n in sorted(schedules)
    ]
    assert (found["committed"], found["posted"]) == (committed, chained(leaves[:-1]))
    assert committed == chained(leaves)


def test_a_collector_commits_once_and_before_forcing_begins(place: World) -> None:
    place.commit(b"\1" * 32)
    refused("CommitmentExists", lambda: place.commit(b"\2" * 32))
    place.reset()
    place.at(place.evm.now + 1)
    refused("PhaseMismatch", lambda: place.commit(b"\1" * 32))


# Forcing


def force(place: World, number: int, orders: list[SlotOrder | None]) -> Any:
    words = pack_orders(orders)
    return place.book.send("force", place.key, words, sender=place.person(number))


def test_who_is_ignored_forces_its_schedule_in_and_cannot_be_left_out(place: World) -> None:
    schedules = two_sided(place)
    ignored = min(schedules)
    gathered = {n: s for n, s in schedules.items() if n != ignored}
    entries, digest = place.entries(gathered)
    place.commit(digest)
    place.at(place.gate - 1)
    force(place, ignored, schedules[ignored])
    place.at(place.gate)
    refused(
        "ForcedLeftOut",
        lambda: place.post(entries, place.words(gathered), place.cleared(gathered)),
    )
    forced = (FORCED << 32 | ignored, bytes(32), bytes(32))
    book = place.cleared(schedules)
    receipt = place.post([forced, *entries], place.words(schedules), book)
    assert receipt.only("BookCleared")["attempt"] == 1


@pytest.mark.parametrize("at", range(3))
def test_a_forced_schedule_takes_the_place_of_the_signed_one(place: World, at: int) -> None:
    schedules = two_sided(place)
    entries, digest = place.entries(schedules)
    place.commit(digest)
    first = sorted(schedules)[at]
    changed = {**schedules, first: [SlotOrder(side=Side.BID, tick=201, energy_wh=Wh(7))]}
    force(place, first, changed[first])
    place.at(place.gate)
    found = refused(
        "ForcedLeftOut",
        lambda: place.post(entries, place.words(schedules), place.cleared(schedules)),
    )
    assert tuple(found.values())[1:] == (1, 0)
    hashed, r, vs = place.signed(place.person(first), schedules[first])
    entries[at] = (FORCED << 32 | first, leaf_of_schedule(hashed, r, vs), bytes(32))
    place.post(entries, place.words(changed), place.cleared(changed))


def test_what_was_not_forced_is_not_taken_as_forced(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    first = min(schedules)
    entries[0] = (FORCED << 32 | first, bytes(32), bytes(32))
    refused("NotForced", lambda: place.post(entries, words, book))


def test_forcing_needs_user_security_the_zone_and_a_margin(place: World) -> None:
    words = pack_orders([SlotOrder(side=Side.BID, tick=1, energy_wh=Wh(1))])
    stranger = place.evm.account("mallory")
    refused("NotSecured", lambda: place.book.send("force", place.key, words, sender=stranger))
    other = (place.span, ZONE + 1, place.collector.address)
    refused(
        "ScheduleRefused", lambda: place.book.send("force", other, words, sender=place.people[0])
    )
    refused(
        "ScheduleRefused",
        lambda: place.book.send("force", place.key, [1 << 32], sender=place.people[0]),
    )
    refused(
        "WordsMismatch",
        lambda: place.book.send("force", place.key, [1, 2], sender=place.people[0]),
    )
    force(place, place.people[0].id, [None])
    refused("ForcedAlready", lambda: force(place, place.people[0].id, [None]))
    place.at(place.gate)
    refused("PhaseMismatch", lambda: force(place, place.people[1].id, [None]))


def test_without_a_collector_the_forced_schedules_are_a_book(place: World) -> None:
    schedules = two_sided(place)
    for number, orders in schedules.items():
        force(place, number, orders)
    place.at(place.gate)
    entries = [(FORCED << 32 | number, bytes(32), bytes(32)) for number in sorted(schedules)]
    sender = place.people[7]
    place.post(entries, place.words(schedules), place.cleared(schedules), sender=sender)


# Several transactions


def halves(place: World, schedules: Schedules) -> tuple[Any, Any, Any, Any]:
    entries, digest = place.entries(schedules)
    place.commit(digest)
    place.at(place.gate)
    middle = len(entries) // 2
    words = place.words(schedules)
    cut = middle * (len(words) // len(entries))
    return (
        (entries[:middle], words[:cut]),
        (entries[middle:], words[cut:]),
        place.cleared(schedules),
        middle,
    )


def test_a_book_in_two_transactions_comes_to_the_same(place: World) -> None:
    schedules = random_schedules(random.Random(3), [p.id for p in place.people], 1, ticks=8)
    first, second, book, middle = halves(place, schedules)
    walked = place.post(*first, book, is_last=False)
    sums = walked.only("BatchWalked")["sums"]
    done = place.post(*second, book, sums=sums)
    assert tuple(walked.only("BatchWalked")["margins"]) == book.margins
    groups = (group for receipt in (walked, done) for group in receipt.named("GroupBound"))
    assert b"".join(bytes(g.args["members"]) for g in groups) == told_of(book.outcomes)
    assert middle
    assert done.only("BookCleared")


def test_what_was_forced_counts_in_whichever_batch_it_comes(place: World) -> None:
    """And groups of the next batch have the next numbers."""
    schedules = two_sided(place)
    entries, digest = place.entries(schedules)
    place.commit(digest)
    first, words = min(schedules), place.words(schedules)
    force(place, first, schedules[first])
    place.at(place.gate)
    hashed, r, vs = place.signed(place.person(first), schedules[first])
    entries[0] = (FORCED << 32 | first, leaf_of_schedule(hashed, r, vs), bytes(32))
    book = place.cleared(schedules)
    walked = place.post(entries[:1], words[:1], book, is_last=False)
    sums = walked.only("BatchWalked")["sums"]
    done = place.post(entries[1:], words[1:], book, sums=sums)
    assert done.only("BookCleared")
    assert [r.only("GroupBound")["group"] for r in (walked, done)] == [0, 1]


def fills_of(outcome: Any) -> list[int]:
    return pack_fills(outcome.fills)


def test_a_batch_that_does_not_go_on_where_the_last_ended_is_refused(place: World) -> None:
    schedules = random_schedules(random.Random(4), [p.id for p in place.people[:8]], 1, ticks=8)
    first, second, book, _ = halves(place, schedules)
    sums = place.post(*first, book, is_last=False).only("BatchWalked")["sums"]
    changed = [sums[0] + 1]
    found = refused("NotContinued", lambda: place.post(*second, book, sums=changed))
    tables = [
        keccak(encode(["uint256[]", "uint256[]"], [book.margins, said])) for said in (sums, changed)
    ]
    assert [found["expected"], found["found"]] == tables
    refused("TurnTaken", lambda: place.post(*second, book, sums=sums, sender=place.people[3]))


def test_an_unfinished_book_can_be_refunded_by_anyone_and_posted_again(place: World) -> None:
    schedules = random_schedules(random.Random(5), [p.id for p in place.people[:8]], 1, ticks=8)
    before = {n: place.venue.call("marginOf", n) for n in schedules}
    first, second, book, middle = halves(place, schedules)
    place.post(*first, book, is_last=False)
    members = members_of(book.outcomes[:middle])
    stranger = place.evm.account("mallory")

    # An attempt is no outcome.
    name = place.book.call("bookOf", place.key)
    assert place.book.call("finalOf", name) == (0, bytes(32))

    def refund() -> Any:
        return place.book.send("refund", place.key, 1, 0, members, sender=stranger)

    refused("NotFailed", refund)
    whole = (first[0] + second[0], first[1] + second[1])
    found = refused("ScheduleRefused", lambda: place.post(*whole, book))
    assert FAULTS[found["fault"]] == "BoundElsewhere"
    place.at(place.gate + place.config["lease_seconds"])
    refund()
    assert {n: place.venue.call("marginOf", n) for n in schedules} == before
    refused("GroupMismatch", refund)
    assert place.post(*whole, book).only("BookCleared")["attempt"] == 2


def test_what_failed_is_given_back_once_even_when_a_later_attempt_binds_the_same(
    place: World,
) -> None:
    schedules = random_schedules(random.Random(5), [p.id for p in place.people[:8]], 1, ticks=8)
    first, second, book, middle = halves(place, schedules)
    place.post(*first, book, is_last=False)
    place.at(place.gate + place.config["lease_seconds"])
    members = members_of(book.outcomes[:middle])

    def refund(given: Any) -> Any:
        return place.book.send("refund", place.key, 1, 0, given)

    leaf = words_hash((members[0][0], int.from_bytes(members[0][1], "big")))
    refused("OutcomeMismatch", lambda: refund([(0, leaf), *members[1:]]))
    refund(members)
    place.post(first[0] + second[0], first[1] + second[1], book)
    bound = {n: place.venue.call("marginOf", n) for n in schedules}
    refused("GroupMismatch", lambda: refund(members))
    assert {n: place.venue.call("marginOf", n) for n in schedules} == bound
    assert all(place.venue.call("outcomeOf", place.span, n) == 1 for n in schedules)


def test_a_poster_shuts_nobody_out_by_binding_it_in_an_attempt_that_it_gives_up(
    place: World,
) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    first = min(schedules)
    place.post(entries[:1], words[:1], book, is_last=False)
    aside = (SET_ASIDE << 32 | first, *entries[0][1:])
    rest = place.cleared({n: s for n, s in schedules.items() if n != first})
    refused("NotSetAside", lambda: place.post([aside, *entries[1:]], words, rest))
    place.at(place.gate + place.config["lease_seconds"])
    place.book.send("refund", place.key, 1, 0, members_of(book.outcomes[:1]))
    refused("NotSetAside", lambda: place.post([aside, *entries[1:]], words, rest))
    assert place.post(entries, words, book).only("BookCleared")["attempt"] == 2


def test_strangers_wait_for_the_collectors_half_of_the_window(place: World) -> None:
    schedules = random_schedules(random.Random(6), [p.id for p in place.people[:8]], 1, ticks=8)
    first, _, book, _ = halves(place, schedules)
    other = place.people[3]
    refused("TurnTaken", lambda: place.post(*first, book, is_last=False, sender=other))
    place.at(place.gate + place.config["post_window"] // 2)
    place.post(*first, book, is_last=False, sender=other)


def test_a_final_book_is_neither_posted_again_nor_refunded(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    place.post(entries, words, book)
    refused("BookFinal", lambda: place.post(entries, words, book))
    members = members_of(book.outcomes)
    refused("NotFailed", lambda: place.book.send("refund", place.key, 1, 0, members))


# Afterwards


def test_outcomes_are_written_out_once_and_settled_to_the_unit(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    place.post(entries, words, book)
    place.at(place.gate + place.config["post_window"])
    slot = place.span
    ids = sorted(schedules)
    members = members_of(book.outcomes)
    refused("OutcomeMismatch", lambda: place.venue.send("collect", slot, ids))
    for at, outcome in enumerate(book.outcomes):
        place.venue.send("unpack", place.key, 0, members, at, fills_of(outcome), list(book.margins))
        trade = place.venue.call("tradeOf", slot, outcome.participant_id)
        bought, sold = max(outcome.fills[0], 0), max(-outcome.fills[0], 0)
        assert tuple(trade) == (bought, sold, outcome.payment, outcome.revenue)
        assert place.venue.call("boundOf", slot, outcome.participant_id) == outcome.bound
    arguments = (place.key, 0, members, 0, fills_of(book.outcomes[0]), list(book.margins))
    refused("OutcomeMismatch", lambda: place.venue.send("unpack", *arguments))
    held = place.system.clearinghouse.call("held")
    start = (slot + 1) * 900
    place.at(start + place.system.meters.call("finalAfter"))
    place.system.settlement.send("settle", slot, ids)
    assert place.system.clearinghouse.call("held") == held
    for outcome in book.outcomes:
        assert place.venue.call("boundOf", slot, outcome.participant_id) == 0


def test_outcomes_are_written_out_together_as_one_by_one_and_once(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    place.post(entries, words, book)
    place.at(place.gate + place.config["post_window"])
    members, margins = members_of(book.outcomes), list(book.margins)
    places = list(range(1, len(members)))
    fills = [word for at in places for word in fills_of(book.outcomes[at])]

    def unpack(places: list[int], fills: list[int], margins: list[int] = margins) -> Any:
        arguments = (place.key, 0, members, places, fills, margins)
        return place.venue.send("unpackMany", *arguments)

    refused("WordsMismatch", lambda: unpack(places, fills[:-1]))
    refused("GroupMismatch", lambda: unpack(places[::-1], fills))
    refused("OutcomeMismatch", lambda: unpack([1, 1], fills[:1] * 2))
    refused("MarginsMismatch", lambda: unpack(places, fills, [margins[0] + 1]))
    written = unpack(places, fills).named("OutcomeUnpacked")
    others = [outcome.participant_id for outcome in book.outcomes[1:]]
    assert [event.args["participantId"] for event in written] == others
    for outcome in book.outcomes[1:]:
        trade = place.venue.call("tradeOf", place.span, outcome.participant_id)
        bought, sold = max(outcome.fills[0], 0), max(-outcome.fills[0], 0)
        assert tuple(trade) == (bought, sold, outcome.payment, outcome.revenue)
        assert place.venue.call("boundOf", place.span, outcome.participant_id) == outcome.bound
    refused("OutcomeMismatch", lambda: unpack(places[:1], fills[:1]))
    # The first one is still packed.
    assert place.venue.call("outcomeOf", place.span, book.outcomes[0].participant_id) == 1
    unpack([0], fills_of(book.outcomes[0]))


def test_other_fills_members_or_margins_are_not_written_out(place: World) -> None:
    schedules = two_sided(place)
    entries, words, book = prepared(place, schedules)
    place.post(entries, words, book)
    members, margins = members_of(book.outcomes), list(book.margins)

    def unpack(**changes: Any) -> Any:
        says = {
            "members": members,
            "fills": fills_of(book.outcomes[0]),
            "margins": margins,
            **changes,
        }
        return place.venue.send(
            "unpack", place.key, 0, says["members"], 0, says["fills"], says["margins"]
        )

    refused("PhaseMismatch", unpack)
    place.at(place.gate + place.config["post_window"])
    refused("GroupMismatch", lambda: unpack(fills=[21]))
    refused("GroupMismatch", lambda: unpack(members=members[::-1]))
    refused("MarginsMismatch", lambda: unpack(margins=[margins[0] + 1]))
    unpack()


def test_who_cannot_be_bound_is_told_why_whoever_stands_beside_it(place: World) -> None:
    schedules = two_sided(place)
    first, second = sorted(schedules)[:2]
    keep(place, first, place.cleared(schedules).outcomes[0].bound - 1)
    entries, words, book = prepared(place, schedules)
    place.post(entries[1:2], words[1:2], book, is_last=False)
    for at, number, why in ((0, first, "NotCovered"), (1, second, "BoundElsewhere")):
        found = refused(
            "ScheduleRefused",
            lambda a=at: place.post(entries[a:], words[a:], book, is_last=False),  # type: ignore[misc]
        )
        assert (found["participantId"], FAULTS[found["fault"]]) == (number, why)
    numbers = sorted(schedules)
    faults = [place.venue.call("faultOf", place.span, number, 1) for number in numbers]
    assert [FAULTS[fault] for fault in faults] == ["None", "BoundElsewhere", "None"]


class Elsewhere(World):
    """The same deployment, as another collector sees it."""

    @property
    def collector(self) -> Any:
        return self.evm.account("another collector")


def test_who_is_bound_elsewhere_is_set_aside_once_what_failed_is_given_back(place: World) -> None:
    schedules = two_sided(place)
    first, second, last = sorted(schedules)
    terms = (place.evm, place.system, place.config, place.role, place.people, place.span)
    other = Elsewhere(*terms)
    theirs = {last: schedules[last]}
    bound, digest = other.entries(theirs)
    other.commit(digest)
    entries, words, book = prepared(place, schedules)
    other.post(bound, other.words(theirs), other.cleared(theirs))
    place.post(entries[:1], words[:1], book, is_last=False)
    aside = [*entries[:2], (SET_ASIDE << 32 | last, *entries[2][1:])]
    rest = place.cleared({first: schedules[first], second: schedules[second]})
    refused("NotSetAside", lambda: place.post(aside, words, rest))
    place.at(place.gate + place.config["lease_seconds"])
    members = members_of(book.outcomes[:1])
    place.book.send("refund", place.key, 1, 0, members)
    told = place.post(aside, words, rest).only("ScheduleSetAside")
    assert (told["participantId"], FAULTS[told["fault"]]) == (last, "BoundElsewhere")


def test_the_venue_signs_under_a_name_of_its_own(place: World) -> None:
    assert place.venue.call("eip712Domain")[1] == "SETM DayAheadAuction"


def test_only_the_book_binds_and_only_governance_names_it(place: World) -> None:
    mallory = place.evm.account("mallory")
    arguments = (b"\0" * 32, place.span, 1, 0, [])
    refused("OnlyBy", lambda: place.venue.send("bindGroup", *arguments, sender=mallory))
    refused("OnlyBy", lambda: place.venue.send("refundGroup", *arguments, sender=mallory))
    for sender in (mallory, place.system.governance):
        refused("BookRefused", lambda s=sender: place.venue.send("setBook", s, sender=s))
