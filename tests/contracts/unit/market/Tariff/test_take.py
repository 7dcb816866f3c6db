"""Tariff.take, takeMany and takeFor"""

from dataclasses import replace

import pytest

from setm import messages
from setm.tariff import Phase, State
from setm.types import Side
from setm.units import payment_up

HOUR = 3600
# Of 600 Wh wanted half is offered: 30 * 55.5 / (25.5 / 2 + 30) EUR/MWh.
PRICE = 38_947


@pytest.fixture
def posted(market, slot, alice, bob, carol):
    """alice wants 400 Wh and carol 200, bob offers 300."""
    market.post(slot, [(alice, Side.BID, 400), (bob, Side.ASK, 300), (carol, Side.BID, 200)])
    return slot


@pytest.fixture
def signed(market, venue):
    """Return the arguments of takeFor as a key signs them."""

    def sign(person, slot, side, energy_wh, price=PRICE):
        deadline = market.evm.now
        message = messages.take(
            market.system.domain(venue),
            slot=slot,
            side=side,
            energy_wh=energy_wh,
            price=price,
            nonce=0,
            deadline=deadline,
        )
        key = person.key
        return (slot, side, energy_wh, price), key, 0, deadline, message.sign(key)

    return sign


def test_the_price_follows_the_ratio(market, venue, posted):
    assert venue.priceOf(posted) == market.rules.price(300, 600) == PRICE


def test_refuses_somebody_without_user_security(venue, posted, mallory, refusal):
    found = refusal(lambda: venue.take((posted, Side.BID, 1, PRICE), sender=mallory))
    assert found == ("NotSecured", {"key": mallory.address})


def test_refuses_before_the_price_is_posted(market, venue, posted, alice, refusal):
    market.evm.now -= 1
    found = refusal(lambda: venue.take((posted, Side.BID, 1, PRICE), sender=alice))
    expected = {"slot": posted, "found": Phase.ANNOUNCING, "expected": Phase.TAKING}
    assert found == ("WrongPhase", expected)
    assert refusal(lambda: venue.priceOf(posted)) == ("PriceOpen", {"slot": posted})


def test_refuses_after_gate_closure(market, venue, posted, alice, refusal):
    market.evm.now = market.gate_of(posted)
    found = refusal(lambda: venue.take((posted, Side.BID, 1, PRICE), sender=alice))
    expected = {"slot": posted, "found": Phase.FINAL, "expected": Phase.TAKING}
    assert found == ("WrongPhase", expected)


@pytest.mark.parametrize("named", [PRICE - 1, PRICE + 1])
def test_refuses_another_price_than_the_posted_one(venue, posted, alice, named, refusal):
    found = refusal(lambda: venue.take((posted, Side.BID, 1, named), sender=alice))
    assert found == ("PriceMismatch", {"posted": PRICE, "named": named})


def test_refuses_who_announced_nothing(venue, posted, bob, refusal):
    # Nothing is wanted there.
    assert venue.priceOf(posted - 1) == 30_000
    expected = {"slot": posted - 1, "participantId": bob.id, "side": Side.ASK}
    found = refusal(lambda: venue.take((posted - 1, Side.ASK, 1, 30_000), sender=bob))
    assert found == ("NothingToTake", expected)


def test_refuses_the_side_that_was_not_announced(venue, posted, alice, refusal):
    expected = {"slot": posted, "participantId": alice.id, "side": Side.ASK}
    found = refusal(lambda: venue.take((posted, Side.ASK, 1, PRICE), sender=alice))
    assert found == ("NothingToTake", expected)


def test_refuses_to_take_twice(venue, posted, alice, refusal):
    venue.take((posted, Side.BID, 1, PRICE), sender=alice)
    expected = {"slot": posted, "participantId": alice.id, "side": Side.BID}
    found = refusal(lambda: venue.take((posted, Side.BID, 1, PRICE), sender=alice))
    assert found == ("NothingToTake", expected)


@pytest.mark.parametrize("energy_wh", [0, 401])
def test_refuses_more_than_was_announced(venue, posted, alice, energy_wh, refusal):
    found = refusal(lambda: venue.take((posted, Side.BID, energy_wh, PRICE), sender=alice))
    assert found == ("EnergyOutOfRange", {"energyWh": energy_wh, "limit": 400})


@pytest.mark.parametrize(
    ("who", "side", "cost"),
    [
        ("alice", Side.BID, payment_up(123, PRICE)),
        ("bob", Side.ASK, payment_up(123, 55_500 - PRICE)),
    ],
)
def test_binds_what_it_costs_at_this_price_and_frees_the_rest(
    request, venue, posted, who, side, cost
):
    person = request.getfixturevalue(who)
    margin, bound = venue.marginOf(person.id), venue.boundOf(posted, person.id)
    sent = venue.take((posted, side, 123, PRICE), sender=person)
    assert venue.boundOf(posted, person.id) == cost
    assert venue.marginOf(person.id) == margin + bound - cost
    assert sent.only("PriceTaken") == {
        "slot": posted,
        "participantId": person.id,
        "side": side,
        "energyWh": 123,
        "price": PRICE,
        "unbound": bound - cost,
    }


