"""Attacks on the posted price: phantom energy, last words, exaggeration, splitting, stale and stolen messages."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from setm import messages
from setm import tariff as book
from setm.evm import Reverted
from setm.evm.tariff import TariffMarket, announcement, book_of, taking
from setm.types import Side
from setm.units import payment_up
from tests.audit.figures import DEPTH, record

BOOKS = 200 * DEPTH
FEED_IN, RETAIL = 30_000, 55_500
market_of = cache(lambda: TariffMarket(8))


@pytest.fixture
def market():
    found = market_of()
    with found.evm.undone():
        yield found


def random_wishes(rng, count):
    """Return side, energy and limit price of so many honest people."""
    sides = [Side(int(rng.integers(2))) for _ in range(count)]
    return [
        (side, int(rng.integers(100, 5_000)), int(rng.integers(FEED_IN, RETAIL + 1)))
        for side in sides
    ]


def outcome(market, wishes, phantom=None):
    """Return the price and everybody's trade if all take whole who may; ``phantom`` is announced and never taken."""
    slot, state = market.first_slot, book_of(market)
    before = market.taking_from(slot) - 1
    for person, (side, energy_wh, _) in zip(market.people, wishes, strict=False):
        state = book.announce(state, person.id, announcement(slot, side, energy_wh), before)
    if phantom is not None:
        last = market.people[-1]
        state = book.announce(state, last.id, announcement(slot, *phantom), before)
    price = book.price_of(state, slot, before + 1)
    for person, (side, energy_wh, limit) in zip(market.people, wishes, strict=False):
        if price <= limit if side is Side.BID else price >= limit:
            state = book.take(state, person.id, taking(slot, side, energy_wh, price), before + 1)
    gate = market.gate_of(slot)
    ids = [person.id for person in market.people]
    return price, [book.trade_of(state, slot, number, gate) for number in ids], state


# Phantom energy (112)


def test_energy_that_is_announced_and_never_taken_moves_the_price_between_the_grids_two_and_no_further():
    market, rng = market_of(), np.random.default_rng(120)
    moved = gained = 0
    for _ in range(BOOKS):
        wishes = random_wishes(rng, 7)
        side = Side(int(rng.integers(2)))
        honest, trades, _ = outcome(market, wishes)
        price, after, _ = outcome(market, wishes, (side, int(rng.integers(1, 20_000))))
        assert FEED_IN <= price <= RETAIL
        assert price <= honest if side is Side.ASK else price >= honest
        moved += price != honest
        for (own, _, limit), before, now in zip(wishes, trades, after, strict=False):
            # Nobody pays or gets what it did not agree to, nor worse than what the grid operator asks or gives.
            assert now.bought_wh == 0 or price <= limit
            assert now.sold_wh == 0 or price >= limit
            if own is Side.BID and before.bought_wh and now.bought_wh:
                gained += price < honest
                most = payment_up(now.bought_wh, RETAIL - FEED_IN)
                assert payment_up(now.bought_wh, honest) - now.payment <= most
    record("attacks", "books whose price a phantom moves", moved, wanted="accepted risk", ok=True)
    # The risk is real: in many of them it does move, and some buyer gains.
    assert moved > BOOKS // 2
    assert gained > 0


def test_a_phantom_costs_the_use_of_its_collateral_until_the_gate_and_nothing_else(market):
    slot, venue = market.first_slot, market.venue
    *_, buyer, seller, phantom = market.people
    margin = venue.marginOf(phantom.id)
    market.post(slot, [(buyer, Side.BID, 1_000), (seller, Side.ASK, 500), (phantom, Side.ASK, 500)])
    assert market.rules.price(500, 1_000) == 38_947
    assert venue.priceOf(slot) == FEED_IN
    assert venue.boundOf(slot, phantom.id) == payment_up(500, RETAIL - FEED_IN)
    market.take(buyer, slot, Side.BID, 500)
    market.take(seller, slot, Side.ASK, 500)
    market.evm.now = market.gate_of(slot)
    venue.collect(slot, [phantom.id])
    assert venue.marginOf(phantom.id) == margin


def test_a_phantom_is_no_larger_than_one_may_announce_and_one_is_all_that_a_participant_has(market):
    slot, venue, person = market.first_slot, market.venue, market.people[0]
    limit = market.settings["max_energy_wh"]
    with pytest.raises(Reverted, match="EnergyOutOfRange"):
        venue.announce((slot, Side.ASK, limit + 1), sender=person)
    venue.announce((slot, Side.ASK, limit), sender=person)
    for side in Side:
        with pytest.raises(Reverted, match="AnnouncementExists"):
            venue.announce((slot, side, 1), sender=person)


