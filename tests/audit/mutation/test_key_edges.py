"""Keys at the very second at which something begins or ends"""

import pytest

from setm import messages
from setm.evm import Reverted
from tests.audit.attacks.stage import SLOT, Stage

NOBODY = "0x" + "00" * 20
LONGEST = 366 * 86_400


@pytest.fixture(scope="module")
def deployed():
    return Stage()


@pytest.fixture
def stage(deployed):
    with deployed.evm.undone():
        yield deployed


def rotate(stage, sender, to, number):
    """Rotate to another account; return when it begins to count."""
    deadline = stage.evm.now + 10 * SLOT
    message = messages.rotate(
        stage.domain(stage.registry),
        participant_id=number,
        account=to.address,
        deadline=deadline,
    )
    told = stage.registry.send("rotateKey", to.address, deadline, message.sign(to), sender=sender)
    return told.only("KeyRotated")["activeFrom"]


def test_who_is_revoked_at_the_second_of_its_rotation_is_paid_at_the_new_account(stage):
    fresh, registry = stage.account("fresh"), stage.registry
    stage.evm.now = rotate(stage, stage.alice, fresh, stage.alice.id)
    registry.send("revoke", stage.alice.id, sender=stage.authority)
    assert not registry.call("isSecured", fresh.address)
    stage.evm.now += stage.system.config["recovery_delay"]
    assert registry.call("payoutAddress", stage.alice.id) == fresh.address


def test_who_rotates_again_at_the_second_of_its_rotation_keeps_the_key_of_that_second(stage):
    second, third, registry = stage.account("second"), stage.account("third"), stage.registry
    stage.evm.now = rotate(stage, stage.alice, second, stage.alice.id)
    begins = rotate(stage, second, third, stage.alice.id)
    for now, holds, waits in ((begins - 1, second, third), (begins, third, second)):
        stage.evm.now = now
        assert registry.call("participant", stage.alice.id).account == holds.address
        assert registry.call("isSecured", holds.address)
        assert not registry.call("isSecured", waits.address)
        assert not registry.call("isSecured", stage.alice.address)


@pytest.mark.parametrize(("after", "is_taken"), [(0, False), (1, True), (LONGEST, True)])
def test_a_session_lasts_a_second_at_least_and_a_year_at_most(stage, after, is_taken):
    agent, now, registry = stage.account("agent"), stage.evm.now, stage.registry

    def open_session(expires_at):
        terms = (agent.address, stage.auction.address, 1, expires_at)
        registry.send("openSession", terms, sender=stage.alice)

    bounds = {"earliest": now + 1, "latest": now + LONGEST}
    for refused in {now + LONGEST + 1} | (set() if is_taken else {now + after}):
        with pytest.raises(Reverted) as caught:
            open_session(refused)
        assert caught.value.name == "ExpiryOutOfRange"
        assert list(caught.value.arguments.values()) == [refused, *bounds.values()]
    if is_taken:
        open_session(now + after)
        assert registry.call("isSecured", agent.address)
        stage.evm.now = now + after
        assert not registry.call("isSecured", agent.address)


def test_a_recovery_that_was_called_off_or_overtaken_by_a_revocation_cannot_be_completed(stage):
    rescue, fresh, registry = stage.account("rescue"), stage.account("fresh"), stage.registry
    registry.send("setRecovery", rescue.address, sender=stage.alice)
    for ends, who in (("cancelRecovery", stage.alice), ("revoke", stage.authority)):
        registry.send("startRecovery", stage.alice.id, fresh.address, sender=rescue)
        registry.send(ends, *([stage.alice.id] if ends == "revoke" else []), sender=who)
        with stage.evm.undone():
            stage.evm.now += 2 * stage.system.config["recovery_delay"]
            with pytest.raises(Reverted, match="NothingPending"):
                registry.send("completeRecovery", stage.alice.id, sender=fresh)


def test_an_authority_that_is_none_any_more_has_no_say_about_meters(stage):
    delay = stage.system.config["governance_delay"]
    stage.registry.send("removeAuthority", stage.authority.address, sender=stage.governance)
    ends = stage.evm.now + delay
    stage.slot = ends // SLOT - 1
    stage.read(alice=(5, 6))
    stage.evm.now = ends - 1
    stage.meters.send("dispute", 1, stage.slot, sender=stage.alice)
    resolve, retire = ("resolve", 1, stage.slot, 1, 1), ("retireMeter", 1)
    for now, refusals in ((ends, ("NotEntitled", "NotSecured")), (ends - 1, ())):
        with stage.evm.undone():
            stage.evm.now = now
            for call, name in zip((resolve, retire), refusals or (None, None), strict=True):
                if name is None:
                    stage.meters.send(*call, sender=stage.authority)
                    continue
                with pytest.raises(Reverted, match=name):
                    stage.meters.send(*call, sender=stage.authority)


def test_another_authority_has_no_say_about_a_meter(stage):
    other = stage.account("other authority")
    stage.registry.send("addAuthority", other.address, sender=stage.governance)
    stage.meters.send("acceptAuthority", other.address, sender=stage.system.operator)
    stage.slot = (stage.evm.now + stage.system.config["governance_delay"]) // SLOT
    stage.read(alice=(5, 6))
    stage.meters.send("dispute", 1, stage.slot, sender=stage.alice)
    assert stage.registry.call("isAccredited", other.address)
    with pytest.raises(Reverted, match="NotEntitled"):
        stage.meters.send("resolve", 1, stage.slot, 1, 1, sender=other)
    with pytest.raises(Reverted, match="NotSecured"):
        stage.meters.send("retireMeter", 1, sender=other)
