"""Envelopes: one length, one reader, and a clear word for whoever is not it."""

import ecies
import pytest
from eth_account import Account

from setm.anonymous import messages
from setm.anonymous.envelopes import (
    ENVELOPE_BYTES,
    TEXT_BYTES,
    Kind,
    Text,
    opened,
    public_key,
    public_key_of,
    read,
    seal,
    text_from,
)
from setm.errors import MessageUnreadable, OrderRefused
from setm.messages import Domain

ALICE, BOB, MALLORY = (Account.from_key(bytes([i]) * 32) for i in (1, 2, 3))


def text(**changes):
    values = {
        "kind": Kind.OFFER,
        "account": ALICE.address,
        "slot": 2_000_000,
        "energy_wh": 500,
        "price": 46_100,
        "round": 1,
        "expires_at": 1_800_000_000,
        "arbiter_id": 1,
        "salt": 7,
        "deadline": 1_800_000_000,
    }
    return Text(**{**values, **changes})


@pytest.mark.parametrize("size", [0, 1, 100, TEXT_BYTES - 2])
def test_every_envelope_has_one_length(size):
    envelope = seal(ALICE, 0, public_key(BOB), b"x" * size)
    assert len(envelope) == ENVELOPE_BYTES
    assert opened(BOB, envelope) == b"x" * size


def test_the_library_opens_what_we_seal_and_we_open_what_it_seals():
    assert ecies.decrypt(bytes(BOB.key), seal(ALICE, 0, public_key(BOB), b"hi"))[2:4] == b"hi"
    padded = (2).to_bytes(2, "big") + b"hi" + bytes(TEXT_BYTES - 4)
    assert opened(BOB, ecies.encrypt(b"\x04" + public_key(BOB), padded)) == b"hi"


def test_a_sender_that_starts_again_says_the_same_bytes_and_nothing_twice():
    first = seal(ALICE, 0, public_key(BOB), b"hi")
    assert seal(ALICE, 0, public_key(BOB), b"hi") == first
    others = (
        seal(ALICE, 1, public_key(BOB), b"hi"),
        seal(ALICE, 0, public_key(MALLORY), b"hi"),
        seal(ALICE, 0, public_key(BOB), b"ho"),
        seal(MALLORY, 0, public_key(BOB), b"hi"),
    )
    assert len({first[:65], *(other[:65] for other in others)}) == 5


def test_a_message_that_fails_to_decrypt_says_for_whom_it_is_not():
    envelope = seal(ALICE, 0, public_key(BOB), b"hi")
    with pytest.raises(MessageUnreadable, match=MALLORY.address):
        opened(MALLORY, envelope)


@pytest.mark.parametrize("place", [0, 1, 40, 65, 80, 81, 97, 200, ENVELOPE_BYTES - 1])
def test_a_message_with_one_bit_changed_is_refused(place):
    envelope = bytearray(seal(ALICE, 0, public_key(BOB), b"hi"))
    envelope[place] ^= 1
    with pytest.raises(MessageUnreadable):
        opened(BOB, bytes(envelope))


@pytest.mark.parametrize("length", [0, ENVELOPE_BYTES - 1, ENVELOPE_BYTES + 1])
def test_a_message_of_another_length_is_refused(length):
    with pytest.raises(MessageUnreadable, match=str(length)):
        opened(BOB, bytes(length))


@pytest.mark.parametrize(
    "padded",
    [b"\xff\xff" + bytes(254), (255).to_bytes(2, "big") + bytes(254), b"\x00\x01" + b"\x01" * 254],
)
def test_padding_that_hides_something_is_refused(padded):
    with pytest.raises(MessageUnreadable, match="padding"):
        opened(BOB, ecies.encrypt(b"\x04" + public_key(BOB), padded))


def test_a_text_that_is_too_long_is_refused():
    with pytest.raises(OrderRefused, match="255"):
        seal(ALICE, 0, public_key(BOB), b"x" * (TEXT_BYTES - 1))


@pytest.mark.parametrize("signature", [b"", b"s" * 65])
def test_a_text_comes_back_as_it_was(signature):
    said = text(signature=signature, salt=2**256 - 1)
    envelope = seal(ALICE, 0, public_key(BOB), said.to_bytes())
    assert read(BOB, ALICE.address, envelope) == said


def test_a_copied_message_is_refused():
    envelope = seal(ALICE, 0, public_key(BOB), text().to_bytes())
    with pytest.raises(MessageUnreadable, match="copy"):
        read(BOB, MALLORY.address, envelope)


@pytest.mark.parametrize(
    "data", [b"", b"\x01" * 83, b"\x01" * 85, b"\x00" * 84, b"\x09" + bytes(83)]
)
def test_a_text_that_is_none_is_refused(data):
    with pytest.raises(MessageUnreadable):
        text_from(data)


def test_whoever_has_spoken_can_be_written_to():
    domain = Domain(chain_id=1, contract=BOB.address)
    said = messages.broadcast(domain, envelope=bytes(353), nonce=0, deadline=1)
    found = public_key_of(said.digest(), said.sign(ALICE))
    assert found == public_key(ALICE)
    assert opened(ALICE, seal(BOB, 0, found, b"hi")) == b"hi"
