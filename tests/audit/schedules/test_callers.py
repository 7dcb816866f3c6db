"""Signed schedules and days by a hostile contract: only the caller counts, never who sent the transaction."""

from __future__ import annotations

import random
from typing import Any

import pytest

from setm.evm import Evm, Reverted, abi, artifact, default_config, deploy_system
from setm.schedules import pack_orders
from setm.types import Kind
from tests.audit.schedules.days import Days, cleared_day, days
from tests.audit.schedules.test_day_attacks import proof_of, words_of
from tests.audit.schedules.world import (
    INTRADAY,
    PLENTY,
    ZONE,
    World,
    random_schedules,
    world,
)

# Of IDayAheadAuction.Outcome.
PACKED = 1


def through(evm: Any, contract: Any, function: str, *args: Any, sender: Any) -> tuple[Any, str]:
    """Let somebody call a hostile contract, and that contract call ours; return the receipt and its address."""
    hostile = evm.deploy("ClearingVenue")
    entries = artifact(contract.name)["abi"]
    entry = next(e for e in entries if e["type"] == "function" and e["name"] == function)
    data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
    return hostile.send("act", contract.address, data, sender=sender), hostile.address


def refused(name: str, evm: Any, *call: Any, sender: Any) -> tuple[Any, ...]:
    with pytest.raises(Reverted) as caught:
        through(evm, *call, sender=sender)
    assert caught.value.name == name, caught.value
    return tuple(caught.value.arguments.values())


@pytest.fixture
def place() -> World:
    found = world(70, "intraday")
    found.reset()
    return found


@pytest.fixture
def made() -> Days:
    return days(110)


def schedules_of(place: World) -> Any:
    return random_schedules(random.Random(61), [p.id for p in place.people[:8]], 1, ticks=8)


def batch_of(place: World, entries: Any, words: Any, *, is_last: bool) -> Any:
    book = place.cleared(schedules_of(place))
    return list(book.margins), [], place.packed(entries, words), is_last


def settled_by(account: Any) -> World:
    """Return a deployment with a venue that this account settles."""
    evm = Evm()
    system = deploy_system(evm, default_config(intraday=dict(INTRADAY)))
    terms = tuple(INTRADAY.values())
    venue = evm.deploy("DayAheadAuction", system.clearinghouse, account.address, terms)
    book = evm.deploy("ScheduleBook", venue, system.registry, system.roster)
    venue.send("setBook", book, sender=system.governance)
    system.clearinghouse.send("addVenue", venue, sender=system.governance)
    system.intraday, system.intraday_book = venue, book
    people = [system.enrol(f"person {i}", Kind.PROSUMER, zone=ZONE) for i in range(8)]
    for person in people:
        system.fund(person, venue, PLENTY)
    span = evm.now // int(system.config["slot_seconds"]) + 6
    made = World(evm, system, INTRADAY, "intraday", people, span)
    made.reset()
    return made


def test_even_settlement_closes_no_outcome_that_is_packed() -> None:
    """Ours has a venue collect before; this one closes alone."""
    account = Evm.account("settlement")
    place = settled_by(account)
    _, book = place.clear(schedules_of(place))
    place.at(place.gate + place.config["post_window"])
    for outcome in book.outcomes:
        who = outcome.participant_id
        with pytest.raises(Reverted) as caught:
            place.venue.send("close", place.span, who, sender=account)
        assert caught.value.name == "OutcomeMismatch"
        assert caught.value.arguments == {"span": place.span, "participantId": who, "found": PACKED}


def test_a_contract_commits_to_a_book_of_its_own(place: World) -> None:
    call = (place.book, "commit", place.span, ZONE, b"\1" * 32)
    receipt, hostile = through(place.evm, *call, sender=place.collector)
    assert receipt.only("BookCommitted")["collector"] == hostile
    assert place.book.call("stateOf", place.key)[0] == bytes(32)


def test_a_participant_lends_a_contract_no_say(place: World) -> None:
    words = pack_orders(schedules_of(place)[place.people[0].id])
    call = (place.book, "force", place.key, words)
    refused("NotSecured", place.evm, *call, sender=place.people[0])


def test_a_collector_lends_a_contract_neither_its_time_nor_its_turn(place: World) -> None:
    schedules = schedules_of(place)
    entries, digest = place.entries(schedules)
    words = place.words(schedules)
    place.commit(digest)
    place.at(place.gate)
    part = (place.book, "post", place.key, batch_of(place, entries[:4], words[:4], is_last=False))
    refused("TurnTaken", place.evm, *part, sender=place.collector)
    place.at(place.gate + place.config["post_window"] // 2)
    receipt, hostile = through(place.evm, *part, sender=place.collector)
    assert receipt.only("BatchWalked")["poster"] == hostile
    # The turn is the contract's now, and not of who called it.
    with pytest.raises(Reverted, match="TurnTaken"):
        place.post(entries[:4], words[:4], place.cleared(schedules), is_last=False)


def test_a_contract_that_posts_a_whole_book_is_named(place: World) -> None:
    schedules = schedules_of(place)
    entries, digest = place.entries(schedules)
    place.commit(digest)
    place.at(place.gate + place.config["post_window"] // 2)
    whole = batch_of(place, entries, place.words(schedules), is_last=True)
    call = (place.book, "post", place.key, whole)
    receipt, hostile = through(place.evm, *call, sender=place.collector)
    assert receipt.only("BookCleared")["poster"] == hostile


def test_a_contract_that_brings_days_or_proofs_is_named(made: Days) -> None:
    found = cleared_day(made, random.Random(62), 7, is_posted=False)
    evm, meters = made.place.evm, made.system.meters
    number = min(found.readings)
    person, meter = made.place.person(number), made.meters[number]
    words = made.signed(person, found.readings[number])
    receipt, hostile = through(evm, meters, "postDays", words, sender=person)
    assert receipt.only("DaysPosted")["poster"] == hostile
    refused("NotSecured", evm, meters, "disputeDay", meter, made.day, sender=person)
    meters.send("disputeDay", meter, made.day, sender=person)
    values = words_of(found, number)
    call = (meters, "resolveDay", meter, made.day, values)
    refused("NotEntitled", evm, *call, sender=made.system.authority)
    proofs = [proof_of(made, number, made.day, w) for w in (values, [values[0] ^ 1, *values[1:]])]
    call = (meters, "proveDayEquivocation", meter, made.day, *proofs)
    receipt, hostile = through(evm, *call, sender=person)
    assert receipt.only("DayEquivocationProved")["prover"] == hostile
