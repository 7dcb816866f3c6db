"""Negotiation: ``setm.negotiation`` with authentication in front and the clearinghouse behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from setm import negotiation as book
from setm.negotiation import Config, PositionState
from setm.types import Terms
from tests.audit.machine.model_base import Side, require
from tests.audit.machine.steps import Sig, Step
from tests.audit.machine.world import CONFIG


class NegotiationSide(Side):
    def start_negotiation(self) -> None:
        config = Config(**CONFIG["negotiation"], slot_seconds=CONFIG["slot_seconds"])
        self.talks = book.Book(config=config)

    def _refreshed(self) -> book.Book:
        active = frozenset(who for who in self.people() if self.is_active(who))
        return replace(self.talks, active=active)

    def _bound(self, is_buyer: bool, energy_wh: int, price: int) -> int:
        return book.bound_by(self.talks.config, is_buyer=is_buyer, energy_wh=energy_wh, price=price)

    def _caller(self, step: Step, amount: int) -> Any:
        return self.authorize(step.sender, "negotiation", amount)

    # Margin

    def negotiation_add_margin(self, step: Step, participant_id: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def negotiation_release_margin(self, step: Step, amount: int) -> None:
        self._free_margin(self.owner(step.sender), amount)

    def negotiation_release_margin_of(self, step: Step, participant_id: int) -> None:
        require(not self.is_active(participant_id), "StillActive", participantId=participant_id)
        self._free_margin(participant_id, self.talks.margin_of(participant_id))

    def _free_margin(self, who: Any, amount: int) -> None:
        self.talks = book.release_margin(self.talks, who, amount)
        self.release_account("negotiation", who, amount)

    # Talking

    def negotiation_offer(
        self,
        step: Step,
        counterparty: Any,
        is_bid: bool,
        terms: tuple[int, int, int, int],
        expires_at: int,
    ) -> int:
        caller = self._caller(step, self._bound(bool(is_bid), terms[2], terms[3]))
        self.talks = book.offer(
            self._refreshed(),
            caller=caller,
            counterparty=counterparty,
            is_bid=bool(is_bid),
            terms=terms_of(terms),
            expires_at=expires_at,
            now=self.now,
        )
        return len(self.talks.negotiations)

    def negotiation_counter(
        self, step: Step, number: int, energy_wh: int, price: int, expires_at: int
    ) -> None:
        talk = self.talks.negotiation(number)
        caller = self._caller(step, self._bound(not talk.buyer_moved, energy_wh, price))
        self.talks = book.counter(
            self._refreshed(),
            negotiation_id=number,
            caller=caller,
            energy_wh=energy_wh,
            price=price,
            expires_at=expires_at,
            now=self.now,
        )

    def negotiation_accept(self, step: Step, number: int, offer_round: int) -> None:
        talk = self.talks.negotiation(number)
        bound = self._bound(not talk.buyer_moved, talk.terms.energy_wh, talk.terms.price)
        caller = self._caller(step, bound)
        self.talks = book.accept(
            self._refreshed(),
            negotiation_id=number,
            caller=caller,
            offer_round=offer_round,
            now=self.now,
        )

    def negotiation_reject(self, step: Step, number: int) -> None:
        caller = self._caller(step, 0)
        self.talks = book.reject(self.talks, negotiation_id=number, caller=caller, now=self.now)

    def negotiation_withdraw_offer(self, step: Step, number: int) -> None:
        caller = self._caller(step, 0)
        self.talks = book.withdraw_offer(
            self.talks, negotiation_id=number, caller=caller, now=self.now
        )

    def negotiation_expire(self, step: Step, number: int) -> None:
        self.talks = book.expire(self.talks, negotiation_id=number, now=self.now)

    def negotiation_agree(
        self,
        step: Step,
        agreement: tuple[int, ...],
        buyer_key: str,
        buyer_sig: Sig,
        seller_key: str,
        seller_sig: Sig,
    ) -> None:
        buyer, seller, first, count, energy_wh, price, _, deadline = agreement
        for key, sig, who, is_buyer in (
            (buyer_key, buyer_sig, buyer, True),
            (seller_key, seller_sig, seller, False),
        ):
            require(self.world.is_good(step, sig, key), "ForgedSignature", key=key)
            bound = self._bound(is_buyer, energy_wh, price)
            found = self.authorize(key, "negotiation", bound)
            require(found == who, "PartyMismatch", expected=who, found=found)
        self.talks = book.agree(
            self._refreshed(),
            buyer_id=buyer,  # type: ignore[arg-type]
            seller_id=seller,  # type: ignore[arg-type]
            terms=terms_of((first, count, energy_wh, price)),
            digest=self.world.own_digest(step),
            deadline=deadline,
            now=self.now,
        )

    # From trade to settlement

    def negotiation_is_final(self, slot: int) -> bool:
        return self.now >= self.talks.config.gate_at(slot)

    def negotiation_collect(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        require(self.negotiation_is_final(slot), "OutcomeOpen", slot=slot)
        for who in participant_ids:
            self.collect_in_negotiation(slot, who)

    def collect_in_negotiation(self, slot: int, who: int) -> None:
        position = self.talks.position(slot, who)
        self.talks = book.collect(self.talks, slot, [who], self.now)
        if position.state is PositionState.OPEN and position.payment:
            self.close_account("negotiation", who, charged=position.payment)

    def negotiation_close(self, step: Step, slot: int, who: int) -> None:
        require(False, "OnlyBy", expected="settlement", caller=step.sender)

    def close_in_negotiation(self, slot: int, who: int) -> tuple[int, int, int]:
        """Return what settlement takes over: Wh bought, Wh sold, credit."""
        self.collect_in_negotiation(slot, who)
        position = self.talks.position(slot, who)
        self.talks, (bought, sold, credit) = book.close(self.talks, slot, who, self.now)
        if credit:
            self.close_account(
                "negotiation",
                who,
                heir="settlement",
                released=position.cover,
                paid=position.receivable,
            )
        return bought, sold, credit


def terms_of(values: tuple[int, int, int, int]) -> Terms:
    """Return terms of a call as the reference knows them."""
    first_slot, slot_count, energy_wh, price = values
    return Terms(
        first_slot=first_slot,  # type: ignore[arg-type]
        slot_count=slot_count,
        energy_wh=energy_wh,  # type: ignore[arg-type]
        price=price,  # type: ignore[arg-type]
    )
