"""MeterRegistry.postReading"""

import brownie
import pytest

from setm import messages

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LOW_255 = 2**255 - 1


def test_refuses_an_unknown_meter(meters, signed, over, devices, mallory):
    for meter in (0, 3):
        with brownie.reverts(f"UnknownMeter: {meter}"):
            meters.postReading(signed(meter, over, key=devices[0]), {"from": mallory})


def test_refuses_a_slot_before_the_meter_was_bound(meters, signed, bound, over, mallory):
    before = over - 2
    with brownie.reverts(revert_pattern=rf"MeterNotValidInSlot: 2, {before}, {before + 1}, \d+"):
        meters.postReading(signed(bound.bob, before), {"from": mallory})


def test_refuses_a_slot_after_the_meter_ended_but_takes_those_before(
    meters, signed, bound, over, alice, mallory, windows, wait_until
):
    """Validity is by the slot, not by the time of posting."""
    meters.retireMeter(bound.alice, {"from": alice})
    wait_until((over + 3) * windows.slot_seconds)
    with brownie.reverts(revert_pattern=rf"MeterNotValidInSlot: 1, {over + 2}, \d+, {over + 2}"):
        meters.postReading(signed(bound.alice, over + 2), {"from": mallory})
    meters.postReading(signed(bound.alice, over + 1), {"from": mallory})


def test_refuses_a_slot_that_is_not_over(meters, signed, bound, slot, windows, mallory):
    opens_at = (slot + 1) * windows.slot_seconds
    closes_at = opens_at + windows.reading_window
    expected = rf"OutsideReadingWindow: {slot}, {opens_at}, {closes_at}, \d+"
    with brownie.reverts(revert_pattern=expected):
        meters.postReading(signed(bound.alice, slot), {"from": mallory})


def test_refuses_a_late_reading(meters, signed, bound, slot, windows, wait_until, mallory):
    opens_at = (slot + 1) * windows.slot_seconds
    closes_at = opens_at + windows.reading_window
    wait_until(closes_at)
    expected = rf"OutsideReadingWindow: {slot}, {opens_at}, {closes_at}, \d+"
    with brownie.reverts(revert_pattern=expected):
        meters.postReading(signed(bound.alice, slot), {"from": mallory})


@pytest.mark.parametrize("import_wh", [300, 301])
def test_refuses_a_second_reading_of_a_slot(meters, signed, bound, posted, mallory, import_wh):
    with brownie.reverts(f"ReadingExists: {bound.alice}, {posted}"):
        meters.postReading(signed(bound.alice, posted, import_wh), {"from": mallory})


@pytest.mark.parametrize("values", [(5_001, 0), (0, 5_001)])
def test_refuses_more_than_the_meter_can_measure(meters, signed, bound, over, mallory, values):
    with brownie.reverts(f"CapacityExceeded: {bound.alice}, 5001, 5000"):
        meters.postReading(signed(bound.alice, over, *values), {"from": mallory})


def test_refuses_the_key_of_another_meter(meters, signed, bound, over, devices, mallory):
    with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
        meters.postReading(signed(bound.alice, over, key=devices[1]), {"from": mallory})


def test_refuses_the_participants_own_key(meters, signed, bound, over, alice):
    with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
        meters.postReading(signed(bound.alice, over, key=alice), {"from": alice})


@pytest.mark.parametrize("shift", [0, 32])
def test_refuses_a_value_changed_after_signing(meters, signed, bound, over, mallory, shift):
    word, r, vs = signed(bound.alice, over)
    with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
        meters.postReading((word + (1 << shift), r, vs), {"from": mallory})


def test_refuses_a_reading_moved_to_another_meter_or_slot(
    meters, signed, bound, over, mallory, windows, wait_until
):
    word, r, vs = signed(bound.alice, over)
    wait_until((over + 2) * windows.slot_seconds)
    with brownie.reverts(f"ForgedReading: {bound.bob}, {over}"):
        meters.postReading((word + (1 << 96), r, vs), {"from": mallory})
    with brownie.reverts(f"ForgedReading: {bound.alice}, {over + 1}"):
        meters.postReading((word + (1 << 64), r, vs), {"from": mallory})


def test_refuses_the_signature_of_another_chain_or_contract(
    meters, registry, signed, bound, over, mallory
):
    for domain in (
        messages.Domain(chain_id=brownie.chain.id + 1, contract=meters.address),
        messages.Domain(chain_id=brownie.chain.id, contract=registry.address),
    ):
        with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
            meters.postReading(signed(bound.alice, over, domain=domain), {"from": mallory})


def test_refuses_high_s_and_what_is_no_signature(meters, signed, bound, over, mallory):
    word, r, vs = signed(bound.alice, over)
    number = int.from_bytes(vs, "big")
    high = (number ^ 1 << 255) >> 255 << 255 | CURVE_ORDER - (number & LOW_255)
    for forged in ((r, high.to_bytes(32, "big")), (bytes(32), bytes(32)), (r, bytes(32))):
        with brownie.reverts(f"ForgedReading: {bound.alice}, {over}"):
            meters.postReading((word, *forged), {"from": mallory})


def test_takes_a_reading_from_anybody_and_tells_it_in_one_word(
    meters, signed, bound, over, mallory, ids
):
    word, r, vs = signed(bound.alice, over)
    sent = meters.postReading((word, r, vs), {"from": mallory})
    assert sent.events["ReadingsPosted"] == {"poster": mallory, "readings": (word,)}
    assert word == bound.alice << 96 | over << 64 | 300 << 32 | 20
    assert meters.readingOf(ids.alice, over) == (1, 300, 20, True, False, False, 5_000)


def test_signs_what_python_signs(meters, bound, over):
    from setm.types import Reading

    measured = Reading(meter=bound.alice, slot=over, import_wh=7, export_wh=2**32 - 1)
    domain = messages.Domain(chain_id=brownie.chain.id, contract=meters.address)
    expected = messages.reading(domain, measured).digest()
    assert meters.readingDigest(bound.alice, over, 7, 2**32 - 1) == "0x" + expected.hex()


def test_takes_the_reading_of_a_revoked_participant(
    meters, registry, signed, bound, over, ids, authority, mallory
):
    registry.revoke(ids.alice, {"from": authority})
    meters.postReading(signed(bound.alice, over), {"from": mallory})
    assert meters.readingOf(ids.alice, over)[3]
