"""Agreements of one-time accounts: who may bring what when, who gets what, and that nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from setm.anonymous import messages
from setm.anonymous.book import Outcome, State
from setm.anonymous.envelopes import ENVELOPE_BYTES
from setm.errors import Reverted
from setm.types import Kind
from setm.units import payment_down, payment_up
from tests.audit.anonymous.stage import MARGIN, NOTE, VENUE, Stage, staged

ENERGY_WH, PRICE = 20_001, 46_100
PAYMENT = payment_up(ENERGY_WH, PRICE)
COVER = payment_up(ENERGY_WH, 55_500 - PRICE)
LOSS = payment_up(ENERGY_WH, PRICE - 30_000)


@pytest.fixture
def stage() -> Stage:
    stage = staged().reset()
    stage.a, stage.b = stage.fund(stage.alice), stage.fund(stage.bob)  # type: ignore[attr-defined]
    return stage


def last_refusal(function: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Reverted) as caught:
        function()
    return caught.value.name, caught.value.arguments


def bring(stage: Stage, agreed: Any) -> tuple[str, dict[str, Any]]:
    """Return how the chain refuses an agreement that both accounts signed; the reference agrees with it."""
    before = stage.book
    stage.agree(agreed, stage.a, stage.b)
    assert stage.book is before, "the reference took it"
    message = messages.agreement(stage.domain, agreed)
    signed = message.sign(stage.a), message.sign(stage.b)
    found = last_refusal(lambda: stage.venue.send("agree", agreed, *signed))
    stage.check()
    return found


def held(stage: Stage, **changes: Any) -> bytes:
    agreed = stage.agreement(stage.a, stage.b, **changes)
    number = stage.agree(agreed, stage.a, stage.b)
    assert stage.book.deals[number].state is State.HELD
    return number


# Agreeing


def test_both_amounts_go_into_escrow(stage: Stage) -> None:
    held(stage)
    assert stage.venue.accountBalance(stage.a) == NOTE - PAYMENT
    assert stage.venue.accountBalance(stage.b) == NOTE - COVER
    stage.check()


def test_refuses_a_stale_quote_and_keeps_the_money(stage: Stage) -> None:
    late = stage.evm.now
    agreed = stage.agreement(stage.a, stage.b, deadline=late - 1)
    assert bring(stage, agreed) == ("OfferExpired", {"expiresAt": late - 1, "nowAt": late})
    assert stage.venue.accountBalance(stage.a) == NOTE
    held(stage, deadline=late)


def test_refuses_the_same_agreement_twice(stage: Stage) -> None:
    number = held(stage)
    agreed = stage.agreement(stage.a, stage.b)
    assert bring(stage, agreed) == ("AgreementUsed", {"digest": number})


def test_refuses_one_account_on_both_sides(stage: Stage) -> None:
    stage.b = stage.a
    agreed = stage.agreement(stage.a, stage.a)
    assert bring(stage, agreed) == ("AccountTwice", {"account": stage.a.address})


def test_refuses_an_arbiter_whose_key_is_a_side(stage: Stage) -> None:
    """Without a balance it could not pay; the arbiter is refused first."""
    stage.b = stage.carol.key
    agreed = stage.agreement(stage.a, stage.b)
    assert bring(stage, agreed) == ("ArbiterIsParty", {"participantId": stage.carol.id})


def test_refuses_an_arbiter_who_is_nobody(stage: Stage) -> None:
    assert bring(stage, stage.agreement(stage.a, stage.b, arbiter_id=77)) == (
        "PartyInactive",
        {"participantId": 77},
    )


@pytest.mark.parametrize("energy_wh", [0, VENUE["max_energy_wh"] + 1])
def test_refuses_energy_outside_the_limits(stage: Stage, energy_wh: int) -> None:
    agreed = stage.agreement(stage.a, stage.b, energy_wh=energy_wh)
    values = {"energyWh": energy_wh, "limit": VENUE["max_energy_wh"]}
    assert bring(stage, agreed) == ("EnergyOutOfRange", values)


@pytest.mark.parametrize("price", [VENUE["floor_price"] - 1, VENUE["cap_price"] + 1])
def test_refuses_a_price_outside_the_band(stage: Stage, price: int) -> None:
    values = {"price": price, "floorPrice": 30_000, "capPrice": 60_000}
    found = bring(stage, stage.agreement(stage.a, stage.b, price=price))
    assert found == ("PriceOutOfBand", values)


def test_refuses_after_gate_closure_and_beyond_the_horizon(stage: Stage) -> None:
    last = (stage.evm.now + VENUE["horizon_seconds"]) // 900
    found = bring(stage, stage.agreement(stage.a, stage.b, slot=last + 1))
    assert found == ("BeyondHorizon", {"slot": last + 1, "lastSlot": last})
    held(stage, slot=last, energy_wh=1)
    stage.evm.now = stage.gate
    values = {"slot": stage.slot, "gateAt": stage.gate, "nowAt": stage.gate}
    assert bring(stage, stage.agreement(stage.a, stage.b)) == ("GateClosed", values)
    stage.evm.now = stage.gate - 1
    held(stage)


def test_refuses_what_an_account_cannot_pay(stage: Stage) -> None:
    needed = payment_up(40_000, PRICE)
    found = bring(stage, stage.agreement(stage.a, stage.b, energy_wh=40_000))
    values = {"account": stage.a.address, "needed": needed, "available": NOTE}
    assert found == ("AccountTooLow", values)


def test_refuses_an_account_that_nothing_vouches_for_even_if_it_binds_nothing(
    stage: Stage,
) -> None:
    stage.b = stage.account(stage.dave, 9)
    found = bring(stage, stage.agreement(stage.a, stage.b, price=56_000, energy_wh=1))
    values = {"account": stage.b.address, "needed": 1, "available": 0}
    assert found == ("AccountTooLow", values)


def test_refuses_a_signature_over_anything_else(stage: Stage) -> None:
    agreed = stage.agreement(stage.a, stage.b)
    message = messages.agreement(stage.domain, agreed)
    good = message.sign(stage.a), message.sign(stage.b)
    for field, value in (("energy_wh", 1), ("price", 46_101), ("salt", 8), ("slot", 2_000_001)):
        other = stage.agreement(stage.a, stage.b, **{field: value})
        found = last_refusal(lambda other=other: stage.venue.send("agree", other, *good))
        assert found == ("ForgedSignature", {"key": stage.a.address})
    found = last_refusal(lambda: stage.venue.send("agree", agreed, good[0], good[0]))
    assert found == ("ForgedSignature", {"key": stage.b.address})


# Claiming


def test_two_claims_make_it_a_trade_by_name(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    assert stage.claim(number, True, stage.alice, stage.a)
    assert stage.book.deals[number].state is State.HELD
    assert stage.claim(number, False, stage.bob, stage.b)
    assert stage.venue.boundOf(stage.slot, stage.alice.id) == PAYMENT
    assert stage.venue.boundOf(stage.slot, stage.bob.id) == COVER
    stage.check()
    stage.evm.now = stage.decided
    trade = stage.venue.tradeOf(stage.slot, stage.bob.id)
    assert tuple(trade) == (0, ENERGY_WH, 0, payment_down(ENERGY_WH, PRICE))


@pytest.mark.parametrize("seconds", [-1, 0])
def test_claims_begin_at_gate_closure_and_end_with_decisions(stage: Stage, seconds: int) -> None:
    number = held(stage)
    stage.evm.now = stage.gate + seconds
    assert stage.claim(number, True, stage.alice, stage.a) == (seconds == 0)
    stage.evm.now = stage.decided + seconds
    assert stage.claim(number, False, stage.bob, stage.b) == (seconds == -1)
    stage.check()


def test_refuses_an_arbiter_who_turns_out_to_be_a_party(stage: Stage) -> None:
    stage.a = stage.fund(stage.carol)
    number = held(stage)
    stage.evm.now = stage.gate
    assert not stage.claim(number, True, stage.carol, stage.a)
    stage.evm.now = stage.decided
    assert stage.refund(number)
    stage.check()


def test_refuses_one_participant_as_both_sides(stage: Stage) -> None:
    stage.b = stage.fund(stage.alice, 1)
    number = held(stage)
    stage.evm.now = stage.gate
    assert stage.claim(number, True, stage.alice, stage.a)
    assert not stage.claim(number, False, stage.alice, stage.b)
    stage.check()


def test_refuses_a_second_claim_and_a_claim_of_what_is_not_held(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    assert stage.claim(number, True, stage.alice, stage.a)
    assert not stage.claim(number, True, stage.dave, stage.a)
    assert stage.claim(number, False, stage.bob, stage.b)
    assert not stage.claim(number, False, stage.bob, stage.b)
    assert not stage.claim(bytes(32), False, stage.bob, stage.b)


def test_refuses_a_claim_for_somebody_else(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    signed = messages.claim(stage.domain, agreement_id=number, participant_id=stage.alice.id).sign(
        stage.a
    )
    found = last_refusal(lambda: stage.venue.send("claim", number, True, signed, sender=stage.dave))
    assert found == ("ForgedSignature", {"key": stage.a.address})
    mallory = stage.evm.account("mallory")
    found = last_refusal(lambda: stage.venue.send("claim", number, True, signed, sender=mallory))
    assert found == ("NotSecured", {"key": mallory.address})


def test_refuses_who_joined_the_venue_too_late_to_be_settled(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    late = stage.system.enrol("late", Kind.PROSUMER)
    signed = messages.claim(stage.domain, agreement_id=number, participant_id=late.id)
    found = last_refusal(
        lambda: stage.venue.send("claim", number, True, signed.sign(stage.a), sender=late)
    )
    assert found == ("NotJoined", {"participantId": late.id, "slot": stage.slot})


# Deciding


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("signers", ["buyer seller", "buyer arbiter", "seller arbiter"])
def test_any_two_of_three_decide_and_the_money_adds_up(
    stage: Stage, outcome: Outcome, signers: str
) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    gainer = {Outcome.PAY_BUYER: True, Outcome.PAY_SELLER: False}.get(outcome)
    if gainer is True:
        assert stage.claim(number, True, stage.alice, stage.a)
    if gainer is False:
        assert stage.claim(number, False, stage.bob, stage.b)
    keys = {
        "buyer": stage.a if "buyer" in signers else None,
        "seller": stage.b if "seller" in signers else None,
        "arbiter": stage.carol if "arbiter" in signers else None,
    }
    assert stage.decide(number, outcome, **keys)
    to_buyer, to_seller = {
        Outcome.REFUND: (PAYMENT, COVER),
        Outcome.PAY_BUYER: (PAYMENT + COVER, 0),
        Outcome.PAY_SELLER: (PAYMENT - LOSS, COVER + LOSS),
    }[outcome]
    assert stage.venue.accountBalance(stage.a) == NOTE - PAYMENT + to_buyer
    assert stage.venue.accountBalance(stage.b) == NOTE - COVER + to_seller
    stage.check()
    assert not stage.decide(number, outcome, **keys)


def test_a_seller_loses_nothing_below_the_feed_in_price() -> None:
    """The grid operator pays more than the buyer would have: the buyer gets its payment back, whole."""
    stage = Stage(floor_price=20_000)
    stage.a, stage.b = stage.fund(stage.alice), stage.fund(stage.bob)  # type: ignore[attr-defined]
    number = held(stage, price=25_000)
    stage.evm.now = stage.gate
    assert stage.claim(number, False, stage.bob, stage.b)
    assert stage.decide(number, Outcome.PAY_SELLER, buyer=stage.a, seller=stage.b, arbiter=None)
    assert stage.venue.accountBalance(stage.a) == stage.venue.accountBalance(stage.b) == NOTE
    stage.check()


@pytest.mark.parametrize("alone", ["buyer", "seller", "arbiter", "nobody"])
def test_nobody_decides_alone(stage: Stage, alone: str) -> None:
    number = held(stage)
    keys: dict[str, Any] = {"buyer": stage.a, "seller": stage.b, "arbiter": stage.carol}
    chosen = {alone: keys[alone]} if alone in keys else {}
    assert not stage.decide(number, Outcome.REFUND, **chosen)
    stage.check()


def test_an_arbiter_who_is_secretly_a_party_cannot_pay_itself(stage: Stage) -> None:
    """carol is the arbiter and owns the buyer's account: two keys of three, and no gain."""
    stage.a = stage.fund(stage.carol)
    number = held(stage)
    stage.evm.now = stage.gate
    assert not stage.decide(number, Outcome.PAY_BUYER, buyer=stage.a, arbiter=stage.carol)
    assert not stage.claim(number, True, stage.carol, stage.a)
    assert stage.decide(number, Outcome.REFUND, buyer=stage.a, arbiter=stage.carol)
    assert stage.venue.accountBalance(stage.b) == NOTE
    stage.check()


