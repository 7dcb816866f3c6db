"""Each way in which a key ends or begins, one second before, at and one second after (on the in-process EVM)."""

import pytest

from setm import messages
from setm.evm import Evm, Reverted
from setm.types import Kind

SLOT, DAY, DELAY = 900, 86_400, 172_800
ZERO_ADDRESS = "0x" + "00" * 20
MAY_ENTER, MAY_OWN, NOTHING = (True, True), (False, True), (False, False)


@pytest.fixture(scope="module")
def deployed():
    evm = Evm()
    governance, authority = evm.account("governance"), evm.account("authority")
    registry = evm.deploy("ParticipantRegistry", governance, SLOT, DAY, DELAY, [authority])
    return evm, registry, authority


class Stage:
    """Alice joined 100 s into a slot; her credential ends in the middle of a slot 30 days later."""

    def __init__(self, evm, registry, authority):
        self.evm, self.registry, self.authority = evm, registry, authority
        self.domain = messages.Domain(chain_id=evm.chain_id, contract=registry.address)
        self.alice, self.new, self.recovery = map(evm.account, ("alice", "new", "recovery"))
        evm.now = evm.now // SLOT * SLOT + 100
        self.expires_at = evm.now + 30 * DAY
        credential = messages.credential(
            self.domain,
            account=self.alice.address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=1,
            commitment=b"\x01" * 32,
            valid_until=self.expires_at,
        )
        values = tuple(credential.values.values())
        proof = credential.sign(authority)
        registry.send("join", values, authority, proof, self.recovery, 0, b"", sender=self.alice)

    def rotate(self):
        deadline = self.evm.now
        consent = messages.rotate(
            self.domain, participant_id=1, account=self.new.address, deadline=deadline
        ).sign(self.new)
        self.registry.send("rotateKey", self.new, deadline, consent, sender=self.alice)
        return self.evm.now // SLOT * SLOT + SLOT

    def revoke(self):
        self.registry.send("revoke", 1, sender=self.authority)
        return self.evm.now

    def suspend(self):
        self.registry.send("suspend", 1, sender=self.authority)
        return self.evm.now // SLOT * SLOT + SLOT

    def recover(self):
        self.registry.send("startRecovery", 1, self.new, sender=self.recovery)
        self.evm.now += DELAY
        self.registry.send("completeRecovery", 1, sender=self.new)
        return self.evm.now

    def expire(self):
        return self.expires_at

    def rights(self, key):
        """Return whether a key may enter something, by both getters that say so, and whether it owns."""
        found = [self.says_one(getter, key) for getter in (("authorize", key, 1), ("ownerOf", key))]
        assert self.registry.isSecured(key) == found[0]
        return tuple(found)

    def says_one(self, getter, key):
        """Return whether the getter names participant 1; if it refuses, it names the key."""
        try:
            return self.registry.call(*getter) == 1
        except Reverted as error:
            refusal = error
        assert (refusal.name, refusal.arguments) == ("NotSecured", {"key": key.address})
        return False


@pytest.fixture
def stage(deployed):
    evm = deployed[0]
    with evm.undone():
        yield Stage(*deployed)


# What happens, then the rights of the old and of the new key before the edge and from the edge on.
CHANGES = {
    "rotate": ((MAY_ENTER, NOTHING), (NOTHING, MAY_ENTER)),
    "revoke": ((MAY_ENTER, NOTHING), (NOTHING, NOTHING)),
    "suspend": ((MAY_ENTER, NOTHING), (MAY_OWN, NOTHING)),
    "recover": ((MAY_ENTER, NOTHING), (NOTHING, MAY_ENTER)),
    "expire": ((MAY_ENTER, NOTHING), (MAY_OWN, NOTHING)),
}
TAKES_EFFECT_AT_ONCE = ("revoke", "recover")


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_a_key_counts_until_the_second_of_the_change(stage, change, offset):
    before, after = CHANGES[change]
    if change in TAKES_EFFECT_AT_ONCE and offset < 0:
        # What takes effect at once has changed nothing a second earlier, when nothing was sent yet.
        if change == "recover":
            stage.registry.send("startRecovery", 1, stage.new, sender=stage.recovery)
            stage.evm.now += DELAY - 1
    else:
        edge = getattr(stage, change)()
        stage.evm.now = edge + offset
    expected = before if offset < 0 else after
    assert (stage.rights(stage.alice), stage.rights(stage.new)) == expected


