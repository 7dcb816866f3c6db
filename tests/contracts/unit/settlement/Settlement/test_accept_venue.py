"""Settlement.acceptVenue"""

import brownie
import pytest


@pytest.fixture
def late(project, house, governance, wait_until):
    """A venue that governance added when there was money already, and that does whatever it is told."""
    found = project.SettlementVenue.deploy(house, {"from": governance})
    added = house.addVenue(found, {"from": governance})
    wait_until(added.events["VenueScheduled"]["activeFrom"] + 1)
    return found


def test_refuses_anybody_but_the_owner_key_of_the_grid_operator(
    settlement, registry, house, late, operator, alice, governance, mallory, low
):
    with brownie.reverts(f"NotOperator: {low(alice)}"):
        settlement.acceptVenue(late, {"from": alice})
    for stranger in (governance, mallory):
        with brownie.reverts(f"NotSecured: {low(stranger)}"):
            settlement.acceptVenue(late, {"from": stranger})
    session = (mallory, settlement, 2**60, brownie.chain.time() + 600)
    registry.openSession(session, {"from": operator})
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        settlement.acceptVenue(late, {"from": mallory})


def test_refuses_a_stranger(settlement, operator, mallory, low):
    with brownie.reverts(f"NotAVenue: {low(mallory)}"):
        settlement.acceptVenue(mallory, {"from": operator})
    with brownie.reverts(f"NotAVenue: {low(mallory)}"):
        settlement.isAccepted(mallory)


def test_accepts_founding_venues_from_the_start(settlement, venues, operator):
    assert all(settlement.isAccepted(venue) for venue in (settlement, *venues))
    assert len(settlement.acceptVenue(venues[1], {"from": operator}).events) == 0


def test_asks_a_later_venue_only_once_it_is_accepted(
    settlement, house, late, trade, deliver, slot, ids, alice, bob, operator, mallory
):
    assert not settlement.isAccepted(late)
    for account in (alice, bob):
        house.lock(late, 1, {"from": account})
    later = brownie.chain.time() // 900 + 1
    for who in (ids.alice, ids.bob):
        trade(late, who, bought=100, when=later)
    deliver({}, later)
    before = settlement.settle(later, [ids.alice], {"from": mallory})
    assert before.events["SlotSettled"]["bill"][0] == 0
    accepted = settlement.acceptVenue(late, {"from": operator})
    assert dict(accepted.events["VenueAccepted"]) == {"venue": late}
    assert settlement.isAccepted(late)
    after = settlement.settle(later, [ids.bob], {"from": mallory})
    assert after.events["SlotSettled"]["bill"][0] == 100


def test_accepts_once_and_for_ever(settlement, late, operator):
    settlement.acceptVenue(late, {"from": operator})
    assert len(settlement.acceptVenue(late, {"from": operator}).events) == 0
    assert settlement.isAccepted(late)
