"""Auction.cancel"""

import brownie

BOUND = 1_000_000


def test_refuses_somebody_without_user_security(venue, slot, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.cancel(slot, {"from": mallory})


def test_refuses_after_gate_closure(venue, committed, slot, times, wait_until, alice):
    wait_until(times.gate)
    with brownie.reverts(f"WrongPhase: {slot}, 2, 1"):
        venue.cancel(slot, {"from": alice})


def test_refuses_what_was_never_committed(venue, committed, ids, slot, carol):
    with brownie.reverts(f"NoCommitment: {slot}, {ids.carol}"):
        venue.cancel(slot, {"from": carol})


def test_gives_the_margin_back_once(venue, book, bid, ids, slot, alice):
    before = venue.marginOf(ids.alice)
    venue.commit(book.commitment(bid), {"from": alice})
    venue.cancel(slot, {"from": alice})
    assert venue.marginOf(ids.alice) == before
    assert venue.orderOf(slot, ids.alice)[0] == 0
    with brownie.reverts(f"NoCommitment: {slot}, {ids.alice}"):
        venue.cancel(slot, {"from": alice})


def test_leaves_room_for_another_order(venue, book, bid, ids, slot, alice):
    venue.commit(book.commitment(bid), {"from": alice})
    venue.cancel(slot, {"from": alice})
    venue.commit(book.commitment(bid, 2 * BOUND), {"from": alice})
    assert venue.boundOf(slot, ids.alice) == 2 * BOUND


def test_says_what_is_free_again(venue, committed, ids, slot, alice):
    sent = venue.cancel(slot, {"from": alice})
    assert dict(sent.events["CommitmentCancelled"]) == {
        "slot": slot,
        "participantId": ids.alice,
        "unbound": BOUND,
    }
