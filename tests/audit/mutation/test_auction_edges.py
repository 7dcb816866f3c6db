"""Digests, covers and compensation of an auction, at the values where a slip would show"""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.evm import Reverted
from setm.evm.market import RING, Market, order_of
from setm.orders import cover, digest
from setm.types import Order, Side
from setm.units import Money

BOUND = 10**9


@pytest.fixture(scope="module")
def deployed():
    return Market(6)


@pytest.fixture
def market(deployed):
    deployed.reset()
    return deployed


def commit(market, person, side, tick, energy_wh, bound=BOUND):
    """Commit an order; return it."""
    order = order_of(person, market.first_slot, side, tick, energy_wh)
    market.evm.now = market.gate_of(market.first_slot) - 1
    market.commit(person, order, bound)
    return order


def opened(market, *orders):
    """Open orders; return the entries that the event tells, or none."""
    market.evm.now = market.gate_of(market.first_slot)
    words = [market.opening_of(market.person(order), order) for order in orders]
    receipt = market.auction.send("open", market.first_slot, words)
    return [word for event in receipt.named("OrdersOpened") for word in event.args["orders"]]


@given(
    slot=st.integers(0, 2**32 - 1),
    number=st.integers(0, 2**32 - 1),
    side=st.sampled_from(Side),
    tick=st.integers(0, 2**16 - 1),
    energy_wh=st.integers(0, 2**32 - 1),
    secret=st.integers(0, 2**160 - 1),
)
@settings(max_examples=30, deadline=None)
def test_the_contract_seals_an_order_as_the_reference_does(
    deployed, slot, number, side, tick, energy_wh, secret
):
    values = {"slot": slot, "side": side, "tick": tick, "energy_wh": energy_wh}
    order = Order(participant_id=number, **values)
    chain_id, auction = deployed.evm.chain_id, deployed.auction
    sealed = auction.call("digestOf", slot, number, side, tick, energy_wh, secret)
    assert sealed == digest(chain_id, auction.address, order, secret)


@pytest.mark.parametrize(("side", "tick"), list(product(Side, (0, 1, 100, 255))))
@pytest.mark.parametrize("energy_wh", [1, 999, 3_000_001, 500_000_000])
def test_an_opening_counts_from_the_unit_on_that_covers_it(market, side, tick, energy_wh):
    rules = market.rules
    needed = cover(side, rules.grid.price(tick), energy_wh, rules.cover_price)
    least = max(needed, rules.bond)
    enough = commit(market, market.people[0], side, tick, energy_wh, least)
    orders = [enough]
    if needed > rules.bond:
        orders.append(commit(market, market.people[1], side, tick, energy_wh, needed - 1))
    entries = opened(market, *orders)
    assert [word >> 128 for word in entries] == [enough.participant_id]
    assert entries[0] & (2**48 - 1) == energy_wh
    assert entries[0] >> 48 & (2**48 - 1) == least


@pytest.mark.parametrize("silent_side", Side)
@pytest.mark.parametrize("bond", [1, 100_000])
def test_bonds_go_to_the_other_side_by_its_own_quantity(silent_side, bond):
    """Both sides have opened orders, of different totals; two of one side never open."""
    market = Market(6, bond=bond)
    slot, auction = market.first_slot, market.auction
    other = Side.ASK if silent_side is Side.BID else Side.BID
    first, second, third, fourth, silent, quiet = market.people
    quantities = {first: 700, second: 2_300}
    orders = [commit(market, person, other, 10, wh) for person, wh in quantities.items()]
    orders += [
        commit(market, person, silent_side, 12, wh) for person, wh in ((third, 11), (fourth, 5))
    ]
    for person in (silent, quiet):
        commit(market, person, silent_side, 12, 100)
    assert len(opened(market, *orders)) == 4
    market.evm.now = market.void_from(slot) - 1
    with pytest.raises(Reverted, match="CompensationOpen"):
        auction.send("compensate", slot, first.id)
    auction.send("forfeit", slot, [silent.id])
    market.evm.now += 1
    paid = dict.fromkeys((first, second), 0)

    def compensate(person, expected):
        before = auction.call("marginOf", person.id)
        if not expected:
            with pytest.raises(Reverted, match="NoCompensation"):
                auction.send("compensate", slot, person.id)
            return
        told = auction.send("compensate", slot, person.id).only("CompensationPaid")
        assert list(told.values()) == [slot, person.id, expected]
        assert auction.call("marginOf", person.id) == before + expected

    for forfeited, names in ((1, [silent.id]), (2, [quiet.id])):
        auction.send("forfeit", slot, names)
        for person, wh in quantities.items():
            due = forfeited * bond * wh // 3_000 - paid[person]
            compensate(person, due)
            paid[person] += due
        compensate(third, 0)
        compensate(silent, 0)
    assert sum(paid.values()) <= 2 * bond


def test_nothing_is_owed_in_a_slot_that_became_void(market):
    orders = [
        commit(market, market.people[0], Side.BID, 160, 500),
        commit(market, market.people[1], Side.ASK, 120, 500),
    ]
    commit(market, market.people[2], Side.ASK, 120, 500)
    assert len(opened(market, *orders)) == 2
    market.evm.now = market.void_from(market.first_slot)
    for person in market.people[:3]:
        with pytest.raises(Reverted, match="NoCompensation"):
            market.auction.send("compensate", market.first_slot, person.id)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_forfeits_and_collects_everybody_who_is_named_and_nobody_else(market, count):
    for person in market.people[:3]:
        commit(market, person, Side.BID, 7, 100)
    market.evm.now = market.clearing_from(market.first_slot)
    ids = [person.id for person in market.people[:count]]
    market.auction.send("forfeit", market.first_slot, ids)
    states = [
        market.auction.call("orderOf", market.first_slot, person.id).state
        for person in market.people[:3]
    ]
    assert states == [4] * count + [1] * (3 - count)
    assert market.auction.call("slotPool", market.first_slot) == count * Money(100_000)


