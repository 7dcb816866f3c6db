"""ParticipantRegistry.closeSession"""

import brownie
import pytest


@pytest.fixture
def opened(open_session, alice):
    return open_session(alice)


def test_refuses_who_owns_no_participant(registry, opened, agent, mallory, low):
    for caller in (mallory, agent):
        with brownie.reverts(f"NotSecured: {low(caller)}"):
            registry.closeSession(agent, {"from": caller})


def test_refuses_what_is_no_open_session_of_the_caller(
    registry, opened, agent, alice, bob, new_key, people
):
    with brownie.reverts(f"NothingPending: {people.bob}"):
        registry.closeSession(agent, {"from": bob})
    for key in (new_key, alice):
        with brownie.reverts(f"NothingPending: {people.alice}"):
            registry.closeSession(key, {"from": alice})


def test_refuses_to_close_twice(registry, opened, agent, alice, people):
    registry.closeSession(agent, {"from": alice})
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.closeSession(agent, {"from": alice})


def test_refuses_one_that_has_expired(registry, opened, agent, alice, people, wait_until):
    wait_until(opened.events["SessionOpened"]["expiresAt"])
    with brownie.reverts(f"NothingPending: {people.alice}"):
        registry.closeSession(agent, {"from": alice})


def test_ends_the_session_at_once(registry, opened, agent, alice, venue, low):
    registry.closeSession(agent, {"from": alice})
    with brownie.reverts(f"NotSecured: {low(agent)}"):
        registry.authorize.transact(agent, 1, {"from": venue})
    assert not registry.isSecured(agent)


def test_the_same_participant_may_open_it_again(
    registry, opened, open_session, agent, alice, people, venue
):
    registry.closeSession(agent, {"from": alice})
    open_session(alice)
    assert registry.authorize.transact(agent, 1, {"from": venue}).return_value == people.alice


def test_tells_which_key_ended(registry, opened, agent, alice, people):
    closed = registry.closeSession(agent, {"from": alice})
    assert closed.events["SessionClosed"] == {"participantId": people.alice, "key": agent}
