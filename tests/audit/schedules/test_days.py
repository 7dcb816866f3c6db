"""Whole days on chain against the reference: the same bills, the same money, to the unit."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from setm.days import settled_day, told_word
from setm.evm import Person
from setm.schedules import ScheduleOutcome, pack_fills
from setm.units import Wh, payment_down, payment_up
from tests.audit.figures import DEPTH, record
from tests.audit.schedules.days import (
    Cleared,
    Days,
    cleared_day,
    days,
    groups_of,
    passing_over,
)
from tests.audit.schedules.world import random_schedules, world

BOOKS = 3 * DEPTH
PEOPLE = 110
# Of IDayAheadAuction.Outcome.
CLOSED = 3


def held(made: Days) -> int:
    """Return the sum of all balances and pools; conserved by whatever is settled."""
    house, people = made.system.clearinghouse, made.place.people
    venues = house.call("venues")
    total = sum(house.call("poolOf", venue) for venue in venues)
    for number in (made.system.operator.id, *(p.id for p in people)):
        total += house.call("freeOf", number)
        total += sum(house.call("collateralOf", venue, number) for venue in venues)
    assert total == house.call("held")
    return int(total)


def settle_as_expected(
    made: Days, found: Cleared, group: int, outcomes: list[ScheduleOutcome], without: list[int]
) -> None:
    """Settle a group and compare accounts, free balances and events with the reference."""
    given = [o for o in outcomes if o.participant_id not in without]
    bills = made.bills(given, found.readings)
    expected, free, before = made.expected(bills), made.free(), made.accounts()
    receipt = made.settle(group, outcomes, found.readings, without=without)

    assert made.accounts() == dict(expected.accounts)
    assert made.free() == {n: free[n] + expected.freed.get(n, 0) for n in free}  # type: ignore[call-overload]
    told = [settled_day(word) for word in receipt.only("DaysSettled")["words"]]
    assert [one.participant_id for one in told] == [o.participant_id for o in given]
    for one in told:
        bill = bills[one.participant_id]
        assert (one.grid_bought_wh, one.grid_sold_wh) == (bill.grid_bought_wh, bill.grid_sold_wh)
        assert one.trade_credit == bill.trade_credit
        change = expected.arrears_change[one.participant_id]  # type: ignore[index]
        assert one.arrears_change == change
    owed = sum(-min(a.arrears, 0) for a in expected.accounts.values())
    assert made.system.settlement.call("owedByOperator") == owed
    assert before.keys() == expected.accounts.keys()
    collateral = made.system.clearinghouse
    for number, account in expected.accounts.items():
        locked = collateral.call("collateralOf", made.system.settlement.address, number)
        assert locked == account.guarantee
    assert collateral.call("poolOf", made.system.settlement.address) == 0


def test_days_are_settled_as_the_reference_says() -> None:
    made = days(PEOPLE)
    dice = random.Random(31)
    settled = 0
    for _ in range(BOOKS):
        found = cleared_day(made, dice, dice.choice([7, 33, PEOPLE]))
        total = held(made)
        groups = groups_of(found.book)
        for group, outcomes in groups:
            settle_as_expected(made, found, group, outcomes, [])
            settled += len(outcomes)
        assert held(made) == total
        for o in found.book.outcomes:
            who = o.participant_id
            assert made.place.venue.call("outcomeOf", made.day, who) == 3
            bound = made.system.clearinghouse.call("collateralOf", made.place.venue.address, who)
            assert bound == made.place.venue.call("marginOf", who)
        dust = sum(o.payment - o.revenue for o in found.book.outcomes)
        for slot in (0, made.slots - 1):
            assert made.place.venue.call("slotPool", made.day * made.slots + slot) == dust
    record(
        "schedules",
        "days settled as the reference says",
        settled,
        wanted="equal to the unit",
        ok=True,
    )


def unpack(made: Days, found: Cleared, group: int, outcomes: list[Any], number: int) -> None:
    """Take a member out of its group, and its day out of its record."""
    place = next(i for i, o in enumerate(outcomes) if o.participant_id == number)
    made.place.venue.send(
        "unpack",
        made.place.key,
        group,
        passing_over(outcomes, ()),
        place,
        pack_fills(outcomes[place].fills),
        list(found.book.margins),
    )
    words = [word for part in found.readings[number].words() for word in part]
    made.system.meters.send("unpackDay", made.meters[number], made.day, words)


def collect(made: Days, ids: list[int]) -> None:
    for slot in range(made.day * made.slots, (made.day + 1) * made.slots):
        made.place.venue.send("collect", slot, ids)


def settle_slots(made: Days, ids: list[int]) -> None:
    for slot in range(made.day * made.slots, (made.day + 1) * made.slots):
        made.system.settlement.send("settle", slot, ids)


@pytest.mark.parametrize("buy", [True, False])
def test_who_is_passed_over_is_settled_slot_by_slot_for_the_same_money(buy: bool) -> None:
    made = days(PEOPLE)
    dice = random.Random(32)
    found = cleared_day(made, dice, PEOPLE)
    total = held(made)
    ids = [o.participant_id for o in found.book.outcomes]
    without = [n for n in ids if (_net(found, n) < 0) is buy][:6]
    groups = groups_of(found.book)
    start = made.accounts()
    for group, outcomes in groups:
        for o in outcomes:
            if o.participant_id in without:
                unpack(made, found, group, outcomes, o.participant_id)
    if buy:
        # A span has one pool: who is settled slot by slot pays whom a group settles.
        collect(made, without)
    for group, outcomes in groups:
        settle_as_expected(made, found, group, outcomes, without)
    if not buy:
        collect(made, without)
    settle_slots(made, without)
    assert held(made) == total
    for number in without:
        assert made.place.venue.call("outcomeOf", made.day, number) == 2
        assert _is_close(made, found, number, start[number].guarantee)  # type: ignore[index]
    dust = sum(o.payment - o.revenue for o in found.book.outcomes)
    assert made.place.venue.call("slotPool", made.day * made.slots + 50) == dust


def _net(found: Cleared, number: int) -> int:
    outcome = next(o for o in found.book.outcomes if o.participant_id == number)
    return int(outcome.revenue - outcome.payment)


def _is_close(made: Days, found: Cleared, number: int, guarantee: int) -> bool:
    """Whether a day's slots come to the day's bill, but for less than a unit a slot in the grid operator's favour."""
    outcome = next(o for o in found.book.outcomes if o.participant_id == number)
    bill = made.bills([outcome], found.readings)[number]  # type: ignore[index]
    house = made.system.clearinghouse
    now = made.accounts()[number]  # type: ignore[index]
    got = house.call("freeOf", number) + now.guarantee - guarantee - now.arrears
    wanted = bill.trade_credit + bill.credit - bill.charge
    return 0 <= wanted - got <= 2 * made.slots


