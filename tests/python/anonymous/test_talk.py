"""What an account refuses to answer or to co-sign; whatever it refuses, nothing was signed and nothing is lost."""

from dataclasses import replace

import pytest
from eth_account import Account

from setm.anonymous import messages
from setm.anonymous.envelopes import Kind, Text
from setm.anonymous.talk import agreement_of, require_acceptance, require_fresh
from setm.errors import NotSecured, OrderRefused
from setm.messages import Domain

BUYER, SELLER = (Account.from_key(bytes([i]) * 32) for i in (1, 2))
DOMAIN = Domain(chain_id=1337, contract="0x" + "11" * 20)
NOW, EXPIRES_AT, ARBITER = 1_800_000_000, 1_800_000_600, 4
OFFER = Text(
    kind=Kind.OFFER,
    account=SELLER.address,
    slot=2_000_000,
    energy_wh=500,
    price=46_100,
    round=3,
    expires_at=EXPIRES_AT,
    arbiter_id=ARBITER,
    salt=0,
    deadline=EXPIRES_AT,
)


def accepted(**changes):
    """Return the buyer's signed acceptance of the seller's offer, and the agreement that it is about."""
    text = replace(OFFER, kind=Kind.ACCEPTANCE, account=BUYER.address, salt=7)
    text = replace(text, **changes)
    agreed = agreement_of(text, buyer=BUYER.address, seller=SELLER.address)
    signature = messages.agreement(DOMAIN, agreed).sign(BUYER)
    return replace(text, signature=signature), agreed


def check(text, agreed, now=NOW, offer=OFFER):
    require_acceptance(text, offer, agreed, DOMAIN, trusted_arbiter=ARBITER, now=now)


def test_co_signs_the_acceptance_of_its_own_offer():
    check(*accepted())


@pytest.mark.parametrize("late", [0, 1])
def test_refuses_a_stale_quote(late):
    with pytest.raises(OrderRefused, match=rf"before {EXPIRES_AT}.*now is {EXPIRES_AT + late}"):
        require_fresh(OFFER, EXPIRES_AT + late)
    with pytest.raises(OrderRefused, match="ask for a new one"):
        check(*accepted(), now=EXPIRES_AT + late)
    require_fresh(OFFER, EXPIRES_AT - 1)


@pytest.mark.parametrize(
    "change",
    [
        {"energy_wh": 501},
        {"price": 46_099},
        {"slot": 2_000_001},
        {"round": 2},
        {"kind": Kind.REJECTION},
    ],
)
def test_refuses_other_terms_than_it_offered_last(change):
    with pytest.raises(OrderRefused, match="terms of the last offer"):
        check(*accepted(**change))


def test_refuses_an_arbiter_that_it_did_not_choose():
    with pytest.raises(OrderRefused, match="arbiter 5: expected 4"):
        check(*accepted(arbiter_id=5))


def test_refuses_an_acceptance_that_its_sender_did_not_sign():
    text, agreed = accepted()
    other = messages.agreement(DOMAIN, agreed).sign(SELLER)
    with pytest.raises(NotSecured, match="signature of the agreement"):
        check(replace(text, signature=other), agreed)
    with pytest.raises(NotSecured):
        check(replace(text, signature=b""), agreed)
