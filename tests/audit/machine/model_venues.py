"""The two venues of a hostile governance: one lies about trades and charges whom it likes, one answers nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.audit.machine.model_base import Side, require, require_any
from tests.audit.machine.steps import Step

Told = tuple[int, int, int, int, int]
NOTHING: Told = (0, 0, 0, 0, 0)


class HostileSide(Side):
    """``liar`` is SettlementVenue, ``brick`` is ClearingVenue: it takes margin and knows no other function."""

    def start_hostile(self) -> None:
        self.told: Mapping[tuple[int, int], Told] = {}
        self.left_open: frozenset[int] = frozenset()

    def liar_set_open(self, step: Step, slot: int, is_open: bool) -> None:
        self.left_open = self.left_open | {slot} if is_open else self.left_open - {slot}

    def liar_set_trade(self, step: Step, slot: int, who: int, told: Told) -> None:
        self.told = {**self.told, (slot, who): told}

    def liar_exaggerate(self, step: Step, amount: int) -> None:
        """Settlement counts what arrives and not what it is told, so that nothing follows."""

    def liar_charge(self, step: Step, who: int, amount: int) -> None:
        require(self.is_venue("liar"), "NotAVenue", venue="liar")
        self.close_account("liar", who, charged=amount)

    def collect_in_hostile(self, venue: str, slot: int, members: Sequence[int]) -> None:
        require_any(venue == "liar", "*")
        require(slot not in self.left_open, "OutcomeOpen", slot=slot)
        for who in members:
            bought, sold, payment, revenue, cover = self.told.get((slot, who), NOTHING)
            self.told = {**self.told, (slot, who): (bought, sold, 0, revenue, cover)}
            self.close_account("liar", who, charged=payment)

    def close_in_hostile(self, venue: str, slot: int, who: int) -> tuple[int, int, int]:
        """Return what the liar says, and what really comes over."""
        bought, sold, _, revenue, cover = self.told.get((slot, who), NOTHING)
        self.told = {**self.told, (slot, who): NOTHING}
        self.close_account("liar", who, heir="settlement", released=cover, paid=revenue)
        return bought, sold, cover + revenue
