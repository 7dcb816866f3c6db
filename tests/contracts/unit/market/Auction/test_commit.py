"""Auction.commit"""

import brownie

BOUND = 1_000_000


def test_refuses_somebody_without_user_security(venue, book, bid, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.commit(book.commitment(bid), {"from": mallory})


def test_refuses_after_gate_closure(venue, book, bid, slot, times, wait_until, alice):
    wait_until(times.gate)
    with brownie.reverts(f"WrongPhase: {slot}, 2, 1"):
        venue.commit(book.commitment(bid), {"from": alice})


def test_refuses_a_slot_beyond_the_horizon(venue, book, bid, slot, alice):
    far = slot + 1_000
    with brownie.reverts(f"WrongPhase: {far}, 0, 1"):
        venue.commit((far, *book.commitment(bid)[1:]), {"from": alice})


def test_refuses_less_than_the_bond(venue, book, bid, rules, alice):
    with brownie.reverts(f"BondTooLow: {rules.bond}, {rules.bond - 1}"):
        venue.commit(book.commitment(bid, rules.bond - 1), {"from": alice})


def test_refuses_a_digest_with_something_in_its_lower_72_bits(venue, book, bid, alice):
    digest = bytes(23) + b"\1" + bytes(8)
    with brownie.reverts(f"DigestMalformed: {digest!r}"):
        venue.commit((*book.commitment(bid)[:3], digest), {"from": alice})


def test_refuses_a_second_order_in_the_slot(venue, book, bid, ids, slot, alice):
    venue.commit(book.commitment(bid), {"from": alice})
    with brownie.reverts(f"OrderExists: {slot}, {ids.alice}"):
        venue.commit(book.commitment(bid), {"from": alice})


def test_refuses_what_the_margin_does_not_cover(venue, book, bid, ids, alice):
    margin = venue.marginOf(ids.alice)
    with brownie.reverts(f"NotCovered: {ids.alice}, {margin + 1}, {margin}"):
        venue.commit(book.commitment(bid, margin + 1), {"from": alice})


def test_binds_margin_and_keeps_the_commitment(venue, book, bid, ids, slot, alice):
    before = venue.marginOf(ids.alice)
    venue.commit(book.commitment(bid), {"from": alice})
    assert venue.marginOf(ids.alice) == before - BOUND
    assert venue.boundOf(slot, ids.alice) == BOUND
    state, side, bound, *rest, digest = venue.orderOf(slot, ids.alice)
    assert (state, side, bound, rest) == (1, bid.side, BOUND, [0, 0, 0])
    assert bytes(digest) == book.digest(bid)


def test_binds_the_whole_margin_if_asked(venue, book, bid, ids, alice):
    venue.commit(book.commitment(bid, venue.marginOf(ids.alice)), {"from": alice})
    assert venue.marginOf(ids.alice) == 0


def test_takes_a_session_key_within_its_limit(system, venue, book, bid, ids, actors, alice):
    session = actors.others[0]
    expiry = brownie.chain.time() + 3_600
    system.registry.openSession((session, venue, BOUND, expiry), {"from": alice})
    with brownie.reverts(f"SessionLimitExceeded: {BOUND}, {BOUND + 1}"):
        venue.commit(book.commitment(bid, BOUND + 1), {"from": session})
    venue.commit(book.commitment(bid), {"from": session})
    assert venue.boundOf(book.slot, ids.alice) == BOUND


def test_says_who_committed_what(venue, book, ask, ids, slot, bob):
    sent = venue.commit(book.commitment(ask), {"from": bob})
    assert dict(sent.events["OrderCommitted"]) == {
        "slot": slot,
        "participantId": ids.bob,
        "side": ask.side,
        "bound": BOUND,
        "digest": "0x" + book.digest(ask).hex(),
    }
