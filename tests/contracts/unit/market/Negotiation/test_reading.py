"""Negotiation.negotiationOf, agreementDigest, isUsed, tradeOf, boundOf and isFinal"""

import brownie

NOBODY = "0x" + "00" * 20


def test_shows_nothing_for_a_negotiation_that_does_not_exist(venue):
    assert venue.negotiationOf(9) == (0, 0, 0, (0, 0, 0, 0), 0, False, 0)


def test_shows_an_open_negotiation_past_its_expiry_as_expired(venue, offered, gate_at, wait_until):
    assert venue.negotiationOf(offered)[0] == 1
    wait_until(gate_at)
    assert venue.negotiationOf(offered)[0] == 5


def test_hashes_an_agreement_as_eip_712_says(venue, agreement):
    message = agreement(salt=2**256 - 1)
    digest = venue.agreementDigest(tuple(message.values.values()))
    assert digest == "0x" + message.digest().hex()


def test_knows_which_agreements_were_brought(venue, agreement, bring):
    message = agreement()
    assert not venue.isUsed(message.digest())
    bring(message)
    assert venue.isUsed(message.digest())


def test_hides_a_trade_until_it_is_final(venue, ids, agreed, slot, gate_at, money, wait_until):
    assert not venue.isFinal(slot)
    with brownie.reverts(f"OutcomeOpen: {slot}"):
        venue.tradeOf(slot, ids.alice)
    wait_until(gate_at)
    assert venue.isFinal(slot)
    assert not venue.isFinal(slot + 1)
    assert venue.tradeOf(slot, ids.alice) == (333, 0, money.payment, 0)
    assert venue.tradeOf(slot, ids.bob) == (0, 333, 0, money.revenue)
    assert venue.tradeOf(slot, ids.carol) == (0, 0, 0, 0)


def test_shows_nothing_in_slots_that_share_the_place_of_another(venue, ids, agreed, slot):
    assert venue.boundOf(slot + 1024, ids.alice) == 0
    assert venue.tradeOf(slot - 1024, ids.alice) == (0, 0, 0, 0)
    # An epoch that does not fit 16 bits is not taken for the one it would be cut to.
    assert venue.boundOf(slot + 2**26, ids.alice) == 0


def test_is_final_in_the_first_slots_of_time(venue):
    assert venue.isFinal(0)
    assert venue.isFinal(1)
