"""A sealed auction in which alice, bob and carol have margin; `open_venue` is the same without seals."""

import secrets
from types import SimpleNamespace

import brownie
import pytest
from eth_account import Account

from scripts.deploy import deploy
from scripts.register import enrol_people
from setm import messages
from setm.orders import cover, digest, opening_word
from setm.types import Order, Side

TEN_EUR = 10_000_000
BOUND = 1_000_000
CLOSED_WINDOWS = {"is_sealed": False, "reveal_window": 0, "bond": 0}


@pytest.fixture(scope="module")
def is_sealed():
    """Whether the auction of the module is sealed; a module with open orders says False."""
    return True


@pytest.fixture(scope="module")
def config(config, is_sealed):
    changes = {} if is_sealed else CLOSED_WINDOWS
    return {**config, "auction": {**config["auction"], **changes}}


@pytest.fixture(scope="module")
def rules(config):
    return SimpleNamespace(**config["auction"])


@pytest.fixture(scope="module")
def venue(system, ids, alice, bob, carol):
    for person in (alice, bob, carol):
        system.clearinghouse.lock(system.auction, TEN_EUR, {"from": person})
    return system.auction


@pytest.fixture(scope="module")
def slot(venue, config, rules):
    """A slot whose gate closes in an hour or more."""
    return (brownie.chain.time() + rules.gate_lead) // config["slot_seconds"] + 5


@pytest.fixture(scope="module")
def times(slot, config, rules):
    gate = slot * config["slot_seconds"] - rules.gate_lead
    return SimpleNamespace(
        gate=gate,
        clearing=gate + rules.reveal_window,
        void=gate + rules.reveal_window + rules.clear_window,
    )


@pytest.fixture(scope="module")
def wait_until():
    """Let the next block come at a time or just after it."""
    return lambda moment: brownie.chain.mine(timestamp=moment)


@pytest.fixture(scope="module")
def key_of():
    """Return the private key of a local account, for signing messages."""
    return lambda account: Account.from_key(account.private_key)


@pytest.fixture(scope="module")
def domain(venue):
    return messages.Domain(chain_id=brownie.chain.id, contract=venue.address)


class Book:
    """Orders of this test's slot, as their owners know them."""

    def __init__(self, venue, slot, ids, rules):
        self.venue, self.slot, self.ids, self.rules = venue, slot, ids, rules
        self.salt = secrets.randbits(160)

    def order(self, name, side, tick, energy_wh):
        number = getattr(self.ids, name)
        return Order(
            participant_id=number, slot=self.slot, side=side, tick=tick, energy_wh=energy_wh
        )

    def digest(self, order):
        return digest(brownie.chain.id, self.venue.address, order, self.salt)

    def commitment(self, order, bound=BOUND):
        return order.slot, order.side, bound, self.digest(order)

    def opening(self, order):
        return opening_word(order, self.salt)

    def words(self, order):
        return order.slot, order.side, order.tick, order.energy_wh

    def cover(self, order):
        price = self.rules.floor_price + order.tick * self.rules.tick_size
        return cover(order.side, price, order.energy_wh, self.rules.cover_price)

    def entry(self, order, bound):
        """Return the order as a word of OrdersOpened."""
        head = order.participant_id << 128 | order.side << 112 | order.tick << 96
        return head | bound << 48 | order.energy_wh


@pytest.fixture(scope="module")
def book(venue, slot, ids, rules):
    return Book(venue, slot, ids, rules)


@pytest.fixture(scope="module")
def bid(book):
    """alice buys 335 Wh at up to 46.1 EUR/MWh."""
    return book.order("alice", Side.BID, 161, 335)


@pytest.fixture(scope="module")
def ask(book):
    """bob sells 500 Wh at 42.0 EUR/MWh or more."""
    return book.order("bob", Side.ASK, 120, 500)


@pytest.fixture
def committed(venue, book, bid, ask, alice, bob):
    """alice's bid and bob's ask are in."""
    venue.commit(book.commitment(bid), {"from": alice})
    venue.commit(book.commitment(ask), {"from": bob})


@pytest.fixture
def opened(venue, book, bid, ask, committed, times, slot, wait_until, mallory):
    """Both are opened."""
    wait_until(times.gate)
    venue.open(slot, [book.opening(bid), book.opening(ask)], {"from": mallory})


@pytest.fixture
def cleared(venue, opened, times, slot, wait_until, mallory):
    """And the slot is cleared: 335 Wh at 44.05 EUR/MWh."""
    wait_until(times.clearing)
    return venue.clear(slot, {"from": mallory})


@pytest.fixture(scope="module")
def other_auction(actors, config, rules):
    """Return an auction of a new deployment, with other parameters and perhaps a plain account as settlement."""

    def create(settler=None, **changes):
        system = deploy(actors.governance, config, actors)
        project = brownie.project.get_loaded_projects()[0]
        values = tuple({**vars(rules), **changes}.values())
        sent = {"from": actors.governance}
        venue = project.Auction.deploy(
            system.clearinghouse, settler or system.settlement, system.rule, values, sent
        )
        for address in (venue, *([settler] if settler else [])):
            system.clearinghouse.addVenue(address, sent)
        # After the first deposit a venue would have to wait for the public delay.
        enrol_people(system)
        return system, venue

    return create
