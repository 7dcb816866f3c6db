"""What the integration tests share: five neighbours with meters, and the moves of a day."""

from dataclasses import dataclass, field
from typing import Any

import brownie
from brownie.exceptions import VirtualMachineError
from eth_account import Account
from eth_utils.crypto import keccak

from scripts.register import fund
from setm import messages, orders
from setm.types import Kind, Order, Reading, Side

NOBODY = "0x" + "00" * 20
YEAR_SECONDS = 365 * 86_400
EUR = 1_000_000
CAPACITY_WH = 10_000
VENUES = ("settlement", "auction", "negotiation")


def refusal(function, *args, **options):
    """Return name and values of the custom error with which a call is refused, such as ``NotSecured: 0x…``."""
    try:
        function(*args, options)
    except VirtualMachineError as error:
        return error.revert_msg
    raise AssertionError(f"{function._name} was not refused")


def secret_of(name):
    return keccak(text=f"secret of {name}")


@dataclass
class Community:
    """A deployment and the people on it: accounts by name, participant numbers, meters and their device keys."""

    system: Any
    config: dict[str, Any]
    accounts: dict[str, Any]
    ids: dict[str, int]
    meters: dict[str, int] = field(default_factory=dict)
    devices: dict[str, Any] = field(default_factory=dict)

    # TIME

    @property
    def slot_seconds(self):
        return self.config["slot_seconds"]

    def start(self, slot):
        return slot * self.slot_seconds

    def gate(self, slot):
        """Gate closure; the auction and the negotiation of the tests close together."""
        return self.start(slot) - self.config["auction"]["gate_lead"]

    def go(self, timestamp):
        """Let one block come at ``timestamp``; never back."""
        assert timestamp >= brownie.chain[-1].timestamp, "the day goes forward only"
        brownie.chain.mine(timestamp=timestamp)

    # PEOPLE

    def by(self, name):
        return {"from": self.accounts[name]}

    def domain(self, contract):
        return messages.Domain(chain_id=brownie.chain.id, contract=contract.address)

    def key(self, name):
        return Account.from_key(self.accounts[name].private_key)

    def credential(self, name, valid_until=None):
        return messages.credential(
            self.domain(self.system.registry),
            account=self.accounts[name].address,
            kind=Kind.PROSUMER,
            device_class=0,
            zone=1,
            commitment=messages.identity_commitment(name, keccak(text=f"salt of {name}")),
            valid_until=valid_until or brownie.chain.time() + YEAR_SECONDS,
        )

    def enrol(self, name, account, valid_until=None):
        """Let the authority identify an account and the account join."""
        self.accounts[name] = account
        credential = self.credential(name, valid_until)
        values = tuple(credential.values.values())
        authority = self.system.actors.authority
        signature = credential.sign(Account.from_key(authority.private_key))
        args = (values, authority, signature, NOBODY, 2**40, b"")
        joined = self.system.registry.join(*args, self.by(name))
        self.ids[name] = joined.events["ParticipantJoined"]["participantId"]

    def lock(self, name, venue, amount):
        contract = getattr(self.system, venue)
        return self.system.clearinghouse.lock(contract, amount, self.by(name))

    # METERS

    def binding(self, name, serial=1):
        device = Account.from_key(keccak(text=f"device {serial} of {name}"))
        binding = messages.binding(
            self.domain(self.system.meters),
            meter_id=keccak(text=f"meter {serial} of {name}"),
            participant_id=self.ids[name],
            device_key=device.address,
            capacity_wh=CAPACITY_WH,
            valid_until_slot=2**32 - 1,
        )
        signature = binding.sign(Account.from_key(self.system.actors.authority.private_key))
        args = (tuple(binding.values.values()), self.system.actors.authority, signature)
        return device, args

    def bind_meter(self, name):
        device, args = self.binding(name)
        bound = self.system.meters.bindMeter(*args, self.by(name))
        self.meters[name] = bound.events["MeterBound"]["meter"]
        self.devices[name] = device

    def reading(self, name, slot, import_wh, export_wh, device=None):
        """A signed reading as the contract takes it."""
        meter = self.meters[name]
        measured = Reading(meter=meter, slot=slot, import_wh=import_wh, export_wh=export_wh)
        message = messages.reading(self.domain(self.system.meters), measured)
        r, vs = message.sign_compact(device or self.devices[name])
        return meter << 96 | slot << 64 | import_wh << 32 | export_wh, r, vs

    # TRADING

    def order(self, name, slot, side, tick, energy_wh):
        return Order(
            participant_id=self.ids[name], slot=slot, side=side, tick=tick, energy_wh=energy_wh
        )

    def salt(self, name, slot):
        return orders.salt(secret_of(name), self.system.auction.address, slot)

    def commitment(self, name, slot, side, tick, energy_wh, bound=200_000):
        order = self.order(name, slot, side, tick, energy_wh)
        auction = self.system.auction.address
        digest = orders.digest(brownie.chain.id, auction, order, self.salt(name, slot))
        return slot, int(side), bound, digest

    def opening(self, name, slot, side, tick, energy_wh):
        order = self.order(name, slot, side, tick, energy_wh)
        return orders.opening_word(order, self.salt(name, slot))

    def agreement(self, buyer, seller, terms, salt=1, deadline=2**40):
        return messages.agreement(
            self.domain(self.system.negotiation),
            buyer_id=self.ids[buyer],
            seller_id=self.ids[seller],
            terms=terms,
            salt=salt,
            deadline=deadline,
        )

    def signed_agreement(self, buyer, seller, terms, salt=1, deadline=2**40):
        """The arguments of ``agree`` with both signatures."""
        message = self.agreement(buyer, seller, terms, salt, deadline)
        return (
            tuple(message.values.values()),
            self.accounts[buyer],
            message.sign(self.key(buyer)),
            self.accounts[seller],
            message.sign(self.key(seller)),
        )

    # BOOKS

    def balances(self):
        """Everything that stands in the clearinghouse's books, by who and where (1e-6 EUR)."""
        house = self.system.clearinghouse
        found = {("free", name): house.freeOf(number) for name, number in self.ids.items()}
        for venue in VENUES:
            contract = getattr(self.system, venue)
            found["pool", venue] = house.poolOf(contract)
            for name, number in self.ids.items():
                found[venue, name] = house.collateralOf(contract, number)
        return found

    def check_books(self, slots=()):
        """Nothing is lost and nothing is made; each venue knows where its collateral is."""
        found = self.balances()
        house, settlement = self.system.clearinghouse, self.system.settlement
        assert sum(found.values()) == house.held() == self.system.token.balanceOf(house)
        for name, number in self.ids.items():
            assert found["settlement", name] == settlement.guaranteeOf(number)
            for venue in ("auction", "negotiation"):
                contract = getattr(self.system, venue)
                bound = sum(contract.boundOf(slot, number) for slot in slots)
                assert found[venue, name] == contract.marginOf(number) + bound
        assert found["pool", "settlement"] == 0


def open_community(system, config, ids):
    """The people of conftest, dave and erin; everybody has a meter and 100 EUR."""
    actors = system.actors
    names = ("operator", "alice", "bob", "carol")
    accounts = {
        name: getattr(actors, name) for name in (*names, "mallory", "authority", "governance")
    }
    community = Community(system, config, accounts, {name: getattr(ids, name) for name in names})
    for name, account in zip(("dave", "erin"), actors.others, strict=False):
        community.enrol(name, account)
        fund(system, account, 100 * EUR)
    for name in ("alice", "bob", "carol", "dave", "erin"):
        community.bind_meter(name)
    return community


BID, ASK = Side.BID, Side.ASK
