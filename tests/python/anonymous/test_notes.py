"""Blind signatures, derived accounts and notes without a chain."""

import pytest

from setm.anonymous.accounts import note, one_time_account
from setm.anonymous.notes import (
    KEY_BITS,
    IssuerKey,
    NoteKey,
    NotePlace,
    domain_number,
    issuer_key,
    note_hash,
    to_bytes,
)
from setm.errors import ConfigError, NotSecured, OrderRefused

BOOK, VENUE = "0x" + "11" * 20, "0x" + "22" * 20
PLACE = NotePlace(chain_id=1337, book=BOOK, venue=VENUE)
SECRET = b"s" * 32


@pytest.fixture(scope="module")
def issuer():
    return issuer_key(b"python tests")


def test_a_blind_signature_becomes_the_signature_of_the_note(issuer):
    bought = note(SECRET, PLACE, issuer.public, 0, 0)
    blind = issuer.sign(bought.blinded(issuer.public))
    signature = issuer.public.unblinded(blind, bought.factor, bought.number)
    assert issuer.public.opened(signature) == bought.number
    assert signature == pow(bought.number, issuer.exponent, issuer.public.modulus)


def test_an_answer_that_is_no_signature_is_refused(issuer):
    bought = note(SECRET, PLACE, issuer.public, 0, 0)
    with pytest.raises(NotSecured, match="paid back"):
        issuer.public.unblinded(12345, bought.factor, bought.number)


def test_signing_is_blinded_and_always_comes_to_the_same(issuer):
    assert issuer.sign(777) == issuer.sign(777) == pow(777, issuer.exponent, issuer.public.modulus)


def test_the_domain_is_all_but_one_bit_of_the_key():
    numbers = [domain_number(bytes([i]) * 32) for i in range(200)]
    assert max(numbers).bit_length() == KEY_BITS - 1
    assert len(set(numbers)) == 200
    assert all(len(to_bytes(number)) == 256 for number in numbers)


def test_a_note_counts_in_one_place_for_one_account_only():
    account = one_time_account(SECRET, PLACE, 0).address
    hashes = {
        note_hash(NotePlace(chain_id=chain, book=book, venue=venue), holder, serial)
        for chain in (1, 2)
        for book in (BOOK, VENUE)
        for venue in (BOOK, VENUE)
        for holder in (account, BOOK)
        for serial in (bytes(32), b"\x01" * 32)
    }
    assert len(hashes) == 32


def test_accounts_and_notes_come_from_the_secret_alone(issuer):
    again = one_time_account(SECRET, PLACE, 3)
    assert again == one_time_account(SECRET, PLACE, 3)
    assert note(SECRET, PLACE, issuer.public, 3, 1) == note(SECRET, PLACE, issuer.public, 3, 1)
    others = {
        one_time_account(secret, place, index).address
        for secret in (SECRET, b"t" * 32)
        for place in (PLACE, NotePlace(chain_id=1, book=BOOK, venue=VENUE))
        for index in range(50)
    }
    assert len(others) == 200
    serials = {note(SECRET, PLACE, issuer.public, 0, number).serial for number in range(9)}
    assert len(serials) == 9


def test_a_short_secret_is_refused():
    with pytest.raises(OrderRefused, match="31 bytes"):
        one_time_account(b"s" * 31, PLACE, 0)


@pytest.mark.parametrize("modulus", [0, 2**2047, 2**2048 + 1, 2**2046 + 1])
def test_a_modulus_is_odd_and_has_2048_bits(modulus):
    with pytest.raises(ConfigError, match="2048"):
        NoteKey(modulus=modulus)


def test_a_secret_key_does_not_show_itself(issuer):
    assert isinstance(issuer, IssuerKey)
    assert str(issuer.exponent) not in repr(issuer)


def test_equal_seeds_give_equal_keys(issuer):
    assert issuer_key(b"python tests") == issuer