def test_stands_behind_those_who_took_before_on_its_side(venue, posted, alice, bob, carol):
    venue.take((posted, Side.BID, 150, PRICE), sender=carol)
    venue.take((posted, Side.ASK, 300, PRICE), sender=bob)
    venue.take((posted, Side.BID, 400, PRICE), sender=alice)
    assert venue.announcementOf(posted, carol.id)[4:] == (150, 0)
    assert venue.announcementOf(posted, bob.id)[4:] == (300, 0)
    assert venue.announcementOf(posted, alice.id)[4:] == (400, 150)
    assert tuple(venue.sumsOf(posted)) == (600, 300, 550, 300)


def test_taking_moves_no_price(venue, posted, alice, bob):
    venue.take((posted, Side.BID, 400, PRICE), sender=alice)
    venue.take((posted, Side.ASK, 1, PRICE), sender=bob)
    assert venue.priceOf(posted) == PRICE


def test_takes_in_many_slots_at_once_or_in_none(market, venue, slot, alice, refusal):
    slots = [slot, slot + 1]
    venue.announceMany([(s, Side.BID, 100) for s in slots], sender=alice)
    market.evm.now = market.taking_from(slot + 1)
    before = venue.marginOf(alice.id)
    wrong = [(slot, Side.BID, 100, 55_500), (slot + 1, Side.BID, 100, 55_499)]
    found = refusal(lambda: venue.takeMany(wrong, sender=alice))
    assert found == ("PriceMismatch", {"posted": 55_500, "named": 55_499})
    assert venue.marginOf(alice.id) == before
    venue.takeMany([(s, Side.BID, 100, 55_500) for s in slots], sender=alice)
    assert [venue.announcementOf(s, alice.id)[0] for s in slots] == [State.TAKEN] * 2


@pytest.mark.parametrize("energies", [(100, 101), (101, 100)])
def test_holds_the_largest_of_many_against_the_limit_of_a_session(
    market, venue, slot, alice, energies, refusal
):
    slots = [slot, slot + 1]
    venue.announceMany([(s, Side.BID, 101) for s in slots], sender=alice)
    market.evm.now = market.taking_from(slot + 1)
    key, limit = market.evm.account("session"), payment_up(100, 55_500)
    session = (key.address, venue.address, limit, market.evm.now + HOUR)
    market.system.registry.send("openSession", session, sender=alice)
    large = [(slot + i, Side.BID, energy, 55_500) for i, energy in enumerate(energies)]
    found = refusal(lambda: venue.takeMany(large, sender=key))
    asked = payment_up(101, 55_500)
    assert found == ("SessionLimitExceeded", {"limit": limit, "asked": asked})
    venue.takeMany([(s, Side.BID, 100, 55_500) for s in slots], sender=key)


def test_takes_for_a_key_that_signed_it(venue, posted, alice, mallory, signed):
    venue.takeFor(*signed(alice, posted, Side.BID, 40), sender=mallory)
    assert venue.announcementOf(posted, alice.id)[0] == State.TAKEN
    assert venue.boundOf(posted, alice.id) == payment_up(40, PRICE)


def test_a_sessions_limit_holds_for_what_it_signs(market, venue, posted, alice, signed, refusal):
    cost = payment_up(40, PRICE)
    person = replace(alice, key=market.evm.account("session"))
    session = (person.address, venue.address, cost - 1, market.evm.now + HOUR)
    market.system.registry.send("openSession", session, sender=alice)
    found = refusal(lambda: venue.takeFor(*signed(person, posted, Side.BID, 40)))
    assert found == ("SessionLimitExceeded", {"limit": cost - 1, "asked": cost})
    venue.takeFor(*signed(person, posted, Side.BID, 39))


def test_refuses_a_signed_message_after_its_deadline(market, venue, posted, alice, signed, refusal):
    message = signed(alice, posted, Side.BID, 40)
    market.evm.now += 1
    found = refusal(lambda: venue.takeFor(*message))
    expected = {"deadline": market.evm.now - 1, "nowAt": market.evm.now}
    assert found == ("MessageExpired", expected)


@pytest.mark.parametrize(("place", "value"), [(0, 1), (1, Side.ASK), (2, 41), (3, 1)])
def test_refuses_a_message_changed_after_signing(
    venue, posted, alice, signed, place, value, refusal
):
    words, *rest = signed(alice, posted, Side.BID, 40)
    changed = list(words)
    changed[place] = value
    found = refusal(lambda: venue.takeFor(tuple(changed), *rest))
    assert found == ("ForgedSignature", {"key": alice.address})