@pytest.mark.parametrize("first", [2, 250, 506])
@pytest.mark.parametrize(("feeding", "sign"), [(9, -1), (6, 1)])
def test_who_cannot_pay_owes_and_is_owed_from_one_day_to_the_next(
    monkeypatch: pytest.MonkeyPatch, feeding: int, sign: int, first: int
) -> None:
    """Guarantees last for a part of the first day. Where most feed in all that they have the operator owes.

    Who is in arrears is a bit of a word of 256 participants.
    """
    monkeypatch.setattr("tests.audit.schedules.days.GUARANTEE", 1_000_000)
    monkeypatch.setattr("tests.audit.schedules.days.PLENTY", 20_000_000)
    made, dice = days.__wrapped__(12, first=first), random.Random(feeding)
    place = made.place
    place.reset()
    signs = set()
    for _ in range(3):
        place.at(place.gate - place.config["force_window"] - 1)
        ids = [p.id for p in place.people]
        _, book = place.clear(random_schedules(dice, ids, place.slots, most_wh=900))
        readings = {p.id: made.reading(p, dice) for p in place.people}
        for number in ids[:feeding]:
            nothing = (Wh(0),) * place.slots
            readings[number] = replace(readings[number], imports_wh=nothing)
        place.at(made.end)
        made.post(readings)
        place.at(made.final)
        for group, outcomes in groups_of(book):
            settle_as_expected(made, Cleared(book, readings), group, outcomes, [])
        held(made)
        arrears = [made.system.settlement.call("arrearsOf", number) for number in ids]
        signs |= {(value > 0) - (value < 0) for value in arrears}
        place.span += 10
    assert sign in signs


@pytest.mark.parametrize("is_daily", [True, False])
def test_a_meter_that_is_read_by_the_day_is_told_as_one(is_daily: bool) -> None:
    place = world(70, "intraday")
    place.reset()
    person, meters = place.people[3], place.system.meters
    values = place.system.signed_binding(person, is_daily=is_daily)
    receipt = meters.send("bindMeter", *values, sender=person)
    told = [event.args for event in receipt.named("MeterReadDaily")]
    assert told == [{"meter": receipt.value, "daySlots": 96}] * is_daily


