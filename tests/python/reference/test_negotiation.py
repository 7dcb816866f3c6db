"""The reference of the Negotiation venue: turns, expiry, positions and their money."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setm.errors import OrderRefused
from setm.negotiation import (
    MAX_SLOTS,
    RING,
    Book,
    Config,
    Refused,
    State,
    accept,
    add_margin,
    agree,
    bound_by,
    bound_of,
    close,
    collect,
    counter,
    expire,
    offer,
    reject,
    release_margin,
    trade_of,
    view,
    withdraw_offer,
)
from setm.slots import Slot
from setm.types import ParticipantId, Terms, Trade
from setm.units import Price, Wh, payment_down, payment_up

CONFIG = Config(
    gate_lead=1800,
    horizon_seconds=172_800,
    floor_price=Price(30_000),
    cap_price=Price(60_000),
    cover_price=Price(55_500),
    max_energy_wh=Wh(5000),
    slot_seconds=900,
)
NOW = 1_800_000_000
SLOT = Slot(NOW // 900 + 10)
GATE = SLOT * 900 - 1800
ALICE, BOB, CAROL = map(ParticipantId, (2, 3, 4))
TERMS = Terms(first_slot=SLOT, slot_count=2, energy_wh=Wh(333), price=Price(46_001))
# One slot of these terms: 333 Wh at 46.001 EUR/MWh, rounded up and down, and 333 Wh at 9.499 EUR/MWh.
PAYMENT, REVENUE, COVER = 15_319, 15_318, 3_164


@pytest.fixture
def book():
    margins = {ALICE: 100_000, BOB: 100_000, CAROL: 100_000}
    return Book(config=CONFIG, active=frozenset(margins), margins=margins)


def offered(book, *, is_bid=True, terms=TERMS, expires_at=GATE, counterparty=BOB, now=NOW):
    return offer(
        book,
        caller=ALICE,
        counterparty=counterparty,
        is_bid=is_bid,
        terms=terms,
        expires_at=expires_at,
        now=now,
    )


def brought(book, terms=TERMS, *, buyer=ALICE, seller=BOB, digest=b"1", deadline=NOW, now=NOW):
    return agree(
        book,
        buyer_id=buyer,
        seller_id=seller,
        terms=terms,
        digest=digest,
        deadline=deadline,
        now=now,
    )


def refusal(call, *args, **options):
    with pytest.raises(Refused) as caught:
        call(*args, **options)
    return caught.value.name, caught.value.arguments


def test_says_what_is_refused_with_values_and_where_to_read_on(book):
    with pytest.raises(
        OrderRefused, match=r"SelfTrade\(participantId=2\); see docs/errors.md#selftrade"
    ):
        offered(book, counterparty=ALICE)


@pytest.mark.parametrize(
    ("change", "name", "arguments"),
    [
        ({"slot_count": 0}, "SlotCountOutOfRange", {"slotCount": 0, "limit": MAX_SLOTS}),
        ({"slot_count": 97}, "SlotCountOutOfRange", {"slotCount": 97, "limit": MAX_SLOTS}),
        (
            {"first_slot": SLOT + 181, "slot_count": 4},
            "BeyondHorizon",
            {"slot": SLOT + 184, "lastSlot": (NOW + 172_800) // 900},
        ),
        ({"energy_wh": 0}, "EnergyOutOfRange", {"energyWh": 0, "limit": 5000}),
        ({"energy_wh": 5001}, "EnergyOutOfRange", {"energyWh": 5001, "limit": 5000}),
        (
            {"price": 29_999},
            "PriceOutOfBand",
            {"price": 29_999, "floorPrice": 30_000, "capPrice": 60_000},
        ),
        (
            {"price": 60_001},
            "PriceOutOfBand",
            {"price": 60_001, "floorPrice": 30_000, "capPrice": 60_000},
        ),
    ],
)
def test_refuses_terms_out_of_range_on_and_off_chain(book, change, name, arguments):
    terms = replace(TERMS, **change)
    assert refusal(offered, book, terms=terms) == (name, arguments)
    assert refusal(brought, book, terms) == (name, arguments)


def test_refuses_offers_and_agreements_from_gate_closure_on(book):
    expected = "GateClosed", {"slot": SLOT, "gateAt": GATE, "nowAt": GATE}
    assert refusal(offered, book, now=GATE, expires_at=GATE + 1) == expected
    assert refusal(brought, book, now=GATE, deadline=GATE) == expected
    assert brought(book, now=GATE - 1, deadline=GATE)


def test_closes_the_gate_of_the_first_slots_of_time_at_zero():
    assert CONFIG.gate_at(1) == 0


@pytest.mark.parametrize("expires_at", [NOW, GATE + 1])
def test_refuses_an_expiry_in_the_past_or_behind_the_gate(book, expires_at):
    arguments = {"expiresAt": expires_at, "earliest": NOW + 1, "latest": GATE}
    assert refusal(offered, book, expires_at=expires_at) == ("ExpiryOutOfRange", arguments)


def test_refuses_to_negotiate_with_oneself_or_with_somebody_inactive(book):
    assert refusal(offered, book, counterparty=ALICE) == ("SelfTrade", {"participantId": ALICE})
    assert refusal(brought, book, seller=ALICE) == ("SelfTrade", {"participantId": ALICE})
    stranger = ParticipantId(99)
    assert refusal(offered, book, counterparty=stranger) == (
        "PartyInactive",
        {"participantId": stranger},
    )


@pytest.mark.parametrize("is_bid", [True, False])
def test_lets_only_the_other_side_answer_and_only_the_maker_withdraw(book, is_bid):
    book = offered(book, is_bid=is_bid)
    answers = [
        (counter, {"energy_wh": 1, "price": 46_000, "expires_at": GATE}),
        (accept, {"offer_round": 1}),
        (reject, {}),
    ]
    for call, options in answers:
        for caller in (ALICE, CAROL):
            found = refusal(call, book, negotiation_id=1, caller=caller, now=NOW, **options)
            assert found == ("NotYourTurn", {"negotiationId": 1, "participantId": caller})
        assert call(book, negotiation_id=1, caller=BOB, now=NOW, **options)
    found = refusal(withdraw_offer, book, negotiation_id=1, caller=BOB, now=NOW)
    assert found == ("NotYourTurn", {"negotiationId": 1, "participantId": BOB})


@pytest.mark.parametrize("state", [State.AGREED, State.REJECTED, State.WITHDRAWN, State.EXPIRED])
def test_refuses_everything_once_a_negotiation_has_ended(book, state):
    book = offered(book)
    ended = {
        State.AGREED: lambda: accept(book, negotiation_id=1, caller=BOB, offer_round=1, now=NOW),
        State.REJECTED: lambda: reject(book, negotiation_id=1, caller=BOB, now=NOW),
        State.WITHDRAWN: lambda: withdraw_offer(book, negotiation_id=1, caller=ALICE, now=NOW),
        State.EXPIRED: lambda: expire(book, negotiation_id=1, now=GATE),
    }[state]()
    assert view(ended, 1, NOW).state is state
    expected = "NotOpen", {"negotiationId": 1, "found": int(state)}
    assert refusal(expire, ended, negotiation_id=1, now=GATE) == expected
    assert refusal(reject, ended, negotiation_id=1, caller=BOB, now=NOW) == expected


@pytest.mark.parametrize("number", [0, 2])
def test_refuses_an_answer_to_a_negotiation_that_does_not_exist(book, number):
    found = refusal(reject, offered(book), negotiation_id=number, caller=BOB, now=NOW)
    assert found == ("NotOpen", {"negotiationId": number, "found": 0})


def test_refuses_an_answer_from_the_expiry_on(book):
    book = offered(book, expires_at=NOW + 60)
    found = refusal(accept, book, negotiation_id=1, caller=BOB, offer_round=1, now=NOW + 60)
    assert found == ("OfferExpired", {"expiresAt": NOW + 60, "nowAt": NOW + 60})
    assert accept(book, negotiation_id=1, caller=BOB, offer_round=1, now=NOW + 59)


def test_expires_no_offer_before_its_time_and_shows_it_expired_from_then_on(book):
    book = offered(book, expires_at=NOW + 60)
    found = refusal(expire, book, negotiation_id=1, now=NOW + 59)
    assert found == ("NotExpired", {"expiresAt": NOW + 60, "nowAt": NOW + 59})
    assert view(book, 1, NOW + 59).state is State.OPEN
    assert view(book, 1, NOW + 60).state is State.EXPIRED


def test_refuses_to_accept_another_round_than_the_last(book):
    book = counter(
        offered(book),
        negotiation_id=1,
        caller=BOB,
        energy_wh=300,
        price=50_000,
        expires_at=GATE,
        now=NOW,
    )
    found = refusal(accept, book, negotiation_id=1, caller=ALICE, offer_round=1, now=NOW)
    assert found == ("RoundMismatch", {"expected": 1, "found": 2})


def test_refuses_the_offer_of_somebody_who_is_no_longer_active(book):
    left = replace(offered(book), active=frozenset([BOB, CAROL]))
    found = refusal(accept, left, negotiation_id=1, caller=BOB, offer_round=1, now=NOW)
    assert found == ("PartyInactive", {"participantId": ALICE})


def test_refuses_an_agreement_after_its_deadline_and_a_second_time(book):
    found = refusal(brought, book, deadline=NOW - 1)
    assert found == ("OfferExpired", {"expiresAt": NOW - 1, "nowAt": NOW})
    once = brought(book)
    assert refusal(brought, once) == ("AgreementUsed", {"digest": "0x31"})
    assert brought(once, digest=b"2")


@pytest.mark.parametrize(("short", "needed"), [(ALICE, 2 * PAYMENT), (BOB, 2 * COVER)])
def test_refuses_what_a_side_cannot_cover_in_all_slots(book, short, needed):
    poor = release_margin(book, short, 100_000 - needed + 1)
    found = refusal(brought, poor)
    expected = {"participantId": short, "needed": needed, "available": needed - 1}
    assert found == ("NotCovered", expected)
    assert brought(add_margin(poor, short, 1)).margin_of(short) == 0


def test_counts_rounds_and_turns_and_keeps_the_slots(book):
    book = counter(
        offered(book),
        negotiation_id=1,
        caller=BOB,
        energy_wh=300,
        price=50_000,
        expires_at=GATE,
        now=NOW,
    )
    talk = view(book, 1, NOW)
    assert (talk.round, talk.buyer_moved, talk.turn_id()) == (2, False, ALICE)
    assert talk.terms == replace(TERMS, energy_wh=Wh(300), price=Price(50_000))


def test_binds_both_sides_for_every_slot(book):
    book = accept(offered(book), negotiation_id=1, caller=BOB, offer_round=1, now=NOW)
    for slot in (SLOT, SLOT + 1):
        assert (bound_of(book, slot, ALICE), bound_of(book, slot, BOB)) == (PAYMENT, COVER)
    assert bound_of(book, SLOT + 2, ALICE) == 0
    assert book.margin_of(ALICE) == 100_000 - 2 * PAYMENT
    assert book.margin_of(BOB) == 100_000 - 2 * COVER


def test_needs_no_cover_above_the_cover_price():
    assert bound_by(CONFIG, is_buyer=False, energy_wh=1000, price=60_000) == 0


def test_adds_up_agreements_each_rounded_by_itself(book):
    one = Terms(first_slot=SLOT, slot_count=1, energy_wh=Wh(1), price=Price(46_001))
    for number in range(3):
        book = brought(book, one, digest=bytes([number]))
    book = brought(book, one, buyer=CAROL, seller=ALICE, digest=b"sold")
    assert trade_of(book, SLOT, ALICE, GATE) == Trade(
        bought_wh=Wh(3), sold_wh=Wh(1), payment=3 * 47, revenue=46
    )
    assert bound_of(book, SLOT, ALICE) == 3 * 47 + 10


def test_keeps_the_outcome_open_until_gate_closure(book):
    book = brought(book)
    expected = "OutcomeOpen", {"slot": SLOT}
    assert refusal(collect, book, SLOT, [ALICE], GATE - 1) == expected
    assert refusal(close, book, SLOT, ALICE, GATE - 1) == expected
    assert refusal(trade_of, book, SLOT, ALICE, GATE - 1) == expected
    assert trade_of(book, SLOT, ALICE, GATE).payment == PAYMENT


def test_pays_no_seller_before_enough_buyers_are_collected(book):
    book = brought(book)
    expected = {"slot": SLOT, "needed": REVENUE, "available": 0}
    assert refusal(close, book, SLOT, BOB, GATE) == ("SlotPoolTooLow", expected)


def test_hands_revenue_and_cover_to_settlement_once_and_leaves_the_dust(book):
    book = collect(brought(book), SLOT, [ALICE, ALICE, CAROL], GATE)
    assert book.pools == {SLOT: PAYMENT}
    assert (bound_of(book, SLOT, ALICE), bound_of(book, SLOT, BOB)) == (0, COVER)
    book, closing = close(book, SLOT, BOB, GATE)
    assert closing == (0, 333, REVENUE + COVER)
    assert close(book, SLOT, BOB, GATE) == (book, (0, 0, 0))
    book, closing = close(book, SLOT, ALICE, GATE)
    assert closing == (333, 0, 0)
    assert book.pools == {SLOT: PAYMENT - REVENUE}


def test_never_overwrites_an_unfinished_slot_that_shares_its_place(book):
    book = brought(book)
    later = replace(TERMS, first_slot=Slot(SLOT + RING), slot_count=1)
    now = NOW + RING * 900
    found = refusal(brought, book, later, digest=b"2", deadline=now, now=now)
    assert found == ("EarlierSlotOpen", {"earlierSlot": SLOT})
    book, _ = close(book, SLOT, ALICE, now)
    book, _ = close(book, SLOT, BOB, now)
    book = brought(book, later, digest=b"2", deadline=now, now=now)
    assert bound_of(book, SLOT + RING, ALICE) == PAYMENT
    assert bound_of(book, SLOT, ALICE) == 0


@pytest.mark.parametrize(("energy_wh", "price"), [(2**32 - 1, 0), (2**31, 131_071_999)])
def test_refuses_what_no_longer_fits_a_position(energy_wh, price):
    """2^40 Wh at no price, and 2^48 units of money."""
    free = replace(
        CONFIG,
        floor_price=Price(0),
        cap_price=Price(2**31),
        cover_price=Price(0),
        max_energy_wh=Wh(2**32 - 1),
    )
    book = Book(config=free, margins={ALICE: 2**60, BOB: 2**60})
    terms = Terms(first_slot=SLOT, slot_count=1, energy_wh=Wh(energy_wh), price=Price(price))
    fitting = 256 if price == 0 else 1
    for number in range(fitting):
        book = brought(book, terms, digest=number.to_bytes(32, "big"))
    found = refusal(brought, book, terms, digest=b"last")
    assert found == ("PositionFull", {"slot": SLOT, "participantId": ALICE})


@settings(deadline=None)
@given(
    agreements=st.lists(
        st.tuples(
            st.permutations([ALICE, BOB, CAROL]),
            st.integers(1, 5000),
            st.integers(30_000, 60_000),
        ),
        max_size=12,
    )
)
def test_creates_no_money_and_less_than_a_unit_of_dust_for_each_agreement(agreements):
    people = (ALICE, BOB, CAROL)
    book = Book(config=CONFIG, active=frozenset(people), margins=dict.fromkeys(people, 10**8))
    for number, (pair, energy_wh, price) in enumerate(agreements):
        terms = Terms(first_slot=SLOT, slot_count=1, energy_wh=Wh(energy_wh), price=Price(price))
        digest = number.to_bytes(32, "big")
        book = brought(book, terms, buyer=pair[0], seller=pair[1], digest=digest)
    book = collect(book, SLOT, people, GATE)
    handed = 0
    for person in people:
        book, (_, _, credit) = close(book, SLOT, person, GATE)
        handed += credit
    pool = book.pools.get(SLOT, 0)
    assert sum(book.margins.values()) + handed + pool == 3 * 10**8
    assert 0 <= pool <= len(agreements)
    paid = sum(payment_up(energy_wh, price) for _, energy_wh, price in agreements)
    earned = sum(payment_down(energy_wh, price) for _, energy_wh, price in agreements)
    assert pool == paid - earned
