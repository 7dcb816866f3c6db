"""MeterRegistry.bindMeter"""

import brownie
import pytest
from eth_utils.crypto import keccak

from setm import messages

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ZERO_ADDRESS = "0x" + "00" * 20


def test_refuses_a_caller_without_user_security(binding, bind, mallory, low):
    with brownie.reverts(f"NotSecured: {low(mallory)}"):
        bind(binding(), sender=mallory)


def test_refuses_a_binding_of_somebody_else(binding, bind, bob, low):
    with brownie.reverts(f"NotEntitled: {low(bob)}"):
        bind(binding(), sender=bob)


def test_refuses_a_suspended_participant(
    binding, bind, registry, ids, governance, windows, wait_until, carol, low
):
    registry.suspend(ids.carol, {"from": governance})
    wait_until(brownie.chain.time() + windows.slot_seconds)
    with brownie.reverts(f"NotEntitled: {low(carol)}"):
        bind(binding())


def test_refuses_an_authority_that_is_not_accredited(binding, bind, mallory, low):
    with brownie.reverts(f"BindingNotSigned: {low(mallory)}"):
        bind(binding(), signer=mallory)


def test_refuses_a_signature_by_somebody_else(binding, bind, mallory, authority, low):
    with brownie.reverts(f"BindingNotSigned: {low(authority)}"):
        bind(binding(), signer=mallory, claimed=authority)


@pytest.mark.parametrize(
    "change",
    [
        {"meter_id": keccak(text="other")},
        {"device_key": "0x" + "11" * 20},
        {"capacity_wh": 5_001},
        {"valid_until_slot": 2**32 - 1},
    ],
)
def test_refuses_a_value_changed_after_signing(binding, bind, key_of, authority, change, low):
    signature = binding().sign(key_of(authority))
    with brownie.reverts(f"BindingNotSigned: {low(authority)}"):
        bind(binding(**change), signature=signature)


def test_refuses_the_signature_of_another_chain(binding, bind, key_of, authority, meters, low):
    from dataclasses import replace

    message = binding()
    elsewhere = messages.Domain(chain_id=brownie.chain.id + 1, contract=meters.address)
    with brownie.reverts(f"BindingNotSigned: {low(authority)}"):
        bind(message, signature=replace(message, domain=elsewhere).sign(key_of(authority)))


def test_refuses_a_signature_with_high_s(binding, bind, key_of, authority, low):
    message = binding()
    good = message.sign(key_of(authority))
    s, v = int.from_bytes(good[32:64], "big"), good[64]
    high = good[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    with brownie.reverts(f"BindingNotSigned: {low(authority)}"):
        bind(message, signature=high)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"meter_id": bytes(32)}, "meterId"),
        ({"device_key": ZERO_ADDRESS}, "deviceKey"),
        ({"capacity_wh": 0}, "capacityWh"),
        ({"valid_until_slot": 1}, "validUntilSlot"),
    ],
)
def test_refuses_a_zero_or_an_end_in_the_past(binding, bind, change, field):
    with brownie.reverts(f"BindingRefused: {field}"):
        bind(binding(**change))


def test_refuses_an_end_with_the_next_slot_and_takes_one_after_it(binding, bind):
    next_slot = brownie.chain.time() // 900 + 1
    with brownie.reverts("BindingRefused: validUntilSlot"):
        bind(binding(valid_until_slot=next_slot))
    bind(binding(valid_until_slot=next_slot + 2))


def test_refuses_a_meter_that_somebody_has(binding, bind, bound, ids):
    with brownie.reverts(f"MeterTaken: {bound.alice}"):
        bind(binding(meter_id=keccak(text=str(ids.alice))))


def test_refuses_a_second_meter_of_a_participant(binding, bind, bound, ids, alice):
    with brownie.reverts(f"MeterTaken: {bound.alice}"):
        bind(binding(participant_id=ids.alice), sender=alice)


def test_refuses_a_device_key_that_a_meter_had_even_if_it_ended(
    meters, binding, bind, bound, devices, alice, low
):
    for _ in range(2):
        with brownie.reverts(f"DeviceKeyTaken: {low(devices[0])}, {bound.alice}"):
            bind(binding(device_key=devices[0].address))
        meters.retireMeter(bound.alice, {"from": alice})


def test_refuses_a_binding_a_second_time(meters, binding, bind, carol, devices, low):
    message = binding()
    bind(message)
    meters.retireMeter(3, {"from": carol})
    with brownie.reverts(f"DeviceKeyTaken: {low(devices[2])}, 3"):
        bind(message)


def test_takes_the_signature_of_an_authority_that_is_a_contract(
    project, meters, registry, binding, bind, governance, operator, mallory, wait_until, ids
):
    wallet = project.RegistryWallet.deploy(mallory, 0, {"from": mallory})
    registry.addAuthority(wallet, {"from": governance})
    wait_until(brownie.chain.time() + registry.GOVERNANCE_DELAY())
    meters.acceptAuthority(wallet, {"from": operator})
    bind(binding(), signer=mallory, claimed=wallet)
    assert meters.meterOf(ids.carol) == 3


def test_numbers_meters_upwards_and_tells_from_which_slot_they_are_valid(
    meters, binding, bind, ids, authority, devices
):
    message = binding()
    sent = bind(message)
    assert sent.return_value == meters.meterOf(ids.carol) == 3
    assert sent.events["MeterBound"] == {
        "meter": 3,
        "participantId": ids.carol,
        "authority": authority,
        "meterId": "0x" + message.values["meterId"].hex(),
        "deviceKey": devices[2],
        "capacityWh": 5_000,
        "validFromSlot": sent.timestamp // 900 + 1,
        "validUntilSlot": message.values["validUntilSlot"],
    }


def test_lets_a_meter_move_to_somebody_else_once_it_has_ended(
    meters, binding, bind, bound, ids, alice
):
    meters.retireMeter(bound.alice, {"from": alice})
    bind(binding(meter_id=keccak(text=str(ids.alice))))
    assert meters.meterOf(ids.carol) == 3
    assert meters.meterOf(ids.alice) == bound.alice
