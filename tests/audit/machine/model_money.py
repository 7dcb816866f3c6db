"""Tokens and the clearinghouse: ``setm.ledger`` with who may do what around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from setm import ledger, registry
from setm.registry import Registry
from tests.audit.machine.model_base import Side, require, require_any
from tests.audit.machine.steps import NOBODY, Sig, Step

UNLIMITED = 2**256 - 1
MAX_VENUES = 8


class MoneySide(Side):
    registry: Registry

    def start_money(self) -> None:
        self.ledger = ledger.Ledger()
        self.tokens: dict[str, int] = {}
        self.allowances: dict[tuple[str, str], int] = {}
        self.permit_nonces: dict[str, int] = {}
        # From when on a venue is active, in the order in which they were added.
        self.venues: dict[str, int] = {}
        self.was_ever_deposited = False
        # The slot in which a participant first locked for a venue.
        self.joined: dict[tuple[int, str], int] = {}

    # Tokens

    def token_mint(self, step: Step, to: str, amount: int) -> None:
        require_any(to != NOBODY, "ERC20InvalidReceiver(*)")
        require_any(sum(self.tokens.values()) + amount <= UNLIMITED, "Panic(*)")
        self._give(to, amount)

    def token_approve(self, step: Step, spender: str, amount: int) -> None:
        require_any(spender != NOBODY, "ERC20InvalidSpender(*)")
        self.allowances = {**self.allowances, (step.sender, spender): amount}

    def token_transfer(self, step: Step, to: str, amount: int) -> None:
        require_any(to != NOBODY, "ERC20InvalidReceiver(*)")
        self._take(step.sender, amount)
        self._give(to, amount)

    def token_transfer_from(self, step: Step, holder: str, to: str, amount: int) -> None:
        self._spend(holder, step.sender, amount)
        require_any(holder != NOBODY, "*")
        require_any(to != NOBODY, "ERC20InvalidReceiver(*)")
        self._take(holder, amount)
        self._give(to, amount)

    def token_permit(self, step: Step, *args: Any) -> None:
        # A permit is tried through `depositWithPermit`; here it comes with no signature that counts.
        require_any(False, "*")

    def _take(self, holder: str, amount: int) -> None:
        have = self.tokens.get(holder, 0)
        require_any(have >= amount, "ERC20InsufficientBalance(*)")
        self.tokens = {**self.tokens, holder: have - amount}

    def _give(self, to: str, amount: int) -> None:
        self.tokens = {**self.tokens, to: self.tokens.get(to, 0) + amount}

    def _spend(self, holder: str, spender: str, amount: int) -> None:
        allowed = self.allowances.get((holder, spender), 0)
        if allowed == UNLIMITED:
            return
        require_any(allowed >= amount, "ERC20InsufficientAllowance(*)")
        self.allowances = {**self.allowances, (holder, spender): allowed - amount}

    # Deposits and withdrawals

    def house_deposit(self, step: Step, participant_id: int, amount: int) -> None:
        require(self.is_active(participant_id), "NotActive", participantId=participant_id)
        self.ledger = ledger.deposit(self.ledger, participant_id, amount)  # type: ignore[arg-type]
        self.was_ever_deposited = True
        self._spend(step.sender, "house", amount)
        self._take(step.sender, amount)
        self._give("house", amount)

    def house_deposit_with_permit(
        self, step: Step, participant_id: int, amount: int, deadline: int, sig: Sig, *same: Sig
    ) -> None:
        if self.allowances.get((step.sender, "house"), 0) < amount:
            require_any(self.now <= deadline, "ERC2612ExpiredSignature(*)")
            # The contract of the token refuses a malleable signature by another name.
            require_any(self.world.is_good(step, sig, step.sender), "*")
            nonce = self.permit_nonces.get(step.sender, 0)
            self.permit_nonces = {**self.permit_nonces, step.sender: nonce + 1}
            self.allowances = {**self.allowances, (step.sender, "house"): amount}
        self.house_deposit(step, participant_id, amount)

    def house_withdraw(self, step: Step, amount: int) -> None:
        self._withdraw(self.owner(step.sender), step.sender, amount)

    def house_withdraw_revoked(self, step: Step, participant_id: int) -> None:
        found = registry.participant_of(self.registry, participant_id)  # type: ignore[arg-type]
        require(found.revoked_at != 0, "NotRevoked", participantId=participant_id)
        to = registry.payout_address(self.registry, participant_id, self.now)  # type: ignore[arg-type]
        self._withdraw(participant_id, to, self.ledger.free_of(participant_id))  # type: ignore[arg-type]

    def _withdraw(self, participant_id: int, to: str, amount: int) -> None:
        self.ledger = ledger.withdraw(self.ledger, participant_id, amount)  # type: ignore[arg-type]
        require_any(to not in (NOBODY, "house"), "*")
        self._take("house", amount)
        self._give(to, amount)

    # Collateral

    def is_venue(self, name: str) -> bool:
        """Return whether a venue is active now."""
        return name in self.venues and self.venues[name] <= self.now

    def house_lock(self, step: Step, venue: str, amount: int) -> None:
        participant_id = self.authorize(step.sender, "house", amount)
        require(self.is_venue(venue), "NotAVenue", venue=venue)
        self.ledger = ledger.lock(self.ledger, participant_id, venue, amount)  # type: ignore[arg-type]
        if (participant_id, venue) not in self.joined:
            slot = self.now // self.registry.slot_seconds
            self.joined = {**self.joined, (participant_id, venue): slot}
        self.add_margin(venue, participant_id, amount)

    def house_release(self, step: Step, participant_id: int, amount: int) -> None:
        require(self.is_venue(step.sender), "NotAVenue", venue=step.sender)
        if amount:
            self.release_account(step.sender, participant_id, amount)

    def house_close(
        self, step: Step, participant_id: int, heir: str, charged: int, released: int, paid: int
    ) -> None:
        require(self.is_venue(step.sender), "NotAVenue", venue=step.sender)
        require(heir == NOBODY or self.is_venue(heir), "NotAVenue", venue=heir)
        require_any(charged + released < 2**256 and released + paid < 2**256, "Panic(*)")
        amounts = {"charged": charged, "released": released, "paid": paid}
        to = None if heir == NOBODY else heir
        self.close_account(step.sender, participant_id, heir=to, **amounts)

    def house_close_many(self, step: Step, heir: str, words: Sequence[int]) -> None:
        # Only a venue that settles whole days calls it with success.
        require(self.is_venue(step.sender), "NotAVenue", venue=step.sender)
        require_any(False, "*")

    def house_add_venue(self, step: Step, venue: str) -> None:
        require(step.sender == self.registry.governance, "NotGovernance", caller=step.sender)
        require(venue != NOBODY, "NotAVenue", venue=venue)
        require(venue not in self.venues, "VenueKnown", venue=venue)
        require(len(self.venues) < MAX_VENUES, "TooManyVenues", limit=MAX_VENUES)
        delay = self.registry.governance_delay if self.was_ever_deposited else 0
        self.venues = {**self.venues, venue: self.now + delay}

    def members_of(self, venue: str, slot: int) -> list[int]:
        """Return who joined a venue before a slot began."""
        return [
            who for (who, where), since in self.joined.items() if where == venue and since < slot
        ]

    def close_account(self, venue: str, participant_id: int, **amounts: Any) -> None:
        """What a venue charges, releases and pays ([M5] to [M7])."""
        self.ledger = ledger.close(self.ledger, venue, participant_id, **amounts)  # type: ignore[arg-type]

    def release_account(self, venue: str, participant_id: int, amount: int) -> None:
        """[M4]"""
        self.ledger = ledger.release(self.ledger, venue, participant_id, amount)  # type: ignore[arg-type]
