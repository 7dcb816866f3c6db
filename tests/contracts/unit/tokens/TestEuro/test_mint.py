"""TestEuro, the token of local chains"""

import brownie
import pytest


@pytest.fixture(scope="module")
def token(governance):
    return brownie.project.get_loaded_projects()[0].TestEuro.deploy({"from": governance})


def test_anyone_mints_any_amount(token, mallory, alice):
    token.mint(alice, 2**200, {"from": mallory})
    assert token.balanceOf(alice) == token.totalSupply() == 2**200


def test_counts_in_millionths_of_a_euro(token):
    assert (token.name(), token.symbol(), token.decimals()) == ("Test Euro", "tEUR", 6)


def test_takes_permits(token):
    assert token.eip712Domain()[1:5] == ("Test Euro", "1", brownie.chain.id, token)
