"""ParticipantRegistry.addAuthority and removeAuthority"""

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20
NEVER = 2**40 - 1


@pytest.mark.parametrize("change", ["addAuthority", "removeAuthority"])
def test_refuses_anybody_but_governance(registry, authority, mallory, governance, change, low):
    for caller in (authority, mallory):
        with brownie.reverts(f"NotAllowed: {low(caller)}, {low(governance)}"):
            getattr(registry, change)(mallory, {"from": caller})


def test_refuses_nobody(registry, governance):
    with brownie.reverts("ZeroField: authority"):
        registry.addAuthority(ZERO_ADDRESS, {"from": governance})


def test_refuses_to_add_one_whose_accreditation_has_not_ended(
    registry, config, governance, authority, wait_until
):
    with brownie.reverts(revert_pattern=rf"TooEarly: {NEVER}, \d+"):
        registry.addAuthority(authority, {"from": governance})
    ends = registry.removeAuthority(authority, {"from": governance}).events[0]["activeUntil"]
    with brownie.reverts(revert_pattern=rf"TooEarly: {ends}, \d+"):
        registry.addAuthority(authority, {"from": governance})
    wait_until(ends)
    registry.addAuthority(authority, {"from": governance})


def test_refuses_to_remove_who_is_none_or_is_ending(registry, governance, authority, mallory, low):
    registry.removeAuthority(authority, {"from": governance})
    for who in (mallory, authority):
        with brownie.reverts(f"NotAccredited: {low(who)}"):
            registry.removeAuthority(who, {"from": governance})


def test_accredits_after_the_delay(
    registry, governance, second_authority, join, credential, carol, mallory, wait_until, low
):
    added = registry.addAuthority(second_authority, {"from": governance})
    with brownie.reverts(f"NotAccredited: {low(second_authority)}"):
        join(credential(carol), carol, authority=second_authority, sender=mallory)
    wait_until(added.events["AuthorityScheduled"]["activeFrom"])
    join(credential(carol), carol, authority=second_authority, sender=mallory)
    assert registry.participant(3)[5] == second_authority


def test_ends_after_the_delay_and_issued_credentials_run_on(
    registry,
    governance,
    authority,
    join,
    credential,
    alice,
    carol,
    mallory,
    people,
    wait_until,
    low,
):
    removed = registry.removeAuthority(authority, {"from": governance})
    assert registry.isAccredited(authority)
    wait_until(removed.events["AuthorityScheduled"]["activeUntil"])
    assert not registry.isAccredited(authority)
    assert registry.isSecured(alice)
    with brownie.reverts(f"NotAccredited: {low(authority)}"):
        join(credential(carol), carol, sender=mallory)


def test_one_removed_before_it_was_active_never_becomes_so(
    registry, governance, second_authority, wait_until
):
    added = registry.addAuthority(second_authority, {"from": governance}).events[0]["activeFrom"]
    wait_until(brownie.chain.time() + 3600)
    registry.removeAuthority(second_authority, {"from": governance})
    wait_until(added)
    assert not registry.isAccredited(second_authority)


def test_only_who_was_named_at_deployment_is_founding_and_only_until_it_is_added_again(
    registry, governance, authority, second_authority, mallory, wait_until
):
    assert registry.isFounding(authority)
    added = registry.addAuthority(second_authority, {"from": governance})
    wait_until(added.events["AuthorityScheduled"]["activeFrom"])
    assert registry.isAccredited(second_authority)
    assert not registry.isFounding(second_authority)
    assert not registry.isFounding(mallory)
    removed = registry.removeAuthority(authority, {"from": governance})
    wait_until(removed.events["AuthorityScheduled"]["activeUntil"])
    assert registry.isFounding(authority)
    registry.addAuthority(authority, {"from": governance})
    assert not registry.isFounding(authority)


def test_tells_from_when_until_when(registry, config, governance, second_authority, wait_until):
    added = registry.addAuthority(second_authority, {"from": governance})
    active_from = added.timestamp + config["governance_delay"]
    scheduled = {"authority": second_authority, "activeFrom": active_from, "activeUntil": NEVER}
    assert added.events["AuthorityScheduled"] == scheduled
    wait_until(active_from)
    removed = registry.removeAuthority(second_authority, {"from": governance})
    ends = removed.timestamp + config["governance_delay"]
    assert removed.events["AuthorityScheduled"] == {**scheduled, "activeUntil": ends}
