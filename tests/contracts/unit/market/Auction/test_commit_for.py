"""Auction.commitFor"""

import brownie
import pytest

from setm import messages

BOUND = 1_000_000


@pytest.fixture(scope="module")
def signed(book, bid, domain, key_of, alice):
    """Return alice's bid as the arguments of commitFor, signed by her unless said otherwise."""

    def build(nonce=0, deadline=2**40, signer=None, bound=BOUND):
        slot, side, _, digest = book.commitment(bid)
        message = messages.commit(
            domain, slot=slot, side=side, bound=bound, digest=digest, nonce=nonce, deadline=deadline
        )
        signature = message.sign(key_of(signer or alice))
        return (slot, side, bound, digest), alice, nonce, deadline, signature

    return build


def test_refuses_a_message_after_its_deadline(venue, signed, mallory):
    deadline = brownie.chain.time() - 1
    with brownie.reverts(revert_pattern=rf"MessageExpired: {deadline}, \d+"):
        venue.commitFor(*signed(deadline=deadline), {"from": mallory})


def test_refuses_the_signature_of_another(venue, signed, alice, bob, mallory):
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        venue.commitFor(*signed(signer=bob), {"from": mallory})


def test_refuses_a_changed_bound(venue, signed, alice, mallory):
    (slot, side, _, digest), *rest = signed()
    with brownie.reverts(f"ForgedSignature: {alice.address.lower()}"):
        venue.commitFor((slot, side, BOUND + 1, digest), *rest, {"from": mallory})


def test_refuses_a_message_twice_even_if_the_order_is_gone(venue, signed, slot, alice, mallory):
    venue.commitFor(*signed(), {"from": mallory})
    venue.cancel(slot, {"from": alice})
    with brownie.reverts(f"InvalidAccountNonce: {alice.address.lower()}, 1"):
        venue.commitFor(*signed(), {"from": mallory})


def test_refuses_a_key_that_was_revoked(system, venue, signed, ids, alice, authority, mallory):
    system.registry.revoke(ids.alice, {"from": authority})
    with brownie.reverts(f"NotSecured: {alice.address.lower()}"):
        venue.commitFor(*signed(), {"from": mallory})


def test_enters_the_order_of_the_one_who_signed(venue, signed, ids, slot, mallory):
    sent = venue.commitFor(*signed(), {"from": mallory})
    assert venue.boundOf(slot, ids.alice) == BOUND
    assert sent.events["OrderCommitted"]["participantId"] == ids.alice
