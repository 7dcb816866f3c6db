"""What negotiations bind and how far ahead they reach, at the values where a slip would show"""

import pytest

from setm.evm import Reverted
from setm.types import Kind
from setm.units import payment_up
from tests.audit.attacks.stage import SLOT, Stage

COVER_PRICE = 55_500


@pytest.fixture(scope="module")
def deployed():
    return Stage(negotiation={"cap_price": 60_000})


@pytest.fixture
def stage(deployed):
    with deployed.evm.undone():
        yield deployed


@pytest.mark.parametrize("price", [30_000, COVER_PRICE - 1, COVER_PRICE, COVER_PRICE + 1, 60_000])
def test_a_seller_binds_what_its_price_lacks_to_the_cover_price_and_no_more(stage, price):
    venue, bob = stage.negotiation, stage.bob
    before = venue.call("marginOf", bob.id)
    stage.agree(stage.alice, bob, price=price, energy_wh=1_001)
    bound = payment_up(1_001, max(COVER_PRICE - price, 0))
    assert venue.call("boundOf", stage.slot, bob.id) == bound
    assert venue.call("marginOf", bob.id) == before - bound


@pytest.mark.parametrize("count", [1, 2, 96])
def test_an_agreement_reaches_to_the_last_slot_of_the_horizon(stage, count):
    horizon = stage.system.config["negotiation"]["horizon_seconds"]
    last = (stage.evm.now + horizon) // SLOT
    terms = {"slot_count": count, "energy_wh": 1, "price": 43_000}
    with pytest.raises(Reverted) as caught:
        stage.agree(stage.alice, stage.bob, first_slot=last - count + 2, **terms)
    assert (caught.value.name, caught.value.arguments) == (
        "BeyondHorizon",
        {"slot": last + 1, "lastSlot": last},
    )
    stage.agree(stage.alice, stage.bob, first_slot=last - count + 1, **terms)
    assert stage.negotiation.call("boundOf", last, stage.alice.id) == 43
    assert stage.negotiation.call("boundOf", last + 1, stage.alice.id) == 0
    assert stage.negotiation.call("boundOf", last - count, stage.alice.id) == 0


@pytest.mark.parametrize(("price", "needed"), [(60_000, 1), (43_000, 12_500)])
def test_who_never_joined_the_venue_is_told_what_it_lacks(stage, price, needed):
    dave = stage.system.enrol("dave", Kind.PROSUMER)
    with pytest.raises(Reverted) as caught:
        stage.agree(stage.alice, dave, price=price)
    assert (caught.value.name, caught.value.arguments) == (
        "NotCovered",
        {"participantId": dave.id, "needed": needed, "available": 0},
    )


def test_an_offer_stands_a_second_at_least_and_until_gate_closure_at_most(stage):
    venue, terms = stage.negotiation, (stage.slot, 1, 1_000, 43_000)
    earliest, latest = stage.evm.now + 1, stage.gate
    for expires_at in (earliest - 1, latest + 1):
        with pytest.raises(Reverted) as caught:
            venue.send("offer", stage.bob.id, True, terms, expires_at, sender=stage.alice)
        assert caught.value.name == "ExpiryOutOfRange"
        assert list(caught.value.arguments.values()) == [expires_at, earliest, latest]
    for expires_at in (earliest, latest):
        offer = (stage.bob.id, True, terms, expires_at)
        number = venue.send("offer", *offer, sender=stage.alice).value
        assert venue.call("negotiationOf", number).expiresAt == expires_at
        counter = (number, 999, 43_001, expires_at)
        venue.send("counter", *counter, sender=stage.bob)
        assert venue.call("negotiationOf", number).round == 2


@pytest.mark.parametrize("name", ["auction", "negotiation"])
def test_a_venue_tells_of_margin_that_comes_and_goes(stage, name):
    venue, alice = getattr(stage.system, name), stage.alice
    locked = stage.clearinghouse.send("lock", venue, 7, sender=alice)
    assert locked.only("MarginAdded") == {"participantId": alice.id, "amount": 7}
    released = venue.send("releaseMargin", 3, sender=alice)
    assert released.only("MarginReleased") == {"participantId": alice.id, "amount": 3}
