"""Random books: the auction on chain equals the reference, to the unit, for everybody."""

import os
from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from setm.errors import Reverted
from setm.evm.market import OPEN_MODE, RING, Market, order_of
from setm.orders import BookedOrder, clear_book, cover, digest, opening_word
from setm.pricing import MAX_TICK_WH, pack_ladder
from setm.types import Side
from setm.units import Money

DEPTH = int(os.environ.get("SETM_DEPTH", "1"))
PEOPLE = 200
# The widest band and the largest orders that an auction accepts: 2^30 Wh at 255,000 EUR/MWh.
EXTREME = {
    "floor_price": 0,
    "tick_size": 1_000_000,
    "tick_count": 256,
    "cover_price": 255_000_000,
    "max_order_wh": MAX_TICK_WH,
}
CONFIGS = {
    "sealed": {},
    "sealed, extreme": EXTREME,
    "sealed, 3 ticks": {"tick_count": 3},
    "open": OPEN_MODE,
    "open, extreme": {**EXTREME, **OPEN_MODE},
}

market_of = cache(lambda name: Market(PEOPLE, **CONFIGS[name]))

TICKS = st.one_of(st.integers(0, 255), st.integers(100, 104), st.sampled_from([0, 128, 255]))
ENERGIES = st.one_of(
    st.integers(1, 5), st.integers(1, 5_000), st.sampled_from([1, MAX_TICK_WH - 1, MAX_TICK_WH])
)
ENTRIES = st.tuples(
    st.sampled_from(list(Side)),
    TICKS,
    ENERGIES,
    st.sampled_from(["exact", "exact", "more", "less", "unopened"]),
)
# Mostly small books, some with everybody in them.
BOOKS = st.one_of(
    st.lists(ENTRIES, max_size=12),
    st.lists(ENTRIES, max_size=60),
    st.lists(ENTRIES, min_size=PEOPLE, max_size=PEOPLE),
)
TIE = [(Side.BID, 100, 3, "exact")] * 7 + [(Side.ASK, 100, 5, "exact")] * 3
ONE_SIDED = [(Side.ASK, tick, 9, "exact") for tick in range(5)]
FULL_TICK = [(Side.BID, 7, MAX_TICK_WH, "exact"), (Side.BID, 7, 1, "exact")]
LONELY_BOND = [(Side.BID, 7, 10, "unopened"), (Side.BID, 8, 10, "exact")]
SHARED_BOND = [(Side.BID, 7, 10, "unopened")] + [(Side.ASK, 250, 7, "exact")] * 3

