"""The anonymous venue on the in-process EVM beside its reference: whatever happens, happens to both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm import negotiation
from setm.anonymous import book as ref
from setm.anonymous import escrow, messages
from setm.anonymous.accounts import Note, note, one_time_account
from setm.anonymous.escrow import Agreement
from setm.anonymous.notes import IssuerKey, NotePlace, issuer_key, to_bytes
from setm.errors import Reverted
from setm.evm import Evm, Person, System, default_config, deploy_system
from setm.types import Kind, ParticipantId, Slot
from setm.units import Money, Price, Wh

SLOT_SECONDS = 900
FIRST_SLOT = 2_000_000
EUR = 1_000_000
MARGIN = 50 * EUR
NAMES = ("alice", "bob", "carol", "dave")
NOTE = 1 * EUR
VENUE = {
    "gate_lead": 1800,
    "horizon_seconds": 172_800,
    "decision_seconds": 3600,
    "floor_price": 30_000,
    "cap_price": 60_000,
    "cover_price": 55_500,
    "max_energy_wh": 40_000,
    "denomination": NOTE,
}
ISSUE_SECONDS = 3600
ENVELOPE = bytes(353)


@cache
def issuer() -> IssuerKey:
    return issuer_key(b"tests")


class Stage:
    """alice, bob, carol and dave have margin in the venue; ``reset`` starts over.

    Where a plain account settles it can be the sender of ``close``; the venue then knows of no feed-in price.
    """

    def __init__(self, *, settles_plainly: bool = False, **changes: int) -> None:
        self.evm = Evm(now=FIRST_SLOT * SLOT_SECONDS - 86_400)
        values = {**VENUE, **changes}
        modulus = "0x" + to_bytes(issuer().public.modulus).hex()
        notes = {"modulus": modulus, "issue_seconds": ISSUE_SECONDS}
        self.system: System = deploy_system(self.evm, default_config(notes=notes, anonymous=values))
        self.venue, self.notes = self.system.anonymous, self.system.notes
        self.house = self.system.clearinghouse
        self.settler = self.evm.account("settler")
        if settles_plainly:
            struct = tuple(values.values())
            self.venue = self.evm.deploy(
                "AnonymousNegotiation", self.house, self.settler, struct, self.notes
            )
            for address in (self.venue, self.settler):
                self.house.send("addVenue", address, sender=self.system.governance)
        self.people = {name: self.system.enrol(name, Kind.PROSUMER) for name in NAMES}
        for person in self.people.values():
            self.system.deposit(person, 2 * MARGIN)
            self.house.send("lock", self.venue, MARGIN, sender=person)
        self.place = NotePlace(
            chain_id=self.evm.chain_id, book=self.notes.address, venue=self.venue.address
        )
        self.domain = self.system.domain(self.venue)
        self.config = ref.Config(
            **values,
            issue_seconds=ISSUE_SECONDS,
            feed_in_price=Price(
                0 if settles_plainly else self.system.config["settlement"]["feed_in_price"]
            ),
            slot_seconds=SLOT_SECONDS,
        )
        self.slot = Slot(FIRST_SLOT)
        self._first = self._empty_book()
        self.book = self._first
        self._mark = self.evm.snapshot()

    def _empty_book(self) -> ref.Book:
        book = ref.empty(self.config, issuer().public, self.place)
        everybody = [self.system.operator, *self.people.values()]
        ids = [ParticipantId(person.id) for person in self.people.values()]
        ledger = replace(
            book.ledger,
            active=frozenset(ParticipantId(person.id) for person in everybody),
            margins=dict.fromkeys(ids, Money(MARGIN)),
        )
        keys = {ParticipantId(person.id): person.address for person in everybody}
        joined = dict.fromkeys(ids, Slot(self.evm.now // SLOT_SECONDS))
        return replace(book, ledger=ledger, keys=keys, joined=joined)

    def reset(self) -> Stage:
        """Go back to the deployment."""
        self.evm.revert(self._mark)
        self._mark = self.evm.snapshot()
        self.book = self._first
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "people" or name not in self.people:
            raise AttributeError(name)
        return self.people[name]

    # Times of the slot

    @property
    def gate(self) -> int:
        return self.config.gate_at(self.slot)

    @property
    def decided(self) -> int:
        return self.config.decided_from(self.slot)

    # Both at once

    def both(self, expect: Callable[[], ref.Book], do: Callable[[], Any]) -> bool:
        """Let reference and chain do the same; return whether they took it. Both refuse alike, or both change."""
        expected = found = result = None
        try:
            result = expect()
        except ref.Refused as refusal:
            expected = (refusal.name, refusal.arguments)
        try:
            do()
        except Reverted as refusal:
            values = {
                name: "0x" + value.hex() if isinstance(value, bytes) else value
                for name, value in refusal.arguments.items()
            }
            found = (refusal.name, values)
        assert _lower(found) == _lower(expected)
        if result is not None:
            self.book = result
        return result is not None

    # Secrets

    def account(self, person: Person, index: int = 0) -> LocalAccount:
        return one_time_account(self._secret(person), self.place, index)

    def note(self, person: Person, index: int = 0, number: int = 0) -> Note:
        return note(self._secret(person), self.place, issuer().public, index, number)

    @staticmethod
    def _secret(person: Person) -> bytes:
        return bytes(keccak(text=f"secret of {person.name}"))

    # Notes

    def buy(self, person: Person, notes: list[Note]) -> bool:
        return self.buy_raw(person, [to_bytes(n.blinded(issuer().public)) for n in notes])

    def buy_raw(self, person: Person, blinded: list[bytes]) -> bool:
        return self.both(
            lambda: ref.buy_notes(
                self.book, buyer_id=ParticipantId(person.id), blinded=blinded, now=self.evm.now
            ),
            lambda: self.venue.send("buyNotes", blinded, sender=person),
        )

    def issue(self, first: int, signatures: list[bytes]) -> bool:
        return self.both(
            lambda: ref.issue(self.book, first_note_id=first, signatures=signatures),
            lambda: self.notes.send("issue", self.venue, first, signatures),
        )

    def sign_waiting(self, note_id: int) -> bytes:
        return to_bytes(issuer().sign(self.book.waiting[note_id].blinded))

    def unblinded(self, bought: Note, signature: bytes) -> bytes:
        value = int.from_bytes(signature, "big")
        return to_bytes(issuer().public.unblinded(value, bought.factor, bought.number))

    def redeem(self, bought: Note, signature: bytes) -> bool:
        return self.both(
            lambda: ref.redeem(
                self.book, account=bought.account, serial=bought.serial, signature=signature
            ),
            lambda: self.venue.send("redeem", bought.account, bought.serial, signature),
        )

    def refund_note(self, note_id: int) -> bool:
        return self.both(
            lambda: ref.refund_note(self.book, note_id=note_id, now=self.evm.now),
            lambda: self.venue.send("refundNote", note_id),
        )

    def fund(self, person: Person, index: int = 0, count: int = 1) -> LocalAccount:
        """Buy, issue and redeem notes for a one-time account of a person."""
        bought = [self.note(person, index, number) for number in range(count)]
        assert self.buy(person, bought)
        first = self.book.counts.sold - count + 1
        signed = [self.sign_waiting(first + i) for i in range(count)]
        assert self.issue(first, signed)
        for one, signature in zip(bought, signed, strict=True):
            assert self.redeem(one, self.unblinded(one, signature))
        return self.account(person, index)

    # Accounts

    def nonce(self, account: LocalAccount) -> int:
        return self.book.nonces.get(account.address, 0)

    def broadcast(
        self,
        account: LocalAccount,
        envelope: bytes = ENVELOPE,
        *,
        nonce: int | None = None,
        deadline: int | None = None,
    ) -> bool:
        used = self.nonce(account) if nonce is None else nonce
        until = self.evm.now + 60 if deadline is None else deadline
        signed = messages.broadcast(
            self.domain, envelope=envelope, nonce=used, deadline=until
        ).sign(account)
        return self.both(
            lambda: ref.broadcast(
                self.book,
                account=account.address,
                envelope=envelope,
                nonce=used,
                deadline=until,
                now=self.evm.now,
            ),
            lambda: self.venue.send("broadcast", envelope, account, used, until, signed),
        )

    def cash_in(self, account: LocalAccount, participant_id: int, amount: int) -> bool:
        used, until = self.nonce(account), self.evm.now + 60
        signed = messages.cash_in(
            self.domain,
            participant_id=participant_id,
            amount=amount,
            nonce=used,
            deadline=until,
        ).sign(account)
        return self.both(
            lambda: ref.cash_in(
                self.book,
                account=account.address,
                participant_id=ParticipantId(participant_id),
                amount=amount,
                nonce=used,
                deadline=until,
                now=self.evm.now,
            ),
            lambda: self.venue.send("cashIn", account, participant_id, amount, used, until, signed),
        )

    # Agreements

    def agreement(self, buyer: LocalAccount, seller: LocalAccount, **changes: Any) -> Agreement:
        values: dict[str, Any] = {
            "slot": self.slot,
            "energy_wh": Wh(20_001),
            "price": Price(46_100),
            "buyer": buyer.address,
            "seller": seller.address,
            "arbiter_id": ParticipantId(self.people["carol"].id),
            "salt": 7,
            "deadline": self.evm.now + 3600,
        }
        return Agreement(**{**values, **changes})

    def agree(self, agreed: Agreement, buyer: LocalAccount, seller: LocalAccount) -> bytes:
        """Bring an agreement; return its number, whether it was taken or not."""
        message = messages.agreement(self.domain, agreed)
        number = message.digest()
        signed = message.sign(buyer), message.sign(seller)
        self.both(
            lambda: escrow.agree(
                self.book, agreement=agreed, agreement_id=number, now=self.evm.now
            ),
            lambda: self.venue.send("agree", agreed, *signed),
        )
        return number

    def claim(self, number: bytes, is_buyer: bool, person: Person, account: LocalAccount) -> bool:
        signed = messages.claim(self.domain, agreement_id=number, participant_id=person.id).sign(
            account
        )
        return self.both(
            lambda: escrow.claim(
                self.book,
                agreement_id=number,
                is_buyer=is_buyer,
                participant_id=ParticipantId(person.id),
                now=self.evm.now,
            ),
            lambda: self.venue.send("claim", number, is_buyer, signed, sender=person),
        )

    def decide(
        self,
        number: bytes,
        outcome: ref.Outcome,
        *,
        buyer: LocalAccount | None = None,
        seller: LocalAccount | None = None,
        arbiter: Person | None = None,
    ) -> bool:
        message = messages.decision(self.domain, agreement_id=number, outcome=outcome)
        signatures = {
            "buyer": message.sign(buyer) if buyer else b"",
            "seller": message.sign(seller) if seller else b"",
            "arbiterKey": arbiter.address if arbiter else "0x" + "00" * 20,
            "arbiter": message.sign(arbiter.key) if arbiter else b"",
        }
        return self.both(
            lambda: escrow.decide(
                self.book,
                agreement_id=number,
                outcome=outcome,
                has_buyer=buyer is not None,
                has_seller=seller is not None,
                arbiter=ParticipantId(arbiter.id) if arbiter else None,
                now=self.evm.now,
            ),
            lambda: self.venue.send("decide", number, outcome, signatures),
        )

    def refund(self, number: bytes) -> bool:
        return self.both(
            lambda: escrow.refund(self.book, agreement_id=number, now=self.evm.now),
            lambda: self.venue.send("refund", number),
        )

    # What must hold

    def check(self) -> None:
        """Compare all money with the reference, to the unit."""
        assert self.house.poolOf(self.venue) == ref.pool_of(self.book)
        for account, balance in self.book.balances.items():
            assert self.venue.accountBalance(account) == balance
        for person in self.people.values():
            margin = self.book.ledger.margin_of(person.id)
            assert self.venue.marginOf(person.id) == margin
            bound = sum(
                negotiation.bound_of(self.book.ledger, position.slot, person.id)
                for (holder, _), position in self.book.ledger.positions.items()
                if holder == person.id
            )
            assert self.house.collateralOf(self.venue, person.id) == margin + bound
        for number, deal in self.book.deals.items():
            assert tuple(self.venue.dealOf(number)) == tuple(
                getattr(deal, name) for name in deal.__dataclass_fields__
            )
        counts = self.book.counts
        assert tuple(self.notes.countsOf(self.venue)) == (
            counts.sold,
            counts.issued,
            counts.refunded,
            counts.redeemed,
        )


def _lower(refusal: tuple[str, dict[str, Any]] | None) -> Any:
    if refusal is None:
        return None
    name, values = refusal
    return name, {k: v.lower() if isinstance(v, str) else v for k, v in values.items()}


@cache
def staged() -> Stage:
    """Return the stage of all tests, deployed once; each test calls ``reset``."""
    return Stage()
