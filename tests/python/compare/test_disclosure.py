"""What becomes public: the table names real fields, leaves none out, and a day that shows more is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setm.compare.disclosure import FACTS, FIELDS, PRIVATE, PUBLIC, shown
from setm.compare.record import Event, Record
from setm.errors import RunError
from setm.report.dictionary import EVENTS, event_fields
from setm.trading import MECHANISMS

# Interfaces whose events are about people, money, meters and offices, whatever the mechanism.
BACKGROUND = {
    "IERC20",
    "IAccessControl",
    "IAccessControlDefaultAdminRules",
    "IParticipantRegistry",
    "IClearinghouse",
    "IMeterRegistry",
    "ISettlement",
}


def declared(interface: str) -> dict[str, set[str]]:
    """Events of an interface with their fields; a struct counts as one."""
    return {
        event: {name.partition(".")[0] for name in event_fields(parts)}
        for event, parts in EVENTS[interface].items()
    }


def test_every_mechanism_says_what_becomes_public():
    assert PUBLIC.keys() == MECHANISMS.keys()


def test_every_field_of_every_venues_events_is_described():
    for interface in EVENTS.keys() - BACKGROUND:
        for event, fields in declared(interface).items():
            assert FIELDS[event].keys() == fields, f"{interface}.{event}"


def test_every_described_event_exists():
    known = {name: fields for interface in EVENTS for name, fields in declared(interface).items()}
    for event, fields in FIELDS.items():
        assert fields.keys() == known[event], event


def test_facts_have_words_and_what_is_private_is_in_no_field():
    told = {
        fact for fields in FIELDS.values() for facts in fields.values() for fact in facts.split()
    }
    assert told | set(PRIVATE) == FACTS.keys()
    assert told & set(PRIVATE) == set()
    assert all(facts <= told for facts in PUBLIC.values())


EVENT = Event(
    line="events.jsonl, line 1",
    contract="auction",
    name="TradeCollected",
    args={"slot": 7, "participantId": 2, "payment": 5, "unbound": 0},
)
RECORD = Record(mechanism="auction", names={2: "alice"}, events=(EVENT,), transactions=())


def test_each_public_fact_stands_with_the_fields_that_show_it():
    found = shown(RECORD)
    assert found["price"] == ["auction.TradeCollected.payment"]
    assert found["presence"] == ["auction.TradeCollected.participantId"]
    assert found.keys() == PUBLIC["auction"]
    assert "partner" not in found


def refused(**changes) -> RunError:
    event = replace(EVENT, **changes)
    with pytest.raises(RunError) as refusal:
        shown(replace(RECORD, events=(event,)))
    return refusal.value


def test_an_event_that_shows_what_is_private_is_refused():
    args = dict.fromkeys(FIELDS["OfferMade"], 1)
    told = refused(name="OfferMade", args=args)
    assert "auction.OfferMade.buyerId shows who trades with whom" in str(told)


def test_a_field_that_nobody_described_is_refused():
    assert "auction.TradeCollected.diary" in str(refused(args={**EVENT.args, "diary": 1}))


def test_a_name_in_an_event_is_refused():
    assert "'alice'" in str(refused(args={**EVENT.args, "unbound": ["by alice"]}))