few = settings(
    max_examples=12 * DEPTH,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def booked(market, drawn):
    """The drawn book as orders of people; quantities and ticks that the market would refuse are cut to fit."""
    rules = market.rules
    found = []
    for person, (side, tick, energy_wh, kind) in zip(market.people, drawn, strict=False):
        fitting = min(energy_wh, rules.max_order_wh)
        order = order_of(person, market.first_slot, side, tick % rules.tick_count, fitting)
        needed = cover(side, rules.grid.price(order.tick), fitting, rules.cover_price)
        bound = {"more": min(2 * needed + 1, 2**48 - 1), "less": needed - 1}.get(kind, needed)
        if market.config["is_sealed"]:
            entry = BookedOrder(
                order=order,
                bound=Money(max(bound, rules.bond)),
                is_opened=kind != "unopened",
            )
            found.append(entry)
        elif kind in ("exact", "more"):
            found.append(BookedOrder(order=order, bound=needed))
    return found


def without_what_a_full_tick_refuses(market, entries):
    """An open auction refuses such an order at once, so that it never enters the book."""
    if market.config["is_sealed"]:
        return entries
    held, kept = {}, []
    for entry in entries:
        key = entry.order.side, entry.order.tick
        total = held.get(key, 0) + entry.order.energy_wh
        if total <= MAX_TICK_WH:
            held[key] = total
            kept.append(entry)
    return kept


@pytest.mark.parametrize("name", CONFIGS)
@given(drawn=BOOKS, data=st.data())
@few
def test_the_chain_equals_the_reference(name, drawn, data):
    market = market_of(name)
    entries = booked(market, drawn)
    arrival = data.draw(st.permutations(entries)) if len(entries) <= 60 else entries[::-1]
    check_book(market, entries, arrival)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize(
    "drawn", [[], TIE[:1], TIE, ONE_SIDED, FULL_TICK, LONELY_BOND, SHARED_BOND]
)
def test_the_chain_equals_the_reference_in_the_corners(name, drawn):
    market = market_of(name)
    entries = booked(market, drawn)
    check_book(market, entries, entries)


@pytest.mark.parametrize("name", ["sealed", "open"])
def test_the_next_turn_of_the_ring_starts_empty(name):
    """The same words again: orders and ladders of the earlier epoch count for nothing, its results stay."""
    market = market_of(name)
    check_book(market, booked(market, SHARED_BOND), booked(market, SHARED_BOND))
    earlier = market.first_slot
    cleared = market.auction.call("clearingOf", earlier)
    market.first_slot += RING
    try:
        check_book(market, booked(market, TIE), booked(market, TIE), is_first=False)
    finally:
        market.first_slot = earlier
    assert market.auction.call("clearingOf", earlier) == cleared


def check_book(market, entries, arrival, is_first=True):
    if is_first:
        market.reset()
    arrival = without_what_a_full_tick_refuses(market, arrival)
    book = clear_book(market.rules, arrival)
    auction, slot = market.auction, market.first_slot
    dust_before = market.system.clearinghouse.call("poolOf", auction)
    margins = {
        e.order.participant_id: auction.call("marginOf", e.order.participant_id) for e in arrival
    }

    market.enter(entries, arrival)
    for side, ladder in ((Side.BID, book.bids), (Side.ASK, book.asks)):
        assert auction.call("ladderOf", slot, side) == pack_ladder(ladder)
    market.clear()
    expected = book.clearing
    fields = (getattr(expected, name) for name in expected.__slots__)
    assert tuple(auction.call("clearingOf", slot)) == tuple(fields)

    forfeiting = [
        e.order.participant_id
        for e in arrival
        if not book.outcomes[e.order.participant_id].is_opened
    ]
    if forfeiting:
        auction.send("forfeit", slot, forfeiting)
    market.evm.now = market.void_from(slot)
    auction.send("collect", slot, [e.order.participant_id for e in arrival])
    for entry in arrival:
        number, outcome = entry.order.participant_id, book.outcomes[entry.order.participant_id]
        assert auction.call("fillOf", slot, number) == outcome.filled_wh
        assert auction.call("orderOf", slot, number).aheadWh == outcome.ahead_wh
        trade = auction.call("tradeOf", slot, number)
        assert tuple(trade) == tuple(
            getattr(outcome.trade, name) for name in outcome.trade.__slots__
        )
        assert auction.call("boundOf", slot, number) == outcome.kept
        if outcome.compensation:
            paid = auction.send("compensate", slot, number).only("CompensationPaid")
            assert paid["amount"] == outcome.compensation
        elif market.config["is_sealed"]:
            with pytest.raises(Reverted, match="NoCompensation"):
                auction.send("compensate", slot, number)
        spent = outcome.trade.payment + outcome.forfeited + outcome.kept
        margin = margins[number] - spent + outcome.compensation
        assert auction.call("marginOf", number) == margin
    settled(market, book, arrival, dust_before)


def settled(market, book, arrival, dust_before):
    """Settlement takes over every trade; what stays in the pool is the reference's dust."""
    slot = market.first_slot
    receipt = market.settle([e.order.participant_id for e in arrival])
    closed = {event.args["participantId"]: event.args for event in receipt.named("TradeClosed")}
    for number, outcome in book.outcomes.items():
        if outcome.filled_wh:
            assert closed[number]["boughtWh"] == outcome.trade.bought_wh
            assert closed[number]["soldWh"] == outcome.trade.sold_wh
            assert closed[number]["revenue"] == outcome.trade.revenue
        assert market.auction.call("boundOf", slot, number) == 0
    assert market.auction.call("slotPool", slot) == book.dust
    house = market.system.clearinghouse
    assert house.call("poolOf", market.auction) == dust_before + book.dust


@given(drawn=st.lists(ENTRIES, min_size=2, max_size=30), data=st.data())
@few
def test_the_order_of_transactions_moves_no_fill_by_more_than_one(drawn, data):
    market = market_of("sealed")
    entries = booked(market, [(s, t, min(q, 10**6), "exact") for s, t, q, _ in drawn])
    fills = []
    for arrival in (entries, data.draw(st.permutations(entries))):
        market.reset()
        market.enter(entries, arrival)
        market.clear()
        numbers = [entry.order.participant_id for entry in entries]
        fills.append([market.auction.call("fillOf", market.first_slot, n) for n in numbers])
    assert all(abs(a - b) <= 1 for a, b in zip(*fills, strict=True))


@given(
    entry=ENTRIES,
    bits=st.integers(1, 2**160 - 1),
    field=st.sampled_from(["tick", "energy", "salt"]),
)
@example(entry=(Side.BID, 7, 10, "exact"), bits=1, field="salt")
@few
def test_refuses_a_tampered_opening(entry, bits, field):
    market = market_of("sealed")
    market.reset()
    (sealed,) = booked(market, [entry])
    person = market.people[0]
    market.commit(person, sealed.order, sealed.bound)
    market.evm.now = market.gate_of(market.first_slot)
    width, shift = {"tick": (16, 208), "energy": (48, 160), "salt": (160, 0)}[field]
    changed = (bits % (2**width - 1) + 1) << shift
    with pytest.raises(Reverted) as refusal:
        market.auction.send(
            "open", market.first_slot, [market.opening_of(person, sealed.order) ^ changed]
        )
    assert refusal.value.name == "CommitmentMismatch"
    assert refusal.value.arguments == {"slot": market.first_slot, "participantId": person.id}


def test_refuses_a_copied_commitment_to_its_copier():
    market = market_of("sealed")
    market.reset()
    alice, mallory = market.people[:2]
    order = order_of(alice, market.first_slot, Side.BID, 7, 500)
    market.commit(alice, order, 10**6)
    copied = (order.slot, order.side, 10**6, market.digest_of(alice, order))
    market.auction.send("commit", copied, sender=mallory)
    market.evm.now = market.gate_of(market.first_slot)
    own = opening_word(
        order_of(mallory, market.first_slot, Side.BID, 7, 500), market.salt_of(alice, order.slot)
    )
    with pytest.raises(Reverted, match="CommitmentMismatch"):
        market.auction.send("open", market.first_slot, [own])


def crack(market, person, sealed, salt_value):
    """Try every order of a small household against a digest that everybody can read."""
    for tick in range(100, 140):
        for energy_wh in range(480, 520):
            order = order_of(person, market.first_slot, Side.BID, tick, energy_wh)
            tried = digest(market.evm.chain_id, market.auction.address, order, salt_value)
            if tried == sealed:
                return tick, energy_wh
    return None


def test_a_commitment_without_salt_is_cracked_and_the_real_one_is_not():
    market = market_of("sealed")
    person = market.people[0]
    order = order_of(person, market.first_slot, Side.BID, 123, 505)
    unsalted = digest(market.evm.chain_id, market.auction.address, order, 0)
    assert crack(market, person, unsalted, 0) == (123, 505)
    assert crack(market, person, market.digest_of(person, order), 0) is None


@given(drawn=st.lists(ENTRIES, max_size=20), entry=ENTRIES, worth=st.integers(0, 255))
@few
def test_withholding_an_order_loses_money(drawn, entry, worth):
    """Whatever the energy is worth by then inside the band: the bond is above what 3,000 Wh can win or lose in it."""
    market = market_of("sealed")
    entries = booked(market, [(s, t, min(q, 3_000), "exact") for s, t, q, _ in [entry, *drawn]])
    withholder, price = market.people[0], market.rules.grid.price(worth)
    ends = []
    for opened in (entries, entries[1:]):
        market.reset()
        before = market.auction.call("marginOf", withholder.id)
        market.enter(entries, opened)
        market.clear()
        if len(opened) < len(entries):
            market.auction.send("forfeit", market.first_slot, [withholder.id])
        market.evm.now = market.void_from(market.first_slot)
        market.auction.send("collect", market.first_slot, [withholder.id])
        trade = market.auction.call("tradeOf", market.first_slot, withholder.id)
        held = market.auction.call("marginOf", withholder.id) + trade.revenue
        held += market.auction.call("boundOf", market.first_slot, withholder.id)
        ends.append(held - before + (trade.boughtWh - trade.soldWh) * price // 1000)
    assert ends[1] < ends[0]
