"""The machine's own records of notes, one-time accounts and their agreements, from events alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from setm.units import payment_down, payment_up
from tests.audit.machine.steps import Seen
from tests.audit.machine.world import CONFIG

NOTE = CONFIG["anonymous"]["denomination"]
DELIVERED, REFUNDED, BUYER_PAID = 2, 3, 4


class HiddenDeal(NamedTuple):
    """An agreement of two accounts, and what each of them put in."""

    slot: int
    buyer: str
    seller: str
    energy_wh: int
    payment: int
    cover: int
    revenue: int
    loss: int


@dataclass
class HiddenWitness:
    """What was seen of them."""

    notes: int = 0
    purses: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    deals: dict[bytes, HiddenDeal] = field(default_factory=dict)
    claims: dict[bytes, dict[bool, int]] = field(default_factory=lambda: defaultdict(dict))
    deal_ends: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    hidden_trades: dict[tuple[int, int], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0])
    )

    def _flow(self, who: int, **amounts: int) -> None:
        raise NotImplementedError

    @property
    def escrow(self) -> int:
        """Return what both sides of open agreements put in."""
        still = (deal for number, deal in self.deals.items() if not self.deal_ends[number])
        return sum(deal.payment + deal.cover for deal in still)

    @property
    def hidden_money(self) -> int:
        """Return what the venue's pool holds besides the pools of slots."""
        return NOTE * self.notes + sum(self.purses.values()) + self.escrow

    def on_notes_sold(self, event: Seen, args: dict[str, Any]) -> None:
        if args["venue"] == "anonymous":
            self.notes += len(args["blinded"])
            self._flow(args["participantId"], payment=NOTE * len(args["blinded"]))

    def on_note_refunded(self, event: Seen, args: dict[str, Any]) -> None:
        self.notes -= 1
        self._flow(args["participantId"], revenue=NOTE)

    def on_account_funded(self, event: Seen, args: dict[str, Any]) -> None:
        self.notes -= 1
        self.purses[args["account"]] += args["amount"]

    def on_cashed_in(self, event: Seen, args: dict[str, Any]) -> None:
        self.purses[args["account"]] -= args["amount"]
        self._flow(args["participantId"], revenue=args["amount"])

    def on_deal_made(self, event: Seen, args: dict[str, Any]) -> None:
        energy_wh, price, config = args["energyWh"], args["price"], CONFIG["anonymous"]
        feed_in_price = CONFIG["settlement"]["feed_in_price"]
        deal = HiddenDeal(
            slot=args["slot"],
            buyer=args["buyer"],
            seller=args["seller"],
            energy_wh=energy_wh,
            payment=payment_up(energy_wh, price),
            cover=payment_up(energy_wh, max(config["cover_price"] - price, 0)),  # type: ignore[arg-type]
            revenue=payment_down(energy_wh, price),
            loss=payment_up(energy_wh, max(price - feed_in_price, 0)),  # type: ignore[arg-type]
        )
        self.deals[args["agreementId"]] = deal
        self.purses[deal.buyer] -= deal.payment
        self.purses[deal.seller] -= deal.cover

    def on_deal_claimed(self, event: Seen, args: dict[str, Any]) -> None:
        self.claims[args["agreementId"]][args["isBuyer"]] = args["participantId"]

    def on_deal_ended(self, event: Seen, args: dict[str, Any]) -> None:
        number, state = args["agreementId"], int(args["state"])
        self.deal_ends[number].append(state)
        deal = self.deals[number]
        if state == DELIVERED:
            self._deliver(number, deal)
            return
        to_buyer, to_seller = deal.payment, deal.cover
        if state == BUYER_PAID:
            to_buyer, to_seller = to_buyer + to_seller, 0
        elif state != REFUNDED:
            to_buyer, to_seller = to_buyer - deal.loss, to_seller + deal.loss
        self.purses[deal.buyer] += to_buyer
        self.purses[deal.seller] += to_seller

    def _deliver(self, number: bytes, deal: HiddenDeal) -> None:
        buyer_id, seller_id = self.claims[number][True], self.claims[number][False]
        bought, sold = (
            self.hidden_trades[deal.slot, buyer_id],
            self.hidden_trades[deal.slot, seller_id],
        )
        bought[0] += deal.energy_wh
        bought[2] += deal.payment
        sold[1] += deal.energy_wh
        sold[3] += deal.revenue
        # The escrow is the participants' own from here on, bound in the slot.
        self._flow(buyer_id, revenue=deal.payment)
        self._flow(seller_id, revenue=deal.cover)
