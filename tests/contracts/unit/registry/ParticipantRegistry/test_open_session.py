"""ParticipantRegistry.openSession"""

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20
LONGEST = 366 * 86_400


def test_refuses_who_owns_no_participant(open_session, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        open_session(mallory)


def test_refuses_a_session_key(open_session, alice, agent, new_key, low):
    open_session(alice)
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        open_session(agent, key=new_key)


@pytest.mark.parametrize("field", ["key", "venue"])
def test_refuses_a_zero(open_session, alice, field):
    with brownie.reverts(f"ZeroField: {field}"):
        open_session(alice, **{field: ZERO_ADDRESS})


def test_refuses_a_key_that_is_taken(open_session, alice, bob, people, agent, low):
    for key, holder in ((alice, people.alice), (bob, people.bob)):
        with brownie.reverts(f"KeyTaken: {low(key)}, {holder}"):
            open_session(alice, key=key)
    open_session(alice)
    with brownie.reverts(f"KeyTaken: {low(agent)}, {people.alice}"):
        open_session(bob)


def test_refuses_an_expiry_in_the_past_or_too_far_ahead(open_session, alice):
    now = brownie.chain.time()
    for expires_at in (now, now + LONGEST + 100):
        with brownie.reverts(revert_pattern=rf"ExpiryOutOfRange: {expires_at}, \d+, \d+"):
            open_session(alice, expires_at=expires_at)


def test_the_key_speaks_in_the_venue_up_to_the_limit(
    registry, open_session, alice, people, agent, venue, mallory, low
):
    open_session(alice)
    assert registry.authorize.transact(agent, 500, {"from": venue}).return_value == people.alice
    assert registry.isSecured(agent)
    with brownie.reverts("SessionLimitExceeded: 500, 501"):
        registry.authorize.transact(agent, 501, {"from": venue})
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        registry.authorize.transact(agent, 0, {"from": mallory})


def test_the_key_never_owns(registry, open_session, alice, agent, low):
    open_session(alice)
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        registry.ownerOf(agent)


def test_opening_again_replaces_venue_limit_and_expiry(
    registry, open_session, alice, people, agent, venue, mallory, low
):
    open_session(alice)
    open_session(alice, venue=mallory, limit=7)
    assert registry.authorize.transact(agent, 7, {"from": mallory}).return_value == people.alice
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        registry.authorize.transact(agent, 7, {"from": venue})


def test_tells_the_key_its_venue_limit_and_expiry(open_session, alice, people, agent, venue):
    expires_at = brownie.chain.time() + 3600
    opened = open_session(alice, expires_at=expires_at)
    assert opened.events["SessionOpened"] == {
        "participantId": people.alice,
        "key": agent,
        "venue": venue,
        "limitPerSlot": 500,
        "expiresAt": expires_at,
    }
