"""What orders bind, how they are sealed, and that a book of them comes out even."""

from dataclasses import replace

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from setm.errors import OrderRefused
from setm.orders import (
    AuctionRules,
    BookedOrder,
    clear_book,
    cover,
    digest,
    opening_word,
    salt,
    tick_of,
)
from setm.pricing import MAX_TICK_WH
from setm.types import Clearing, Grid, Order, ParticipantId, Side
from setm.units import Money, Price, Wh

GRID = Grid(floor_price=Price(30_000), tick_size=Price(100))
RULES = AuctionRules(
    grid=GRID,
    tick_count=16,
    bond=Money(1_000),
    cover_price=Price(55_500),
    max_order_wh=Wh(MAX_TICK_WH),
)
AUCTION = "0x" + "a1" * 20
SECRET = b"s" * 32
ENOUGH = Money(2**47)


def order(participant_id=1, side=Side.BID, tick=3, energy_wh=500, slot=2_000_000):
    return Order(
        participant_id=ParticipantId(participant_id),
        slot=slot,
        side=side,
        tick=tick,
        energy_wh=Wh(energy_wh),
    )


def booked(*args, bound=ENOUGH, is_opened=True, **kwargs):
    return BookedOrder(order=order(*args, **kwargs), bound=bound, is_opened=is_opened)


@pytest.mark.parametrize("price", [29_999, 31_501])
def test_refuses_a_price_outside_the_band(price):
    with pytest.raises(OrderRefused, match=f"price {price}: expected 30000 to 31500"):
        tick_of(price, GRID, 16)


def test_refuses_a_price_between_two_ticks():
    with pytest.raises(OrderRefused, match="30100 or 30200 are the nearest"):
        tick_of(30_101, GRID, 16)


@pytest.mark.parametrize(("price", "tick"), [(30_000, 0), (30_700, 7), (31_500, 15)])
def test_finds_the_tick_of_a_price(price, tick):
    assert tick_of(price, GRID, 16) == tick


def test_a_bid_binds_its_highest_payment_rounded_up():
    assert cover(Side.BID, 40_001, 1, 55_500) == 41


def test_an_ask_binds_what_buying_back_costs_beyond_its_revenue():
    assert cover(Side.ASK, 40_001, 1, 55_500) == 16
    assert cover(Side.ASK, 60_000, 1, 55_500) == 0


def test_refuses_a_short_secret():
    with pytest.raises(OrderRefused, match="secret of 31 bytes"):
        salt(b"s" * 31, AUCTION, 7)


def test_derives_the_same_salt_again_and_another_for_anything_else():
    first = salt(SECRET, AUCTION, 7)
    assert first == salt(SECRET, AUCTION, 7)
    assert 0 < first < 2**160
    others = {
        salt(SECRET, AUCTION, 8),
        salt(SECRET, "0x" + "a2" * 20, 7),
        salt(b"t" * 32, AUCTION, 7),
    }
    assert len(others | {first}) == 4


def test_a_digest_keeps_its_upper_184_bits():
    sealed = digest(1337, AUCTION, order(), 99)
    assert len(sealed) == 32
    assert sealed[23:] == bytes(9)
    fields = (1337, int(AUCTION, 16), 2_000_000, 1, 0, 3, 500, 99)
    assert sealed[:23] == keccak(b"".join(value.to_bytes(32, "big") for value in fields))[:23]


def test_a_digest_changes_with_everything_that_it_seals():
    sealed = {
        digest(1337, AUCTION, order(), 99),
        digest(1338, AUCTION, order(), 99),
        digest(1337, "0x" + "a2" * 20, order(), 99),
        digest(1337, AUCTION, order(), 98),
        digest(1337, AUCTION, order(participant_id=2), 99),
        digest(1337, AUCTION, order(side=Side.ASK), 99),
        digest(1337, AUCTION, order(tick=4), 99),
        digest(1337, AUCTION, order(energy_wh=501), 99),
        digest(1337, AUCTION, order(slot=2_000_001), 99),
    }
    assert len(sealed) == 9


def test_an_opening_packs_its_fields():
    word = opening_word(order(participant_id=5, tick=6, energy_wh=7), 8)
    assert (word >> 224, word >> 208 & 0xFFFF) == (5, 6)
    assert (word >> 160 & 0xFFFFFFFFFFFF, word & (1 << 160) - 1) == (7, 8)


def test_refuses_a_second_order_of_a_participant():
    with pytest.raises(OrderRefused, match="participant 1 has two orders in slot 2000000"):
        clear_book(RULES, [booked(), booked()])


@pytest.mark.parametrize("tick", [-1, 16])
def test_refuses_a_tick_outside_the_band(tick):
    with pytest.raises(OrderRefused, match=f"tick {tick}: expected 0 to 15"):
        clear_book(RULES, [booked(tick=tick)])


@pytest.mark.parametrize("energy_wh", [0, MAX_TICK_WH + 1])
def test_refuses_a_quantity_out_of_range(energy_wh):
    with pytest.raises(OrderRefused, match=f"energy {energy_wh} Wh"):
        clear_book(RULES, [booked(energy_wh=energy_wh)])


def test_refuses_less_than_the_bond():
    with pytest.raises(OrderRefused, match="bound 999: expected at least the bond of 1000"):
        clear_book(RULES, [booked(bound=Money(999))])


def test_an_empty_book_comes_to_nothing():
    book = clear_book(RULES, [])
    assert (book.clearing, dict(book.outcomes), book.dust) == (Clearing(), {}, 0)


