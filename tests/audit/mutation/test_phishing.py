"""Who calls a hostile contract lends it nothing: only the caller counts, never who sent the transaction"""

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from setm import messages
from setm.evm import Reverted, abi, artifact
from setm.evm.market import OPEN_MODE
from setm.types import Kind, Side
from tests.audit.attacks.stage import Stage

HOUR = 3600
NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def deployed():
    stage = Stage()
    stage.hostile = stage.evm.deploy("ClearingVenue")
    return stage, stage.evm.snapshot()


@pytest.fixture
def stage(deployed):
    found, _ = deployed
    with found.evm.undone():
        yield found


def data_of(contract, function, *args):
    entries = artifact(contract.name)["abi"]
    entry = next(e for e in entries if e["type"] == "function" and e["name"] == function)
    return abi.selector_of(entry) + abi.encode(entry["inputs"], args)


def through(stage, contract, function, *args, sender):
    """Let somebody call the hostile contract, and that contract call ours; return the receipt."""
    return stage.hostile.send("act", contract, data_of(contract, function, *args), sender=sender)


def session(stage):
    return (stage.account("agent").address, stage.auction.address, 1, stage.evm.now + HOUR)


def rotation(stage):
    fresh, deadline = stage.account("fresh"), stage.evm.now + HOUR
    message = messages.rotate(
        stage.domain(stage.registry),
        participant_id=stage.alice.id,
        account=fresh.address,
        deadline=deadline,
    )
    return fresh.address, deadline, message.sign(fresh)


# What alice may do herself: contract, function, arguments.
BY_ALICE = {
    "withdraw": lambda s: (s.clearinghouse, "withdraw", 1),
    "lock": lambda s: (s.clearinghouse, "lock", s.auction.address, 1),
    "rotateKey": lambda s: (s.registry, "rotateKey", *rotation(s)),
    "openSession": lambda s: (s.registry, "openSession", session(s)),
    "setRecovery": lambda s: (s.registry, "setRecovery", s.account("mallory").address),
    "cancelRecovery": lambda s: (s.registry, "cancelRecovery"),
    "closeSession": lambda s: (s.registry, "closeSession", s.account("agent").address),
    "releaseMargin": lambda s: (s.auction, "releaseMargin", 1),
    "requestRelease": lambda s: (s.settlement, "requestRelease", 1),
    "commit": lambda s: (s.auction, "commit", s.commitment(s.order(s.alice, Side.BID, 160, 9))),
    "retireMeter": lambda s: (s.meters, "retireMeter", 1),
}


@pytest.mark.parametrize("name", BY_ALICE)
def test_a_participant_lends_a_contract_that_it_calls_none_of_its_rights(stage, name):
    contract, function, *args = BY_ALICE[name](stage)
    with pytest.raises(Reverted) as caught:
        through(stage, contract, function, *args, sender=stage.alice)
    assert (caught.value.name, caught.value.arguments) == (
        "NotSecured",
        {"key": stage.hostile.address},
    )


# What an office may do: who, contract, function, arguments, the refusal.
BY_OFFICES = {
    "revoke": lambda s: (s.authority, s.registry, "revoke", s.alice.id),
    "suspend": lambda s: (s.authority, s.registry, "suspend", s.alice.id),
    "suspend by governance": lambda s: (s.governance, s.registry, "suspend", s.alice.id),
    "reinstate by governance": lambda s: (s.governance, s.registry, "reinstate", s.alice.id),
    "addAuthority": lambda s: (s.governance, s.registry, "addAuthority", s.account("x").address),
    "removeAuthority": lambda s: (s.governance, s.registry, "removeAuthority", s.authority.address),
    "addVenue": lambda s: (s.governance, s.clearinghouse, "addVenue", s.account("x").address),
}


@pytest.mark.parametrize("name", BY_OFFICES)
def test_an_office_lends_a_contract_that_it_calls_none_of_its_powers(stage, name):
    office, contract, function, *args = BY_OFFICES[name](stage)
    with pytest.raises(Reverted) as caught:
        through(stage, contract, function, *args, sender=office)
    assert caught.value.name in ("NotAllowed", "NotGovernance")
    assert next(iter(caught.value.arguments.values())) == stage.hostile.address


def test_a_permit_of_who_calls_it_is_of_no_use_to_a_contract(stage):
    token, house, alice = stage.token, stage.clearinghouse, stage.alice
    token.send("mint", alice, 5, sender=alice)
    fields = {
        "owner": "address",
        "spender": "address",
        "value": "uint256",
        "nonce": "uint256",
        "deadline": "uint256",
    }
    values = (alice.address, house.address, 5, token.call("nonces", alice), stage.evm.now + HOUR)
    signable = encode_typed_data(
        domain_data={
            "name": "Test Euro",
            "version": "1",
            "chainId": stage.evm.chain_id,
            "verifyingContract": token.address,
        },
        message_types={"Permit": [{"name": n, "type": kind} for n, kind in fields.items()]},
        message_data=dict(zip(fields, values, strict=True)),
    )
    signed = alice.key.sign_message(signable)
    parts = (signed.v, *(number.to_bytes(32, "big") for number in (signed.r, signed.s)))
    permit = (stage.bob.id, 5, values[-1], *parts)
    with pytest.raises(Reverted) as caught:
        through(stage, house, "depositWithPermit", *permit, sender=alice)
    assert caught.value.name == "ERC2612InvalidSigner"
    assert caught.value.arguments["owner"] == stage.hostile.address
    assert token.call("balanceOf", alice) == 5