def test_refuses_another_participant_as_arbiter(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.gate
    assert not stage.decide(number, Outcome.REFUND, buyer=stage.a, arbiter=stage.dave)


def test_decisions_end_and_then_anybody_refunds(stage: Stage) -> None:
    number = held(stage)
    stage.evm.now = stage.decided - 1
    assert not stage.refund(number)
    stage.evm.now = stage.decided
    assert not stage.decide(number, Outcome.REFUND, buyer=stage.a, seller=stage.b)
    assert stage.refund(number)
    assert stage.venue.accountBalance(stage.a) == NOTE
    assert not stage.refund(number)
    stage.check()


def test_the_slot_is_final_when_nothing_can_be_decided_any_more(stage: Stage) -> None:
    stage.evm.now = stage.decided - 1
    assert not stage.venue.isFinal(stage.slot)
    stage.evm.now = stage.decided
    assert stage.venue.isFinal(stage.slot)


# Saying and cashing in


def test_an_account_says_each_thing_once_and_in_time(stage: Stage) -> None:
    assert stage.broadcast(stage.a)
    assert not stage.broadcast(stage.a, nonce=0)
    assert not stage.broadcast(stage.a, deadline=stage.evm.now - 1)
    assert stage.broadcast(stage.a, deadline=stage.evm.now)


@pytest.mark.parametrize("length", [0, ENVELOPE_BYTES - 1, ENVELOPE_BYTES + 1])
def test_refuses_an_envelope_of_another_length(stage: Stage, length: int) -> None:
    assert not stage.broadcast(stage.a, bytes(length))
    assert stage.broadcast(stage.a, bytes(ENVELOPE_BYTES))


def test_an_account_without_money_is_not_heard(stage: Stage) -> None:
    assert not stage.broadcast(stage.account(stage.dave, 9))


def test_refuses_an_envelope_that_the_account_did_not_sign(stage: Stage) -> None:
    until = stage.evm.now
    signed = messages.broadcast(stage.domain, envelope=bytes(353), nonce=0, deadline=until).sign(
        stage.a
    )
    changed = b"\x01" + bytes(352)
    found = last_refusal(lambda: stage.venue.send("broadcast", changed, stage.a, 0, until, signed))
    assert found == ("ForgedSignature", {"key": stage.a.address})


def test_what_is_left_becomes_margin_of_whom_the_account_names(stage: Stage) -> None:
    assert not stage.cash_in(stage.a, stage.alice.id, NOTE + 1)
    assert not stage.cash_in(stage.a, 77, 1)
    assert not stage.cash_in(stage.a, 0, 1)
    assert stage.cash_in(stage.a, stage.alice.id, NOTE)
    assert not stage.cash_in(stage.a, stage.alice.id, 0)
    stage.check()
    stage.venue.send("releaseMargin", MARGIN, sender=stage.alice)


def test_money_of_a_revoked_participant_is_not_lost(stage: Stage) -> None:
    stage.system.registry.send("revoke", stage.alice.id, sender=stage.system.authority)
    assert stage.cash_in(stage.a, stage.alice.id, NOTE)
    stage.venue.send("releaseMarginOf", stage.alice.id)
    assert stage.house.collateralOf(stage.venue, stage.alice.id) == 0
