"""Attacks 151 and 152, and what neighbours agree on: a co-signed agreement counts once, in time, as both signed it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from setm.agents.neighbour import buyer_of, seller_of
from setm.agents.neighbourhood import Network, converge, links_of
from setm.agents.types import Band
from setm.trading.distributed import trades_of
from setm.types import Trade
from setm.units import Price, Wh
from tests.audit.attacks.stage import SLOT, Stage, refusal

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank")
TOLERANCE = Price(100)


@pytest.fixture(scope="module")
def built():
    return Stage(NAMES)


@pytest.fixture
def stage(built):
    return built.reset()


def drawn(rng):
    """Return what six neighbours agree on, three of each side with drawn bands and quantities."""

    def band():
        low, high = sorted(int(price) for price in rng.integers(30_000, 55_000, 2))
        return Band(min_bid=Price(low), max_bid=Price(high))

    def agent(kind, name):
        return kind(name, band(), Wh(int(rng.integers(1, 3_000))), TOLERANCE)

    links = links_of(list(Network)[int(rng.integers(4))], NAMES, rng)
    buyers = [agent(buyer_of, name) for name in NAMES[::2]]
    return converge(buyers, [agent(seller_of, name) for name in NAMES[1::2]], links, rng)


def signed(stage, buyer, seller, deadline, **terms):
    message = stage.agreement(buyer, seller, **terms)
    return replace(message, values={**message.values, "deadline": deadline})


def bring(stage, message, buyer, seller, of_seller=None):
    values = tuple(message.values.values())
    signatures = (buyer, message.sign(buyer.key), seller, (of_seller or message).sign(seller.key))
    return refusal(stage.negotiation.send, "agree", values, *signatures)


def trade_of(stage, person):
    found = stage.negotiation.call("tradeOf", stage.slot, person.id)
    return Trade(**dict(zip(("bought_wh", "sold_wh", "payment", "revenue"), found, strict=True)))


def test_what_neighbours_agree_on_settles_to_the_unit(stage):
    rng, agreed = np.random.default_rng(7), 0
    for _ in range(25):
        stage.reset()
        consensus = drawn(rng)
        for one in consensus.agreements:
            buyer, seller = stage.people[one.buyer], stage.people[one.seller]
            terms = {"energy_wh": one.energy_wh, "price": one.price}
            message = signed(stage, buyer, seller, stage.gate - 1, **terms)
            assert bring(stage, message, buyer, seller) == ""
        stage.go(stage.gate)
        expected = trades_of(consensus)
        assert {name: trade_of(stage, stage.people[name]) for name in NAMES} == {
            name: expected.get(name, Trade()) for name in NAMES
        }
        agreed += len(consensus.agreements)
    assert agreed > 25


def test_an_agreement_that_comes_after_its_deadline_is_refused_and_nothing_is_lost(stage):
    late = stage.evm.now + 600
    message = signed(stage, stage.alice, stage.bob, late)
    before = stage.books()
    stage.go(late + 1)
    assert bring(stage, message, stage.alice, stage.bob) == "OfferExpired"
    assert stage.books() == before

    # A second after its last, the same terms under a new deadline count.
    anew = signed(stage, stage.alice, stage.bob, late + 1)
    assert bring(stage, anew, stage.alice, stage.bob) == ""


def test_an_agreement_that_comes_after_the_gate_is_refused_whatever_its_deadline(stage):
    message = signed(stage, stage.alice, stage.bob, stage.gate + SLOT)
    before = stage.books()
    stage.go(stage.gate)
    assert bring(stage, message, stage.alice, stage.bob) == "GateClosed"
    assert stage.books() == before


def test_an_agreement_counts_once(stage):
    message = signed(stage, stage.alice, stage.bob, stage.gate - 1)
    assert bring(stage, message, stage.alice, stage.bob) == ""
    before = stage.books()
    assert bring(stage, message, stage.alice, stage.bob) == "AgreementUsed"
    assert stage.books() == before


@pytest.mark.parametrize("change", [{"price": 43_100}, {"energy_wh": 1_001}, {"salt": 2}])
def test_two_sides_that_signed_different_things_agreed_on_nothing(stage, change):
    mine = signed(stage, stage.alice, stage.bob, stage.gate - 1)
    yours = signed(stage, stage.alice, stage.bob, stage.gate - 1, **change)
    before = stage.books()
    assert bring(stage, mine, stage.alice, stage.bob, of_seller=yours) == "ForgedSignature"
    assert stage.books() == before
