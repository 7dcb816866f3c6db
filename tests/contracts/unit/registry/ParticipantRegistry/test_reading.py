"""What ParticipantRegistry says of those it does not know"""

import brownie
import pytest


def test_refuses_an_unknown_key(registry, mallory, venue, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        registry.authorize.transact(mallory, 0, {"from": venue})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        registry.ownerOf(mallory)
    assert not registry.isSecured(mallory)


@pytest.mark.parametrize("unknown", [0, 3, 2**32 - 1])
def test_an_unknown_participant_is_not_active_and_has_no_entry(registry, unknown):
    assert not registry.isActive(unknown)
    with brownie.reverts(f"UnknownParticipant: {unknown}"):
        registry.participant(unknown)


def test_an_owner_key_speaks_in_any_venue_without_limit(registry, alice, venue, mallory, people):
    for contract in (venue, mallory):
        assert (
            registry.authorize.transact(alice, 2**256 - 1, {"from": contract}).return_value
            == people.alice
        )
