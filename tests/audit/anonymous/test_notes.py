"""Notes: paid by name, signed blindly, redeemed without a name; never more than was paid."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from setm.anonymous import book as ref
from setm.anonymous.accounts import note
from setm.anonymous.notes import issuer_key, to_bytes
from setm.errors import ConfigError, Reverted
from setm.evm import default_config, deploy_system
from setm.evm.machine import Evm
from tests.audit.anonymous.stage import ISSUE_SECONDS, MARGIN, NOTE, VENUE, Stage, issuer, staged


@pytest.fixture
def stage() -> Stage:
    return staged().reset()


def refusal(stage: Stage, function: str, *args: object, sender: object = None) -> tuple[str, dict]:  # type: ignore[type-arg]
    with pytest.raises(Reverted) as caught:
        stage.venue.send(function, *args, **({"sender": sender} if sender else {}))
    return caught.value.name, caught.value.arguments


def test_a_note_goes_from_margin_to_a_one_time_account(stage: Stage) -> None:
    account = stage.fund(stage.alice, count=3)
    assert stage.venue.accountBalance(account) == 3 * NOTE
    assert stage.venue.marginOf(stage.alice.id) == MARGIN - 3 * NOTE
    assert stage.house.poolOf(stage.venue) == 3 * NOTE
    stage.check()


def test_every_sale_explains_every_note_equally_well(stage: Stage) -> None:
    """For each pair there is a blinding factor that makes one of the other: what the issuer saw tells nothing."""
    key = issuer().public
    seen = [stage.note(person).blinded(key) for person in stage.people.values()]
    for person in stage.people.values():
        number = stage.note(person).number
        for blinded in seen:
            factor = issuer().sign(blinded * pow(number, -1, key.modulus) % key.modulus)
            assert key.blinded(number, factor) == blinded


def test_only_who_is_identified_buys_notes(stage: Stage) -> None:
    mallory = stage.evm.account("mallory")
    found = refusal(stage, "buyNotes", [bytes(256)], sender=mallory)
    assert found == ("NotSecured", {"key": mallory.address})


def test_nobody_buys_more_notes_than_its_margin_covers(stage: Stage) -> None:
    stage.venue.send("releaseMargin", MARGIN - 1, sender=stage.alice)
    found = refusal(stage, "buyNotes", [bytes(256)], sender=stage.alice)
    values = {"participantId": stage.alice.id, "needed": NOTE, "available": 1}
    assert found == ("NotCovered", values)


@pytest.mark.parametrize("count", [0, 17])
def test_refuses_a_count_of_notes_outside_the_limit(stage: Stage, count: int) -> None:
    found = refusal(stage, "buyNotes", [bytes(256)] * count, sender=stage.alice)
    assert found == ("NoteCountOutOfRange", {"count": count, "limit": ref.MAX_NOTES})
    assert not stage.buy_raw(stage.alice, [bytes(256)] * count)
    assert not stage.issue(1, [bytes(256)] * count)


def test_refuses_a_number_that_is_no_number_of_the_key(stage: Stage) -> None:
    modulus = issuer().public.modulus
    for bad in (b"", bytes(255), bytes(257), to_bytes(modulus), b"\xff" * 256):
        assert not stage.buy_raw(stage.alice, [bad])
    assert stage.buy_raw(stage.alice, [to_bytes(modulus - 1)])
    stage.check()


def test_the_issuer_can_neither_cheat_nor_sign_twice(stage: Stage) -> None:
    assert stage.buy(stage.alice, [stage.note(stage.alice)])
    right = stage.sign_waiting(1)
    wrong = to_bytes(issuer().sign(12345))
    with pytest.raises(Reverted) as caught:
        stage.notes.send("issue", stage.venue, 1, [wrong])
    signed = to_bytes(issuer().public.opened(int.from_bytes(wrong, "big")))
    assert caught.value.name == "NoteForged"
    assert caught.value.arguments == {"noteHash": bytes(keccak(signed))}
    assert not stage.issue(1, [wrong])
    assert not stage.issue(2, [right])
    assert stage.issue(1, [right])
    assert not stage.issue(1, [right])
    stage.check()


def test_one_bad_signature_refuses_the_whole_batch(stage: Stage) -> None:
    assert stage.buy(stage.alice, [stage.note(stage.alice, 0, n) for n in range(2)])
    assert not stage.issue(1, [stage.sign_waiting(1), stage.sign_waiting(1)])
    assert stage.notes.countsOf(stage.venue).issued == 0
    assert stage.issue(1, [stage.sign_waiting(1), stage.sign_waiting(2)])


def test_a_note_that_is_not_issued_in_time_is_paid_back_by_anybody(stage: Stage) -> None:
    assert stage.buy(stage.alice, [stage.note(stage.alice)])
    signature = stage.sign_waiting(1)
    until = stage.evm.now + ISSUE_SECONDS
    stage.evm.now = until - 1
    found = refusal(stage, "refundNote", 1)
    values = {"noteId": 1, "refundableFrom": until, "nowAt": until - 1}
    assert found == ("NoteStillOpen", values)
    stage.evm.now = until
    assert stage.refund_note(1)
    assert stage.venue.marginOf(stage.alice.id) == MARGIN
    assert not stage.refund_note(1)
    assert not stage.issue(1, [signature])
    stage.check()


def test_a_refund_is_told_with_the_note_and_its_buyer(stage: Stage) -> None:
    assert stage.buy(stage.alice, [stage.note(stage.alice)])
    stage.evm.now += ISSUE_SECONDS
    told = stage.venue.send("refundNote", 1).only("NoteRefunded")
    assert told == {"venue": stage.venue.address, "noteId": 1, "participantId": stage.alice.id}


def test_a_note_is_redeemed_once_and_for_its_own_account_only(stage: Stage) -> None:
    bought = stage.note(stage.alice)
    assert stage.buy(stage.alice, [bought])
    signed = stage.sign_waiting(1)
    assert stage.issue(1, [signed])
    signature = stage.unblinded(bought, signed)
    mallory = stage.account(stage.bob, 5).address
    hashed = stage.notes.noteHashOf(stage.venue, mallory, bought.serial)
    found = refusal(stage, "redeem", mallory, bought.serial, signature)
    assert found == ("NoteForged", {"noteHash": hashed})
    # What the issuer signed is not what counts: only unblinded it is a note.
    assert not stage.redeem(bought, signed)
    assert stage.redeem(bought, signature)
    assert not stage.redeem(bought, signature)
    found = refusal(stage, "redeem", bought.account, bought.serial, signature)
    hashed = stage.notes.noteHashOf(stage.venue, bought.account, bought.serial)
    assert found == ("NoteSpent", {"noteHash": hashed})
    stage.check()


def test_a_note_of_another_venue_is_worth_nothing_here(stage: Stage) -> None:
    bought = stage.note(stage.alice)
    stage.notes.send("sell", 1, [to_bytes(bought.blinded(issuer().public))], sender=stage.bob)
    other = stage.notes.countsOf(stage.bob)
    assert (other.sold, stage.notes.countsOf(stage.venue).sold) == (1, 0)
    signature = to_bytes(issuer().sign(bought.number))
    assert not stage.redeem(bought, signature)
    found = refusal(stage, "redeem", bought.account, bought.serial, signature)
    assert found == ("NoteNotBacked", {"issued": 0})


def test_never_more_is_redeemed_than_was_issued_even_if_the_issuer_forges(stage: Stage) -> None:
    stage.fund(stage.alice)
    forged = stage.note(stage.bob)
    signature = to_bytes(issuer().sign(forged.number))
    assert not stage.redeem(forged, signature)
    assert refusal(stage, "redeem", forged.account, forged.serial, signature) == (
        "NoteNotBacked",
        {"issued": 1},
    )
    stage.check()


def test_the_key_of_a_participant_is_no_one_time_account(stage: Stage) -> None:
    found = refusal(stage, "redeem", stage.bob.address, bytes(32), bytes(256))
    assert found == ("AccountKnown", {"account": stage.bob.address})


@pytest.mark.parametrize("modulus", ["0x", "0x" + "7f" * 256, "0x" + "ff" * 255 + "fe"])
def test_refuses_a_modulus_that_is_no_odd_number_of_2048_bits(modulus: str) -> None:
    with pytest.raises(Reverted) as caught:
        Evm().deploy("NoteBook", modulus, 1)
    assert (caught.value.name, caught.value.arguments) == ("NoteKeyRefused", {"field": "modulus"})


def test_refuses_an_issuer_without_time() -> None:
    with pytest.raises(Reverted) as caught:
        Evm().deploy("NoteBook", "0x" + "ff" * 256, 0)
    assert caught.value.arguments == {"field": "issueSeconds"}


def test_the_modulus_on_chain_is_the_one_deployed(stage: Stage) -> None:
    assert stage.notes.modulus() == to_bytes(issuer().public.modulus)
    assert stage.notes.issueSeconds() == ISSUE_SECONDS
    assert stage.venue.noteBook() == stage.notes.address


def test_notes_are_derived_again_after_a_restart(stage: Stage) -> None:
    again = note(bytes(keccak(text="secret of alice")), stage.place, issuer().public, 0, 0)
    assert again == stage.note(stage.alice)
    assert issuer_key(b"tests") == issuer()


def test_an_anonymous_venue_needs_its_notes() -> None:
    with pytest.raises(ConfigError, match="notes"):
        deploy_system(Evm(), default_config(anonymous=VENUE))
