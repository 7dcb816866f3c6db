"""A day by distributed pricing: quotes stay off chain, co-signed agreements come to the negotiation venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from setm import messages
from setm.agents.neighbourhood import Agreement
from setm.simulation.scene import Scene
from setm.slots import Slot
from setm.trading import Day
from setm.trading.distributed import Distributed
from setm.types import Terms


@dataclass(frozen=True, slots=True)
class DistributedOnChain:
    """The negotiation venue of a deployment, for agreements made off chain."""

    engine: Distributed
    venue: str = "negotiation"

    def sections(self, day: Day) -> Mapping[str, Any]:
        """Nothing beyond the standard ones."""
        return {}

    def lead_seconds(self, day: Day) -> int:
        """No time: every gate closes on the day of delivery."""
        return 0

    def steps(self, day: Day, traders: int) -> int:
        """One for each slot."""
        return len(day.slots)

    def open_seconds(self, day: Day) -> int:
        """No time: every outcome is final before its slot begins."""
        return 0

    def trade(self, scene: Scene, done: Callable[[], None]) -> None:
        """Let neighbours agree, slot by slot, and bring what they co-signed."""
        for slot, consensus in self.engine.agreed(scene.day):
            for agreement in consensus.agreements:
                bring(scene, slot, agreement)
            done()


def bring(scene: Scene, slot: Slot, agreement: Agreement) -> None:
    """Let both sides sign an agreement, and the seller send it.

    The deadline is as short as an offer's: a signature cannot be called back before it. The salt makes the agreement
    one of its kind; a restart derives the same.
    """
    buyer, seller = scene.members[agreement.buyer], scene.members[agreement.seller]
    negotiation, rules = scene.community.deployment.negotiation, scene.day.rules
    purpose = ("agreement", agreement.buyer, agreement.seller, str(slot))
    gate = slot * rules.slot_seconds - rules.gate_lead
    message = messages.agreement(
        negotiation.domain,
        buyer_id=buyer.participant_id,
        seller_id=seller.participant_id,
        terms=Terms(
            first_slot=slot, slot_count=1, energy_wh=agreement.energy_wh, price=agreement.price
        ),
        salt=int.from_bytes(scene.community.keys.secret(*purpose), "big"),
        deadline=min(scene.agenda.now() + rules.offer_seconds, gate - 1),
    )
    negotiation.agree(
        seller.sender,
        message,
        buyer.sender.address,
        message.sign(buyer.sender.account),
        seller.sender.address,
        message.sign(seller.sender.account),
    )
