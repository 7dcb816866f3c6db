"""Distributed pricing: neighbours find quantities and prices off chain, slot by slot, and co-sign what they agreed.

After Cheng et al. 2017, our reading; ``setm.agents.neighbour`` has the procedure and its sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from setm.agents.negotiator import Proposal
from setm.agents.neighbour import buyer_of, seller_of
from setm.agents.neighbourhood import (
    Agreement,
    Consensus,
    Links,
    Network,
    Procedure,
    converge,
    links_of,
)
from setm.slots import Slot
from setm.trading.day import Day
from setm.trading.mechanism import Outcome, added
from setm.trading.negotiation import bought, sold, wanted
from setm.trading.traders import Trader
from setm.types import Side, Trade
from setm.units import Money, payment_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Distributed:
    """Distributed pricing among the neighbours of a network; the tolerance is the market's tick."""

    name: str = "distributed"
    title: str = "Distributed pricing"
    after: str = "Cheng et al. 2017"
    network: Network = Network.EVERYBODY
    procedure: Procedure = field(default_factory=Procedure)

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return the collateral that covers whatever the trader may agree to, each agreement rounded up."""
        partners = sum(other.side is not trader.side for other in day.traders)
        buying = trader.side is Side.BID
        worst = (
            trader.band.max_bid if buying else max(day.rules.cover_price - trader.band.min_bid, 0)
        )
        return Money(
            sum(
                payment_up(wanted(trader, slot, day.rules.tariff), worst) + partners
                for slot in day.slots
            )
        )

    def rehearse(self, day: Day) -> Outcome:
        """Return what all agreements come to."""
        return {slot: trades_of(found) for slot, found in self.agreed(day)}

    def agreed(self, day: Day) -> Iterator[tuple[Slot, Consensus]]:
        """Yield what neighbours come to in each slot, the earliest first."""
        links = self.links(day)
        for slot in day.slots:
            yield slot, self.slot_agreed(day, slot, links)

    def links(self, day: Day) -> Links:
        """Return who is whose neighbour all day; a ring and a line are in the order of the traders."""
        names = [trader.name for trader in day.traders]
        return links_of(self.network, names, day.rng())

    def slot_agreed(self, day: Day, slot: Slot, links: Links) -> Consensus:
        """Return what those come to who want something in a slot."""
        wants = {
            trader.name: (trader, wanted(trader, slot, day.rules.tariff)) for trader in day.traders
        }
        tolerance = day.rules.tick_size
        return converge(
            [
                buyer_of(name, trader.band, energy_wh, tolerance)
                for name, (trader, energy_wh) in wants.items()
                if trader.side is Side.BID and energy_wh > 0
            ],
            [
                seller_of(name, trader.band, energy_wh, tolerance)
                for name, (trader, energy_wh) in wants.items()
                if trader.side is Side.ASK and energy_wh > 0
            ],
            links,
            np.random.default_rng([day.seed, slot]),
            self.procedure,
        )


def trades_of(consensus: Consensus) -> dict[str, Trade]:
    """Return everybody's trades in one, as the negotiation venue adds up agreements."""
    trades: dict[str, list[Trade]] = {}
    for agreement in consensus.agreements:
        terms = terms_of(agreement)
        trades.setdefault(agreement.buyer, []).append(bought(terms))
        trades.setdefault(agreement.seller, []).append(sold(terms))
    return {name: added(each) for name, each in trades.items()}


def terms_of(agreement: Agreement) -> Proposal:
    """Return price and energy of an agreement."""
    return Proposal(price=agreement.price, energy_wh=agreement.energy_wh)
