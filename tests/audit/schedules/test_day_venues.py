"""A hostile day-ahead venue: it calls back into settlement, and claims what it does not hand over."""

from __future__ import annotations

import random
from typing import Any

import pytest

from setm.days import settled_day
from setm.evm import Person, abi
from setm.schedules import ScheduleOutcome
from setm.types import Kind
from setm.units import Money
from tests.audit.schedules.days import CAPACITY_WH, GUARANTEE, Days, days
from tests.audit.schedules.test_day_attacks import refused

DAY = 86_400


@pytest.fixture(scope="module")
def hostile() -> tuple[Days, Any, Person]:
    """A venue that governance added and the grid operator accepted, and erin, who joined no other one."""
    made = days.__wrapped__(3)
    system, evm = made.system, made.place.evm
    venue = evm.deploy("AttackDayVenue")
    system.clearinghouse.send("addVenue", venue, sender=system.governance)
    evm.now += system.config["governance_delay"]
    system.settlement.send("acceptVenue", venue, sender=system.operator)
    erin = system.enrol("erin", Kind.PROSUMER)
    system.fund(erin, system.settlement, GUARANTEE)
    system.fund(erin, venue, 1_000)
    meter = system.bind_meter(erin, capacity_wh=CAPACITY_WH, is_daily=True)
    made = Days(made.place, {**made.meters, erin.id: meter})
    made.place.span = evm.now // DAY + 1
    made.place.people.append(erin)
    evm.now = made.end
    return made, venue, erin


def settle(
    made: Days, venue: Any, erin: Person, *, revenue: int = 0, is_posted: bool = True
) -> Any:
    outcome = ScheduleOutcome(
        participant_id=erin.id,
        fills=(0,) * made.slots,
        payment=Money(0),
        cover=Money(0),
        revenue=Money(revenue),
    )
    readings = {erin.id: made.reading(erin, random.Random(51))}
    if is_posted:
        made.place.at(made.end)
        made.post(readings)
        made.place.at(made.final)
    return made.settle(0, [outcome], readings, venue=venue.address), readings, outcome


def test_what_is_claimed_and_not_handed_over_is_no_credit(hostile: Any) -> None:
    made, venue, erin = hostile
    with made.place.evm.undone():
        before = made.system.settlement.call("guaranteeOf", erin.id)
        receipt, readings, outcome = settle(made, venue, erin, revenue=10**12)
        (word,) = receipt.only("DaysSettled")["words"]
        assert settled_day(word).trade_credit == 0
        bill = made.bills([outcome], readings)[erin.id]
        after = made.system.settlement.call("guaranteeOf", erin.id)
        assert before - after == max(bill.charge - bill.credit, 0)
        house = made.system.clearinghouse
        assert house.call("collateralOf", made.system.settlement.address, erin.id) == after


def test_what_is_handed_over_is_credit_whatever_is_claimed(hostile: Any) -> None:
    made, venue, erin = hostile
    house, settlement = made.system.clearinghouse, made.system.settlement
    entry = house._functions["close", 5]
    values = (erin.id, settlement.address, 0, 600, 0)
    with made.place.evm.undone():
        before = settlement.call("guaranteeOf", erin.id)
        venue.send("arm", house, abi.selector_of(entry) + abi.encode(entry["inputs"], values))
        receipt, readings, outcome = settle(made, venue, erin, revenue=10**12)
        (word,) = receipt.only("DaysSettled")["words"]
        assert settled_day(word).trade_credit == 600
        bill = made.bills([outcome], readings)[erin.id]
        charged = max(bill.charge - bill.credit, 0)
        assert settlement.call("guaranteeOf", erin.id) == before - max(charged - 600, 0)


@pytest.mark.parametrize(
    "function", ["settleDay", "settle", "payArrears", "releaseGuarantee", "addMargin"]
)
def test_nothing_is_let_in_while_a_day_is_settled(hostile: Any, function: str) -> None:
    made, venue, erin = hostile
    settlement = made.system.settlement
    arguments: dict[str, tuple[Any, ...]] = {
        "settleDay": (venue.address, made.place.key, 0, [], [], []),
        "settle": (made.day * made.slots, [erin.id]),
        "payArrears": (erin.id,),
        "releaseGuarantee": (erin.id,),
        "addMargin": (erin.id, 5),
    }
    entry = settlement._functions[function, len(arguments[function])]
    data = abi.selector_of(entry) + abi.encode(entry["inputs"], arguments[function])
    with made.place.evm.undone():
        venue.send("arm", settlement, data)
        receipt, *_ = settle(made, venue, erin)
        assert receipt.named("DaysSettled")
        error = next(
            e for e in settlement._entries if e.get("name") == "ReentrancyGuardReentrantCall"
        )
        assert venue.call("answer") == abi.selector_of(error)


def test_who_joined_two_venues_is_not_settled_by_one_of_them(hostile: Any) -> None:
    made, venue, erin = hostile
    with made.place.evm.undone():
        made.place.at(made.end - 1_000)
        made.system.fund(erin, made.place.venue, 1)
        found = refused("OtherVenueJoined", lambda: settle(made, venue, erin))
        assert found == {"venue": venue.address, "participantId": erin.id}


def test_a_venue_that_the_operator_did_not_accept_settles_nobody(hostile: Any) -> None:
    made, _, erin = hostile
    with made.place.evm.undone():
        system = made.system
        made.place.at(made.end)
        stranger = made.place.evm.deploy("AttackDayVenue")
        refused("NotAVenue", lambda: settle(made, stranger, erin))
        system.clearinghouse.send("addVenue", stranger, sender=system.governance)
        found = refused("VenueNotAccepted", lambda: settle(made, stranger, erin, is_posted=False))
        assert found == {"venue": stranger.address}


def test_a_venue_that_the_operator_did_not_accept_keeps_nobody_from_its_day(hostile: Any) -> None:
    made, venue, erin = hostile
    system, place, span = made.system, made.place, made.place.span
    with place.evm.undone():
        other = place.evm.deploy("AttackDayVenue")
        system.clearinghouse.send("addVenue", other, sender=system.governance)
        place.at(place.evm.now + system.config["governance_delay"])
        system.fund(erin, other, 5)
        place.span = place.evm.now // DAY + 1
        try:
            receipt, *_ = settle(made, venue, erin)
        finally:
            place.span = span
        assert receipt.named("DaysSettled")


def test_a_venue_of_other_spans_settles_no_day(hostile: Any) -> None:
    made, _, erin = hostile
    other = days(3, "intraday")
    readings = {erin.id: made.reading(erin, random.Random(52))}
    found = refused("SpanIsNoDay", lambda: other.settle(0, [], readings))
    assert found == {"venue": other.place.venue.address, "spanSlots": 1}
