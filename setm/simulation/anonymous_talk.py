"""How one-time accounts trade a day over any chain: notes, broadcasts, co-signed agreements, claims.

A ``Relay`` is who brings things to the chain: a participant in its own name for notes and claims, anybody for the rest.
Each account hears of the others through the chain alone, and decrypts what is for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from setm.agents.negotiator import Proposal
from setm.anonymous import messages
from setm.anonymous.accounts import note, one_time_account
from setm.anonymous.envelopes import (
    Kind,
    Text,
    bulletin,
    public_key,
    public_key_of,
    read,
    seal,
)
from setm.anonymous.escrow import Agreement
from setm.anonymous.notes import IssuerKey, NotePlace, to_bytes
from setm.anonymous.talk import agreement_of, require_acceptance, require_fresh
from setm.errors import ChainError
from setm.messages import Domain
from setm.slots import Slot
from setm.trading import Day
from setm.trading.negotiation import Dialogue, wanted
from setm.types import Side
from setm.units import Price, Wh, payment_up

NOTES_AT_ONCE = 16


class Relay(Protocol):
    """Who brings what accounts and participants say to the chain; names are those of traders."""

    def now(self) -> int:
        """Return the time of the newest block, UTC seconds."""

    def buy_notes(self, name: str, blinded: Sequence[bytes]) -> int:
        """Let a participant buy notes; return the number of the first."""

    def issue(self, first_note_id: int, signatures: Sequence[bytes]) -> None:
        """Bring the issuer's signatures."""

    def redeem(self, account: str, serial: bytes, signature: bytes) -> None:
        """Bring a note."""

    def broadcast(
        self, envelope: bytes, account: str, nonce: int, deadline: int, signature: bytes
    ) -> bytes:
        """Bring an envelope; return it as the chain tells of it."""

    def agree(self, agreed: Agreement, buyer_signature: bytes, seller_signature: bytes) -> None:
        """Bring an agreement."""

    def claim(self, name: str, agreement_id: bytes, is_buyer: bool, signature: bytes) -> None:
        """Let a participant claim its side."""

    def cash_in(
        self,
        account: str,
        participant_id: int,
        amount: int,
        nonce: int,
        deadline: int,
        signature: bytes,
    ) -> None:
        """Bring what an account says about its balance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What everybody knows: where notes and messages count, the issuer, the arbiter; and each trader's secret."""

    day: Day
    place: NotePlace
    domain: Domain
    issuer: IssuerKey
    arbiter_id: int
    secrets: Mapping[str, bytes]
    participant_ids: Mapping[str, int]

    def account(self, name: str, slot: Slot) -> LocalAccount:
        """Return the one-time account of a trader for a slot."""
        return one_time_account(self.secrets[name], self.place, slot)


