"""What every venue promises about margin"""

import pytest

from setm.evm import Reverted
from setm.types import Side
from tests.contracts.common.refusal import refuses
from tests.contracts.common.venues import MARGIN

HOUR = 3600


def test_takes_margin_from_nobody_but_the_clearinghouse(case, venue):
    expected = {"expected": case.system.clearinghouse.address, "caller": case.alice.address}
    with refuses("OnlyBy", **expected):
        venue.send("addMargin", case.alice.id, 1, sender=case.alice)


def test_releases_margin_to_nobody_without_user_security(case, venue):
    mallory = case.evm.account("mallory")
    with refuses("NotSecured", key=mallory.address):
        venue.send("releaseMargin", 1, sender=mallory)


def test_releases_margin_to_no_session_key(case, venue):
    key = case.evm.account("session")
    session = (key.address, venue.address, MARGIN, case.evm.now + HOUR)
    case.system.registry.send("openSession", session, sender=case.alice)
    with refuses("NotSecured", key=key.address):
        venue.send("releaseMargin", 1, sender=key)


def test_releases_no_more_than_the_margin(case, venue):
    expected = {"participantId": case.alice.id, "needed": MARGIN + 1, "available": MARGIN}
    with refuses("NotCovered", **expected):
        venue.send("releaseMargin", MARGIN + 1, sender=case.alice)


def test_releases_the_margin_of_somebody_else_only_once_it_is_inactive(case, venue):
    with refuses("StillActive", participantId=case.alice.id):
        venue.send("releaseMarginOf", case.alice.id, sender=case.bob)


def test_adds_what_is_locked_for_it(case, venue):
    case.lock(case.alice, 5)
    assert venue.marginOf(case.alice.id) == case.collateral(case.alice) == MARGIN + 5


def test_gives_margin_back_as_free_balance(case, venue):
    before = case.free(case.alice)
    receipt = venue.send("releaseMargin", 7, sender=case.alice)
    assert venue.marginOf(case.alice.id) == case.collateral(case.alice) == MARGIN - 7
    assert case.free(case.alice) == before + 7
    released = receipt.only("MarginReleased")
    assert released == {"participantId": case.alice.id, "amount": 7}


def test_gives_back_the_whole_margin_of_a_revoked_participant_but_not_what_is_bound(
    case, venue, slot
):
    case.trade(slot)
    bound = venue.boundOf(slot, case.alice.id)
    case.revoke(case.alice)
    venue.send("releaseMarginOf", case.alice.id, sender=case.bob)
    assert venue.marginOf(case.alice.id) == 0
    assert case.collateral(case.alice) == bound > 0


@pytest.mark.parametrize("side", list(Side))
def test_refuses_whole_what_the_margin_does_not_cover(case, venue, slot, side):
    """Both sides are there, one without margin: nothing of its order is taken."""
    short = case.alice if side is Side.BID else case.bob
    case.venue.send("releaseMargin", MARGIN - 1, sender=short)
    with pytest.raises(Reverted) as caught:
        case.trade(slot)
    assert caught.value.name == "NotCovered"
    assert caught.value.arguments["participantId"] == short.id
    assert caught.value.arguments["available"] == 1 < caught.value.arguments["needed"]
    assert venue.boundOf(slot, short.id) == 0
    assert venue.marginOf(short.id) == 1


def test_holds_collateral_equal_to_margin_plus_what_is_bound_all_along(case, venue, slot):
    def check():
        for person in (case.alice, case.bob, case.carol):
            bound = venue.boundOf(slot, person.id)
            assert case.collateral(person) == venue.marginOf(person.id) + bound

    case.enter(slot, Side.BID, case.alice)
    check()
    case.enter(slot, Side.ASK, case.bob)
    check()
    case.decide(slot)
    check()
    venue.send("collect", slot, [case.alice.id])
    check()
    for person in (case.alice, case.bob):
        venue.send("close", slot, person.id, sender=case.settler)
        check()
        assert venue.boundOf(slot, person.id) == 0