def test_a_day_is_rounded_once() -> None:
    made = days(PEOPLE)
    found = cleared_day(made, random.Random(33), 7)
    tariff = made.tariff
    for number, reading in found.readings.items():
        outcome = next(o for o in found.book.outcomes if o.participant_id == number)
        bill = made.bills([outcome], found.readings)[number]  # type: ignore[index]
        charge = credit = 0
        for fill, taken, fed in zip(
            outcome.fills, reading.imports_wh, reading.exports_wh, strict=True
        ):
            bought, sold = max(fill, 0), max(-fill, 0)
            charge += payment_up(max(taken - bought, 0) + max(sold - fed, 0), tariff.retail_price)
            credit += payment_down(
                max(bought - taken, 0) + max(fed - sold, 0), tariff.feed_in_price
            )
        assert 0 <= charge - bill.charge < made.slots
        assert 0 <= bill.credit - credit < made.slots


def test_a_settled_day_is_settled_in_all_its_slots() -> None:
    made = days(PEOPLE)
    found = cleared_day(made, random.Random(34), 7)
    ((group, outcomes),) = groups_of(found.book)
    ids = sorted((o.participant_id for o in outcomes), key=lambda n: -_net(found, n))
    made.settle(group, outcomes, found.readings, without=ids[:1])
    settlement, first = made.system.settlement, made.day * made.slots
    for slot, is_settled in ((first - 1, False), (first, True), (first + made.slots, False)):
        assert settlement.call("isSettled", slot, ids[1]) is is_settled
    assert not settlement.call("isSettled", first, ids[0])
    before = made.accounts()
    receipt = settlement.send("settle", first, ids[1:])
    assert not receipt.named("SlotSettled")
    assert made.accounts() == before


@pytest.mark.parametrize("border", [256, 512, 768])
@pytest.mark.parametrize("is_alone", [False, True])
def test_a_group_may_stand_in_two_words_of_participants(border: int, is_alone: bool) -> None:
    """Outcomes and fees are bits of words of 256 participants: two of the group have a number below it, others above.

    Of the upper word there are all but its first one, or it alone.
    """
    made = days(18, first=border - 10)
    people = [p for p in made.place.people if p.id >= border - 2]
    people = [p for p in people if p.id < border or (p.id == border) is is_alone]
    settle_only(made, people)


def test_everybody_of_a_group_may_stand_in_a_word_alone() -> None:
    made = days(4, first=256, apart=256)
    settle_only(made, made.place.people)


def settle_only(made: Days, people: list[Person]) -> None:
    """Trade and settle a day of one group, and see that nobody else has one."""
    place, dice = made.place, random.Random(41)
    place.reset()
    _, book = place.clear(random_schedules(dice, [p.id for p in people], place.slots, ticks=8))
    readings = {p.id: made.reading(p, dice) for p in people}
    place.at(made.end)
    made.post(readings)
    place.at(made.final)
    ((group, outcomes),) = groups_of(book)
    numbers = [o.participant_id for o in outcomes]
    assert numbers == [p.id for p in people]
    settle_as_expected(made, Cleared(book, readings), group, outcomes, [])
    closed = [place.venue.call("outcomeOf", place.span, p.id) == CLOSED for p in place.people]
    assert closed == [p.id in numbers for p in place.people]
    settlement, first = made.system.settlement, made.day * made.slots
    settled = [settlement.call("isSettled", first, p.id) for p in place.people]
    assert settled == closed


def test_posted_days_are_told_with_their_hashes() -> None:
    made = days(PEOPLE)
    found = cleared_day(made, random.Random(35), 7, is_posted=False)
    told = made.post(found.readings).only("DaysPosted")
    assert told["readings"] == [told_word(found.readings[n]) for n in sorted(found.readings)]
    again = made.post(found.readings)
    assert not again.named("DaysPosted")
    passed = [event.args["meter"] for event in again.named("DayPassedOver")]
    assert passed == [made.meters[n] for n in sorted(found.readings)]


def test_an_unpacked_day_reads_slot_by_slot() -> None:
    made = days(PEOPLE)
    found = cleared_day(made, random.Random(36), 7)
    number = min(found.readings)
    reading, meters = found.readings[number], made.system.meters
    first = made.day * made.slots
    packed = meters.call("readingOf", number, first)
    assert (packed[3], packed[4]) == (False, False)
    words = [word for part in reading.words() for word in part]
    meters.send("unpackDay", made.meters[number], made.day, words)
    for i in (0, 1, made.slots - 1):
        view = meters.call("readingOf", number, first + i)
        assert view[:6] == (1, reading.imports_wh[i], reading.exports_wh[i], True, True, False)
    assert meters.call("finalDays", made.day, [number]) == [0]


def test_a_silent_day_falls_to_the_default_rule_and_not_before() -> None:
    made = days(PEOPLE)
    found = cleared_day(made, random.Random(37), 7, is_posted=False)
    number = min(found.readings)
    first = made.day * made.slots
    for now, is_final in ((made.silent - 1, False), (made.silent, True)):
        made.place.at(now)
        view = made.system.meters.call("readingOf", number, first)
        assert (view[3], view[4]) == (False, is_final)
        assert view[6] == 100_000
