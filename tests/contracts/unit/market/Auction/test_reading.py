"""What Auction tells: phases, orders, trades, covers and digests"""

import brownie
import pytest

from setm.types import Side


def test_refuses_the_trade_of_an_open_slot(venue, opened, ids, slot):
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.tradeOf(slot, ids.alice)


def test_refuses_the_cover_of_an_order_that_no_auction_takes(venue):
    with brownie.reverts("TickOutOfBand: 256, 256"):
        venue.coverOf(Side.BID, 256, 1)
    with brownie.reverts("EnergyOutOfRange: 0, 1000000000"):
        venue.coverOf(Side.BID, 0, 0)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(("tick", "energy_wh"), [(0, 1), (161, 335), (254, 3), (255, 10**9)])
def test_tells_the_cover_that_the_reference_computes(venue, book, side, tick, energy_wh):
    order = book.order("alice", side, tick, energy_wh)
    assert venue.coverOf(side, tick, energy_wh) == book.cover(order)


def test_tells_the_digest_that_the_reference_computes(venue, book, bid):
    fields = (bid.slot, bid.participant_id, bid.side, bid.tick, bid.energy_wh)
    assert bytes(venue.digestOf(*fields, book.salt)) == book.digest(bid)


def test_tells_the_phases_of_a_slot(venue, slot, times, wait_until):
    assert [venue.phase(slot + 1_000), venue.phase(slot)] == [0, 1]
    for moment, phase in ((times.gate, 2), (times.clearing, 3), (times.void, 5)):
        wait_until(moment)
        assert venue.phase(slot) == phase


def test_tells_of_slots_long_past_and_far_ahead(venue):
    assert [venue.phase(slot) for slot in (0, 1, 2**32 - 1)] == [5, 5, 0]


def test_tells_nothing_of_who_has_no_order(venue, cleared, ids, slot):
    assert venue.orderOf(slot, ids.carol)[:6] == (0,) * 6
    assert venue.tradeOf(slot, ids.carol) == (0,) * 4
    assert venue.boundOf(slot, ids.carol) == venue.fillOf(slot, ids.carol) == 0


def test_tells_no_fill_of_an_order_that_is_still_sealed(venue, committed, ids, slot):
    assert venue.fillOf(slot, ids.alice) == 0


def test_tells_trades_before_anybody_collected(venue, cleared, ids, slot):
    assert venue.tradeOf(slot, ids.alice) == (335, 0, 14_757, 0)
    assert venue.tradeOf(slot, ids.bob) == (0, 335, 0, 14_756)
