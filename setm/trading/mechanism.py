"""What a mechanism is to everybody else: what it asks a trader to lock, and what a day comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from setm.slots import Slot
from setm.trading.day import Day
from setm.trading.traders import Trader
from setm.types import Trade
from setm.units import Money, Wh

Outcome = Mapping[Slot, Mapping[str, Trade]]
"""What each trader, by name, bought and sold in each slot. Who traded nothing may be missing."""


class Mechanism(Protocol):
    """A way to find partners, quantities and prices."""

    @property
    def name(self) -> str:
        """How scenarios call it."""

    @property
    def title(self) -> str:
        """How tables call it."""

    @property
    def after(self) -> str:
        """The published system that it stands for, or the source of its rule."""

    def margin(self, trader: Trader, day: Day) -> Money:
        """Return the collateral that covers whatever the trader may enter during the day, 1e-6 EUR."""

    def rehearse(self, day: Day) -> Outcome:
        """Return what the day comes to by the reference's rules, as a chain would find it, to the unit."""


def added(trades: Iterable[Trade]) -> Trade:
    """Return one participant's trades of a slot in one: quantities and amounts add up, each rounded before.

    >>> added([Trade(bought_wh=Wh(2), payment=Money(3)), Trade(bought_wh=Wh(1), payment=Money(1))])
    Trade(bought_wh=3, sold_wh=0, payment=4, revenue=0)
    """
    bought = sold = payment = revenue = 0
    for trade in trades:
        bought += trade.bought_wh
        sold += trade.sold_wh
        payment += trade.payment
        revenue += trade.revenue
    return Trade(
        bought_wh=Wh(bought), sold_wh=Wh(sold), payment=Money(payment), revenue=Money(revenue)
    )
