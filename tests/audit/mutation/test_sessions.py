"""A session key whose limit is nothing may take back what binds nothing, and enter nothing"""

import pytest

from setm.evm import Reverted
from setm.types import Side
from tests.audit.attacks.stage import Stage

HOUR = 3600


@pytest.fixture(scope="module")
def deployed():
    return Stage()


@pytest.fixture
def stage(deployed):
    with deployed.evm.undone():
        yield deployed


def key_of(stage, person, venue):
    """Open a session of a participant with limit zero."""
    key = stage.account(f"session of {person.name}")
    expires_at = stage.evm.now + 10 * HOUR
    stage.registry.send("openSession", (key.address, venue.address, 0, expires_at), sender=person)
    return key


def test_it_cancels_a_commitment(stage):
    key = key_of(stage, stage.alice, stage.auction)
    order = stage.order(stage.alice, Side.BID, 160, 9)
    with pytest.raises(Reverted, match="SessionLimitExceeded"):
        stage.commit(stage.alice, order, sender=key)
    stage.commit(stage.alice, order)
    stage.auction.send("cancel", stage.slot, sender=key)
    assert stage.auction.call("boundOf", stage.slot, stage.alice.id) == 0


def test_it_rejects_and_withdraws_offers(stage):
    buyer = key_of(stage, stage.alice, stage.negotiation)
    seller = key_of(stage, stage.bob, stage.negotiation)
    terms = (stage.slot, 1, 1_000, 43_000)
    expires_at = stage.evm.now + HOUR
    for ends, key, state in (("reject", seller, 3), ("withdrawOffer", buyer, 4)):
        offer = (stage.bob.id, True, terms, expires_at)
        with pytest.raises(Reverted, match="SessionLimitExceeded"):
            stage.negotiation.send("offer", *offer, sender=buyer)
        number = stage.negotiation.send("offer", *offer, sender=stage.alice).value
        stage.negotiation.send(ends, number, sender=key)
        assert stage.negotiation.call("negotiationOf", number).state == state