@pytest.mark.parametrize("offset", [-1, 0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_a_session_counts_as_long_as_its_participant_may_enter(stage, change, offset):
    agent, venue = stage.evm.account("agent"), stage.evm.account("venue")
    session = (agent, venue, 5, stage.expires_at + DAY)
    stage.registry.send("openSession", session, sender=stage.alice)
    if change not in TAKES_EFFECT_AT_ONCE or offset >= 0:
        stage.evm.now = getattr(stage, change)() + offset
    is_open = offset < 0 or change == "rotate"
    assert stage.registry.isSecured(agent) == is_open
    if is_open:
        assert stage.registry.call("authorize", agent, 5, sender=venue) == 1


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_session_expires_to_the_second(stage, offset):
    agent, venue = stage.evm.account("agent"), stage.evm.account("venue")
    expires_at = stage.evm.now + 1000
    stage.registry.send("openSession", (agent, venue, 5, expires_at), sender=stage.alice)
    stage.evm.now = expires_at + offset
    assert stage.registry.isSecured(agent) == (offset < 0)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_change_at_the_start_of_a_slot_waits_for_the_next(stage, offset):
    stage.evm.now = stage.evm.now // SLOT * SLOT + SLOT
    edge = stage.rotate()
    assert edge == stage.evm.now + SLOT
    stage.evm.now = edge + offset
    expected = (MAY_ENTER, NOTHING) if offset < 0 else (NOTHING, MAY_ENTER)
    assert (stage.rights(stage.alice), stage.rights(stage.new)) == expected


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_money_of_a_revoked_participant_is_free_to_the_second(stage, offset):
    possible_from = stage.revoke() + DELAY
    stage.evm.now = possible_from + offset
    if offset < 0:
        with pytest.raises(Reverted, match="TooEarly"):
            stage.registry.payoutAddress(1)
    else:
        assert stage.registry.payoutAddress(1) == stage.recovery.address


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_an_authoritys_signature_counts_to_the_second(deployed, offset):
    evm, registry, _ = deployed
    governance, second = evm.account("governance"), evm.account("second")
    with evm.undone():
        registry.send("addAuthority", second, sender=governance)
        evm.now += DAY
        begins = evm.now
        evm.now = begins + offset
        assert registry.isAccredited(second) == (offset >= 0)
        evm.now = begins
        registry.send("removeAuthority", second, sender=governance)
        evm.now = begins + DAY + offset
        assert registry.isAccredited(second) == (offset < 0)
        if offset < 0:
            with pytest.raises(Reverted, match="TooEarly"):
                registry.send("addAuthority", second, sender=governance)
        else:
            registry.send("addAuthority", second, sender=governance)


def test_the_end_of_a_credential_wins_over_a_later_suspension_and_the_other_way_round(stage):
    stage.evm.now = stage.expires_at - 1
    stage.suspend()
    assert stage.rights(stage.alice) == MAY_ENTER
    stage.evm.now = stage.expires_at
    assert stage.rights(stage.alice) == MAY_OWN


def test_a_contract_that_burns_the_gas_harms_only_who_brings_it(deployed):
    evm, registry, authority = deployed
    burns_gas = 6
    with evm.undone():
        wallet = evm.deploy("RegistryWallet", authority, burns_gas)
        domain = messages.Domain(chain_id=evm.chain_id, contract=registry.address)
        credential = messages.credential(
            domain,
            account=wallet.address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=1,
            commitment=b"\x02" * 32,
            valid_until=evm.now + DAY,
        )
        values, proof = tuple(credential.values.values()), credential.sign(authority)
        with pytest.raises(Reverted) as refusal:
            registry.send(
                "join", values, authority, proof, ZERO_ADDRESS, evm.now, b"\x01", gas=1_000_000
            )
        assert refusal.value.name == "SignatureMismatch"
        assert registry.participantCount() == 0
