"""MeterRegistry.acceptAuthority"""

import brownie
import pytest


@pytest.fixture
def late(registry, governance, devices, wait_until):
    """An authority that governance added after the registry was deployed."""
    found = devices[3]
    added = registry.addAuthority(found, {"from": governance})
    wait_until(added.events["AuthorityScheduled"]["activeFrom"] + 1)
    assert registry.isAccredited(found)
    return found


def test_refuses_anybody_but_the_owner_key_of_the_grid_operator(
    meters, registry, late, operator, alice, governance, mallory, low
):
    with brownie.reverts(f"NotEntitled: {low(alice)}"):
        meters.acceptAuthority(late, {"from": alice})
    for stranger in (governance, late, mallory):
        with brownie.reverts(f"NotSecured: {low(stranger)}"):
            meters.acceptAuthority(late, {"from": stranger})
    session = (mallory, meters, 2**60, brownie.chain.time() + 600)
    registry.openSession(session, {"from": operator})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        meters.acceptAuthority(late, {"from": mallory})


def test_accepts_the_authorities_that_were_there_at_deployment(
    meters, authority, mallory, operator
):
    assert meters.isAccepted(authority)
    assert not meters.isAccepted(mallory)
    assert len(meters.acceptAuthority(authority, {"from": operator}).events) == 0


def test_a_later_authority_binds_no_meter_before_it_is_accepted(
    meters, late, binding, bind, operator, low, ids
):
    assert not meters.isAccepted(late)
    with brownie.reverts(f"AuthorityNotAccepted: {low(late)}"):
        bind(binding(), signer=late, claimed=late)
    accepted = meters.acceptAuthority(late, {"from": operator})
    assert dict(accepted.events["AuthorityAccepted"]) == {"authority": late}
    assert meters.isAccepted(late)
    bind(binding(), signer=late, claimed=late)
    assert meters.meterOf(ids.carol) == 3
    assert len(meters.acceptAuthority(late, {"from": operator}).events) == 0


def test_one_that_was_removed_and_comes_back_needs_consent_like_a_new_one(
    meters, registry, governance, authority, wait_until
):
    removed = registry.removeAuthority(authority, {"from": governance})
    wait_until(removed.events["AuthorityScheduled"]["activeUntil"] + 1)
    assert meters.isAccepted(authority)
    added = registry.addAuthority(authority, {"from": governance})
    wait_until(added.events["AuthorityScheduled"]["activeFrom"] + 1)
    assert registry.isAccredited(authority)
    assert not meters.isAccepted(authority)


def test_accepting_makes_nobody_an_authority(meters, mallory, operator, binding, bind, low):
    meters.acceptAuthority(mallory, {"from": operator})
    with brownie.reverts(f"BindingNotSigned: {low(mallory)}"):
        bind(binding(), signer=mallory, claimed=mallory)
