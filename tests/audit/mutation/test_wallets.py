"""A contract takes part as any account does, and every refusal and payment names it, not who sent the transaction"""

import pytest

from setm import messages
from setm.evm import Person, Reverted, abi, artifact
from setm.types import Kind
from tests.audit.attacks.stage import SLOT, Stage

NOBODY = "0x" + "00" * 20
HONEST = 0


@pytest.fixture(scope="module")
def deployed():
    stage = Stage()
    stage.owner = stage.account("owner of the wallet")
    stage.wallet = stage.evm.deploy("RegistryWallet", stage.owner.address, HONEST)
    registry = stage.registry
    credential = messages.credential(
        stage.domain(registry),
        account=stage.wallet.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=messages.identity_commitment("wallet", bytes(32)),
        valid_until=stage.evm.now + 10**8,
    )
    values = tuple(credential.values.values())
    signed = (stage.authority, credential.sign(stage.authority), NOBODY, 0, b"")
    with pytest.raises(Reverted) as caught:
        registry.send("join", values, *signed, sender=stage.owner)
    assert caught.value.arguments == {
        "caller": stage.owner.address,
        "expected": stage.wallet.address,
    }
    joined = through(stage, registry, "join", values, *signed)
    stage.number = joined.only("ParticipantJoined")["participantId"]
    stage.person = Person("wallet", stage.owner, stage.number)
    return stage


@pytest.fixture
def stage(deployed):
    with deployed.evm.undone():
        yield deployed


def through(stage, contract, function, *args):
    """Let the owner call as the wallet."""
    entries = artifact(contract.name)["abi"]
    entry = next(e for e in entries if e["type"] == "function" and e["name"] == function)
    data = abi.selector_of(entry) + abi.encode(entry["inputs"], args)
    return stage.wallet.send("execute", contract, data, sender=stage.owner)


def fund(stage, amount):
    stage.token.send("mint", stage.wallet.address, amount, sender=stage.owner)
    through(stage, stage.token, "approve", stage.clearinghouse.address, amount)
    through(stage, stage.clearinghouse, "deposit", stage.number, amount)


def test_it_pays_in_and_is_paid_out(stage):
    house, token = stage.clearinghouse, stage.token
    fund(stage, 100)
    through(stage, house, "lock", stage.auction.address, 60)
    through(stage, stage.auction, "releaseMargin", 25)
    told = through(stage, house, "withdraw", 65).only("Withdrawn")
    assert list(told.values()) == [stage.number, stage.wallet.address, 65]
    assert token.call("balanceOf", stage.wallet.address) == 65
    assert token.call("balanceOf", stage.owner.address) == 0
    assert house.call("freeOf", stage.number) == 0
    assert house.call("collateralOf", stage.auction, stage.number) == 35


# What only the grid operator, or the participant concerned, may do.
FOR_OTHERS = {
    "acceptAuthority": lambda s: (s.meters, "acceptAuthority", s.authority.address),
    "acceptVenue": lambda s: (s.settlement, "acceptVenue", s.auction.address),
    "retireMeter": lambda s: (s.meters, "retireMeter", 1),
    "dispute": lambda s: (s.meters, "dispute", 1, s.slot),
    "resolve": lambda s: (s.meters, "resolve", 1, s.slot, 1, 1),
    "bindMeter": lambda s: (
        s.meters,
        "bindMeter",
        tuple(s.binding(s.alice, 9).values.values()),
        s.authority.address,
        s.binding(s.alice, 9).sign(s.authority),
    ),
}


@pytest.mark.parametrize("name", FOR_OTHERS)
def test_it_is_refused_by_its_own_name(stage, name):
    stage.read(alice=(5, 6))
    contract, function, *args = FOR_OTHERS[name](stage)
    with pytest.raises(Reverted) as caught:
        through(stage, contract, function, *args)
    assert caught.value.name in ("NotEntitled", "NotOperator")
    assert caught.value.arguments == {"caller": stage.wallet.address}


def test_a_suspended_wallet_binds_no_meter_and_is_named(stage):
    stage.registry.send("suspend", stage.number, sender=stage.governance)
    stage.evm.now += SLOT
    binding = stage.binding(stage.person, 9)
    values = tuple(binding.values.values())
    signature = binding.sign(stage.authority)
    with pytest.raises(Reverted) as caught:
        through(stage, stage.meters, "bindMeter", values, stage.authority.address, signature)
    assert (caught.value.name, caught.value.arguments) == (
        "NotEntitled",
        {"caller": stage.wallet.address},
    )


def test_its_key_ends_when_it_names_another(stage):
    registry, fresh = stage.registry, stage.account("fresh")
    deadline = stage.evm.now + 3600
    message = messages.rotate(
        stage.domain(registry),
        participant_id=stage.number,
        account=fresh.address,
        deadline=deadline,
    )
    through(stage, registry, "rotateKey", fresh.address, deadline, message.sign(fresh))
    assert registry.call("isSecured", stage.wallet.address)
    stage.evm.now = (stage.evm.now // SLOT + 1) * SLOT
    assert not registry.call("isSecured", stage.wallet.address)
    assert registry.call("ownerOf", fresh.address) == stage.number


def test_a_meter_that_ends_with_this_slot_is_retired_by_nobody(stage):
    fund(stage, 1)
    ends = stage.evm.now // SLOT + 2
    binding = stage.binding(stage.person, 9, valid_until_slot=ends)
    values, signature = tuple(binding.values.values()), binding.sign(stage.authority)
    bound = through(stage, stage.meters, "bindMeter", values, stage.authority.address, signature)
    meter = bound.only("MeterBound")["meter"]
    with stage.evm.undone():
        told = through(stage, stage.meters, "retireMeter", meter).only("MeterRetired")
        assert list(told.values()) == [meter, ends - 1]
    stage.evm.now = (ends - 1) * SLOT
    assert through(stage, stage.meters, "retireMeter", meter).named("MeterRetired") == []


def test_as_an_authority_it_identifies_suspends_and_revokes_in_its_own_name(stage):
    registry, wallet, dave = stage.registry, stage.wallet, stage.account("dave")
    registry.send("addAuthority", wallet.address, sender=stage.governance)
    stage.evm.now += stage.system.config["governance_delay"]
    credential = messages.credential(
        stage.domain(registry),
        account=dave.address,
        kind=Kind.PROSUMER,
        device_class=0,
        zone=1,
        commitment=messages.identity_commitment("dave", bytes(32)),
        valid_until=stage.evm.now + 10**8,
    )
    values = tuple(credential.values.values())
    consent = (wallet.address, credential.sign(stage.owner), NOBODY, 0, b"")
    number = registry.send("join", values, *consent, sender=dave).value
    for function in ("suspend", "reinstate", "revoke"):
        with pytest.raises(Reverted) as caught:
            registry.send(function, number, sender=stage.owner)
        assert caught.value.arguments == {
            "caller": stage.owner.address,
            "expected": wallet.address,
        }
    through(stage, registry, "suspend", number)
    through(stage, registry, "reinstate", number)
    told = through(stage, registry, "revoke", number).only("ParticipantRevoked")
    assert list(told.values()) == [number, wallet.address]