def test_who_exaggerates_its_own_side_moves_the_price_against_itself():
    """A phantom needs an accomplice: whoever announces more demand makes its own energy dearer, more supply cheaper."""
    market, rng = market_of(), np.random.default_rng(121)
    for _ in range(BOOKS):
        wishes = random_wishes(rng, 8)
        side, energy_wh, limit = wishes[0]
        honest, _, _ = outcome(market, wishes)
        more = [(side, 2 * energy_wh, limit), *wishes[1:]]
        price, _, _ = outcome(market, more)
        assert price >= honest if side is Side.BID else price <= honest


# Last words (121, 122)


def test_the_order_of_announcing_moves_no_price_and_that_of_taking_no_share_beyond_a_watt_hour():
    market, rng = market_of(), np.random.default_rng(122)
    slot = market.first_slot
    for _ in range(BOOKS // 4):
        wishes = random_wishes(rng, 8)
        price, trades, _ = outcome(market, wishes)
        order = [int(index) for index in rng.permutation(8)]
        state, before = book_of(market), market.taking_from(slot) - 1
        for index in order:
            side, energy_wh, _ = wishes[index]
            who = market.people[index].id
            state = book.announce(state, who, announcement(slot, side, energy_wh), before)
        assert book.price_of(state, slot, before + 1) == price
        for index in reversed(order):
            side, energy_wh, limit = wishes[index]
            if price <= limit if side is Side.BID else price >= limit:
                message = taking(slot, side, energy_wh, price)
                state = book.take(state, market.people[index].id, message, before + 1)
        for person, trade in zip(market.people, trades, strict=True):
            found = book.trade_of(state, slot, person.id, market.gate_of(slot))
            assert abs(found.bought_wh + found.sold_wh - trade.bought_wh - trade.sold_wh) <= 1


# Exaggeration and splitting (115)


def test_who_takes_more_than_it_needs_for_a_larger_share_pays_for_all_that_fills(market):
    """A share pro rata invites it, within what was announced; if the other side takes more, all of it is bought."""
    slot, venue = market.first_slot, market.venue
    greedy, modest, seller = market.people[:3]
    wanted = [(greedy, Side.BID, 2_000), (modest, Side.BID, 1_000), (seller, Side.ASK, 3_000)]
    market.post(slot, wanted)
    market.take(greedy, slot, Side.BID, 2_000)
    market.take(modest, slot, Side.BID, 1_000)
    with market.evm.undone():
        market.take(seller, slot, Side.ASK, 1_500)
        market.evm.now = market.gate_of(slot)
        assert venue.tradeOf(slot, greedy.id).boughtWh == 1_000
        assert venue.tradeOf(slot, modest.id).boughtWh == 500
    market.take(seller, slot, Side.ASK, 3_000)
    market.evm.now = market.gate_of(slot)
    trade = venue.tradeOf(slot, greedy.id)
    assert (trade.boughtWh, trade.payment) == (2_000, payment_up(2_000, FEED_IN))


def test_splitting_among_many_gains_at_most_a_watt_hour_each_and_pays_its_roundings():
    market, rng = market_of(), np.random.default_rng(123)
    for _ in range(BOOKS):
        wishes = random_wishes(rng, 4)
        side, energy_wh, _ = wishes[0]
        anything = 0 if side is Side.ASK else RETAIL
        whole = [(side, energy_wh, anything), *wishes[1:]]
        cut = int(rng.integers(1, energy_wh))
        halves = [(side, cut, anything), (side, energy_wh - cut, anything)]
        price, one, _ = outcome(market, whole)
        other_price, many, _ = outcome(market, [*wishes[1:], *halves])
        assert price == other_price
        parts = many[3:5]
        filled = sum(trade.bought_wh + trade.sold_wh for trade in parts)
        assert abs(filled - one[0].bought_wh - one[0].sold_wh) <= 2
        paid = sum(trade.payment - trade.revenue for trade in parts)
        fair = payment_up(filled, price) if side is Side.BID else -(filled * price // 1000)
        assert 0 <= paid - fair <= 1


# Stale and stolen messages (124, 125)


def test_a_taking_means_the_price_that_was_seen_even_if_the_chain_lost_an_announcement(market):
    """Two branches of one chain post two prices: a message made for one is refused on the other."""
    slot, venue, evm = market.first_slot, market.venue, market.evm
    buyer, seller, other = market.people[:3]
    evm.now = market.taking_from(slot) - 1
    market.announce(buyer, slot, Side.BID, 1_000)
    market.announce(seller, slot, Side.ASK, 500)
    with evm.undone():
        market.announce(other, slot, Side.ASK, 500)
        evm.now += 1
        seen = venue.priceOf(slot)
        domain = market.system.domain(venue)
        values = {"slot": slot, "side": Side.BID, "energy_wh": 1_000, "price": seen}
        message = messages.take(domain, **values, nonce=0, deadline=2**40)
    evm.now += 1
    words = (slot, Side.BID, 1_000, seen)
    with pytest.raises(Reverted) as caught:
        venue.takeFor(words, buyer.key, 0, 2**40, message.sign(buyer.key))
    assert caught.value.name == "PriceMismatch"
    assert caught.value.arguments == {"posted": 38_947, "named": FEED_IN}


ENTRIES = ("announce", "announceMany", "announceFor", "take", "takeMany", "takeFor")


@pytest.mark.parametrize("fate", ["revoked", "suspended", "stranger"])
@pytest.mark.parametrize("function", ENTRIES)
def test_without_user_security_nobody_announces_or_takes(market, function, fate):
    slot, venue, evm, system = market.first_slot, market.venue, market.evm, market.system
    person = market.people[0]
    evm.now = market.taking_from(slot) - 1_000
    if function.startswith("take"):
        market.announce(person, slot, Side.ASK, 10)
    if fate == "revoked":
        system.registry.send("revoke", person.id, sender=system.authority)
    elif fate == "suspended":
        system.registry.send("suspend", person.id, sender=system.governance)
        evm.now += system.config["slot_seconds"]
    else:
        person = replace(person, key=evm.account("mallory"))
    if function.startswith("take"):
        evm.now = market.taking_from(slot)
    announced, taken = (slot, Side.ASK, 10), (slot, Side.ASK, 10, FEED_IN)
    domain, ends = system.domain(venue), {"nonce": 0, "deadline": 2**40}
    values = {"slot": slot, "side": Side.ASK, "energy_wh": 10, **ends}
    signed = {
        "announceFor": lambda: messages.announce(domain, **values).sign(person.key),
        "takeFor": lambda: messages.take(domain, **values, price=FEED_IN).sign(person.key),
    }
    words = taken if function.startswith("take") else announced
    arguments = [[words] if function.endswith("Many") else words]
    if function in signed:
        arguments += [person.key, 0, 2**40, signed[function]()]
    with pytest.raises(Reverted) as caught:
        venue.send(function, *arguments, sender=person.key)
    assert (caught.value.name, caught.value.arguments) == ("NotSecured", {"key": person.address})


def test_a_session_key_takes_no_more_than_its_limit_of_what_its_owner_announced(market):
    slot, venue, evm = market.first_slot, market.venue, market.evm
    owner = market.people[0]
    key, limit = evm.account("session"), payment_up(99, RETAIL)
    session = (key.address, venue.address, limit, evm.now + 2 * 86_400)
    market.system.registry.send("openSession", session, sender=owner)
    market.announce(owner, slot, Side.BID, 10_000)
    # Nothing is offered: the price is the retail price.
    evm.now = market.taking_from(slot)
    with pytest.raises(Reverted) as caught:
        venue.take((slot, Side.BID, 100, RETAIL), sender=key)
    asked = payment_up(100, RETAIL)
    expected = ("SessionLimitExceeded", {"limit": limit, "asked": asked})
    assert (caught.value.name, caught.value.arguments) == expected
    venue.take((slot, Side.BID, 99, RETAIL), sender=key)


# Griefing (126, 127)


def test_who_announces_and_never_takes_binds_nobody_else_beyond_the_gate(market):
    slot, venue = market.first_slot, market.venue
    buyer, seller = market.people[:2]
    before = venue.marginOf(buyer.id)
    market.post(slot, [(buyer, Side.BID, 700), (seller, Side.ASK, 700)])
    market.take(buyer, slot, Side.BID, 700)
    market.evm.now = market.gate_of(slot)
    venue.collect(slot, [buyer.id, seller.id], sender=market.evm.account("mallory"))
    assert venue.marginOf(buyer.id) == before
    assert venue.boundOf(slot, seller.id) == 0


def test_floods_cost_their_sender_and_change_nobodys_gas():
    """What a call costs does not grow with what others announced, took or left: nothing walks over them."""
    costs = {}
    for count in (1, 30):
        market = TariffMarket(31, first_slot=2_000_001 + 1024 * count)
        slot, late = market.first_slot, market.people[30]
        market.evm.now = market.taking_from(slot) - 1
        for person in market.people[:count]:
            market.announce(person, slot, Side.ASK, 10)
        metered = market.evm.metered()
        venue = market.venue.on(metered)
        sent = venue.announce((slot, Side.BID, 500), sender=late).gas_used
        metered.now += 1
        price = venue.priceOf(slot)
        took = venue.take((slot, Side.BID, 500, price), sender=late).gas_used
        metered.now = market.gate_of(slot)
        costs[count] = (sent, took, venue.collect(slot, [late.id]).gas_used)
    # A few units for another price's bytes.
    for one, many in zip(costs[1], costs[30], strict=True):
        assert abs(one - many) < 300
