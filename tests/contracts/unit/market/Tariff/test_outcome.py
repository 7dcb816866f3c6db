"""What a tariff's slot comes to: Tariff.collect, close, tradeOf"""

import pytest

from setm.tariff import State
from setm.types import Side
from setm.units import payment_down, payment_up

PRICE = 38_947


@pytest.fixture
def posted(market, slot, alice, bob, carol):
    """alice wants 400 Wh and carol 200, bob offers 300."""
    market.post(slot, [(alice, Side.BID, 400), (bob, Side.ASK, 300), (carol, Side.BID, 200)])
    return slot


def test_is_final_at_gate_closure_without_any_transaction(market, venue, posted, refusal, alice):
    market.evm.now = market.gate_of(posted) - 1
    assert not venue.isFinal(posted)
    found = refusal(lambda: venue.tradeOf(posted, alice.id))
    assert found == ("OutcomeOpen", {"slot": posted})
    market.evm.now += 1
    assert venue.isFinal(posted)


def test_shares_the_longer_side_pro_rata_to_the_watt_hour(market, venue, posted, alice, bob, carol):
    market.take(carol, posted, Side.BID, 200)
    market.take(bob, posted, Side.ASK, 100)
    market.take(alice, posted, Side.BID, 400)
    market.evm.now = market.gate_of(posted)
    assert tuple(venue.tradeOf(posted, carol.id)) == (33, 0, payment_up(33, PRICE), 0)
    assert tuple(venue.tradeOf(posted, alice.id)) == (67, 0, payment_up(67, PRICE), 0)
    assert tuple(venue.tradeOf(posted, bob.id)) == (0, 100, 0, payment_down(100, PRICE))


def test_frees_who_did_not_take_by_anybodys_call(market, venue, posted, alice, mallory):
    before, bound = venue.marginOf(alice.id), venue.boundOf(posted, alice.id)
    market.evm.now = market.gate_of(posted)
    sent = venue.collect(posted, [alice.id], sender=mallory)
    assert venue.marginOf(alice.id) == before + bound
    assert venue.boundOf(posted, alice.id) == 0
    assert venue.announcementOf(posted, alice.id)[0] == State.CLOSED
    collected = {"slot": posted, "participantId": alice.id, "payment": 0, "unbound": bound}
    assert sent.only("TradeCollected") == collected
    assert not venue.collect(posted, [alice.id]).events


def test_frees_who_took_and_found_nobody(market, venue, posted, alice):
    before = venue.marginOf(alice.id) + venue.boundOf(posted, alice.id)
    market.take(alice, posted, Side.BID, 400)
    market.evm.now = market.gate_of(posted)
    venue.collect(posted, [alice.id])
    assert venue.marginOf(alice.id) == before
    assert venue.announcementOf(posted, alice.id)[0] == State.CLOSED


def test_keeps_the_sellers_cover_until_settlement_and_hands_it_over(
    market, venue, posted, alice, bob
):
    for person, side in ((alice, Side.BID), (bob, Side.ASK)):
        market.take(person, posted, side, 300)
    market.evm.now = market.gate_of(posted)
    cover = payment_up(300, 55_500 - PRICE)
    venue.collect(posted, [alice.id, bob.id])
    assert (venue.boundOf(posted, alice.id), venue.boundOf(posted, bob.id)) == (0, cover)
    sent = venue.close(posted, bob.id, sender=market.settler)
    assert tuple(sent.value) == (0, 300, payment_down(300, PRICE) + cover)
    assert venue.boundOf(posted, bob.id) == 0
    assert venue.announcementOf(posted, bob.id)[0] == State.CLOSED


def test_tells_of_a_closed_trade_for_as_long_as_its_place_is_not_used_again(
    market, venue, posted, alice, bob
):
    for person, side in ((alice, Side.BID), (bob, Side.ASK)):
        market.take(person, posted, side, 300)
    market.close(posted)
    assert venue.tradeOf(posted, alice.id).boughtWh == 300
    assert venue.priceOf(posted) == PRICE
    later = posted + 1024
    market.evm.now = market.start_of(later) - 86_400
    venue.announce((later, Side.ASK, 7), sender=alice)
    assert tuple(venue.tradeOf(posted, alice.id)) == (0, 0, 0, 0)
    assert venue.priceOf(posted) == PRICE
    assert tuple(venue.sumsOf(posted)) == (600, 300, 300, 300)


def test_an_earlier_announcement_has_to_be_closed_before_its_place_is_used_again(
    market, venue, posted, alice, refusal
):
    later = posted + 1024
    market.evm.now = market.start_of(later) - 86_400
    found = refusal(lambda: venue.announce((later, Side.ASK, 7), sender=alice))
    assert found == ("EarlierSlotOpen", {"earlierSlot": posted})
    venue.collect(posted, [alice.id])
    venue.announce((later, Side.ASK, 7), sender=alice)
