"""Tariff.announce, announceMany and announceFor"""

from dataclasses import replace

import pytest

from setm import messages
from setm.tariff import Phase, State
from setm.types import Side

HOUR = 3600


@pytest.fixture
def signed(market, venue):
    """Return the arguments of announceFor as a key signs them."""

    def sign(person, slot, side, energy_wh, nonce=0, deadline=None):
        deadline = market.evm.now if deadline is None else deadline
        message = messages.announce(
            market.system.domain(venue),
            slot=slot,
            side=side,
            energy_wh=energy_wh,
            nonce=nonce,
            deadline=deadline,
        )
        key = person.key
        return (slot, side, energy_wh), key, nonce, deadline, message.sign(key)

    return sign


def test_refuses_somebody_without_user_security(venue, slot, mallory, refusal):
    found = refusal(lambda: venue.announce((slot, Side.BID, 1), sender=mallory))
    assert found == ("NotSecured", {"key": mallory.address})


def test_refuses_when_announcing_is_over(market, venue, slot, alice, refusal):
    market.evm.now = market.taking_from(slot)
    found = refusal(lambda: venue.announce((slot, Side.BID, 1), sender=alice))
    expected = {"slot": slot, "found": Phase.TAKING, "expected": Phase.ANNOUNCING}
    assert found == ("WrongPhase", expected)


@pytest.mark.parametrize("energy_wh", [0, 1_000_000_001])
def test_refuses_a_quantity_out_of_range(venue, slot, alice, energy_wh, refusal):
    found = refusal(lambda: venue.announce((slot, Side.ASK, energy_wh), sender=alice))
    assert found == ("EnergyOutOfRange", {"energyWh": energy_wh, "limit": 1_000_000_000})


@pytest.mark.parametrize("side", list(Side))
def test_refuses_a_second_announcement_for_the_slot(venue, slot, alice, side, refusal):
    venue.announce((slot, Side.BID, 10), sender=alice)
    found = refusal(lambda: venue.announce((slot, side, 5), sender=alice))
    assert found == ("AnnouncementExists", {"slot": slot, "participantId": alice.id})


def test_refuses_what_the_margin_does_not_cover(venue, slot, alice, refusal):
    needed, margin = venue.coverOf(Side.BID, 200_000), venue.marginOf(alice.id)
    found = refusal(lambda: venue.announce((slot, Side.BID, 200_000), sender=alice))
    expected = {"participantId": alice.id, "needed": needed, "available": margin}
    assert found == ("NotCovered", expected)


@pytest.mark.parametrize(("side", "bound"), [(Side.BID, 55_500), (Side.ASK, 25_500)])
def test_binds_the_most_that_taking_can_cost(venue, slot, alice, side, bound):
    before = venue.marginOf(alice.id)
    sent = venue.announce((slot, side, 1_000), sender=alice)
    assert venue.coverOf(side, 1_000) == venue.boundOf(slot, alice.id) == bound
    assert venue.marginOf(alice.id) == before - bound
    assert tuple(venue.announcementOf(slot, alice.id)) == (
        State.ANNOUNCED,
        side,
        bound,
        1_000,
        0,
        0,
    )
    assert sent.only("EnergyAnnounced") == {
        "slot": slot,
        "participantId": alice.id,
        "side": side,
        "energyWh": 1_000,
        "bound": bound,
    }


def test_adds_up_what_everybody_announces(venue, slot, alice, bob, carol):
    venue.announce((slot, Side.BID, 300), sender=alice)
    venue.announce((slot, Side.ASK, 20), sender=bob)
    venue.announce((slot, Side.BID, 5), sender=carol)
    assert tuple(venue.sumsOf(slot)) == (305, 20, 0, 0)
    assert tuple(venue.sumsOf(slot + 1024)) == (0, 0, 0, 0)


def test_announces_for_many_slots_at_once(venue, slot, alice):
    before = venue.marginOf(alice.id)
    day = [(slot + i, Side.ASK if i % 2 else Side.BID, 100 + i) for i in range(96)]
    sent = venue.announceMany(day, sender=alice)
    assert len(sent.named("EnergyAnnounced")) == 96
    bound = [venue.boundOf(one[0], alice.id) for one in day]
    assert bound == [venue.coverOf(side, energy_wh) for _, side, energy_wh in day]
    assert venue.marginOf(alice.id) == before - sum(bound)


