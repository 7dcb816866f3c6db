"""Clearinghouse's constructor and what it fixes"""

import brownie
import pytest


@pytest.mark.parametrize("decimals", [0, 5, 7, 18])
def test_refuses_a_token_that_does_not_have_six_decimals(project, open_house, governance, decimals):
    coin = project.ClearingBadToken.deploy(decimals, {"from": governance})
    with brownie.reverts(f"DecimalsMismatch: 6, {decimals}"):
        open_house(coin)


def test_refuses_a_governance_delay_below_a_day(project, token, registry, governance):
    with brownie.reverts("DelayTooShort: 86399, 86400"):
        project.Clearinghouse.deploy(token, registry, 86_399, {"from": governance})


def test_keeps_what_was_configured(house, token, registry, config):
    assert house.token() == token
    assert house.registry() == registry
    assert house.GOVERNANCE_DELAY() == config["governance_delay"]
    assert house.MAX_VENUES() == 8