def test_sets_aside_what_its_collateral_does_not_cover():
    needed = cover(Side.BID, 30_300, 500, 55_500)
    assert clear_book(RULES, [booked(bound=needed)]).outcomes[1].is_opened
    assert not clear_book(RULES, [booked(bound=needed - 1)]).outcomes[1].is_opened


def test_sets_aside_what_a_full_tick_cannot_hold():
    book = clear_book(RULES, [booked(1, energy_wh=MAX_TICK_WH), booked(2, energy_wh=1)])
    assert [book.outcomes[number].is_opened for number in (1, 2)] == [True, False]
    assert book.bids[3] == MAX_TICK_WH


def test_a_trade_in_numbers():
    book = clear_book(
        RULES, [booked(1, tick=10, energy_wh=500), booked(2, side=Side.ASK, tick=5, energy_wh=700)]
    )
    buyer, seller = book.outcomes[1], book.outcomes[2]
    assert book.clearing.bid_price == 30_750
    assert (buyer.trade.bought_wh, buyer.trade.payment, buyer.kept) == (500, 15_375, 0)
    assert (seller.trade.sold_wh, seller.trade.revenue, seller.kept) == (500, 15_375, 12_375)
    assert (buyer.filled_wh, seller.filled_wh, book.dust) == (500, 500, 0)


def test_the_bond_of_an_unopened_order_goes_to_the_other_side_by_quantity():
    asks = [booked(number, side=Side.ASK, energy_wh=wh) for number, wh in ((2, 1), (3, 2))]
    book = clear_book(RULES, [booked(1, is_opened=False), *asks])
    assert book.outcomes[1].forfeited == 1_000
    assert [book.outcomes[number].compensation for number in (2, 3)] == [333, 666]
    assert book.dust == 1


def test_a_bond_with_nobody_on_the_other_side_is_dust():
    book = clear_book(RULES, [booked(1, is_opened=False), booked(2)])
    assert book.outcomes[2].compensation == 0
    assert book.dust == 1_000


BOOKS = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.integers(0, 15),
        st.one_of(st.integers(1, 20), st.integers(1, MAX_TICK_WH)),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=30,
)


def book_of(drawn):
    return clear_book(
        RULES,
        [
            booked(number, side=side, tick=tick, energy_wh=energy_wh, is_opened=is_opened)
            for number, (side, tick, energy_wh, is_opened) in enumerate(drawn, start=1)
        ],
    )


@given(drawn=BOOKS)
def test_a_book_comes_out_even(drawn):
    book = book_of(drawn)
    outcomes = book.outcomes.values()
    assert sum(o.trade.bought_wh for o in outcomes) == book.clearing.volume_wh
    assert sum(o.trade.sold_wh for o in outcomes) == book.clearing.volume_wh
    rounding = sum(o.trade.payment - o.trade.revenue for o in outcomes)
    assert 0 <= rounding <= sum(1 for o in outcomes if o.filled_wh)
    assert sum(o.compensation for o in outcomes) <= sum(o.forfeited for o in outcomes)
    assert book.dust >= rounding


@given(drawn=BOOKS)
def test_what_is_paid_and_kept_is_never_more_than_what_was_needed(drawn):
    book = book_of(drawn)
    for number, (side, tick, energy_wh, _) in enumerate(drawn, start=1):
        outcome = book.outcomes[number]
        needed = cover(side, GRID.price(tick), energy_wh, RULES.cover_price)
        assert outcome.trade.payment + outcome.kept <= needed
        assert outcome.filled_wh <= energy_wh


@given(drawn=BOOKS, data=st.data())
def test_the_order_of_arrival_moves_no_fill_by_more_than_one(drawn, data):
    small = [(side, tick, min(wh, 10**6), opened) for side, tick, wh, opened in drawn]
    places = data.draw(st.permutations(range(len(small))))
    straight, mixed = book_of(small), book_of([small[place] for place in places])
    assert straight.clearing == mixed.clearing
    for number, place in enumerate(places, start=1):
        moved = mixed.outcomes[number].filled_wh - straight.outcomes[place + 1].filled_wh
        assert abs(moved) <= 1


@given(
    drawn=BOOKS,
    tick=st.integers(0, 15),
    side=st.sampled_from(Side),
    worth=st.integers(GRID.floor_price, GRID.price(15)),
)
def test_withholding_loses_whatever_the_energy_is_worth_by_then(drawn, tick, side, worth):
    """The bond of 1,000 is above what 100 Wh can gain or lose inside the band: 100 * 1,500 / 1,000 = 150."""
    withholder = booked(99, side=side, tick=tick, energy_wh=100)
    others = [
        booked(number, side=s, tick=t, energy_wh=min(wh, 500))
        for number, (s, t, wh, _) in enumerate(drawn, start=1)
    ]
    opened = clear_book(RULES, [*others, withholder]).outcomes[99]
    withheld = clear_book(RULES, [*others, replace(withholder, is_opened=False)]).outcomes[99]
    assert _profit(withheld, worth) < _profit(opened, worth)


def _profit(outcome, worth):
    """Money in 1e-6 EUR after the trade, if what is bought or sold is worth ``worth``."""
    trade = outcome.trade
    energy = (trade.bought_wh - trade.sold_wh) * worth // 1000
    return energy + trade.revenue - trade.payment + outcome.compensation - outcome.forfeited
