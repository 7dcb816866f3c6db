"""Attacks on days: forged, doubled, stale and foreign readings, days that are not theirs, money that is not there."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from setm import messages
from setm.days import DAY_RING, day_digest, posted_words, values_hash
from setm.errors import Reverted
from setm.messages import Domain
from setm.schedules import pack_fills, words_hash
from setm.signatures import private_key, sign
from setm.types import Reading
from setm.units import Wh
from tests.audit.schedules.days import (
    CAPACITY_WH,
    Cleared,
    Days,
    cleared_day,
    days,
    groups_of,
    passing_over,
)

PEOPLE = 12
DISPUTED, RESOLVED = 2, 3


@pytest.fixture
def made() -> Days:
    return days(PEOPLE)


@pytest.fixture
def posted(made: Days) -> Cleared:
    return cleared_day(made, random.Random(41), 7)


@pytest.fixture
def fresh(made: Days) -> Cleared:
    """A day that is over, and not posted yet."""
    return cleared_day(made, random.Random(42), 7, is_posted=False)


def refused(name: str, call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(Reverted) as caught:
        call()
    assert caught.value.name == name
    return dict(caught.value.arguments)


def words_of(found: Cleared, number: int) -> list[int]:
    return [word for part in found.readings[number].words() for word in part]


def first_of(found: Cleared) -> int:
    return min(found.readings)


def post_words(made: Days, words: list[int]) -> Any:
    return made.system.meters.send("postDays", words, sender=made.place.collector)


# Posting


def test_a_changed_value_is_forged(made: Days, fresh: Cleared) -> None:
    number = first_of(fresh)
    good = made.signed(made.place.person(number), fresh.readings[number])
    for place in range(len(good)):
        if place in (0, 1, 2):
            continue
        bad = list(good)
        bad[place] ^= 1
        refused("ForgedDay", lambda bad=bad: post_words(made, bad))  # type: ignore[misc]
    swapped = good[:3] + good[3 + 12 :] + good[3 : 3 + 12]
    refused("ForgedDay", lambda: post_words(made, swapped))


def test_a_signature_counts_for_one_contract_on_one_chain(made: Days, fresh: Cleared) -> None:
    number = first_of(fresh)
    reading = fresh.readings[number]
    key = private_key(bytes(made.system.meter_key(made.place.person(number)).key))
    here = made.system.domain(made.system.meters)
    for there in (
        Domain(chain_id=here.chain_id + 1, contract=here.contract),
        Domain(chain_id=here.chain_id, contract=made.place.venue.address),
    ):
        signature = sign(key, day_digest(there)(reading.meter, reading.day, *reading.words()))
        assert refused("ForgedDay", lambda s=signature: post_words(made, posted_words(reading, s)))  # type: ignore[misc]


def test_another_meters_signature_is_forged(made: Days, fresh: Cleared) -> None:
    first, second = sorted(fresh.readings)[:2]
    reading = fresh.readings[first]
    found = refused(
        "ForgedDay",
        lambda: post_words(made, made.signed(made.place.person(second), reading)),
    )
    assert found == {"meter": reading.meter, "day": made.day}


def test_a_high_s_is_refused(made: Days, fresh: Cleared) -> None:
    number = first_of(fresh)
    words = made.signed(made.place.person(number), fresh.readings[number])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - (words[2] & (1 << 255) - 1)
    words[2] = (s | (~words[2] >> 255 & 1) << 255) % 2**256
    refused("ForgedDay", lambda: post_words(made, words))


@pytest.mark.parametrize(
    ("at", "is_open"), [(-1, False), (0, True), (21_599, True), (21_600, False)]
)
def test_a_day_is_posted_in_its_window(made: Days, fresh: Cleared, at: int, is_open: bool) -> None:
    number = first_of(fresh)
    words = made.signed(made.place.person(number), fresh.readings[number])
    made.place.at(made.end + at)
    if is_open:
        post_words(made, words)
        return
    found = refused("OutsideReadingWindow", lambda: post_words(made, words))
    assert found["slot"] == (made.day + 1) * made.slots - 1
    assert found["opensAt"] == made.end


def test_a_stale_day_of_the_same_place_is_not_a_reading_of_this_one(
    made: Days, posted: Cleared
) -> None:
    number = first_of(posted)
    assert made.system.meters.call("finalDays", made.day, [number]) != [0]
    for day in (made.day - DAY_RING, made.day + DAY_RING):
        assert made.system.meters.call("finalDays", day, [number]) == [0]
        assert made.system.meters.call("dayOf", number, day)[0] == day << 48


def test_a_value_above_the_capacity_is_refused(made: Days, fresh: Cleared) -> None:
    number = first_of(fresh)
    person, reading = made.place.person(number), fresh.readings[number]
    for place in (0, 8, 95):
        for field in ("imports_wh", "exports_wh"):
            values = list(getattr(reading, field))
            values[place] = Wh(CAPACITY_WH + 1)
            bad = replace(reading, **{field: tuple(values)})
            found = refused(
                "DayNotMeasurable", lambda bad=bad: post_words(made, made.signed(person, bad))
            )  # type: ignore[misc]
            assert found == {"meter": reading.meter, "capacityWh": CAPACITY_WH}
    values = [Wh(CAPACITY_WH)] * made.slots
    post_words(made, made.signed(person, replace(reading, imports_wh=tuple(values))))


def test_a_batch_of_another_length_is_refused(made: Days, fresh: Cleared) -> None:
    number = first_of(fresh)
    words = made.signed(made.place.person(number), fresh.readings[number])
    found = refused("WordsMismatch", lambda: post_words(made, words[:-1]))
    assert found == {"expected": 0, "found": 26}
    assert not post_words(made, []).events


def test_slots_and_days_never_contradict_each_other(made: Days, fresh: Cleared) -> None:
    meters, number = made.system.meters, first_of(fresh)
    person, slot = made.place.person(number), made.day * made.slots
    one = Reading(meter=made.meters[number], slot=slot, import_wh=Wh(1), export_wh=Wh(0))  # type: ignore[arg-type]
    r, vs = messages.reading(made.system.domain(meters), one).sign_compact(
        made.system.meter_key(person)
    )
    made.place.at((slot + 1) * 900)
    for name, argument in (
        ("postReading", (one.word, r, vs)),
        ("postReadings", [(one.word, r, vs)]),
    ):
        found = refused("MeterIsDaily", lambda n=name, a=argument: meters.send(n, a))  # type: ignore[misc]
        assert found == {"meter": one.meter}
    pair = (one.word, r, vs), (one.word + 1, r, vs)
    refused("MeterIsDaily", lambda: meters.send("proveEquivocation", *pair))


def test_a_meter_that_is_read_slot_by_slot_posts_no_day(made: Days, fresh: Cleared) -> None:
    person = made.place.people[-1]
    system = made.system
    system.meters.send("retireMeter", made.meters[person.id], sender=person)
    made.place.at(made.end + 86_400)
    meter = system.bind_meter(person, serial=2)
    reading = replace(fresh.readings[first_of(fresh)], meter=meter, day=made.day + 1)
    refused("MeterNotDaily", lambda: post_words(made, made.signed(person, reading)))
    refused(
        "UnknownMeter", lambda: post_words(made, made.signed(person, replace(reading, meter=99)))
    )
    proof = [(bytes(32), bytes(32), bytes(32), bytes(32))] * 2
    refused("MeterNotDaily", lambda: system.meters.send("proveDayEquivocation", meter, 1, *proof))


def test_a_daily_meter_begins_and_ends_with_days(made: Days, fresh: Cleared) -> None:
    system, person = made.system, made.place.people[-1]
    made.place.at(made.end + 100)
    ended = system.meters.send("retireMeter", made.meters[person.id], sender=person)
    assert ended.only("MeterRetired")["fromSlot"] == (made.day + 2) * made.slots
    refused("MeterTaken", lambda: system.bind_meter(person, serial=2))
    meter = system.bind_meter(person, serial=2, is_daily=True)
    made.place.at(made.end + 86_400)
    reading = replace(fresh.readings[first_of(fresh)], meter=meter, day=made.day + 1)
    key = private_key(bytes(system.meter_key(person, 2).key))
    digest = day_digest(system.domain(system.meters))(meter, made.day + 1, *reading.words())
    found = refused(
        "MeterNotValidInSlot", lambda: post_words(made, posted_words(reading, sign(key, digest)))
    )
    assert found["validFromSlot"] == (made.day + 2) * made.slots


def test_a_binding_of_a_daily_meter_ends_with_a_day(made: Days) -> None:
    system, person = made.system, made.place.people[0]
    made.place.reset()
    for changes, field in (
        ({"valid_until_slot": 3_000_001}, "validUntilSlot"),
        ({"capacity_wh": 1 << 31}, "capacityWh"),
    ):
        binding = messages.binding(
            system.domain(system.meters),
            **{  # type: ignore[arg-type]
                "meter_id": bytes(31) + b"\x01",
                "participant_id": person.id,
                "device_key": system.meter_key(person, 9).address,
                "capacity_wh": 1,
                "valid_until_slot": 96 * 30_000,
                "is_daily": True,
                **changes,
            },
        )
        values = (tuple(binding.values.values()), system.authority, binding.sign(system.authority))
        found = refused(
            "BindingRefused",
            lambda v=values: system.meters.send("bindMeter", *v, sender=person),  # type: ignore[misc]
        )
        assert found == {"field": field}


# Disputes


def test_a_dispute_is_ended_by_the_authority_alone(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, person = made.meters[number], made.place.person(number)
    stranger = made.place.people[-1]
    made.place.at(made.final - 1)
    refused("NotEntitled", lambda: meters.send("disputeDay", meter, made.day, sender=stranger))
    event = meters.send("disputeDay", meter, made.day, sender=person).only("DayDisputed")
    assert event == {"meter": meter, "day": made.day, "byParticipantId": number}
    refused("DayStateMismatch", lambda: meters.send("disputeDay", meter, made.day, sender=person))
    values = words_of(posted, number)
    refused(
        "NotEntitled", lambda: meters.send("resolveDay", meter, made.day, values, sender=person)
    )
    new = [1, *values[1:]]
    too_much = [CAPACITY_WH + 1, *values[1:]]
    authority = made.system.authority
    refused(
        "DayNotMeasurable",
        lambda: meters.send("resolveDay", meter, made.day, too_much, sender=authority),
    )
    refused(
        "WordsMismatch",
        lambda: meters.send("resolveDay", meter, made.day, values[1:], sender=authority),
    )
    told = meters.send("resolveDay", meter, made.day, new, sender=authority).only("DayResolved")
    assert told == {"meter": meter, "day": made.day, "values": new}
    record, is_final = meters.call("dayOf", number, made.day)
    assert (record >> 80, record & 7, is_final) == (values_hash(new[:12], new[12:]), RESOLVED, True)


def test_a_dispute_in_time_only(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, operator = made.meters[number], made.system.operator
    made.place.at(made.final)
    refused("WindowClosed", lambda: meters.send("disputeDay", meter, made.day, sender=operator))
    made.place.at(made.final - 1)
    meters.send("disputeDay", meter, made.day, sender=operator)
    lapses = made.final - 1 + made.system.config["metering"]["resolve_window"]
    for now, is_final in ((lapses - 1, False), (lapses, True)):
        made.place.at(now)
        record, found = meters.call("dayOf", number, made.day)
        assert (record & 7, found) == (DISPUTED, is_final)
    values, authority = words_of(posted, number), made.system.authority
    refused(
        "WindowClosed",
        lambda: meters.send("resolveDay", meter, made.day, values, sender=authority),
    )


# Fraud


def proof_of(made: Days, number: int, day: int, words: list[int]) -> tuple[bytes, ...]:
    digest = day_digest(made.system.domain(made.system.meters))
    key = private_key(bytes(made.system.meter_key(made.place.person(number)).key))
    signed = sign(key, digest(made.meters[number], day, words[:12], words[12:]))
    return words_hash(words[:12]), words_hash(words[12:]), signed[:32], signed[32:]


def test_two_readings_of_one_day_cost_key_and_penalty(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, words = made.meters[number], words_of(posted, number)
    a, b = (proof_of(made, number, made.day, w) for w in (words, [words[0] ^ 1, *words[1:]]))
    other = proof_of(made, number + 1, made.day, words)
    made.place.at(made.final - 1)
    refused("NoEquivocation", lambda: meters.send("proveDayEquivocation", meter, made.day, a, a))
    refused("ForgedDay", lambda: meters.send("proveDayEquivocation", meter, made.day, b, other))
    refused("ForgedDay", lambda: meters.send("proveDayEquivocation", meter, made.day + 1, a, b))
    told = meters.send("proveDayEquivocation", meter, made.day, a, b)
    assert told.named("DayEquivocationProved")
    assert told.named("MeterRetired")
    refused("NoEquivocation", lambda: meters.send("proveDayEquivocation", meter, made.day, a, b))
    made.place.at(made.final)
    ((group, outcomes),) = groups_of(posted.book)
    bills = made.bills(outcomes, posted.readings, frauds=[number])
    expected = made.expected(bills)
    receipt = made.settle(group, outcomes, posted.readings)
    assert made.accounts() == dict(expected.accounts)
    flags = [word & 1 for word in receipt.only("DaysSettled")["words"]]
    assert flags == [int(o.participant_id == number) for o in outcomes]


def test_an_unpacked_day_pays_its_penalty_once(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, words = made.meters[number], words_of(posted, number)
    proofs = [proof_of(made, number, made.day, w) for w in (words, [words[0] ^ 1, *words[1:]])]
    made.place.at(made.final - 1)
    meters.send("proveDayEquivocation", meter, made.day, *proofs)
    made.place.at(made.final)
    meters.send("unpackDay", meter, made.day, words)
    first = made.day * made.slots
    flags = [meters.call("readingOf", number, first + i)[5] for i in range(made.slots)]
    assert flags == [True] + [False] * (made.slots - 1)


def test_a_lost_key_passes_a_day_over(made: Days, fresh: Cleared) -> None:
    meters, number = made.system.meters, first_of(fresh)
    meter, words = made.meters[number], words_of(fresh, number)
    proofs = [proof_of(made, number, made.day - 1, w) for w in (words, [words[0] ^ 1, *words[1:]])]
    meters.send("proveDayEquivocation", meter, made.day - 1, *proofs)
    receipt = made.post(fresh.readings)
    assert [e.args["meter"] for e in receipt.named("DayPassedOver")] == [meter]
    assert len(receipt.only("DaysPosted")["readings"]) == len(fresh.readings) - 1
    # The proof of a day that nobody posted is a flag on the day.
    silent = [proof_of(made, number, made.day, w) for w in (words, [words[0] ^ 1, *words[1:]])]
    meters.send("proveDayEquivocation", meter, made.day, *silent)
    made.place.at(made.silent)
    views = [meters.call("readingOf", number, made.day * made.slots + i) for i in (0, 1)]
    assert [(view[3], view[4], view[5]) for view in views] == [
        (False, True, True),
        (False, True, False),
    ]


def test_a_proof_flags_no_day_that_is_final_or_to_come(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, words = made.meters[number], words_of(posted, number)
    record, is_final = meters.call("dayOf", number, made.day)
    assert is_final

    def prove(day: int) -> None:
        proofs = [proof_of(made, number, day, w) for w in (words, [words[0] ^ 1, *words[1:]])]
        meters.send("proveDayEquivocation", meter, day, *proofs)

    # The first costs the key, and then there is nothing left to lose.
    prove(made.day)
    refused("NoEquivocation", lambda: prove(made.day + 5))
    assert meters.call("dayOf", number, made.day)[0] == record
    assert meters.call("dayOf", number, made.day + 5)[0] == made.day + 5 << 48


def test_a_flag_alone_is_no_reading(made: Days, fresh: Cleared) -> None:
    """A day of which only the fraud is known is looked at as any other, before it is passed over."""
    meters, number = made.system.meters, first_of(fresh)
    person, reading = made.place.person(number), fresh.readings[number]
    meter, words = made.meters[number], words_of(fresh, number)
    proofs = [proof_of(made, number, made.day, w) for w in (words, [words[0] ^ 1, *words[1:]])]
    meters.send("proveDayEquivocation", meter, made.day, *proofs)
    too_much = (Wh(CAPACITY_WH + 1), *reading.imports_wh[1:])
    bad = replace(reading, imports_wh=too_much)
    refused("DayNotMeasurable", lambda: post_words(made, made.signed(person, bad)))


# Unpacking


def test_a_day_is_unpacked_once_and_as_it_was_signed(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    meter, words = made.meters[number], words_of(posted, number)
    changed = [words[0] ^ 1, *words[1:]]
    made.place.at(made.final - 1)
    refused("DayNotPacked", lambda: meters.send("unpackDay", meter, made.day, words))
    made.place.at(made.final)
    refused("DayMismatch", lambda: meters.send("unpackDay", meter, made.day, changed))
    found = refused("WordsMismatch", lambda: meters.send("unpackDay", meter, made.day, words[1:]))
    assert found == {"expected": 24, "found": 23}
    refused("DayNotPacked", lambda: meters.send("unpackDay", meter, made.day - 1, words))
    record, _ = meters.call("dayOf", number, made.day)
    meters.send("unpackDay", meter, made.day, words)
    refused("DayNotPacked", lambda: meters.send("unpackDay", meter, made.day, words))
    # The day stays what it was, but for one bit that says where its slots stand.
    unpacked, is_final = meters.call("dayOf", number, made.day)
    assert is_final
    assert (record ^ unpacked).bit_count() == 1
    slot = made.day * made.slots
    operator = made.system.operator
    refused("WindowClosed", lambda: meters.send("dispute", meter, slot, sender=operator))


def test_an_old_day_takes_no_later_slots_place(made: Days, posted: Cleared) -> None:
    meters, number = made.system.meters, first_of(posted)
    person, later = made.place.person(number), made.day + 11
    reading = replace(posted.readings[number], day=later)
    made.place.at(made.end + 11 * 86_400)
    post_words(made, made.signed(person, reading))
    made.place.at(made.final + 11 * 86_400)
    words = words_of(posted, number)
    meters.send("unpackDay", made.meters[number], later, words)
    found = refused(
        "DayTooOld", lambda: meters.send("unpackDay", made.meters[number], made.day, words)
    )
    assert found["day"] == made.day


# Settling


def test_a_day_is_settled_with_its_own_final_reading(made: Days, posted: Cleared) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    number = outcomes[2].participant_id
    wrong = dict(posted.readings)
    wrong[number] = replace(wrong[number], imports_wh=wrong[outcomes[0].participant_id].imports_wh)
    found = refused("DayMismatch", lambda: made.settle(group, outcomes, wrong))
    assert found == {"participantId": number, "day": made.day}
    made.place.at(made.final - 1)
    found = refused("DayOpen", lambda: made.settle(group, outcomes, posted.readings))
    assert found == {"day": made.day, "participantId": outcomes[0].participant_id}


@pytest.mark.parametrize("is_resolved", [True, False])
def test_a_disputed_day_waits_for_its_end(made: Days, posted: Cleared, is_resolved: bool) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    number, meters = outcomes[0].participant_id, made.system.meters
    meter = made.meters[number]
    made.place.at(made.final - 1)
    meters.send("disputeDay", meter, made.day, sender=made.system.operator)
    made.place.at(made.final)
    refused("DayOpen", lambda: made.settle(group, outcomes, posted.readings))
    readings = dict(posted.readings)
    if is_resolved:
        readings[number] = replace(readings[number], exports_wh=(Wh(7),) * made.slots)
        values = [w for part in readings[number].words() for w in part]
        meters.send("resolveDay", meter, made.day, values, sender=made.system.authority)
        refused("DayMismatch", lambda: made.settle(group, outcomes, posted.readings))
    else:
        made.place.at(made.final + made.system.config["metering"]["resolve_window"])
    expected = made.expected(made.bills(outcomes, readings))
    made.settle(group, outcomes, readings)
    assert made.accounts() == dict(expected.accounts)


def test_nobody_is_settled_twice(made: Days, posted: Cleared) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    ids = [o.participant_id for o in outcomes]
    sellers = [o.participant_id for o in outcomes if o.revenue > o.payment]
    buyers = [number for number in ids if number not in sellers]
    made.settle(group, outcomes, posted.readings, without=sellers)
    found = refused("DayIsSettled", lambda: made.settle(group, outcomes, posted.readings))
    assert found == {"day": made.day, "participantId": buyers[0]}
    made.settle(group, outcomes, posted.readings, without=buyers)
    everybody = passing_over(outcomes, ids)
    assert (
        made.settle(group, outcomes, posted.readings, without=ids).only("DaysSettled")["words"]
        == []
    )
    assert all(head == 0 for head, _ in everybody)
    unpacked = [
        made.place.key,
        group,
        passing_over(outcomes, ()),
        0,
        [0] * 12,
        list(posted.book.margins),
    ]
    refused("GroupMismatch", lambda: made.place.venue.send("unpack", *unpacked))


def test_an_unpacked_day_or_outcome_is_not_settled_as_a_whole(made: Days, posted: Cleared) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    first, second = outcomes[0].participant_id, outcomes[1].participant_id
    made.system.meters.send("unpackDay", made.meters[first], made.day, words_of(posted, first))
    found = refused("DayOpen", lambda: made.settle(group, outcomes, posted.readings))
    assert found["participantId"] == first
    made.place.venue.send(
        "unpack",
        made.place.key,
        group,
        passing_over(outcomes, ()),
        1,
        pack_fills(outcomes[1].fills),
        list(posted.book.margins),
    )
    found = refused(
        "OutcomeMismatch", lambda: made.settle(group, outcomes, posted.readings, without=[first])
    )
    assert (found["participantId"], found["found"]) == (second, 2)
    slot = made.day * made.slots
    refused("ReadingOpen", lambda: made.system.settlement.send("settle", slot, [second]))


@pytest.mark.parametrize(("seconds_before_end", "is_refused"), [(901, True), (900, False)])
def test_who_joined_another_venue_is_settled_slot_by_slot(
    made: Days, seconds_before_end: int, is_refused: bool
) -> None:
    found = cleared_day(made, random.Random(43), 7, is_posted=False)
    made.place.at(made.end - seconds_before_end)
    joiner = made.place.people[1]
    made.system.fund(joiner, made.system.auction, 1)
    made.place.at(made.end)
    made.post(found.readings)
    made.place.at(made.final)
    ((group, outcomes),) = groups_of(found.book)
    if is_refused:
        told = refused("OtherVenueJoined", lambda: made.settle(group, outcomes, found.readings))
        assert told == {"venue": made.place.venue.address, "participantId": joiner.id}
        return
    made.settle(group, outcomes, found.readings)


def test_another_book_group_or_outcome_is_refused(made: Days, posted: Cleared) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    span, zone, collector = made.place.key
    readings = posted.readings
    refused("GroupMismatch", lambda: made.settle(group + 1, outcomes, readings))
    refused("GroupMismatch", lambda: made.settle(group, list(outcomes)[:-1], readings))
    richer = [replace(outcomes[0], revenue=outcomes[0].revenue + 1), *outcomes[1:]]
    refused("GroupMismatch", lambda: made.settle(group, richer, readings))
    refused(
        "NotFinal", lambda: made.settle(group, outcomes, readings, key=(span, zone + 1, collector))
    )
    refused(
        "DayOpen", lambda: made.settle(group, outcomes, readings, key=(span - 1, zone, collector))
    )
    refused("FillsMismatch", lambda: made.settle(group, outcomes, readings, fills=[1] * 12 * 7))
    refused("WordsMismatch", lambda: made.settle(group, outcomes, readings, fills=[]))
    refused("WordsMismatch", lambda: made.settle(group, outcomes, readings, values=[]))


def test_only_settlement_closes_and_only_venues_move_money(made: Days, posted: Cleared) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    members = passing_over(outcomes, ())
    found = refused(
        "OnlyBy", lambda: made.place.venue.send("closeGroup", made.place.key, group, members)
    )
    assert found["expected"] == made.system.settlement.address
    word = outcomes[0].participant_id << 224 | 1 << 32
    house = made.system.clearinghouse
    for heir in ("0x" + "00" * 20, made.system.settlement.address):
        refused(
            "NotAVenue",
            lambda h=heir: house.send("closeMany", h, [word], sender=made.place.collector),  # type: ignore[misc]
        )


def test_a_balance_never_runs_into_its_neighbour(made: Days) -> None:
    house, evm = made.system.clearinghouse, made.place.evm
    venue, who, most = evm.account("a venue"), made.place.people[0].id, 2**64 - 1
    house.send("addVenue", venue.address, sender=made.system.governance)
    made.place.at(evm.now + house.call("GOVERNANCE_DELAY"))
    # It pays itself twice, and would charge in the same call what it paid.
    words = [who << 224 | most << 32, who << 224 | 1 << 32, who << 224 | most << 160]
    found = refused(
        "HoldingLimitExceeded",
        lambda: house.send("closeMany", venue.address, words, sender=venue),
    )
    assert found == {"limit": 0, "asked": 1}


def test_groups_that_earn_wait_for_groups_that_pay(made: Days) -> None:
    big = days(110)
    found = cleared_day(big, random.Random(44), 110)
    groups = groups_of(found.book)
    group, outcomes = groups[-1]
    sellers = [o for o in outcomes if o.revenue > o.payment]
    buyers = [o.participant_id for o in outcomes if o not in sellers]
    refused("SlotPoolTooLow", lambda: big.settle(group, outcomes, found.readings, without=buyers))
    for number, members in groups:
        big.settle(number, members, found.readings)


def test_a_venue_that_is_not_accepted_or_clears_no_days_is_not_asked(
    made: Days, posted: Cleared
) -> None:
    ((group, outcomes),) = groups_of(posted.book)
    with pytest.raises(Reverted):
        made.settle(group, outcomes, posted.readings, venue=made.system.auction.address)
