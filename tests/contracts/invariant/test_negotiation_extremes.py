"""Positions at the edges of their word: sums of the largest agreements equal the reference, field by field."""

from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from setm import messages
from setm import negotiation as reference
from setm.evm import Evm, Reverted, default_config, deploy_system
from setm.slots import Slot
from setm.types import Kind, Terms
from setm.units import Price, Wh

CONFIG = {
    "floor_price": 0,
    "cap_price": 65_535_000,
    "max_energy_wh": 2**32 - 1,
}
MARGIN = 2**58


@pytest.fixture(autouse=True)
def isolation():
    """These tests use no chain: there is none to reset."""


@cache
def stage(cover_price=65_535_000):
    evm = Evm()
    config = default_config(
        negotiation={**CONFIG, "cover_price": cover_price},
        # A venue covers the feed-in price at least.
        settlement={"feed_in_price": min(30_000, cover_price)},
    )
    system = deploy_system(evm, config)
    people = [system.enrol(name, Kind.PROSUMER) for name in ("alice", "bob")]
    for person in people:
        system.fund(person, system.negotiation, MARGIN)
    return evm, system, people


@pytest.fixture(params=[65_535_000])
def town(request):
    evm, system, people = stage(request.param)
    mark = evm.snapshot()
    yield evm, system, people
    evm.revert(mark)


def agree(town, book, *, first_buys, energy_wh, price, salt):
    """Bring one agreement to the chain and to the reference; return the book or both refusals."""
    evm, system, people = town
    buyer, seller = people if first_buys else reversed(people)
    slot = Slot(evm.now // 900 + 4)
    terms = Terms(first_slot=slot, slot_count=1, energy_wh=Wh(energy_wh), price=Price(price))
    message = messages.agreement(
        system.domain(system.negotiation),
        buyer_id=buyer.id,
        seller_id=seller.id,
        terms=terms,
        salt=salt,
        deadline=evm.now,
    )
    expected = found = None
    try:
        book = reference.agree(
            book,
            buyer_id=buyer.id,
            seller_id=seller.id,
            terms=terms,
            digest=message.digest(),
            deadline=evm.now,
            now=evm.now,
        )
    except reference.Refused as refusal:
        expected = (refusal.name, refusal.arguments)
    values = tuple(message.values.values())
    signatures = message.sign(buyer.key), message.sign(seller.key)
    try:
        system.negotiation.agree(values, buyer, signatures[0], seller, signatures[1])
    except Reverted as refusal:
        found = (refusal.name, refusal.arguments)
    assert found == expected
    return book, expected


def empty_book(town):
    _, system, people = town
    config = reference.Config(**system.config["negotiation"], slot_seconds=900)
    ids = [person.id for person in people]
    return reference.Book(config=config, margins=dict.fromkeys(ids, MARGIN))


def check(town, book):
    evm, system, people = town
    slot = Slot(evm.now // 900 + 4)
    with evm.undone():
        evm.now = book.config.gate_at(slot)
        for person in people:
            expected = reference.trade_of(book, slot, person.id, evm.now)
            found = system.negotiation.tradeOf(slot, person.id)
            assert tuple(found) == (
                expected.bought_wh,
                expected.sold_wh,
                expected.payment,
                expected.revenue,
            )
            bound = reference.bound_of(book, slot, person.id)
            assert system.negotiation.boundOf(slot, person.id) == bound
            assert system.negotiation.marginOf(person.id) == book.margin_of(person.id)


ENERGY = st.one_of(st.integers(1, 2**32 - 1), st.sampled_from([1, 2**31, 2**32 - 1]))
PRICE = st.one_of(st.integers(0, 65_535_000), st.sampled_from([0, 1, 999, 1000, 65_535_000]))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(agreements=st.lists(st.tuples(st.booleans(), ENERGY, PRICE), min_size=1, max_size=6))
@example(agreements=[(True, 2**32 - 1, 65_535_000), (True, 1, 65_535_000), (True, 1, 66_000)])
@example(agreements=[(False, 2**32 - 1, 0), (False, 2**32 - 1, 0), (True, 2**32 - 1, 65_535_000)])
def test_adds_up_and_refuses_as_the_reference_does(agreements):
    evm, system, people = stage()
    mark = evm.snapshot()
    try:
        town = evm, system, people
        book = empty_book(town)
        for salt, (first_buys, energy_wh, price) in enumerate(agreements):
            book, _ = agree(
                town, book, first_buys=first_buys, energy_wh=energy_wh, price=price, salt=salt
            )
            check(town, book)
    finally:
        evm.revert(mark)


@pytest.mark.parametrize("town", [0], indirect=True)
def test_refuses_more_energy_than_a_position_holds(town):
    book = empty_book(town)
    terms = {"first_buys": True, "energy_wh": 2**32 - 1, "price": 0}
    for salt in range(256):
        book, refused = agree(town, book, salt=salt, **terms)
        assert refused is None
    check(town, book)
    _, (name, _) = agree(town, book, salt=256, **terms)
    assert name == "PositionFull"


def test_refuses_more_money_than_a_position_holds(town):
    book = empty_book(town)
    terms = {"first_buys": True, "energy_wh": 2**32 - 1, "price": 65_535_000}
    book, refused = agree(town, book, salt=0, **terms)
    assert refused is None
    check(town, book)
    _, (name, _) = agree(town, book, salt=1, **terms)
    assert name == "PositionFull"
