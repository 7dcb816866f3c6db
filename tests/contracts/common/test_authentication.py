"""What every venue promises about who may enter something"""

from dataclasses import replace

import pytest

from setm.evm import Reverted
from setm.types import Side
from tests.contracts.common.refusal import refuses

HOUR = 3600
PLENTY = 2**63


def session(case, person, *, venue=None, limit=PLENTY):
    """Open a session key of a participant."""
    key = case.evm.account(f"session of {person.name}")
    terms = (key.address, (venue or case.venue).address, limit, case.evm.now + HOUR)
    case.system.registry.send("openSession", terms, sender=person)
    return key


def test_refuses_an_account_without_user_security(case, slot):
    mallory = case.evm.account("mallory")
    with refuses("NotSecured", key=mallory.address):
        case.enter(slot, Side.BID, case.alice, sender=mallory)


def test_refuses_a_revoked_participant_at_once(case, slot):
    case.revoke(case.alice)
    with refuses("NotSecured", key=case.alice.address):
        case.enter(slot, Side.BID, case.alice)


def test_refuses_a_suspended_participant_from_the_next_slot_on(case, slot):
    case.system.registry.send("suspend", case.alice.id, sender=case.system.governance)
    case.evm.now += case.system.config["slot_seconds"]
    with refuses("NotSecured", key=case.alice.address):
        case.enter(slot + 1, Side.BID, case.alice)


def test_refuses_a_session_key_of_another_venue(case, slot):
    key = session(case, case.alice, venue=case.system.settlement)
    with refuses("NotSecured", key=key.address):
        case.enter(slot, Side.BID, case.alice, sender=key)


def test_refuses_a_session_key_above_its_limit_per_slot(case, slot):
    key = session(case, case.alice, limit=1)
    with pytest.raises(Reverted) as caught:
        case.enter(slot, Side.BID, case.alice, sender=key)
    assert caught.value.name == "SessionLimitExceeded"
    assert caught.value.arguments["limit"] == 1 < caught.value.arguments["asked"]


def test_takes_a_session_key_of_its_own_and_binds_the_participant(case, venue, slot):
    buyer, seller = session(case, case.alice), session(case, case.bob)
    case.enter(slot, Side.BID, case.alice, sender=buyer)
    case.enter(slot, Side.ASK, case.bob, sender=seller)
    assert venue.boundOf(slot, case.alice.id) > 0
    assert venue.boundOf(slot, case.bob.id) > 0


def test_follows_the_owner_key_to_its_successor(case, slot):
    from setm import messages

    fresh, deadline = case.evm.account("fresh"), case.evm.now + HOUR
    message = messages.rotate(
        case.system.domain(case.system.registry),
        participant_id=case.alice.id,
        account=fresh.address,
        deadline=deadline,
    )
    case.system.registry.send(
        "rotateKey", fresh.address, deadline, message.sign(fresh), sender=case.alice
    )
    case.evm.now += case.system.config["slot_seconds"]
    with refuses("NotSecured", key=case.alice.address):
        case.enter(slot + 1, Side.BID, case.alice)
    case.enter(slot + 1, Side.BID, replace(case.alice, key=fresh))
