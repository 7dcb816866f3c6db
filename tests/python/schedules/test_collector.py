"""A collector takes what a participant signed for its book and nothing else, and its receipts bind it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from setm import errors
from setm.messages import HALF_CURVE_ORDER, Domain
from setm.schedules import (
    BOOK_DOMAIN,
    BookKey,
    Collector,
    SlotOrder,
    Speaker,
    Windows,
    chained,
    is_under,
    proves_omission,
    receipt_digest,
    sign_schedule,
    verify_receipt,
)
from setm.signatures import CURVE_ORDER, address_of, expanded, private_key, separator_of
from setm.types import Side
from setm.units import Wh

DOMAIN = Domain(chain_id=1337, contract="0x" + "5a" * 20)
SEPARATOR = separator_of(BOOK_DOMAIN, DOMAIN)
WINDOWS = Windows(
    slot_seconds=900, span_slots=12, force_window=600, gate_lead=3_600, post_window=1_200
)
SPAN, ZONE = 400, 3
KEYS = {number: private_key(bytes([number]) * 32) for number in (2, 3, 5)}
OFFICE = private_key(b"\x77" * 32)
KEY = BookKey(span=SPAN, zone=ZONE, collector="0x" + address_of(OFFICE.public_key).hex())
IN_TIME = WINDOWS.forcing_at(SPAN) - 1


def address(number):
    return address_of(KEYS[number].public_key)


@pytest.fixture
def collector():
    return Collector(
        book=KEY,
        windows=WINDOWS,
        domain=DOMAIN,
        key=OFFICE,
        speakers={address(n): Speaker(participant_id=n, zone=ZONE) for n in KEYS},
    )


def orders(energy_wh=5):
    bid = SlotOrder(side=Side.BID, tick=7, energy_wh=Wh(energy_wh))
    return [bid, None] * (WINDOWS.span_slots // 2)


def signed(number=2, book=KEY, energy_wh=5, key=None):
    made = key or KEYS[number]
    return sign_schedule(
        made, address_of(made.public_key), SEPARATOR, book, number, orders(energy_wh)
    )


def refused(collector, schedule, now=IN_TIME):
    with pytest.raises(errors.ScheduleRefused) as refusal:
        collector.take(schedule, now)
    assert not collector.taken
    return type(refusal.value)


@pytest.mark.parametrize(
    "changed", [{"span": SPAN + 1}, {"zone": ZONE + 1}, {"collector": "0x" + "11" * 20}]
)
def test_a_schedule_for_another_book_is_refused(collector, changed):
    assert refused(collector, signed(book=replace(KEY, **changed))) is errors.OtherBook


def test_a_participant_of_another_zone_is_refused(collector):
    collector.speakers = {address(2): Speaker(participant_id=2, zone=ZONE + 1)}
    assert refused(collector, signed()) is errors.OtherBook


def test_an_unknown_key_is_refused(collector):
    stranger = private_key(b"\x09" * 32)
    assert refused(collector, signed(key=stranger)) is errors.SpeakerUnknown


def test_a_key_does_not_speak_for_somebody_else(collector):
    assert refused(collector, signed(number=3, key=KEYS[2])) is errors.SpeakerUnknown


def test_a_schedule_is_late_once_the_forcing_begins(collector):
    assert refused(collector, signed(), IN_TIME + 1) is errors.ScheduleLate
    collector.take(signed(), IN_TIME)


def test_a_schedule_is_late_after_the_commitment(collector):
    collector.take(signed(2), IN_TIME)
    collector.commitment(IN_TIME)
    with pytest.raises(errors.ScheduleLate, match="force it in before the gate closes"):
        collector.take(signed(3), IN_TIME)


def test_a_commitment_is_late_once_the_forcing_begins_and_never_empty(collector):
    with pytest.raises(errors.OrderRefused, match="no schedule to commit to"):
        collector.commitment(IN_TIME)
    collector.take(signed(2), IN_TIME)
    with pytest.raises(errors.ScheduleLate):
        collector.commitment(IN_TIME + 1)


def test_a_changed_order_is_not_signed(collector):
    schedule = signed()
    changed = replace(schedule, words=(schedule.words[0] + 1, *schedule.words[1:]))
    assert refused(collector, changed) is errors.NotSigned


@pytest.mark.parametrize("signature", [b"", b"\x01" * 63, bytes(64), b"\xff" * 32 + bytes(32)])
def test_a_signature_that_is_none_is_refused(collector, signature):
    assert refused(collector, replace(signed(), signature=signature)) is errors.NotSigned


def test_a_malleable_signature_is_refused(collector):
    schedule = signed()
    whole = expanded(schedule.signature)
    twin_s = CURVE_ORDER - int.from_bytes(whole[32:64], "big")
    twin = whole[:32] + twin_s.to_bytes(32, "big") + bytes([55 - whole[64]])
    compact = schedule.r + (HALF_CURVE_ORDER + 1).to_bytes(32, "big")
    for signature in (twin, compact):
        assert refused(collector, replace(schedule, signature=signature)) is errors.Malleable


@pytest.mark.parametrize("words", [(1,), (1, 1 << 200), (1, 1, 1), (-1, 1), (1 << 256, 1)])
def test_words_that_are_not_of_the_span_are_refused(collector, words):
    assert refused(collector, replace(signed(), words=words)) is errors.ScheduleRefused


def test_one_schedule_each_is_kept_and_the_same_one_again_gets_a_receipt_again(collector):
    first = collector.take(signed(), IN_TIME)
    assert collector.take(signed(), IN_TIME) == first
    with pytest.raises(errors.ScheduleExists, match="force the new one in"):
        collector.take(signed(energy_wh=6), IN_TIME)
    assert collector.taken == {2: signed()}


def test_one_bad_schedule_does_not_spoil_the_others(collector):
    answers = collector.take_many(
        [signed(5), replace(signed(3), signature=bytes(64)), signed(2)], IN_TIME
    )
    assert [type(one) for one in answers[1:2]] == [errors.NotSigned]
    assert [one.participant_id for one in collector.ordered] == [2, 5]
    assert collector.commitment(IN_TIME) == chained([signed(2).leaf, signed(5).leaf])


def test_a_receipt_is_what_eth_account_calls_signed_by_the_collector(collector):
    receipt = collector.take(signed(), IN_TIME)
    types = {
        "Receipt": [
            {"type": "bytes32", "name": "book"},
            {"type": "uint32", "name": "participantId"},
            {"type": "bytes32", "name": "leaf"},
            {"type": "uint64", "name": "receivedAt"},
        ]
    }
    domain = {
        "name": BOOK_DOMAIN,
        "version": "1",
        "chainId": DOMAIN.chain_id,
        "verifyingContract": DOMAIN.contract,
    }
    values = {
        "book": KEY.name,
        "participantId": 2,
        "leaf": signed().leaf,
        "receivedAt": IN_TIME,
    }
    signable = encode_typed_data(domain, types, values)
    found = Account.recover_message(signable, signature=expanded(receipt.signature))
    assert found.lower() == KEY.collector


@pytest.mark.parametrize(
    "change", [{"participant_id": 3}, {"leaf": b"\x01" * 32}, {"received_at": 1}]
)
def test_a_changed_receipt_is_nobodys(collector, change):
    digest = receipt_digest(DOMAIN)
    receipt = collector.take(signed(), IN_TIME)
    verify_receipt(receipt, digest)
    with pytest.raises(errors.NotSecured):
        verify_receipt(replace(receipt, **change), digest)


def test_a_participant_finds_its_leaf_under_the_commitment(collector):
    collector.take_many([signed(2), signed(5)], IN_TIME)
    committed = collector.commitment(IN_TIME)
    assert is_under(signed(2).leaf, collector.leaves, committed)
    assert not is_under(signed(3).leaf, collector.leaves, committed)
    # Leaves that are not those of the commitment say nothing.
    assert not is_under(signed(3).leaf, [*collector.leaves, signed(3).leaf], committed)


def test_a_receipt_whose_leaf_is_missing_proves_that_the_collector_broke_its_word(collector):
    digest = receipt_digest(DOMAIN)
    receipts = [collector.take(signed(number), IN_TIME) for number in (2, 3)]
    del collector.taken[3]
    committed = collector.commitment(IN_TIME)
    leaves = collector.leaves
    assert not proves_omission(receipts[0], digest, leaves, committed)
    assert proves_omission(receipts[1], digest, leaves, committed)
    # Neither does who shows other leaves, nor who forged the receipt.
    assert not proves_omission(receipts[0], digest, [signed(5).leaf], committed)
    with pytest.raises(errors.NotSecured):
        proves_omission(replace(receipts[0], leaf=signed(5).leaf), digest, leaves, committed)
    # Who never committed broke its word to everybody.
    assert proves_omission(receipts[0], digest, [], bytes(32))
