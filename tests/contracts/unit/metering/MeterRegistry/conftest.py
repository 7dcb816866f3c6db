"""Meters and a registry alone. alice and bob have a meter each, the operator and carol have none."""

from types import SimpleNamespace

import brownie
import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from scripts.register import register
from setm import messages
from setm.types import Kind, Reading

CAPACITY_WH = 5_000
SLOTS = 10_000


@pytest.fixture(scope="module")
def project():
    return brownie.project.get_loaded_projects()[0]


@pytest.fixture(scope="module")
def registry(project, config, governance, authority):
    delays = config["slot_seconds"], config["governance_delay"], config["recovery_delay"]
    sent = {"from": governance}
    return project.ParticipantRegistry.deploy(governance, *delays, [authority], sent)


@pytest.fixture(scope="module")
def ids(registry, authority, operator, alice, bob, carol):
    people = {"operator": operator, "alice": alice, "bob": bob, "carol": carol}
    numbers = {
        name: register(registry, authority, account, Kind.PROSUMER)
        for name, account in people.items()
    }
    return SimpleNamespace(**numbers)


@pytest.fixture(scope="module")
def windows(config):
    return SimpleNamespace(slot_seconds=config["slot_seconds"], **config["metering"])


@pytest.fixture(scope="module")
def meters(project, registry, ids, config, governance):
    values = config["metering"].values()
    sent = {"from": governance}
    return project.MeterRegistry.deploy(registry, ids.operator, *values, sent)


@pytest.fixture(scope="module")
def key_of():
    """Return the private key of a local account, for signing messages."""
    return lambda account: Account.from_key(account.private_key)


@pytest.fixture(scope="module")
def devices(actors):
    """Keys inside meters: alice's, bob's, and two that are not bound yet."""
    return actors.others[:4]


@pytest.fixture(scope="module")
def binding(meters, ids, devices):
    """Return what the authority says about a new meter of carol, with changes."""

    def build(**changes):
        values = {
            "meter_id": keccak(text="serial of carol"),
            "participant_id": ids.carol,
            "device_key": devices[2].address,
            "capacity_wh": CAPACITY_WH,
            "valid_until_slot": brownie.chain.time() // 900 + SLOTS,
            **changes,
        }
        domain = messages.Domain(chain_id=brownie.chain.id, contract=meters.address)
        return messages.binding(domain, **values)

    return build


@pytest.fixture(scope="module")
def bind(meters, authority, carol, key_of):
    """Bind a meter as carol, signed by the authority, unless said otherwise."""

    def send(message, *, sender=None, signer=None, claimed=None, signature=None):
        signature = signature or message.sign(key_of(signer or authority))
        values = tuple(message.values.values())
        return meters.bindMeter(
            values, claimed or signer or authority, signature, {"from": sender or carol}
        )

    return send


@pytest.fixture(scope="module", autouse=True)
def bound(binding, bind, ids, alice, bob, devices):
    """The numbers of alice's and bob's meters."""
    for person, number, device in ((alice, ids.alice, devices[0]), (bob, ids.bob, devices[1])):
        message = binding(
            meter_id=keccak(text=str(number)),
            participant_id=number,
            device_key=device.address,
        )
        bind(message, sender=person)
    return SimpleNamespace(alice=1, bob=2)


@pytest.fixture(scope="module")
def slot(meters, bound):
    """The first slot of alice's and bob's meters; it begins after they were bound."""
    return brownie.chain[-1].timestamp // 900 + 2


@pytest.fixture(scope="module")
def signed(meters, devices, key_of):
    """Return a reading as a meter signs it: alice's meter 1, bob's meter 2, unless another key is given."""

    def build(meter, slot, import_wh=300, export_wh=20, *, key=None, domain=None):
        measured = Reading(meter=meter, slot=slot, import_wh=import_wh, export_wh=export_wh)
        domain = domain or messages.Domain(chain_id=brownie.chain.id, contract=meters.address)
        message = messages.reading(domain, measured)
        return (measured.word, *message.sign_compact(key_of(key or devices[meter - 1])))

    return build


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come at a time or just after it."""
    return lambda moment: brownie.chain.mine(timestamp=moment)


@pytest.fixture
def over(slot, windows, wait_until):
    """The slot, just over."""
    wait_until((slot + 1) * windows.slot_seconds)
    return slot


@pytest.fixture
def posted(meters, signed, bound, over, mallory):
    """The slot with a reading of alice that mallory brought."""
    meters.postReading(signed(bound.alice, over), {"from": mallory})
    return over


@pytest.fixture
def disputed(meters, bound, posted, alice):
    """The slot with a reading that alice disputes."""
    meters.dispute(bound.alice, posted, {"from": alice})
    return posted


@pytest.fixture(scope="module")
def low():
    """Return an address as error messages write it."""
    return lambda account: str(account).lower()
