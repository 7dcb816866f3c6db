"""Notes and the venue of one-time accounts: ``setm.anonymous`` with signatures in front and the clearinghouse behind.

The reference keeps accounts by their addresses, since notes commit to them; steps and refusals have names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from setm import negotiation
from setm import registry as keys
from setm.anonymous import book as ref
from setm.anonymous import escrow
from setm.anonymous.escrow import Agreement
from setm.negotiation import PositionState, Refused
from setm.types import ParticipantId
from tests.audit.machine.minting import issuer, place_of
from tests.audit.machine.model_base import Refusal, Side, require
from tests.audit.machine.steps import Minted, Sig, Step
from tests.audit.machine.world import CONFIG

VENUE = "anonymous"


class AnonymousSide(Side):
    def start_anonymous(self) -> None:
        config = ref.Config(
            **CONFIG[VENUE],
            **CONFIG["notes"],
            feed_in_price=CONFIG["settlement"]["feed_in_price"],
            slot_seconds=CONFIG["slot_seconds"],
        )
        # Where the contracts are is known only when they are deployed.
        self.hidden = ref.empty(config, issuer().public, place_of(self.world))
        # Which note has which number; what the issuer signed.
        self.minted: Mapping[int, Minted] = {}
        self.issued: tuple[Minted, ...] = ()
        self.redeemed: frozenset[tuple[str, int]] = frozenset()

    def _refreshed_anonymous(self) -> ref.Book:
        people = [ParticipantId(who) for who in self.people()]
        active = frozenset(who for who in people if self.is_active(who))
        joined = {who: at for (who, venue), at in self.joined.items() if venue == VENUE}
        return replace(
            self.hidden,
            place=place_of(self.world),
            ledger=replace(self.hidden.ledger, active=active),
            keys={who: self.world.address(self.key_of(who)) for who in people},
            joined=joined,
        )

    def _hide(self, change: Callable[[ref.Book], ref.Book], **other: Any) -> None:
        """Let the reference do something; its refusals speak of names."""
        try:
            self.hidden = change(replace(self._refreshed_anonymous(), **other))
        except Refused as refusal:
            said = self.world.said(refusal.name, refusal.arguments)
            raise Refusal(said) from refusal

    # Margin

    def add_anonymous_margin(self, who: Any, amount: int) -> None:
        ledger = negotiation.add_margin(self.hidden.ledger, who, amount)
        self.hidden = replace(self.hidden, ledger=ledger)

    def anonymous_add_margin(self, step: Step, participant_id: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def anonymous_release_margin(self, step: Step, amount: int) -> None:
        self._free_anonymous_margin(self.owner(step.sender), amount)

    def anonymous_release_margin_of(self, step: Step, participant_id: int) -> None:
        require(not self.is_active(participant_id), "StillActive", participantId=participant_id)
        margin = self.hidden.ledger.margin_of(participant_id)
        self._free_anonymous_margin(participant_id, margin)

    def _free_anonymous_margin(self, who: Any, amount: int) -> None:
        ledger = negotiation.release_margin(self.hidden.ledger, who, amount)
        self.hidden = replace(self.hidden, ledger=ledger)
        self.release_account(VENUE, who, amount)

    # Notes

    def _number(self, step: Step, value: Any) -> bytes:
        return self.world.data_of(step, value)

    def anonymous_buy_notes(self, step: Step, blinded: Sequence[Any]) -> int:
        amount = len(blinded) * self.hidden.config.denomination
        who: Any = self.authorize(step.sender, VENUE, amount)
        numbers = [self._number(step, one) for one in blinded]
        first = self.hidden.counts.sold + 1
        self._hide(lambda book: ref.buy_notes(book, buyer_id=who, blinded=numbers, now=self.now))
        self.minted = {**self.minted, **dict(enumerate(blinded, first))}
        self.close_account(VENUE, who, charged=amount)
        return first

    def anonymous_refund_note(self, step: Step, note_id: int) -> None:
        note = self.hidden.waiting.get(note_id)
        self._hide(lambda book: ref.refund_note(book, note_id=note_id, now=self.now))
        assert note is not None
        paid = self.hidden.config.denomination
        self.close_account(VENUE, note.participant_id, heir=VENUE, paid=paid)

    def anonymous_redeem(self, step: Step, account: str, serial: str, signature: Any) -> None:
        is_known = keys.is_secured(self.registry, account, self.now)
        require(not is_known, "AccountKnown", account=account)
        self._hide(
            lambda book: ref.redeem(
                book,
                account=self.world.address(account),
                serial=bytes.fromhex(serial[2:]),
                signature=self._number(step, signature),
            ),
            # The registry was asked above: an owner that is no longer active is unknown to it.
            keys={},
        )
        assert isinstance(signature, Minted)
        self.redeemed |= {(signature.account, signature.number)}

    def notes_issue(self, step: Step, venue: str, first: int, signatures: Sequence[Any]) -> None:
        numbers = [self._number(step, one) for one in signatures]
        if venue != VENUE:
            self._require_count(numbers)
            require(False, "NoteNotWaiting", noteId=first)
        self._hide(lambda book: ref.issue(book, first_note_id=first, signatures=numbers))
        found = [self.minted[first + place] for place in range(len(numbers))]
        self.issued = (*self.issued, *found)

    def notes_sell(self, step: Step, participant_id: int, blinded: Sequence[Any]) -> None:
        """Anybody may sell notes in its own name, which nothing backs; here with numbers that are none."""
        numbers = [self._number(step, one) for one in blinded]
        self._require_count(numbers)
        require(False, "NoteMalformed", length=len(numbers[0]))

    def notes_refund(self, step: Step, note_id: int) -> None:
        require(False, "NoteNotWaiting", noteId=note_id)

    def notes_spend(self, step: Step, account: str, serial: str, signature: Any) -> None:
        require(False, "NoteMalformed", length=len(self._number(step, signature)))

    @staticmethod
    def _require_count(numbers: Sequence[bytes]) -> None:
        is_few = 1 <= len(numbers) <= ref.MAX_NOTES
        require(is_few, "NoteCountOutOfRange", count=len(numbers), limit=ref.MAX_NOTES)

    # One-time accounts

    def anonymous_broadcast(
        self, step: Step, envelope: Any, account: str, nonce: int, deadline: int, sig: Sig
    ) -> None:
        self._require_said(step, account, nonce, deadline, sig)
        said = self._number(step, envelope)
        self._hide(
            lambda book: ref.broadcast(
                book,
                account=self.world.address(account),
                envelope=said,
                nonce=nonce,
                deadline=deadline,
                now=self.now,
            )
        )

    def anonymous_cash_in(
        self, step: Step, account: str, who: Any, amount: int, nonce: int, deadline: int, sig: Sig
    ) -> None:
        self._require_said(step, account, nonce, deadline, sig)
        self._hide(
            lambda book: ref.cash_in(
                book,
                account=self.world.address(account),
                participant_id=who,
                amount=amount,
                nonce=nonce,
                deadline=deadline,
                now=self.now,
            )
        )
        self.close_account(VENUE, who, heir=VENUE, paid=amount)

    def _require_said(self, step: Step, account: str, nonce: int, deadline: int, sig: Sig) -> None:
        require(self.now <= deadline, "MessageExpired", deadline=deadline, nowAt=self.now)
        current = self.hidden.nonces.get(self.world.address(account), 0)
        require(nonce == current, "InvalidAccountNonce", account=account, currentNonce=current)
        require(self.world.is_good(step, sig, account), "ForgedSignature", key=account)

    # Agreements

    def anonymous_agree(
        self, step: Step, terms: tuple[Any, ...], buyer_sig: Sig, seller_sig: Sig
    ) -> None:
        slot, energy_wh, price, buyer, seller, arbiter_id, salt, deadline = terms
        for key, sig in ((buyer, buyer_sig), (seller, seller_sig)):
            require(self.world.is_good(step, sig, key), "ForgedSignature", key=key)
        agreed = Agreement(
            slot=slot,
            energy_wh=energy_wh,
            price=price,
            buyer=self.world.address(buyer),
            seller=self.world.address(seller),
            arbiter_id=arbiter_id,
            salt=salt,
            deadline=deadline,
        )
        number = self.world.own_digest(step)
        self._hide(
            lambda book: escrow.agree(book, agreement=agreed, agreement_id=number, now=self.now)
        )

    def _held(self, number: bytes) -> ref.Deal | None:
        deal = self.hidden.deals.get(number)
        return deal if deal and deal.state is ref.State.HELD else None

    def anonymous_claim(self, step: Step, agreement_id: str, is_buyer: Any, sig: Sig) -> None:
        number, who = bytes.fromhex(agreement_id[2:]), ParticipantId(0)
        deal, config = self._held(number), self.hidden.config
        if deal is not None:
            bound = deal.payment() if is_buyer else deal.cover(config)
            who = ParticipantId(self.authorize(step.sender, VENUE, bound))
        try:
            self._hide(
                lambda book: escrow.claim(
                    book,
                    agreement_id=number,
                    is_buyer=bool(is_buyer),
                    participant_id=who,
                    now=self.now,
                )
            )
        except Refusal as refusal:
            # A position is added behind the signature, everything else is asked before it.
            if str(refusal).startswith(("EarlierSlotOpen", "PositionFull")):
                self._require_claimed(step, deal, bool(is_buyer), sig, who)
            raise
        self._require_claimed(step, deal, bool(is_buyer), sig, who)
        ended = self.hidden.deals[number]
        if ended.state is ref.State.DELIVERED:
            for side, paid in (
                (ended.buyer_id, ended.payment()),
                (ended.seller_id, ended.cover(config)),
            ):
                self.close_account(VENUE, side, heir=VENUE, paid=paid)

    def _require_claimed(
        self, step: Step, deal: ref.Deal | None, is_buyer: bool, sig: Sig, who: int
    ) -> None:
        assert deal is not None
        key = self.world.name(deal.buyer if is_buyer else deal.seller)
        # A session claims for its participant, and what is signed names the sender's own.
        is_own = self.world.speaks_for(step.sender) == who
        is_good = is_own and self.world.is_good(step, sig, key)
        require(is_good, "ForgedSignature", key=key)

    def anonymous_decide(
        self, step: Step, agreement_id: str, outcome: int, signatures: tuple[Any, ...]
    ) -> None:
        decided = ref.Outcome(outcome)
        number = bytes.fromhex(agreement_id[2:])
        buyer_sig, seller_sig, arbiter_key, arbiter_sig = signatures
        given = [sig.form != "empty" for sig in (buyer_sig, seller_sig, arbiter_sig)]
        arbiter = ParticipantId(0) if given[2] else None
        deal = self._held(number)
        if deal is not None and self.now < self.hidden.config.decided_from(deal.slot):
            names = self.world.name(deal.buyer), self.world.name(deal.seller), arbiter_key
            for key, sig, is_given in zip(
                names, (buyer_sig, seller_sig, arbiter_sig), given, strict=True
            ):
                is_good = not is_given or self.world.is_good(step, sig, key)
                require(is_good, "ForgedSignature", key=key)
            if sum(given) == 2 and given[2]:
                arbiter = ParticipantId(self.authorize(arbiter_key, VENUE, 0))
        self._hide(
            lambda book: escrow.decide(
                book,
                agreement_id=number,
                outcome=decided,
                has_buyer=given[0],
                has_seller=given[1],
                arbiter=arbiter,
                now=self.now,
            )
        )

    def anonymous_refund(self, step: Step, agreement_id: str) -> None:
        number = bytes.fromhex(agreement_id[2:])
        self._hide(lambda book: escrow.refund(book, agreement_id=number, now=self.now))

    # From trade to settlement

    def anonymous_is_final(self, slot: int) -> bool:
        return self.now >= self.hidden.config.decided_from(slot)

    def anonymous_collect(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        require(self.anonymous_is_final(slot), "OutcomeOpen", slot=slot)
        for who in participant_ids:
            self.collect_in_anonymous(slot, who)

    def collect_in_anonymous(self, slot: int, who: Any) -> None:
        position = self.hidden.ledger.position(slot, who)
        ledger = negotiation.collect(self.hidden.ledger, slot, [who], self.now)
        self.hidden = replace(self.hidden, ledger=ledger)
        if position.state is PositionState.OPEN and position.payment:
            self.close_account(VENUE, who, charged=position.payment)

    def anonymous_close(self, step: Step, slot: int, who: int) -> None:
        require(False, "OnlyBy", expected="settlement", caller=step.sender)

    def close_in_anonymous(self, slot: int, who: Any) -> tuple[int, int, int]:
        """Return what settlement takes over: Wh bought, Wh sold, credit."""
        self.collect_in_anonymous(slot, who)
        position = self.hidden.ledger.position(slot, who)
        ledger, closed = negotiation.close(self.hidden.ledger, slot, who, self.now)
        self.hidden = replace(self.hidden, ledger=ledger)
        bought, sold, credit = closed
        if credit:
            self.close_account(
                VENUE,
                who,
                heir="settlement",
                released=position.cover,
                paid=position.receivable,
            )
        return bought, sold, credit
