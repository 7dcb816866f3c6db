"""What anonymous negotiation costs: each scenario returns the gas of every transaction that it measures.

Nothing of it is written again in a ring: accounts, notes and agreements are new every time. Machines are metered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm.anonymous import messages
from setm.anonymous.accounts import Note, note, one_time_account
from setm.anonymous.book import MAX_NOTES, Outcome
from setm.anonymous.envelopes import public_key, seal
from setm.anonymous.escrow import Agreement
from setm.anonymous.notes import NotePlace, issuer_key, to_bytes
from setm.evm import Evm, Person, System, default_config, deploy_system
from setm.slots import Slot
from setm.types import Kind, ParticipantId
from setm.units import Price, Wh

TIMES = 10
EUR = 1_000_000
TERMS = {
    "gate_lead": 1800,
    "horizon_seconds": 172_800,
    "decision_seconds": 3600,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000,
    "denomination": EUR,
}


class Town:
    """A buyer, a seller and an arbiter on a metered machine; what is not measured happens as well."""

    def __init__(self) -> None:
        base = _system()
        self.evm: Evm = base.evm.metered()
        self.system = base
        self.venue, self.notes = base.anonymous.on(self.evm), base.notes.on(self.evm)
        self.issuer = issuer_key(b"bench")
        self.place = NotePlace(
            chain_id=self.evm.chain_id, book=self.notes.address, venue=self.venue.address
        )
        self.domain = base.domain(base.anonymous)
        self.people = _people()
        self.slot = Slot(self.evm.now // 900 + 20)
        self.sold = 0

    def note(self, person: Person, number: int, index: int = 0) -> Note:
        secret = bytes(keccak(text=person.name))
        return note(secret, self.place, self.issuer.public, index, number)

    def account(self, person: Person, index: int = 0) -> LocalAccount:
        return one_time_account(bytes(keccak(text=person.name)), self.place, index)

    def buy(self, person: Person, notes: list[Note]) -> int:
        blinded = [to_bytes(one.blinded(self.issuer.public)) for one in notes]
        self.sold += len(notes)
        return self.venue.send("buyNotes", blinded, sender=person).gas_used

    def issue(self, first: int, notes: list[Note]) -> int:
        signed = [to_bytes(self.issuer.sign(one.blinded(self.issuer.public))) for one in notes]
        return self.notes.send("issue", self.venue, first, signed).gas_used

    def redeem(self, one: Note) -> int:
        signature = to_bytes(self.issuer.sign(one.number))
        return self.venue.send("redeem", one.account, one.serial, signature).gas_used

    def fund(self, person: Person, index: int) -> LocalAccount:
        one = self.note(person, 0, index)
        first = self.sold + 1
        self.buy(person, [one])
        self.issue(first, [one])
        self.redeem(one)
        return self.account(person, index)

    def agree(self, number: int) -> tuple[int, bytes, LocalAccount, LocalAccount]:
        buyer, seller, arbiter = self.people
        a, b = self.fund(buyer, number), self.fund(seller, number)
        agreed = Agreement(
            slot=self.slot,
            energy_wh=Wh(500),
            price=Price(46_001),
            buyer=str(a.address),
            seller=str(b.address),
            arbiter_id=ParticipantId(arbiter.id),
            salt=number,
            deadline=self.evm.now + 3600,
        )
        message = messages.agreement(self.domain, agreed)
        sent = self.venue.send("agree", agreed, message.sign(a), message.sign(b))
        return sent.gas_used, message.digest(), a, b

    def claim(self, agreement_id: bytes, person: Person, account: LocalAccount) -> int:
        message = messages.claim(self.domain, agreement_id=agreement_id, participant_id=person.id)
        is_buyer = person is self.people[0]
        args: tuple[Any, ...] = (agreement_id, is_buyer, message.sign(account))
        return self.venue.send("claim", *args, sender=person).gas_used

    def pass_gate(self) -> None:
        self.evm.now = self.slot * 900 - TERMS["gate_lead"]


@cache
def _system() -> System:
    modulus = "0x" + to_bytes(issuer_key(b"bench").public.modulus).hex()
    sections: dict[str, Mapping[str, Any]] = {
        "notes": {"modulus": modulus, "issue_seconds": 3600},
        "anonymous": TERMS,
    }
    return deploy_system(Evm(), default_config(**sections))


@cache
def _people() -> tuple[Person, ...]:
    system = _system()
    people = tuple(system.enrol(name, Kind.PROSUMER) for name in ("buyer", "seller", "arbiter"))
    for person in people:
        system.fund(person, system.anonymous, 100 * EUR)
    return people


def _town() -> Town:
    _people()
    return Town()


def buy_note() -> list[int]:
    """One note."""
    town = _town()
    return [town.buy(town.people[0], [town.note(town.people[0], i)]) for i in range(TIMES)]


def buy_notes_share() -> list[int]:
    """One note's share of as many as may be bought at once."""
    town = _town()
    notes = [town.note(town.people[0], i) for i in range(MAX_NOTES)]
    return [town.buy(town.people[0], notes) // MAX_NOTES]


def issue_share() -> list[int]:
    """One note's share of as many as may be issued at once."""
    town = _town()
    notes = [town.note(town.people[0], i) for i in range(MAX_NOTES)]
    town.buy(town.people[0], notes)
    return [town.issue(1, notes) // MAX_NOTES]


def redeem() -> list[int]:
    """A note for an account that holds nothing."""
    town = _town()
    notes = [town.note(town.people[0], 0, i) for i in range(TIMES)]
    town.buy(town.people[0], notes)
    town.issue(1, notes)
    return [town.redeem(one) for one in notes]


def broadcast() -> list[int]:
    """An envelope of 353 bytes, after the account's first."""
    town = _town()
    account = town.fund(town.people[0], 0)
    gas = []
    for nonce in range(TIMES + 1):
        envelope = seal(account, nonce, public_key(account), b"offer")
        deadline = town.evm.now
        message = messages.broadcast(town.domain, envelope=envelope, nonce=nonce, deadline=deadline)
        args = (envelope, account, nonce, deadline, message.sign(account))
        gas.append(town.venue.send("broadcast", *args).gas_used)
    return gas[1:]


def agree_anonymously() -> list[int]:
    """An agreement of two one-time accounts into escrow."""
    town = _town()
    return [town.agree(number)[0] for number in range(TIMES)]


def claim_first() -> list[int]:
    """The claim of the side that comes first."""
    return [pair[0] for pair in _claims()]


def claim_last() -> list[int]:
    """The claim that delivers: both sides' positions are written."""
    return [pair[1] for pair in _claims()]


def _claims() -> list[tuple[int, int]]:
    town = _town()
    deals = [town.agree(number) for number in range(TIMES)]
    town.pass_gate()
    buyer, seller, _ = town.people
    claims = [(town.claim(i, buyer, a), town.claim(i, seller, b)) for _, i, a, b in deals]
    # The first writes the positions' words of this slot; the others add to them.
    return claims[1:]


def decide() -> list[int]:
    """A decision of both sides."""
    town = _town()
    gas = []
    for number in range(TIMES):
        _, agreement_id, a, b = town.agree(number)
        message = messages.decision(town.domain, agreement_id=agreement_id, outcome=Outcome.REFUND)
        signatures = (message.sign(a), message.sign(b), "0x" + "00" * 20, b"")
        args = (agreement_id, Outcome.REFUND, signatures)
        gas.append(town.venue.send("decide", *args).gas_used)
    return gas


SCENARIOS: Mapping[str, Callable[[], list[int]]] = {
    scenario.__name__: scenario
    for scenario in (
        buy_note,
        buy_notes_share,
        issue_share,
        redeem,
        broadcast,
        agree_anonymously,
        claim_first,
        claim_last,
        decide,
    )
}


def medians() -> dict[str, int]:
    """Return the median gas of each scenario."""
    return {name: int(median(measure())) for name, measure in SCENARIOS.items()}
