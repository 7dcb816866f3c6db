"""The welfare optimum: merit order and linear programme say the same, and nobody can do better."""

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import setm.optimum
from setm.errors import ConfigError
from setm.optimum import network_optimum, optimum

OFFERS = st.lists(st.tuples(st.integers(0, 10_000_000), st.integers(0, 100_000)), max_size=12)
# Few prices and quantities, so that ties are common.
TIED = st.lists(st.tuples(st.integers(0, 3), st.integers(10, 13)), max_size=6)


def everybody(bids, asks):
    return [(bid, ask) for bid in range(len(bids)) for ask in range(len(asks))]


def best_by_trying(bids, asks, links):
    """The optimum of a few Wh, by trying every Wh over every link."""
    best = (0, 0)
    for bid, ask in links:
        if bids[bid][0] and asks[ask][0]:
            fewer_bids = [(q - (at == bid), p) for at, (q, p) in enumerate(bids)]
            fewer_asks = [(q - (at == ask), p) for at, (q, p) in enumerate(asks)]
            welfare, volume = best_by_trying(fewer_bids, fewer_asks, links)
            best = max(best, (welfare + bids[bid][1] - asks[ask][1], volume + 1))
    return best


def test_refuses_a_negative_quantity():
    with pytest.raises(ConfigError, match="bid of -1 Wh at 40000"):
        optimum([(-1, 40_000)], [])


def test_refuses_a_negative_price():
    with pytest.raises(ConfigError, match="ask of 1 Wh at -40000"):
        network_optimum([], [(1, -40_000)], [])


def test_refuses_a_link_to_nobody():
    with pytest.raises(
        ConfigError, match=r"link \(0, 1\): expected a bid of 0 to 0 and an ask of 0"
    ):
        network_optimum([(1, 40_000)], [(1, 30_000)], [(0, 1)])


def test_nobody_trades_alone():
    assert optimum([], [(5, 1)]) == optimum([(5, 1)], []) == (0, 0)
    assert network_optimum([(5, 2)], [(5, 1)], []) == (0, 0)


def test_trades_at_equal_prices_count_as_volume():
    assert optimum([(5, 40_000)], [(3, 40_000)]) == (0, 3)
    assert network_optimum([(5, 40_000)], [(3, 40_000)], [(0, 0)]) == (0, 3)


@settings(max_examples=200)
@given(OFFERS, OFFERS)
def test_merit_order_and_linear_programme_agree(bids, asks):
    assert optimum(bids, asks) == network_optimum(bids, asks, everybody(bids, asks))


@settings(max_examples=200)
@given(TIED, TIED)
def test_they_agree_on_ties(bids, asks):
    assert optimum(bids, asks) == network_optimum(bids, asks, everybody(bids, asks))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_way_of_trading_over_the_links_is_worth_more(data):
    few = st.lists(st.tuples(st.integers(0, 2), st.integers(10, 13)), min_size=1, max_size=3)
    bids, asks = data.draw(few), data.draw(few)
    links = data.draw(st.lists(st.sampled_from(everybody(bids, asks)), unique=True))
    assert network_optimum(bids, asks, links) == best_by_trying(bids, asks, links)


@settings(max_examples=60, deadline=None)
@given(OFFERS, OFFERS, st.randoms(use_true_random=False))
def test_fewer_links_are_never_worth_more(bids, asks, random):
    links = [link for link in everybody(bids, asks) if random.random() < 0.5]
    assert network_optimum(bids, asks, links).welfare <= optimum(bids, asks).welfare


def test_the_examples_hold():
    assert doctest.testmod(setm.optimum).failed == 0
