"""One-time accounts of the common venue tests: bought, agreed, claimed and cashed in at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm.anonymous import messages
from setm.anonymous.accounts import note, one_time_account
from setm.anonymous.escrow import Agreement
from setm.anonymous.notes import IssuerKey, NotePlace, issuer_key, to_bytes
from setm.evm import Contract, Evm, Person, System
from setm.types import ParticipantId
from setm.units import Price, Wh

CONFIG = {
    "gate_lead": 3600,
    "horizon_seconds": 172_800,
    "decision_seconds": 1800,
    "floor_price": 30_000,
    "cap_price": 55_500,
    "cover_price": 55_500,
    "max_energy_wh": 1_000_000_000,
    "denomination": 100_000,
}


@cache
def issuer() -> IssuerKey:
    return issuer_key(b"common")


def deploy(evm: Evm, system: System, settler: Any) -> Contract:
    """Deploy the venue with its notes."""
    notes = evm.deploy("NoteBook", to_bytes(issuer().public.modulus), 3600)
    values = tuple(CONFIG.values())
    return evm.deploy("AnonymousNegotiation", system.clearinghouse, settler, values, notes)


@dataclass
class OneTime:
    """Accounts of one deployment, each used once; who speaks for a participant is its ``sender``."""

    system: System
    venue: Contract
    count: int = 0
    buyers: dict[int, tuple[LocalAccount, Person, Any, int]] = field(default_factory=dict)

    @property
    def place(self) -> NotePlace:
        notes = self.venue.noteBook()
        return NotePlace(chain_id=self.venue.evm.chain_id, book=notes, venue=self.venue.address)

    def fund(self, sender: Any) -> LocalAccount:
        """Let ``sender`` buy a note for a fresh account."""
        self.count += 1
        secret = bytes(keccak(text="common"))
        one = note(secret, self.place, issuer().public, self.count, 0)
        blinded = one.blinded(issuer().public)
        first = self.venue.send("buyNotes", [to_bytes(blinded)], sender=sender).value
        notes = self.venue.evm.at("NoteBook", self.venue.noteBook())
        notes.send("issue", self.venue, first, [to_bytes(issuer().sign(blinded))])
        signature = to_bytes(issuer().sign(one.number))
        self.venue.send("redeem", one.account, one.serial, signature)
        return one_time_account(secret, self.place, self.count)

    def agree(self, slot: int, seller: Person, sender: Any, price: int) -> None:
        """Let the seller's account agree with the buyer who came first, both claim, and take home what is left."""
        buyers_account, buyer, buyers_sender, energy_wh = self.buyers.pop(slot)
        sellers_account = self.fund(sender)
        agreed = Agreement(
            slot=slot,  # type: ignore[arg-type]
            energy_wh=Wh(energy_wh),
            price=Price(price),
            buyer=buyers_account.address,
            seller=sellers_account.address,
            arbiter_id=ParticipantId(self.system.operator.id),
            salt=self.count,
            deadline=self.venue.evm.now,
        )
        domain = self.system.domain(self.venue)
        message = messages.agreement(domain, agreed)
        signed = message.sign(buyers_account), message.sign(sellers_account)
        self.venue.send("agree", agreed, *signed)
        gate = slot * self.system.config["slot_seconds"] - CONFIG["gate_lead"]
        self.venue.evm.now = max(self.venue.evm.now, gate)
        for account, person, speaker in (
            (buyers_account, buyer, buyers_sender),
            (sellers_account, seller, sender),
        ):
            self._claim(message.digest(), account, person, speaker, buyer)
            self._cash_in(account, person)

    def _claim(
        self, number: bytes, account: LocalAccount, person: Person, sender: Any, buyer: Person
    ) -> None:
        domain = self.system.domain(self.venue)
        message = messages.claim(domain, agreement_id=number, participant_id=person.id)
        args = (number, person.id == buyer.id, message.sign(account))
        self.venue.send("claim", *args, sender=sender)

    def _cash_in(self, account: LocalAccount, person: Person) -> None:
        amount, deadline = self.venue.accountBalance(account), self.venue.evm.now
        message = messages.cash_in(
            self.system.domain(self.venue),
            participant_id=person.id,
            amount=amount,
            nonce=0,
            deadline=deadline,
        )
        args = (account, person.id, amount, 0, deadline, message.sign(account))
        self.venue.send("cashIn", *args)
