"""ParticipantRegistry's constructor and what it fixes"""

import brownie
import pytest

ZERO_ADDRESS = "0x" + "00" * 20


@pytest.fixture
def deploy(project, governance, authority):
    def create(governs=governance, slot=900, delay=86_400, recovery=172_800, authorities=None):
        accredited = [authority] if authorities is None else authorities
        sent = {"from": governance}
        return project.ParticipantRegistry.deploy(governs, slot, delay, recovery, accredited, sent)

    return create


def test_refuses_a_governance_delay_below_a_day(deploy):
    with brownie.reverts("DelayTooShort: 86399, 86400"):
        deploy(delay=86_399)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slot": 0}, "slotSeconds"),
        ({"recovery": 0}, "recoveryDelay"),
        ({"authorities": [ZERO_ADDRESS]}, "authority"),
    ],
)
def test_refuses_a_zero(deploy, change, field):
    with brownie.reverts(f"ZeroField: {field}"):
        deploy(**change)


def test_refuses_nobody_as_governance(deploy):
    with brownie.reverts(f"AccessControlInvalidDefaultAdmin: {ZERO_ADDRESS}"):
        deploy(governs=ZERO_ADDRESS)


def test_refuses_the_same_authority_twice(deploy, authority):
    with brownie.reverts(revert_pattern=rf"TooEarly: {2**40 - 1}, \d+"):
        deploy(authorities=[authority, authority])


def test_accredits_the_first_authorities_at_once(deploy, authority, bob, alice):
    registry = deploy(authorities=[authority, bob])
    assert [registry.isAccredited(who) for who in (authority, bob, alice)] == [True, True, False]


def test_keeps_what_was_configured(registry, config, governance):
    assert registry.governance() == registry.defaultAdmin() == governance
    assert registry.slotSeconds() == config["slot_seconds"]
    assert registry.GOVERNANCE_DELAY() == config["governance_delay"]
    assert registry.RECOVERY_DELAY() == config["recovery_delay"]
    assert registry.defaultAdminDelay() == config["governance_delay"]


def test_names_its_signing_domain(registry):
    expected = ("SETM ParticipantRegistry", "1", brownie.chain.id, registry)
    assert registry.eip712Domain()[1:5] == expected