def test_an_authority_and_the_operator_lend_no_say_about_readings(stage):
    stage.read(alice=(5, 6))
    system, meters = stage.system, stage.meters
    for who in (stage.alice, system.operator):
        with pytest.raises(Reverted, match="NotSecured"):
            through(stage, meters, "dispute", 1, stage.slot, sender=who)
    meters.send("dispute", 1, stage.slot, sender=stage.alice)
    with pytest.raises(Reverted) as caught:
        through(stage, meters, "resolve", 1, stage.slot, 1, 1, sender=system.authority)
    assert (caught.value.name, caught.value.arguments) == (
        "NotEntitled",
        {"caller": stage.hostile.address},
    )


def test_another_authority_takes_over_only_who_calls_itself(stage):
    """Another authority's renewal needs the participant's own call; joining without a signature too."""
    other, name = stage.account("other authority"), stage.alice.name
    stage.registry.send("addAuthority", other.address, sender=stage.governance)
    stage.evm.now += stage.system.config["governance_delay"]

    def said(account, commitment, serial):
        message = messages.credential(
            stage.domain(stage.registry),
            account=account.address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=1,
            commitment=commitment,
            valid_until=stage.evm.now + 10**7,
            serial=serial,
        )
        return tuple(message.values.values()), other.address, message.sign(other)

    renewal = said(stage.alice, messages.identity_commitment(name, keccak(text=name)), 2)
    dave = stage.account("dave")
    joining = (*said(dave, keccak(text="dave"), 1), NOBODY, 0, b"")
    for function, args, who in (("renew", renewal, stage.alice), ("join", joining, dave)):
        with pytest.raises(Reverted) as caught:
            through(stage, stage.registry, function, *args, sender=who)
        assert (caught.value.name, caught.value.arguments) == (
            "NotAllowed",
            {"caller": stage.hostile.address, "expected": who.address},
        )
        stage.registry.send(function, *args, sender=who)


def test_only_the_recovery_address_itself_recovers(stage):
    rescue, fresh = stage.account("rescue"), stage.account("fresh")
    stage.registry.send("setRecovery", rescue.address, sender=stage.alice)
    stage.evm.now += stage.system.config["recovery_delay"]
    start = ("startRecovery", stage.alice.id, fresh.address)
    with pytest.raises(Reverted) as caught:
        through(stage, stage.registry, *start, sender=rescue)
    assert caught.value.arguments == {"caller": stage.hostile.address, "expected": rescue.address}
    stage.registry.send(*start, sender=rescue)
    stage.evm.now += stage.system.config["recovery_delay"]
    with pytest.raises(Reverted) as caught:
        through(stage, stage.registry, "completeRecovery", stage.alice.id, sender=fresh)
    assert caught.value.arguments == {"caller": stage.hostile.address, "expected": fresh.address}
    stage.registry.send("completeRecovery", stage.alice.id, sender=fresh)


def test_margin_and_trades_are_told_by_the_contract_itself(stage):
    """A plain account as settlement, or one that stands for the clearinghouse, is no way in."""
    for contract in (stage.auction, stage.negotiation, stage.settlement):
        with pytest.raises(Reverted) as caught:
            through(stage, contract, "addMargin", stage.alice.id, 1, sender=stage.alice)
        assert caught.value.arguments == {
            "expected": stage.clearinghouse.address,
            "caller": stage.hostile.address,
        }


# The other side of it: a contract that does something is who did it.


def test_a_contract_that_deposits_is_named_as_who_paid(stage):
    token, house, hostile = stage.token, stage.clearinghouse, stage.hostile
    token.send("mint", hostile.address, 5, sender=stage.alice)
    through(stage, token, "approve", house.address, 5, sender=stage.alice)
    paid = through(stage, house, "deposit", stage.bob.id, 5, sender=stage.alice)
    expected = {"participantId": stage.bob.id, "from": hostile.address, "amount": 5}
    assert list(paid.only("Deposited").values()) == list(expected.values())
    assert token.call("balanceOf", hostile.address) == 0


def test_a_contract_that_brings_readings_or_proofs_is_named(stage):
    stage.go(stage.end)
    readings = [stage.signed(number, 5, 6) for number in (1, 2)]
    one = through(stage, stage.meters, "postReading", readings[0], sender=stage.alice)
    batch = through(stage, stage.meters, "postReadings", readings, sender=stage.alice)
    for receipt in (one, batch):
        assert next(iter(receipt.only("ReadingsPosted").values())) == stage.hostile.address
    other = stage.signed(1, 7, 6)
    proof = through(
        stage, stage.meters, "proveEquivocation", readings[0], other, sender=stage.alice
    )
    assert list(proof.only("EquivocationProved").values())[2] == stage.hostile.address


def test_a_contract_that_clears_is_named(stage):
    orders = stage.trade()
    stage.go(stage.gate)
    stage.auction.send("open", stage.slot, [stage.opening(order) for order in orders])
    stage.go(stage.clearing)
    cleared = through(stage, stage.auction, "clear", stage.slot, sender=stage.alice)
    assert list(cleared.only("SlotCleared").values())[1] == stage.hostile.address


def test_a_placed_order_counts_for_the_caller_only():
    stage = Stage(auction=OPEN_MODE)
    stage.hostile = stage.evm.deploy("ClearingVenue")
    order = (stage.slot, Side.BID, 160, 9)
    with pytest.raises(Reverted, match="NotSecured"):
        through(stage, stage.auction, "placeOrder", order, sender=stage.alice)
    stage.auction.send("placeOrder", order, sender=stage.alice)
    assert stage.auction.call("orderOf", stage.slot, stage.alice.id).energyWh == 9