@dataclass(slots=True)
class Accounts:
    """A table of which each word is an envelope between one-time accounts (``setm.trading.negotiation.Table``)."""

    setting: Setting
    relay: Relay
    denomination: int
    nonces: dict[str, int] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)
    offers: dict[int, Text] = field(default_factory=dict)
    deals: list[tuple[bytes, Slot, str, str]] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    count: int = 0

    # Notes

    def buy_all(self, notes_per_slot: int, done: Callable[[], None]) -> None:
        """Let everybody buy the same number of notes for every slot, and every account redeem its own.

        Whoever knows the order of sales must learn nothing from the order of redeeming: that one is by serial.
        """
        signed: list[tuple[str, bytes, bytes]] = []
        for trader in self.setting.day.traders:
            signed += self._buy(trader.name, notes_per_slot)
            done()
        for account, serial, signature in sorted(signed, key=lambda item: item[1]):
            self.relay.redeem(account, serial, signature)
            self._book(account, self.denomination)

    def _book(self, account: str, change: int) -> None:
        self.balances[account] = self.balances.get(account, 0) + change

    def _buy(self, name: str, notes_per_slot: int) -> list[tuple[str, bytes, bytes]]:
        setting, key = self.setting, self.setting.issuer.public
        notes = [
            note(setting.secrets[name], setting.place, key, slot, number)
            for slot in setting.day.slots
            for number in range(notes_per_slot)
        ]
        signed = []
        for at in range(0, len(notes), NOTES_AT_ONCE):
            some = notes[at : at + NOTES_AT_ONCE]
            blinded = [one.blinded(key) for one in some]
            first = self.relay.buy_notes(name, [to_bytes(number) for number in blinded])
            answers = [setting.issuer.sign(number) for number in blinded]
            self.relay.issue(first, [to_bytes(answer) for answer in answers])
            for one, answer in zip(some, answers, strict=True):
                signature = key.unblinded(answer, one.factor, one.number)
                signed.append((one.account, one.serial, to_bytes(signature)))
        return signed

    # Talking

    def announce(self, slot: Slot) -> None:
        """Let the accounts of all who want something in a slot say on which side, to all."""
        for trader in self.setting.day.traders:
            if wanted(trader, slot, self.setting.day.rules.tariff) > 0:
                kind = Kind.BUYER if trader.side is Side.BID else Kind.SELLER
                text = self._text(trader.name, slot, kind)
                self._say(self.setting.account(trader.name, slot), bulletin(), None, text)

    def open(self, dialogue: Dialogue, proposal: Proposal) -> int:
        """Send a first offer."""
        self.count += 1
        dialogue.number = self.count
        self.counter(dialogue, proposal)
        return dialogue.number

    def counter(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Send an offer or counter-offer, and let the other side read it."""
        text = self._text(
            dialogue.mover.name, dialogue.slot, Kind.OFFER, proposal, dialogue.round + 1
        )
        heard = self._tell(dialogue, text)
        if (heard.energy_wh, heard.price) != (proposal.energy_wh, proposal.price):
            raise ChainError(f"offer {proposal}: expected to be heard as said, found {heard}")
        self.offers[dialogue.number] = heard

    def accept(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Sign the agreement and let its maker check and co-sign it; anybody brings it."""
        setting, offer = self.setting, self.offers[dialogue.number]
        require_fresh(offer, self.relay.now())
        mover, maker = self._sides(dialogue)
        text = self._text(
            dialogue.mover.name, dialogue.slot, Kind.ACCEPTANCE, proposal, dialogue.round
        )
        buyer, seller = (mover, maker) if dialogue.buyers_turn else (maker, mover)
        agreed = agreement_of(text, buyer=buyer.address, seller=seller.address)
        message = messages.agreement(setting.domain, agreed)
        heard = self._tell(dialogue, replace(text, signature=message.sign(mover)))
        require_acceptance(
            heard,
            offer,
            agreed,
            setting.domain,
            trusted_arbiter=setting.arbiter_id,
            now=self.relay.now(),
        )
        self.relay.agree(agreed, message.sign(buyer), message.sign(seller))
        rules = setting.day.rules
        cover = payment_up(agreed.energy_wh, max(rules.cover_price - agreed.price, 0))
        self._book(buyer.address, -payment_up(agreed.energy_wh, agreed.price))
        self._book(seller.address, -cover)
        self.deals.append(
            (message.digest(), dialogue.slot, dialogue.buyer.name, dialogue.seller.name)
        )

    def reject(self, dialogue: Dialogue) -> None:
        """Say that it is over."""
        self._tell(dialogue, self._text(dialogue.mover.name, dialogue.slot, Kind.REJECTION))

    # After gate closure

    def claim_slot(self, wanted_slot: Slot) -> None:
        """Let both sides of every agreement of a slot show who they are."""
        for agreement_id, slot, buyer, seller in self.deals:
            if slot != wanted_slot:
                continue
            for name, is_buyer in ((buyer, True), (seller, False)):
                participant_id = self.setting.participant_ids[name]
                message = messages.claim(
                    self.setting.domain, agreement_id=agreement_id, participant_id=participant_id
                )
                signature = message.sign(self.setting.account(name, slot))
                self.relay.claim(name, agreement_id, is_buyer, signature)

    def cash_in_all(self) -> None:
        """Let every account give what is left to its participant."""
        for trader in self.setting.day.traders:
            participant_id = self.setting.participant_ids[trader.name]
            for slot in self.setting.day.slots:
                account = self.setting.account(trader.name, slot)
                self._cash_in(account, participant_id, self.balances.pop(account.address, 0))

    def _cash_in(self, account: LocalAccount, participant_id: int, amount: int) -> None:
        if amount == 0:
            return
        nonce = self.nonces.get(account.address, 0)
        deadline = self.relay.now() + self.setting.day.rules.offer_seconds
        message = messages.cash_in(
            self.setting.domain,
            participant_id=participant_id,
            amount=amount,
            nonce=nonce,
            deadline=deadline,
        )
        args = (account.address, participant_id, amount, nonce, deadline)
        self.relay.cash_in(*args, message.sign(account))

    # Envelopes

    def _tell(self, dialogue: Dialogue, text: Text) -> Text:
        mover, other = self._sides(dialogue)
        return self._say(mover, other, self.keys[other.address], text)

    def _sides(self, dialogue: Dialogue) -> tuple[LocalAccount, LocalAccount]:
        setting = self.setting
        mover = setting.account(dialogue.mover.name, dialogue.slot)
        return mover, setting.account(dialogue.other.name, dialogue.slot)

    def _say(
        self, sender: LocalAccount, receiver: LocalAccount, key: bytes | None, text: Text
    ) -> Text:
        """Broadcast a text; return it as the receiver reads it. Who speaks has shown its public key by that."""
        nonce = self.nonces.get(sender.address, 0)
        deadline = self.relay.now() + self.setting.day.rules.offer_seconds
        envelope = seal(sender, nonce, key or public_key(receiver), text.to_bytes())
        message = messages.broadcast(
            self.setting.domain, envelope=envelope, nonce=nonce, deadline=deadline
        )
        signature = message.sign(sender)
        told = self.relay.broadcast(envelope, sender.address, nonce, deadline, signature)
        self.nonces[sender.address] = nonce + 1
        self.keys[sender.address] = public_key_of(message.digest(), signature)
        return read(receiver, sender.address, told)

    def _text(
        self,
        name: str,
        slot: Slot,
        kind: Kind,
        proposal: Proposal | None = None,
        number: int = 0,
    ) -> Text:
        rules, account = self.setting.day.rules, self.setting.account(name, slot)
        gate = slot * rules.slot_seconds - rules.gate_lead
        expires_at = min(self.relay.now() + rules.offer_seconds, gate - 1)
        salt = keccak(bytes(account.key) + self.count.to_bytes(8, "big"))
        return Text(
            kind=kind,
            account=account.address,
            slot=slot,
            energy_wh=proposal.energy_wh if proposal else Wh(0),
            price=proposal.price if proposal else Price(0),
            round=number,
            expires_at=expires_at,
            arbiter_id=self.setting.arbiter_id,
            salt=int.from_bytes(salt, "big"),
            deadline=expires_at,
        )
