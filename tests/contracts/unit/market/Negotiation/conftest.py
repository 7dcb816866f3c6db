"""A Negotiation in which alice, bob and carol have margin, and an offer of alice to bob."""

from types import SimpleNamespace

import brownie
import pytest
from eth_account import Account

from setm import messages
from setm.types import Terms

TEN_EUR = 10_000_000
ENERGY_WH, PRICE = 333, 46_001
# One slot of these terms: 333 Wh at 46.001 EUR/MWh, rounded up and down, and at the 9.499 EUR/MWh missing to retail.
PAYMENT, REVENUE, COVER = 15_319, 15_318, 3_164


@pytest.fixture(scope="module")
def money():
    """What one slot of `terms` costs, earns and binds, 1e-6 EUR, and the margin of each participant."""
    return SimpleNamespace(payment=PAYMENT, revenue=REVENUE, cover=COVER, margin=TEN_EUR)


@pytest.fixture(scope="module")
def venue(system, ids, alice, bob, carol):
    for person in (alice, bob, carol):
        system.clearinghouse.lock(system.negotiation, TEN_EUR, {"from": person})
    return system.negotiation


@pytest.fixture(scope="module")
def slot(venue, config):
    """A slot an hour after the first whose gate is open."""
    soonest = (brownie.chain.time() + config["negotiation"]["gate_lead"]) // config["slot_seconds"]
    return soonest + 4


@pytest.fixture(scope="module")
def gate_at(slot, config):
    return slot * config["slot_seconds"] - config["negotiation"]["gate_lead"]


@pytest.fixture(scope="module")
def terms(slot):
    """Two slots of 333 Wh at 46.001 EUR/MWh: the cents do not come out even."""
    return (slot, 2, ENERGY_WH, PRICE)


@pytest.fixture
def offered(venue, ids, alice, terms, gate_at):
    """The number of alice's offer to bob."""
    return venue.offer(ids.bob, True, terms, gate_at, {"from": alice}).return_value


@pytest.fixture(scope="module")
def agreement(venue, ids, terms, gate_at):
    """Return an agreement of alice and bob as a message, with changes."""

    def build(**changes):
        values = {
            "buyer_id": ids.alice,
            "seller_id": ids.bob,
            "terms": Terms(
                first_slot=terms[0], slot_count=terms[1], energy_wh=terms[2], price=terms[3]
            ),
            "salt": 1,
            "deadline": gate_at,
            **changes,
        }
        domain = messages.Domain(chain_id=brownie.chain.id, contract=venue.address)
        return messages.agreement(domain, **values)

    return build


@pytest.fixture(scope="module")
def key_of():
    """Return the private key of a local account, for signing messages."""
    return lambda account: Account.from_key(account.private_key)


@pytest.fixture(scope="module")
def bring(venue, key_of, alice, bob, mallory):
    """Bring an agreement as mallory, who has no part in it; signed by alice and bob unless said otherwise."""

    def send(message, *, buyer=None, seller=None, signatures=None, sender=None):
        buyer, seller = buyer or alice, seller or bob
        signatures = signatures or (message.sign(key_of(buyer)), message.sign(key_of(seller)))
        values = tuple(message.values.values())
        sent = {"from": sender or mallory}
        return venue.agree(values, buyer, signatures[0], seller, signatures[1], sent)

    return send


@pytest.fixture
def agreed(agreement, bring):
    """The agreement of alice and bob, brought."""
    return bring(agreement())


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come at a time or just after it."""
    return lambda moment: brownie.chain.mine(timestamp=moment)
