"""Auction.commitMany"""

import brownie

BOUND = 1_000_000


def several(book, bid, count, bound=BOUND):
    return [(book.slot + i, *book.commitment(bid, bound + i)[1:]) for i in range(count)]


def test_refuses_somebody_without_user_security(venue, book, bid, mallory):
    with brownie.reverts(f"NotSecured: {mallory.address.lower()}"):
        venue.commitMany(several(book, bid, 2), {"from": mallory})


def test_refuses_all_if_one_is_refused(venue, book, bid, ids, slot, alice):
    commitments = several(book, bid, 2)
    with brownie.reverts(f"OrderExists: {slot}, {ids.alice}"):
        venue.commitMany([*commitments, commitments[0]], {"from": alice})
    assert venue.boundOf(slot, ids.alice) == 0


def test_holds_the_largest_bound_against_the_limit_of_a_session(
    system, venue, book, bid, actors, alice
):
    session, expiry = actors.others[0], brownie.chain.time() + 3_600
    system.registry.openSession((session, venue, BOUND + 1, expiry), {"from": alice})
    with brownie.reverts(f"SessionLimitExceeded: {BOUND + 1}, {BOUND + 2}"):
        venue.commitMany(several(book, bid, 3)[::-1], {"from": session})
    venue.commitMany(several(book, bid, 2), {"from": session})


def test_takes_none(venue, alice):
    assert len(venue.commitMany([], {"from": alice}).events) == 0


def test_binds_each_in_its_slot(venue, book, bid, ids, slot, alice):
    before = venue.marginOf(ids.alice)
    venue.commitMany(several(book, bid, 3), {"from": alice})
    assert [venue.boundOf(slot + i, ids.alice) for i in range(4)] == [
        BOUND,
        BOUND + 1,
        BOUND + 2,
        0,
    ]
    assert venue.marginOf(ids.alice) == before - 3 * BOUND - 3


def test_says_each(venue, book, bid, slot, alice):
    sent = venue.commitMany(several(book, bid, 2), {"from": alice})
    found = [(event["slot"], event["bound"]) for event in sent.events["OrderCommitted"]]
    assert found == [(slot, BOUND), (slot + 1, BOUND + 1)]
