"""What becomes public: the table names real fields, leaves none out, and a day that shows more is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from setm.chain.abi import ROLES, abi
from setm.compare.disclosure import shown
from setm.compare.public import BACKGROUND, FACTS, FIELDS, PRIVATE, PUBLIC
from setm.errors import RunError
from setm.trading import MECHANISMS
from tests.python.compare.books import event_of, record_of


def events_of(contract: str) -> dict[str, set[str]]:
    """The events that a contract can emit, with their fields."""
    return {
        item["name"]: {field["name"] for field in item["inputs"]}
        for item in abi(contract)
        if item["type"] == "event"
    }


def test_every_mechanism_says_what_becomes_public():
    assert PUBLIC.keys() == MECHANISMS.keys()


@pytest.mark.parametrize("role", sorted(ROLES.keys() - set(BACKGROUND)))
def test_every_field_of_every_event_is_described(role):
    for event, fields in events_of(ROLES[role]).items():
        assert FIELDS.get(event, {}).keys() == fields, event


def test_every_described_event_exists():
    known = {event for contract in ROLES.values() for event in events_of(contract)}
    assert FIELDS.keys() <= known


def test_facts_have_words_and_what_is_private_is_in_no_field():
    fields = [facts for event in FIELDS.values() for facts in event.values()]
    told = {fact for facts in fields for fact in facts.split()}
    assert told | set(PRIVATE) == FACTS.keys()
    assert told & set(PRIVATE) == set()
    assert all(facts <= told for facts in PUBLIC.values())


EVENT = event_of(
    "auction", "TradeCollected", {"slot": 7, "participantId": 2, "payment": 5, "unbound": 0}
)
RECORD = record_of(names={2: "alice"}, events=(EVENT,))


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
    assert "auction.OfferMade.buyerId shows who speaks with whom" in str(told)


def test_a_field_that_nobody_described_is_refused():
    assert "auction.TradeCollected.diary" in str(refused(args={**EVENT.args, "diary": 1}))


def test_a_name_in_an_event_is_refused():
    assert "'alice'" in str(refused(args={**EVENT.args, "unbound": ["by alice"]}))
