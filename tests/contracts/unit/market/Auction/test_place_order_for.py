"""Auction.placeOrderFor, of an open auction"""

import brownie
import pytest

from setm import messages


@pytest.fixture(scope="module")
def is_sealed():
    return False


@pytest.fixture(scope="module")
def signed(book, bid, domain, key_of, alice):
    """Return alice's bid as the arguments of placeOrderFor, signed by her unless said otherwise."""

    def build(nonce=0, deadline=2**40, signer=None):
        slot, side, tick, energy_wh = words = book.words(bid)
        message = messages.place_order(
            domain,
            slot=slot,
            side=side,
            tick=tick,
            energy_wh=energy_wh,
            nonce=nonce,
            deadline=deadline,
        )
        return words, alice, nonce, deadline, message.sign(key_of(signer or alice))

    return build


def test_refuses_a_message_after_its_deadline(venue, signed, mallory):
    deadline = brownie.chain.time() - 1
    with brownie.reverts(revert_pattern=rf"MessageExpired: {deadline}, \d+"):
        venue.placeOrderFor(*signed(deadline=deadline), {"from": mallory})


def test_refuses_the_signature_of_another(venue, signed, alice, bob, mallory):
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        venue.placeOrderFor(*signed(signer=bob), {"from": mallory})


@pytest.mark.parametrize("place", range(4))
def test_refuses_any_changed_field(venue, signed, alice, mallory, place):
    words, *rest = signed()
    changed = tuple(int(value) ^ (index == place) for index, value in enumerate(words))
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        venue.placeOrderFor(changed, *rest, {"from": mallory})


def test_refuses_a_message_twice(venue, signed, alice, mallory):
    venue.placeOrderFor(*signed(), {"from": mallory})
    with brownie.reverts(f"InvalidAccountNonce: {alice.address.lower()}, 1"):
        venue.placeOrderFor(*signed(), {"from": mallory})


def test_enters_the_order_of_the_one_who_signed(venue, book, bid, signed, ids, slot, mallory):
    sent = venue.placeOrderFor(*signed(), {"from": mallory})
    assert venue.boundOf(slot, ids.alice) == book.cover(bid)
    assert sent.events["OrdersOpened"]["orders"] == (book.entry(bid, book.cover(bid)),)
