"""A registry alone, in which alice has a recovery address and bob has none; mallory is not registered."""

from types import SimpleNamespace

import brownie
import pytest
from eth_account import Account

from setm import messages
from setm.types import Kind

ZERO_ADDRESS = "0x" + "00" * 20
YEAR = 365 * 86_400


@pytest.fixture(scope="module")
def project():
    return brownie.project.get_loaded_projects()[0]


@pytest.fixture(scope="module")
def registry(project, config, governance, authority):
    return project.ParticipantRegistry.deploy(
        governance,
        config["slot_seconds"],
        config["governance_delay"],
        config["recovery_delay"],
        [authority],
        {"from": governance},
    )


@pytest.fixture(scope="module")
def domain(registry):
    return messages.Domain(chain_id=brownie.chain.id, contract=registry.address)


@pytest.fixture(scope="module")
def recovery(actors):
    """Where alice's money goes after a revocation."""
    return actors.others[0]


@pytest.fixture(scope="module")
def new_key(actors):
    """A key that belongs to nobody yet."""
    return actors.others[1]


@pytest.fixture(scope="module")
def agent(actors):
    """A key for sessions."""
    return actors.others[2]


@pytest.fixture(scope="module")
def second_authority(actors):
    return actors.others[3]


@pytest.fixture(scope="module")
def venue(actors):
    return actors.others[4]


@pytest.fixture(scope="module")
def signed():
    """Return the signature of a local account."""
    return lambda message, account: message.sign(Account.from_key(account.private_key))


@pytest.fixture(scope="module")
def credential(domain):
    """Return what an authority says about an account, with changes."""

    def build(account, /, **changes):
        values = {
            "account": str(account),
            "kind": Kind.PROSUMER,
            "device_class": 3,
            "zone": 7,
            "commitment": messages.identity_commitment(str(account), bytes(32)),
            "valid_until": brownie.chain.time() + YEAR,
            "serial": 1,
            **changes,
        }
        return messages.credential(domain, **values)

    return build


@pytest.fixture(scope="module")
def join(registry, authority, signed, domain):
    """Join by signatures that mallory brings; each part can be replaced."""

    def send(message, account, *, recovery=ZERO_ADDRESS, sender, **parts):
        deadline = parts.get("deadline", brownie.chain.time() + 600)
        signer = parts.get("authority", authority)
        consent = messages.join(
            domain,
            credential_hash=message.struct_hash(),
            recovery=str(recovery),
            deadline=deadline,
        )
        return registry.join(
            tuple(message.values.values()),
            signer,
            parts.get("authority_signature") or signed(message, signer),
            recovery,
            deadline,
            parts.get("account_signature", b"" if account is None else signed(consent, account)),
            {"from": sender},
        )

    return send


@pytest.fixture(scope="module", autouse=True)
def people(registry, credential, join, alice, bob, mallory, recovery):
    """Participant 1 is alice, participant 2 is bob."""
    join(credential(alice), alice, recovery=recovery, sender=mallory)
    join(credential(bob), bob, sender=mallory)
    return SimpleNamespace(alice=1, bob=2)


@pytest.fixture(scope="module")
def rotate(registry, signed, domain):
    """Rotate a key with the new key's signature."""

    def send(participant_id, sender, account, **parts):
        deadline = parts.get("deadline", brownie.chain.time() + 600)
        message = messages.rotate(
            domain, participant_id=participant_id, account=str(account), deadline=deadline
        )
        signature = parts.get("signature") or signed(message, parts.get("signer", account))
        return registry.rotateKey(account, deadline, signature, {"from": sender})

    return send


@pytest.fixture(scope="module")
def open_session(registry, agent, venue):
    """Open a session of 500 per slot for a day."""

    def send(sender, **changes):
        values = {
            "key": agent,
            "venue": venue,
            "limit": 500,
            "expires_at": brownie.chain.time() + 86_400,
            **changes,
        }
        return registry.openSession(tuple(values.values()), {"from": sender})

    return send


@pytest.fixture(scope="module")
def next_slot(config):
    """Return the start of the slot after a time."""
    return lambda moment: (moment // config["slot_seconds"] + 1) * config["slot_seconds"]


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come just after a time; Brownie and the chain may differ by a second about the present."""
    return lambda moment: brownie.chain.mine(timestamp=moment + 2)


@pytest.fixture(scope="module")
def low():
    """Return an address as error messages write it."""
    return lambda account: str(account).lower()
