"""The tariff: ``setm.tariff`` with authentication in front and the clearinghouse behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from setm import tariff as book
from setm.tariff import Announcement, Config, Phase, State, Taking
from setm.types import Side as OrderSide
from setm.types import Trade
from tests.audit.machine.model_base import Side, require
from tests.audit.machine.steps import Sig, Step
from tests.audit.machine.world import CONFIG

RULES = Config(**CONFIG["tariff"], slot_seconds=CONFIG["slot_seconds"])


class TariffSide(Side):
    def start_tariff(self) -> None:
        self.board = book.Book(config=RULES)

    # Margin

    def tariff_add_margin(self, step: Step, participant_id: int, amount: int) -> None:
        require(False, "OnlyBy", expected="house", caller=step.sender)

    def tariff_release_margin(self, step: Step, amount: int) -> None:
        self._free_tariff_margin(self.owner(step.sender), amount)

    def tariff_release_margin_of(self, step: Step, participant_id: int) -> None:
        require(not self.is_active(participant_id), "StillActive", participantId=participant_id)
        self._free_tariff_margin(participant_id, self.board.margin_of(participant_id))

    def _free_tariff_margin(self, who: Any, amount: int) -> None:
        self.board = book.release_margin(self.board, who, amount)
        self.release_account("tariff", who, amount)

    # Announcing and taking

    def tariff_announce(self, step: Step, announcement: tuple[int, int, int]) -> None:
        self._announce_all(self._tariff_caller(step, worst_cost(announcement)), [announcement])

    def tariff_announce_many(self, step: Step, listed: Sequence[tuple[int, int, int]]) -> None:
        largest = max(map(worst_cost, listed), default=0)
        self._announce_all(self._tariff_caller(step, largest), listed)

    def tariff_announce_for(
        self,
        step: Step,
        announcement: tuple[int, int, int],
        key: str,
        nonce: int,
        deadline: int,
        signature: Sig,
    ) -> None:
        cost = worst_cost(announcement)
        who = self._signer(step, key, nonce, deadline, signature, cost)
        self._announce_all(who, [announcement])

    def tariff_take(self, step: Step, taking: tuple[int, int, int, int]) -> None:
        self._take_all(self._tariff_caller(step, cost_of(taking)), [taking])

    def tariff_take_many(self, step: Step, listed: Sequence[tuple[int, int, int, int]]) -> None:
        self._take_all(self._tariff_caller(step, max(map(cost_of, listed), default=0)), listed)

    def tariff_take_for(
        self,
        step: Step,
        taking: tuple[int, int, int, int],
        key: str,
        nonce: int,
        deadline: int,
        signature: Sig,
    ) -> None:
        who = self._signer(step, key, nonce, deadline, signature, cost_of(taking))
        self._take_all(who, [taking])

    def _tariff_caller(self, step: Step, amount: int) -> Any:
        return self.authorize(step.sender, "tariff", amount)

    def _announce_all(self, who: Any, listed: Sequence[tuple[int, int, int]]) -> None:
        for slot, side, energy_wh in listed:
            message = Announcement(slot=slot, side=OrderSide(side), energy_wh=energy_wh)  # type: ignore[arg-type]
            self.board = book.announce(self.board, who, message, self.now)

    def _take_all(self, who: Any, listed: Sequence[tuple[int, int, int, int]]) -> None:
        for slot, side, energy_wh, price in listed:
            message = Taking(
                slot=slot,  # type: ignore[arg-type]
                side=OrderSide(side),
                energy_wh=energy_wh,  # type: ignore[arg-type]
                price=price,  # type: ignore[arg-type]
            )
            self.board = book.take(self.board, who, message, self.now)

    # From trade to settlement

    def tariff_phase(self, slot: int) -> Phase:
        return RULES.phase(slot, self.now)

    def tariff_is_final(self, slot: int) -> bool:
        return self.tariff_phase(slot) is Phase.FINAL

    def tariff_trade(self, slot: int, who: int) -> Trade:
        return book.trade_of(self.board, slot, who, self.now)

    def tariff_collect(self, step: Step, slot: int, participant_ids: Sequence[int]) -> None:
        require(self.tariff_is_final(slot), "OutcomeOpen", slot=slot)
        for who in participant_ids:
            self.collect_in_tariff(slot, who)

    def collect_in_tariff(self, slot: int, who: int) -> None:
        is_open = self.board.part(slot, who).state in (State.ANNOUNCED, State.TAKEN)
        self.board = book.collect(self.board, slot, [who], self.now)
        payment = self.tariff_trade(slot, who).payment
        if is_open and payment:
            self.close_account("tariff", who, charged=payment)

    def tariff_close(self, step: Step, slot: int, who: int) -> None:
        require(False, "OnlyBy", expected="settlement", caller=step.sender)

    def close_in_tariff(self, slot: int, who: int) -> tuple[int, int, int]:
        """Return what settlement takes over: Wh bought, Wh sold, credit."""
        self.collect_in_tariff(slot, who)
        cover = self.board.part(slot, who).bound
        self.board, (bought, sold, credit) = book.close(self.board, slot, who, self.now)
        if credit:
            self.close_account(
                "tariff", who, heir="settlement", released=cover, paid=credit - cover
            )
        return bought, sold, credit


def worst_cost(announcement: tuple[int, int, int]) -> int:
    """Return what an announcement binds, 1e-6 EUR."""
    _, side, energy_wh = announcement
    return RULES.worst_cost(OrderSide(side), energy_wh)


def cost_of(taking: tuple[int, int, int, int]) -> int:
    """Return what a taking binds at the price that it names, 1e-6 EUR."""
    _, side, energy_wh, price = taking
    return RULES.cost(OrderSide(side), energy_wh, price)
