"""How ParticipantRegistry's governance changes hands (OpenZeppelin's AccessControlDefaultAdminRules)"""

import brownie

ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_a_transfer_by_anybody_else(registry, mallory, low):
    expected = rf"AccessControlUnauthorizedAccount: {low(mallory)}, .*"
    with brownie.reverts(revert_pattern=expected):
        registry.beginDefaultAdminTransfer(mallory, {"from": mallory})


def test_refuses_to_accept_before_the_delay_has_passed(registry, governance, carol):
    registry.beginDefaultAdminTransfer(carol, {"from": governance})
    _, possible_after = registry.pendingDefaultAdmin()
    with brownie.reverts(f"AccessControlEnforcedDefaultAdminDelay: {possible_after}"):
        registry.acceptDefaultAdminTransfer({"from": carol})


def test_refuses_to_change_the_delay(registry, governance, low):
    with brownie.reverts(f"NotAllowed: {low(governance)}, {ZERO_ADDRESS}"):
        registry.changeDefaultAdminDelay(0, {"from": governance})


def test_a_successor_accepts_after_the_delay(
    registry, governance, carol, second_authority, wait_until, low
):
    registry.beginDefaultAdminTransfer(carol, {"from": governance})
    wait_until(registry.pendingDefaultAdmin()[1] + 1)
    registry.acceptDefaultAdminTransfer({"from": carol})
    assert registry.governance() == carol
    registry.addAuthority(second_authority, {"from": carol})
    with brownie.reverts(f"NotAllowed: {low(governance)}, {low(carol)}"):
        registry.removeAuthority(second_authority, {"from": governance})
