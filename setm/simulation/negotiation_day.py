"""A day by negotiation: every offer, counter-offer and answer is a transaction of the side that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from setm.agents.negotiator import Proposal
from setm.simulation.scene import Scene
from setm.trading import Day
from setm.trading.negotiation import Dialogue, trade
from setm.types import Terms


@dataclass(frozen=True, slots=True)
class NegotiationOnChain:
    """The negotiation venue of a deployment."""

    venue: str = "negotiation"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Nothing beyond the standard ones."""
        return {}

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each slot that was negotiated."""
        return len(day.slots)

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let all buyers and sellers negotiate, slot by slot."""
        trade(scene.day, ChainTable(scene), done)


@dataclass(frozen=True, slots=True)
class ChainTable:
    """A table of which each word is a transaction (``setm.trading.negotiation.Table``)."""

    scene: Scene

    def open(self, dialogue: Dialogue, proposal: Proposal) -> int:
        """Send a first offer; return the number that the venue gave it."""
        terms = Terms(
            first_slot=dialogue.slot,
            slot_count=1,
            energy_wh=proposal.energy_wh,
            price=proposal.price,
        )
        members = self.scene.members
        return self.scene.community.deployment.negotiation.offer(
            members[dialogue.mover.name].sender,
            members[dialogue.other.name].participant_id,
            is_bid=dialogue.buyers_turn,
            terms=terms,
            expires_at=self._expires_at(dialogue),
        )

    def counter(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Send a counter-offer."""
        self.scene.community.deployment.negotiation.counter(
            self.scene.members[dialogue.mover.name].sender,
            dialogue.number,
            energy_wh=proposal.energy_wh,
            price=proposal.price,
            expires_at=self._expires_at(dialogue),
        )

    def accept(self, dialogue: Dialogue, proposal: Proposal) -> None:
        """Accept the round that was heard last."""
        sender = self.scene.members[dialogue.mover.name].sender
        self.scene.community.deployment.negotiation.accept(sender, dialogue.number, dialogue.round)

    def reject(self, dialogue: Dialogue) -> None:
        """Reject."""
        sender = self.scene.members[dialogue.mover.name].sender
        self.scene.community.deployment.negotiation.reject(sender, dialogue.number)

    def _expires_at(self, dialogue: Dialogue) -> int:
        rules = self.scene.day.rules
        gate = dialogue.slot * rules.slot_seconds - rules.gate_lead
        return min(self.scene.agenda.now() + rules.offer_seconds, gate - 1)
