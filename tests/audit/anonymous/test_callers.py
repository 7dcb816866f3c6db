"""Who may call what: the list is complete, and nothing is entered without user.Security."""

from __future__ import annotations

from typing import Any

import pytest

from setm.anonymous import messages
from setm.anonymous.book import State
from setm.errors import Reverted
from setm.evm import artifact
from tests.audit.anonymous.stage import Stage, staged

# Who may call each function that changes something.
CALLERS = {
    "AnonymousNegotiation": {
        "addMargin": "the clearinghouse",
        "agree": "anyone, with the signatures of two accounts with a balance",
        "broadcast": "anyone, with the signature of an account with a balance",
        "buyNotes": "a key with user.Security",
        "cashIn": "anyone, with the signature of the account",
        "claim": "a key with user.Security, with the signature of the account",
        "close": "settlement",
        "collect": "anyone, once the slot is final",
        "decide": "anyone, with two of three signatures",
        "redeem": "anyone, with a note",
        "refund": "anyone, after the time for decisions",
        "refundNote": "anyone, after the issuer's time",
        "releaseMargin": "an owner key",
        "releaseMarginOf": "anyone, of an inactive participant",
    },
    "NoteBook": {
        "issue": "anyone, with the issuer's signatures",
        "refund": "a venue, of its own notes",
        "sell": "a venue, of its own notes",
        "spend": "a venue, of its own notes",
    },
}


@pytest.mark.parametrize("contract", CALLERS)
def test_every_function_says_who_may_call_it(contract: str) -> None:
    changing = {
        entry["name"]
        for entry in artifact(contract)["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert changing == CALLERS[contract].keys()


def lose_security(stage: Stage, how: str, person: Any) -> None:
    registry = stage.system.registry
    if how == "revoked":
        registry.send("revoke", person.id, sender=stage.system.authority)
    else:
        registry.send("suspend", person.id, sender=stage.system.governance)
        stage.evm.now += 900


@pytest.mark.parametrize("how", ["revoked", "suspended"])
def test_who_lost_user_security_buys_no_notes_and_claims_nothing(how: str) -> None:
    stage = staged().reset()
    a, b = stage.fund(stage.alice), stage.fund(stage.bob)
    number = stage.agree(stage.agreement(a, b), a, b)
    lose_security(stage, how, stage.alice)
    stage.evm.now = stage.gate
    signed = messages.claim(stage.domain, agreement_id=number, participant_id=stage.alice.id).sign(
        a
    )
    for call in (("buyNotes", [bytes(256)]), ("claim", number, True, signed)):
        with pytest.raises(Reverted) as caught:
            stage.venue.send(*call, sender=stage.alice)
        assert caught.value.name == "NotSecured"
        assert caught.value.arguments == {"key": stage.alice.address}
    # Nothing is lost: escrow and account come back.
    stage.evm.now = stage.decided
    assert stage.refund(number)
    assert stage.book.deals[number].state is State.REFUNDED


def test_an_arbiter_who_lost_user_security_decides_nothing() -> None:
    stage = staged().reset()
    a, b = stage.fund(stage.alice), stage.fund(stage.bob)
    number = stage.agree(stage.agreement(a, b), a, b)
    lose_security(stage, "revoked", stage.carol)
    message = messages.decision(stage.domain, agreement_id=number, outcome=0)  # type: ignore[arg-type]
    signatures = (message.sign(a), b"", stage.carol.address, message.sign(stage.carol.key))
    with pytest.raises(Reverted) as caught:
        stage.venue.send("decide", number, 0, signatures)
    assert caught.value.name == "NotSecured"
    stage.evm.now = stage.decided
    assert stage.refund(number)


def test_nobody_but_the_venue_spends_its_notes() -> None:
    stage = staged().reset()
    bought = stage.note(stage.alice)
    assert stage.buy(stage.alice, [bought])
    signed = stage.sign_waiting(1)
    assert stage.issue(1, [signed])
    signature = stage.unblinded(bought, signed)
    for function, args in (
        ("spend", (bought.account, bought.serial, signature)),
        ("refund", (1,)),
    ):
        with pytest.raises(Reverted) as caught:
            stage.notes.send(function, *args, sender=stage.bob)
        assert caught.value.name in ("NoteForged", "NoteNotWaiting")
    assert stage.redeem(bought, signature)
    stage.check()


def test_a_session_key_buys_notes_up_to_its_limit_only() -> None:
    stage = staged().reset()
    session = stage.evm.account("session")
    scope = {
        "key": session.address,
        "venue": stage.venue.address,
        "expiresAt": stage.evm.now + 3600,
        "limitPerSlot": 1_000_000,
    }
    stage.system.registry.send("openSession", scope, sender=stage.alice)
    stage.evm.now += 1
    with pytest.raises(Reverted) as caught:
        stage.venue.send("buyNotes", [bytes(256)] * 2, sender=session)
    assert caught.value.name == "SessionLimitExceeded"
    stage.venue.send("buyNotes", [bytes(256)], sender=session)
