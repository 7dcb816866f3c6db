"""The agent that negotiates by alternating offers."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.agents.negotiator import (
    Negotiator,
    Proposal,
    Thread,
    Verdict,
    conceded_share,
    negotiate,
    next_price,
    respond,
    tit_for_tat_price,
)
from setm.agents.types import Band
from setm.errors import ConfigError
from setm.types import Side
from setm.units import Price, Wh


def buyer(low=34_000, high=46_000, **changes):
    band = Band(min_bid=Price(low), max_bid=Price(high))
    fields = {"reservation_price": Price(high), "energy_wh": Wh(500), **changes}
    return Negotiator(side=Side.BID, band=band, **fields)


def seller(low=40_000, high=52_000, **changes):
    band = Band(min_bid=Price(low), max_bid=Price(high))
    fields = {"reservation_price": Price(low), "energy_wh": Wh(500), **changes}
    return Negotiator(side=Side.ASK, band=band, **fields)


def draw_band(draw):
    low = draw(st.integers(0, 60_000))
    return low, low + draw(st.integers(0, 20_000))


def draw_policy(draw, side, max_rounds, low, high, tick):
    # Whole ticks at both ends, so that every band has one.
    low, high = low // tick * tick, high // tick * tick
    return Negotiator(
        side=side,
        band=Band(min_bid=Price(low), max_bid=Price(high)),
        reservation_price=Price(draw(st.integers(low, high)) // tick * tick),
        energy_wh=Wh(draw(st.integers(1, 5000))),
        tick_size=tick,
        opening_share=draw(st.floats(0, 1)),
        beta=draw(st.floats(0.02, 50)),
        time_weight=draw(st.floats(0, 1)),
        memory=draw(st.integers(1, 4)),
        concession_rounds=draw(st.integers(1, max_rounds - 1)),
        max_rounds=max_rounds,
    )


@st.composite
def pairs(draw):
    max_rounds, tick = draw(st.integers(2, 25)), draw(st.sampled_from([1, 7, 100]))
    one = draw_policy(draw, Side.BID, max_rounds, *draw_band(draw), tick)
    other = draw_policy(draw, Side.ASK, max_rounds, *draw_band(draw), tick)
    return one, other


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reservation_price", 46_001),
        ("reservation_price", 33_999),
        ("energy_wh", 0),
        ("tick_size", 0),
        ("opening_share", 1.01),
        ("beta", 0.0),
        ("time_weight", -0.1),
        ("memory", 0),
        ("concession_rounds", 0),
        ("concession_rounds", 10),
    ],
)
def test_refuses_a_policy_out_of_range(field, value):
    with pytest.raises(ConfigError, match=f"negotiator {field} {value}: out of range"):
        buyer(**{field: value})


def test_refuses_a_band_without_a_whole_tick():
    with pytest.raises(ConfigError, match="expected a multiple of it between"):
        buyer(low=34_001, high=34_099, tick_size=100)


def test_refuses_two_buyers():
    with pytest.raises(ConfigError, match=r"expected a buyer \(bid\) and a seller \(ask\)"):
        negotiate(buyer(), buyer(), buyer_opens=True)


@pytest.mark.parametrize("t", [0, 1, 3, 8, 20])
@pytest.mark.parametrize("beta", [0.2, 1.0, 5.0])
def test_concedes_as_the_published_formula_says(t, beta):
    policy = buyer(opening_share=0.1, beta=beta)
    expected = 0.1 + 0.9 * (min(t, 8) / 8) ** (1 / beta)
    assert math.isclose(conceded_share(policy, t), expected)


def test_opens_at_its_best_price_and_ends_at_its_reservation_price():
    rising = [next_price(buyer(), Thread(own=(Price(0),) * t)) for t in range(9)]
    assert (rising[0], rising[4], rising[8]) == (34_000, 40_000, 46_000)
    falling = [next_price(seller(), Thread(own=(Price(90_000),) * t)) for t in range(9)]
    assert (falling[0], falling[4], falling[8]) == (52_000, 46_000, 40_000)


def test_holds_out_with_a_small_beta_and_yields_early_with_a_large_one():
    halfway = Thread(own=(Price(34_000),) * 4)
    assert next_price(buyer(beta=0.1), halfway) < 34_100
    assert next_price(buyer(beta=10.0), halfway) > 45_000


def test_answers_a_concession_by_the_same_ratio():
    thread = Thread(own=(Price(34_000),), heard=(Price(50_000), Price(48_000)))
    assert tit_for_tat_price(buyer(), thread) == pytest.approx(34_000 * 50 / 48)
    mirrored = Thread(own=(Price(52_000),), heard=(Price(36_000), Price(37_000)))
    assert tit_for_tat_price(seller(), mirrored) == pytest.approx(52_000 * 36 / 37)


def test_looks_back_as_far_as_its_memory():
    heard = tuple(map(Price, (50_000, 49_000, 46_000)))
    thread = Thread(own=(Price(34_000), Price(34_000)), heard=heard)
    assert tit_for_tat_price(buyer(memory=2), thread) == pytest.approx(34_000 * 50 / 49)


@pytest.mark.parametrize(
    "thread",
    [
        Thread(),
        Thread(heard=(Price(50_000), Price(48_000))),
        Thread(own=(Price(34_000),), heard=(Price(50_000),)),
        Thread(own=(Price(34_000),), heard=(Price(50_000), Price(0))),
    ],
)
def test_concedes_with_time_alone_before_there_is_a_move_to_answer(thread):
    assert tit_for_tat_price(buyer(), thread) is None


def test_mixes_both_tactics_by_weight():
    thread = Thread(own=(Price(34_000),), heard=(Price(50_000), Price(48_000)))
    timed, answered = 34_000 + 12_000 / 8, 34_000 * 50 / 48
    expected = math.floor(0.3 * timed + 0.7 * answered)
    assert next_price(buyer(time_weight=0.3), thread) == expected


def test_rounds_to_ticks_in_its_own_favour():
    thread = Thread(own=(Price(34_000),))
    assert next_price(buyer(tick_size=1000), thread) == 35_000
    thread = Thread(own=(Price(52_000),))
    assert next_price(seller(tick_size=1000), thread) == 51_000


def test_never_steps_back_when_the_other_side_does():
    thread = Thread(own=(Price(38_000),), heard=(Price(48_000), Price(52_000)))
    assert next_price(buyer(time_weight=0.0), thread) == 38_000


def test_accepts_what_is_at_least_as_good_as_its_own_next_offer():
    offer = Proposal(price=Price(34_000), energy_wh=Wh(500))
    answer, thread = respond(buyer(), Thread(), offer)
    assert answer.verdict is Verdict.ACCEPT
    assert thread == Thread(heard=(Price(34_000),))


def test_answers_too_much_energy_with_less_at_the_better_price():
    offer = Proposal(price=Price(33_000), energy_wh=Wh(501))
    answer, _ = respond(buyer(), Thread(), offer)
    assert answer.proposal == Proposal(price=Price(33_000), energy_wh=Wh(500))


def test_leaves_when_there_is_no_energy_to_trade():
    offer = Proposal(price=Price(33_000), energy_wh=Wh(0))
    assert respond(buyer(), Thread(), offer)[0].verdict is Verdict.REJECT


def test_leaves_after_its_last_round():
    said = Thread(own=(Price(46_000),) * 10)
    offer = Proposal(price=Price(46_001), energy_wh=Wh(500))
    assert respond(buyer(), said, offer)[0].verdict is Verdict.REJECT


def test_agrees_on_the_smaller_energy():
    for opens in (True, False):
        dialogue = negotiate(buyer(energy_wh=Wh(300)), seller(), buyer_opens=opens)
        assert dialogue.agreed is not None
        assert dialogue.agreed.energy_wh == 300


def test_repeats_itself():
    first, second = (negotiate(buyer(), seller(), buyer_opens=True) for _ in range(2))
    assert first == second


@settings(max_examples=300, deadline=None)
@given(pair=pairs(), buyer_opens=st.booleans())
def test_agrees_if_and_only_if_the_reservation_prices_overlap(pair, buyer_opens):
    one, other = pair
    dialogue = negotiate(one, other, buyer_opens=buyer_opens)
    if other.limit_price <= one.limit_price:
        assert dialogue.agreed is not None
    else:
        assert dialogue.agreed is None


@settings(max_examples=300, deadline=None)
@given(pair=pairs(), buyer_opens=st.booleans())
def test_never_agrees_at_a_price_worse_than_either_reservation_price(pair, buyer_opens):
    one, other = pair
    dialogue = negotiate(one, other, buyer_opens=buyer_opens)
    if dialogue.agreed is not None:
        assert other.reservation_price <= dialogue.agreed.price <= one.reservation_price
        assert dialogue.agreed.energy_wh == min(one.energy_wh, other.energy_wh)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), buyer_opens=st.booleans())
def test_never_agrees_outside_either_band(data, buyer_opens):
    """Where the seller's band lies no lower than the buyer's, as in the case study."""
    low, high = data.draw(st.integers(0, 50_000)), data.draw(st.integers(0, 20_000))
    width, shift = data.draw(st.integers(0, 20_000)), data.draw(st.integers(0, 20_000))
    bands = (low, low + width), (low + shift, low + width + shift + high)
    one = draw_policy(data.draw, Side.BID, 12, *bands[0], 1)
    other = draw_policy(data.draw, Side.ASK, 12, *bands[1], 1)
    agreed = negotiate(one, other, buyer_opens=buyer_opens).agreed
    if agreed is not None:
        for policy in (one, other):
            assert policy.band.min_bid <= agreed.price <= policy.band.max_bid


@settings(max_examples=300, deadline=None)
@given(pair=pairs(), buyer_opens=st.booleans())
def test_ends_within_the_rounds_and_concedes_in_one_direction_on_whole_ticks(pair, buyer_opens):
    one, other = pair
    offers = negotiate(one, other, buyer_opens=buyer_opens).offers
    assert len(offers) <= 2 * one.max_rounds
    bids = [proposal.price for by_buyer, proposal in offers if by_buyer]
    asks = [proposal.price for by_buyer, proposal in offers if not by_buyer]
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert all(price % one.tick_size == 0 and price <= one.reservation_price for price in bids)
    assert all(price % other.tick_size == 0 and price >= other.reservation_price for price in asks)