def test_a_compensation_waits_for_the_buyer_when_the_seller_was_paid_from_the_bonds():
    """Settling the seller alone takes its revenue out of the slot's pool, where as yet only a bond lies."""
    market = Market(3, bond=20_000_000)
    slot, auction = market.first_slot, market.auction
    buyer, seller, silent = market.people
    bid = commit(market, buyer, Side.BID, 160, 1_000)
    ask = commit(market, seller, Side.ASK, 120, 1_000)
    commit(market, silent, Side.BID, 255, 1_000)
    assert len(opened(market, bid, ask)) == 2
    market.evm.now = market.void_from(slot) - 1
    auction.send("forfeit", slot, [silent.id])
    paid = auction.call("tradeOf", slot, buyer.id).payment
    revenue = auction.call("tradeOf", slot, seller.id).revenue
    market.settle([seller.id])
    assert auction.call("slotPool", slot) == 20_000_000 - revenue
    with pytest.raises(Reverted) as caught:
        auction.send("compensate", slot, seller.id)
    assert caught.value.name == "SlotPoolTooLow"
    assert list(caught.value.arguments.values()) == [slot, 20_000_000, 20_000_000 - revenue]
    auction.send("collect", slot, [buyer.id])
    auction.send("compensate", slot, seller.id)
    assert auction.call("slotPool", slot) == paid - revenue


@pytest.mark.parametrize("bonus", [0, 1])
def test_one_watt_hour_is_an_order_like_any_other(bonus):
    """It fills, is told, is paid for and shares in a bond; and its place serves again one turn of the ring later."""
    market = Market(3, bond=7)
    slot, auction = market.first_slot, market.auction
    buyer, seller, silent = market.people
    bid = commit(market, buyer, Side.BID, 160, 1 + bonus)
    ask = commit(market, seller, Side.ASK, 120, 1)
    commit(market, silent, Side.BID, 255, 1)
    assert len(opened(market, bid, ask)) == 2
    market.evm.now = market.clearing_from(slot)
    auction.send("forfeit", slot, [silent.id])
    assert [auction.call("fillOf", slot, person.id) for person in market.people] == [1, 1, 0]
    assert tuple(auction.call("tradeOf", slot, buyer.id)) == (1, 0, 44, 0)
    assert tuple(auction.call("tradeOf", slot, seller.id)) == (0, 1, 0, 44)
    market.evm.now = market.void_from(slot)
    told = auction.send("compensate", slot, seller.id).only("CompensationPaid")
    assert list(told.values()) == [slot, seller.id, 7]
    market.settle([buyer.id, seller.id])
    later = slot + RING
    market.evm.now = market.gate_of(later) - 1
    for person in market.people:
        auction.send("commit", (later, Side.BID, 7, bytes(32)), sender=person)
        assert auction.call("orderOf", later, person.id).state == 1


def test_an_order_that_is_not_finished_keeps_its_place_a_turn_of_the_ring_later(market):
    slot, auction = market.first_slot, market.auction
    alice, bob, carol = market.people[:3]
    bid = commit(market, alice, Side.BID, 160, 500)
    ask = commit(market, bob, Side.ASK, 120, 500)
    commit(market, carol, Side.BID, 160, 500)
    assert len(opened(market, bid, ask)) == 2
    market.clear()
    before = [auction.call("orderOf", slot, person.id) for person in (alice, bob, carol)]
    later = slot + RING
    market.evm.now = market.gate_of(later) - 1
    for person in (alice, bob, carol):
        with pytest.raises(Reverted) as caught:
            auction.send("commit", (later, Side.BID, BOUND, bytes(32)), sender=person)
        assert caught.value.name == "EarlierSlotOpen"
        assert list(caught.value.arguments.values()) == [slot]
    assert [auction.call("orderOf", slot, person.id) for person in (alice, bob, carol)] == before


def test_a_ladder_begins_empty_a_turn_of_the_ring_later(market):
    """One order in the later slot, in another word of the ladder than those of the earlier slot."""
    alice, bob, carol = market.people[:3]
    bid = commit(market, alice, Side.BID, 160, 500)
    ask = commit(market, bob, Side.ASK, 120, 500)
    assert len(opened(market, bid, ask)) == 2
    market.clear()
    later = market.first_slot + RING
    market.first_slot = later
    try:
        order = commit(market, carol, Side.BID, 7, 300)
        assert len(opened(market, order)) == 1
        bids = market.auction.call("ladderOf", later, Side.BID)
        asks = market.auction.call("ladderOf", later, Side.ASK)
        assert (sum(word != 0 for word in bids), sum(asks)) == (1, 0)
        market.clear()
        assert market.auction.call("clearingOf", later).volumeWh == 0
    finally:
        market.first_slot = later - RING


@pytest.mark.parametrize(("tick_count", "tick_size"), [(2, 10), (256, 1_000), (1, 5)])
def test_the_highest_price_may_fill_its_32_bits_and_no_more(tick_count, tick_size):
    """Energy of 1 Wh, so that nothing else is refused."""
    floor_price = 2**32 - 1 - (tick_count - 1) * tick_size
    values = {"tick_count": tick_count, "tick_size": tick_size, "max_order_wh": 1}
    market = Market(0, floor_price=floor_price, **values)
    assert market.auction.call("config").floorPrice == floor_price
    if floor_price < 2**32 - 1:
        with pytest.raises(Reverted) as caught:
            Market(0, floor_price=floor_price + 1, **values)
        assert list(caught.value.arguments.values()) == ["tickSize"]
