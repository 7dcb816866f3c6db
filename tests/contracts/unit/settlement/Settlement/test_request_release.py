"""Settlement.requestRelease and requestReleaseOf"""

import brownie


def test_refuses_a_stranger(settlement, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        settlement.requestRelease(1, {"from": mallory})


def test_refuses_a_session_key(settlement, registry, ids, alice, mallory, low):
    session = (mallory, settlement, 10**9, brownie.chain.time() + 1_000)
    registry.openSession(session, {"from": alice})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        settlement.requestRelease(0, {"from": mallory})


def test_refuses_more_than_the_guarantee(settlement, alice, guarantee):
    guarantee(alice, 10)
    with brownie.reverts("GuaranteeTooLow: 10, 11"):
        settlement.requestRelease(11, {"from": alice})


def test_tells_from_when_on_it_is_possible(settlement, ids, alice, guarantee, terms):
    guarantee(alice, 10)
    sent = settlement.requestRelease(4, {"from": alice})
    possible_from = sent.timestamp + terms.release_delay
    expected = {"participantId": ids.alice, "amount": 4, "possibleFrom": possible_from}
    assert sent.events["ReleaseRequested"] == expected
    assert settlement.releaseOf(ids.alice) == (4, possible_from)


def test_replaces_an_earlier_request_and_takes_it_back_with_zero(
    settlement, ids, alice, guarantee, wait_until, terms, mallory
):
    guarantee(alice, 10)
    settlement.requestRelease(4, {"from": alice})
    wait_until(brownie.chain.time() + terms.release_delay)
    sent = settlement.requestRelease(5, {"from": alice})
    assert settlement.releaseOf(ids.alice) == (5, sent.timestamp + terms.release_delay)
    settlement.requestRelease(0, {"from": alice})
    with brownie.reverts(f"NoReleaseRequested: {ids.alice}"):
        settlement.releaseGuarantee(ids.alice, {"from": mallory})


def test_lets_a_suspended_participant_ask(
    settlement, registry, ids, alice, guarantee, governance, wait_until
):
    guarantee(alice, 10)
    registry.suspend(ids.alice, {"from": governance})
    wait_until(brownie.chain.time() + 900)
    settlement.requestRelease(10, {"from": alice})


def test_refuses_to_ask_for_somebody_who_is_not_revoked(settlement, ids, alice, guarantee, mallory):
    guarantee(alice, 10)
    with brownie.reverts(f"NotRevoked: {ids.alice}"):
        settlement.requestReleaseOf(ids.alice, {"from": mallory})


def test_refuses_to_ask_for_nothing(settlement, registry, ids, authority, mallory):
    registry.revoke(ids.alice, {"from": authority})
    with brownie.reverts(f"NoReleaseRequested: {ids.alice}"):
        settlement.requestReleaseOf(ids.alice, {"from": mallory})


def test_refuses_to_put_a_pending_request_off(
    settlement, registry, ids, alice, guarantee, authority, mallory
):
    guarantee(alice, 10)
    registry.revoke(ids.alice, {"from": authority})
    sent = settlement.requestReleaseOf(ids.alice, {"from": mallory})
    possible_from = sent.events["ReleaseRequested"]["possibleFrom"]
    with brownie.reverts(f"ReleasePending: {ids.alice}, {possible_from}"):
        settlement.requestReleaseOf(ids.alice, {"from": mallory})


def test_gives_a_revoked_participant_its_whole_guarantee_and_the_way_out(
    settlement,
    registry,
    house,
    project,
    ids,
    alice,
    guarantee,
    authority,
    mallory,
    terms,
    wait_until,
):
    """Nobody needs a key that is revoked: everything here can be called by anyone."""
    guarantee(alice, 10)
    settlement.requestRelease(3, {"from": alice})
    registry.revoke(ids.alice, {"from": authority})
    for left in (7, 0):
        wait_until(brownie.chain.time() + terms.release_delay)
        settlement.releaseGuarantee(ids.alice, {"from": mallory})
        assert settlement.guaranteeOf(ids.alice) == left
        if left:
            settlement.requestReleaseOf(ids.alice, {"from": mallory})
    token, free = project.TestEuro.at(house.token()), house.freeOf(ids.alice)
    house.withdrawRevoked(ids.alice, {"from": mallory})
    assert token.balanceOf(alice) == free