def test_announces_for_all_slots_or_for_none(venue, slot, alice, refusal):
    before = venue.marginOf(alice.id)
    twice = [(slot, Side.BID, 1), (slot + 1, Side.BID, 1), (slot, Side.BID, 1)]
    found = refusal(lambda: venue.announceMany(twice, sender=alice))
    assert found == ("AnnouncementExists", {"slot": slot, "participantId": alice.id})
    assert venue.marginOf(alice.id) == before
    assert tuple(venue.sumsOf(slot)) == (0, 0, 0, 0)


@pytest.mark.parametrize("energies", [(100, 101), (101, 100)])
def test_holds_the_largest_of_many_against_the_limit_of_a_session(
    market, venue, slot, alice, energies, refusal
):
    key = market.evm.account("session")
    bound = venue.coverOf(Side.BID, 100)
    session = (key.address, venue.address, bound, market.evm.now + HOUR)
    market.system.registry.send("openSession", session, sender=alice)
    large = [(slot + i, Side.BID, energy) for i, energy in enumerate(energies)]
    found = refusal(lambda: venue.announceMany(large, sender=key))
    asked = venue.coverOf(Side.BID, 101)
    assert found == ("SessionLimitExceeded", {"limit": bound, "asked": asked})
    venue.announceMany([(slot, Side.BID, 100), (slot + 1, Side.BID, 100)], sender=key)


def test_announces_for_a_key_that_signed_it(venue, slot, alice, mallory, signed):
    venue.announceFor(*signed(alice, slot, Side.ASK, 40), sender=mallory)
    assert tuple(venue.announcementOf(slot, alice.id))[:2] == (State.ANNOUNCED, Side.ASK)
    assert venue.nonces(alice.address) == 1


@pytest.mark.parametrize("side", list(Side))
def test_a_signed_announcement_binds_what_it_can_cost(venue, slot, alice, side, signed):
    venue.announceFor(*signed(alice, slot, side, 40))
    bound = venue.boundOf(slot, alice.id)
    assert bound == venue.coverOf(side, 40) > 0


def test_a_sessions_limit_holds_for_what_it_signs(market, venue, slot, alice, signed, refusal):
    bound = venue.coverOf(Side.BID, 40)
    person = replace(alice, key=market.evm.account("session"))
    session = (person.address, venue.address, bound - 1, market.evm.now + HOUR)
    market.system.registry.send("openSession", session, sender=alice)
    found = refusal(lambda: venue.announceFor(*signed(person, slot, Side.BID, 40)))
    assert found == ("SessionLimitExceeded", {"limit": bound - 1, "asked": bound})
    venue.announceFor(*signed(person, slot, Side.BID, 39))


def test_refuses_a_message_that_was_used(venue, slot, alice, signed, refusal):
    message = signed(alice, slot, Side.ASK, 40)
    venue.announceFor(*message)
    found = refusal(lambda: venue.announceFor(*message))
    assert found == ("InvalidAccountNonce", {"account": alice.address, "currentNonce": 1})


def test_refuses_a_message_after_its_deadline(market, venue, slot, alice, signed, refusal):
    message = signed(alice, slot, Side.ASK, 40)
    market.evm.now += 1
    found = refusal(lambda: venue.announceFor(*message))
    expected = {"deadline": market.evm.now - 1, "nowAt": market.evm.now}
    assert found == ("MessageExpired", expected)


@pytest.mark.parametrize(("place", "value"), [(0, 1), (1, Side.BID), (2, 41)])
def test_refuses_a_message_changed_after_signing(venue, slot, alice, signed, place, value, refusal):
    words, *rest = signed(alice, slot, Side.ASK, 40)
    changed = list(words)
    changed[place] = value
    found = refusal(lambda: venue.announceFor(tuple(changed), *rest))
    assert found == ("ForgedSignature", {"key": alice.address})
