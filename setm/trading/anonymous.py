"""Anonymous negotiation: the same negotiators under one-time accounts, one account for each slot.

After Aitzhan & Svetinovic 2016. Who speaks under another name says the same: prices and quantities are those of
``setm.trading.negotiation``. What it costs is what must be paid in: everybody buys the same number of notes for every
slot, so that a purchase tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from setm.slots import Slot
from setm.trading.day import Day, Rules
from setm.trading.mechanism import Outcome
from setm.trading.negotiation import Paper, margin, trade
from setm.trading.traders import Trader
from setm.units import Money

DENOMINATION = Money(1_000_000)
"""What one note is worth: 1 EUR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anonymous:
    """Negotiation between one-time accounts, with escrow until both sides claim."""

    name: str = "anonymous"
    title: str = "Anonymous negotiation"
    after: str = "Aitzhan & Svetinovic 2016"
    denomination: Money = DENOMINATION

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return what the trader pays for notes: the same for everybody."""
        return Money(self.notes_per_slot(day) * len(day.slots) * self.denomination)

    def notes_per_slot(self, day: Day) -> int:
        """Return how many notes everybody buys for each slot: enough for whoever needs most in any slot.

        An account keeps at least 1e-6 EUR, or it could not speak to the end.
        """
        return max(
            notes_needed(trader, slot, day.rules, self.denomination)
            for trader in day.traders
            for slot in day.slots
        )

    def rehearse(self, day: Day) -> Outcome:
        """Return what all agreements come to, both sides of each claimed."""
        paper = Paper()
        trade(day, paper, lambda: None)
        return paper.outcome()


def notes_needed(trader: Trader, slot: Slot, rules: Rules, denomination: int) -> int:
    """Return how many notes cover whatever the trader may agree to in a slot, and 1e-6 EUR more."""
    return -(-(margin(trader, [slot], rules) + 1) // denomination)
