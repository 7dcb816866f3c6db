"""Schedules: words there and back, messages against eth-account's encoder, and what is refused."""

from __future__ import annotations

import random

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from setm.errors import OrderRefused
from setm.messages import Domain
from setm.schedules import (
    BOOK_DOMAIN,
    SCHEDULE,
    ScheduleRules,
    SlotOrder,
    chained,
    cleared,
    pack_fills,
    pack_orders,
    schedule_digest,
    schedule_hash,
    unpack_fills,
    unpack_orders,
)
from setm.signatures import digest_of, separator_of
from setm.types import Grid, Side
from setm.units import Price, Wh

RULES = ScheduleRules(
    grid=Grid(floor_price=Price(30_000), tick_size=Price(100)),
    k=500,
    span_slots=2,
    cover_price=Price(55_500),
)


def bid(tick: int, energy_wh: int) -> SlotOrder:
    return SlotOrder(side=Side.BID, tick=tick, energy_wh=Wh(energy_wh))


def ask(tick: int, energy_wh: int) -> SlotOrder:
    return SlotOrder(side=Side.ASK, tick=tick, energy_wh=Wh(energy_wh))


@pytest.mark.parametrize("slots", [1, 7, 8, 9, 96])
def test_words_hold_orders_and_fills(slots: int) -> None:
    dice = random.Random(slots)
    orders = [
        dice.choice([None, bid(dice.randrange(256), 2**23 - 1), ask(dice.randrange(256), 1)])
        for _ in range(slots)
    ]
    fills = [dice.choice([0, 1, -1, 2**23 - 1, 1 - 2**23]) for _ in range(slots)]
    assert unpack_orders(pack_orders(orders), slots) == orders
    assert unpack_fills(pack_fills(fills), slots) == fills


@pytest.mark.parametrize("order", [bid(256, 1), bid(-1, 1), bid(0, 0), bid(0, 2**23)])
def test_an_order_beyond_its_field_is_refused(order: SlotOrder) -> None:
    with pytest.raises(OrderRefused, match="expected"):
        pack_orders([order])


def test_the_digest_is_that_of_eth_account() -> None:
    contract = Account.from_key(keccak(text="book")).address
    collector = Account.from_key(keccak(text="collector")).address
    words = pack_orders([bid(3, 4), None, ask(5, 6)])
    typed = encode_typed_data(
        {
            "name": "SETM ScheduleBook",
            "version": "1",
            "chainId": 1337,
            "verifyingContract": contract,
        },
        {
            "Schedule": [
                {"name": "span", "type": "uint32"},
                {"name": "participantId", "type": "uint32"},
                {"name": "collector", "type": "address"},
                {"name": "orders", "type": "uint256[]"},
            ]
        },
        {"span": 7, "participantId": 8, "collector": collector, "orders": words},
    )
    expected = keccak(b"\x19\x01" + typed.header + typed.body)
    hashed = schedule_hash(7, 8, collector, words)
    there = Domain(chain_id=1337, contract=contract)
    assert schedule_digest(separator_of(BOOK_DOMAIN, there), hashed) == expected
    assert digest_of(BOOK_DOMAIN, there, "Schedule", SCHEDULE)(7, 8, collector, words) == expected


def test_a_commitment_to_nothing_is_zero() -> None:
    assert chained([]) == bytes(32)
    assert chained([b"\1" * 32]) == keccak(bytes(32) + b"\1" * 32)


def test_slots_clear_apart_and_money_is_rounded_against_the_trader() -> None:
    book = cleared({1: [bid(20, 7), ask(0, 5)], 2: [ask(10, 7), bid(30, 9)]}, RULES)
    first, second = book.outcomes
    assert first.fills == (7, -5)
    assert second.fills == (-7, 5)
    # 31.5 EUR/MWh both times: 7 Wh cost 220.5, 5 Wh 157.5 units.
    assert (first.payment, first.revenue) == (221, 157)
    assert (second.payment, second.revenue) == (158, 220)
    assert first.payment + second.payment >= first.revenue + second.revenue


def test_a_schedule_of_another_length_or_band_is_refused() -> None:
    with pytest.raises(OrderRefused, match="1 slots: expected 2"):
        cleared({1: [None]}, RULES)
    with pytest.raises(OrderRefused, match="tick 300"):
        cleared({1: [None, bid(300, 1)]}, RULES)
