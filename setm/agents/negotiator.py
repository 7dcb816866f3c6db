"""The agent that negotiates: alternating offers, conceding with time and with the other side's behaviour.

Source: Faratin, Sierra & Jennings 1998, Negotiation decision functions for autonomous agents, Robotics and Autonomous
Systems 24(3-4), 159-182. From there:

- the evaluation of an offer: accept it if it is at least as good as the own next offer, else make that one, and leave
  after the deadline;
- polynomial time-dependent tactics: a share ``alpha(t) = k + (1 - k) (min(t, t_max) / t_max)^(1/beta)`` of the way from
  the best price to the reservation price is conceded at time t; ``beta < 1`` holds out (Boulware), ``beta > 1`` yields
  early (Conceder);
- relative tit-for-tat: the own last price times ``x(t_n - 2 delta) / x(t_n - 2 delta + 2)`` of the other side's prices;
- a strategy is the weighted mix of tactics.

A mix of both kinds can step back from an earlier offer; the constraint that it never does is from Richter & Kowalczyk,
New mechanisms for mixing time- and behaviour-dependent tactics in negotiation strategies. Time counts own offers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from setm.agents.types import Band
from setm.errors import ConfigError
from setm.types import Side
from setm.units import Price, Wh

# Keeps a price that is a whole number of ticks from being rounded a tick away by the last bit of a float.
_TICK_TOLERANCE = 1e-9


class Verdict(Enum):
    """How an agent answers."""

    PROPOSE = "propose"
    ACCEPT = "accept"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Price, 0.001 EUR/MWh, and energy per slot, Wh."""

    price: Price
    energy_wh: Wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A verdict, with a proposal if it is to propose."""

    verdict: Verdict
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiator:
    """A negotiation policy.

    ``reservation_price`` is private: a buyer pays no more, a seller takes no less. A buyer opens near
    ``band.min_bid``, a seller near ``band.max_bid``. ``energy_wh`` is the most it trades in a slot. ``opening_share``
    is k, ``time_weight`` the weight of the time-dependent tactic against tit-for-tat, ``memory`` is delta. From offer
    number ``concession_rounds`` on (counted from 0) it offers its reservation price, and after ``max_rounds`` own
    offers it leaves.
    """

    side: Side
    band: Band
    reservation_price: Price
    energy_wh: Wh
    tick_size: int = 1
    opening_share: float = 0.0
    beta: float = 1.0
    time_weight: float = 1.0
    memory: int = 1
    concession_rounds: int = 8
    max_rounds: int = 10

    def __post_init__(self) -> None:
        checks = {
            "reservation_price": self.band.min_bid <= self.reservation_price <= self.band.max_bid,
            "energy_wh": self.energy_wh > 0,
            "tick_size": self.tick_size > 0,
            "opening_share": 0 <= self.opening_share <= 1,
            "beta": self.beta > 0,
            "time_weight": 0 <= self.time_weight <= 1,
            "memory": self.memory >= 1,
            "concession_rounds": 1 <= self.concession_rounds < self.max_rounds,
        }
        for name, holds in checks.items():
            if not holds:
                raise ConfigError(
                    f"negotiator {name} {getattr(self, name)}: out of range, see Negotiator's description"
                )
        if self.lowest_price > self.highest_price:
            raise ConfigError(
                f"negotiator tick_size {self.tick_size}: expected a multiple of it between the best price and the "
                f"reservation price of band {self.band.min_bid}..{self.band.max_bid}"
            )

    @property
    def lowest_price(self) -> Price:
        """The lowest price it offers, a whole number of ticks."""
        limit = self.band.min_bid if self.side is Side.BID else self.reservation_price
        return Price(-(-limit // self.tick_size) * self.tick_size)

    @property
    def highest_price(self) -> Price:
        """The highest price it offers, a whole number of ticks."""
        limit = self.reservation_price if self.side is Side.BID else self.band.max_bid
        return Price(limit // self.tick_size * self.tick_size)

    @property
    def best_price(self) -> Price:
        """Where it would like to trade."""
        return self.lowest_price if self.side is Side.BID else self.highest_price

    @property
    def limit_price(self) -> Price:
        """The worst price at which it still trades: the reservation price in whole ticks."""
        return self.highest_price if self.side is Side.BID else self.lowest_price

    def prefers(self, one: int, other: int) -> bool:
        """Return whether price ``one`` is at least as good for it as ``other``."""
        return one <= other if self.side is Side.BID else one >= other


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What an agent has said and heard in one negotiation, oldest first."""

    own: tuple[Price, ...] = ()
    heard: tuple[Price, ...] = ()


def conceded_share(policy: Negotiator, t: int) -> float:
    """Return alpha(t), the share of the way to the reservation price, 0..1.

    >>> band = Band(min_bid=Price(34_000), max_bid=Price(46_000))
    >>> slow = Negotiator(side=Side.BID, band=band, reservation_price=Price(46_000), energy_wh=Wh(1), beta=0.5)
    >>> [conceded_share(slow, t) for t in (0, 4, 8, 9)]
    [0.0, 0.25, 1.0, 1.0]
    """
    elapsed = min(t, policy.concession_rounds) / policy.concession_rounds
    return policy.opening_share + (1 - policy.opening_share) * math.pow(elapsed, 1 / policy.beta)


def time_dependent_price(policy: Negotiator, t: int) -> float:
    """Return the price of the time-dependent tactic."""
    way = policy.limit_price - policy.best_price
    return policy.best_price + conceded_share(policy, t) * way


def tit_for_tat_price(policy: Negotiator, thread: Thread) -> float | None:
    """Return the price of relative tit-for-tat inside the own limits; None before it has seen a move to answer."""
    if len(thread.heard) <= policy.memory or not thread.own:
        return None
    earlier, later = thread.heard[-1 - policy.memory], thread.heard[-policy.memory]
    if later == 0:
        return None
    answered = earlier / later * thread.own[-1]
    return min(max(answered, policy.lowest_price), policy.highest_price)


def next_price(policy: Negotiator, thread: Thread) -> Price:
    """Return the price of the next own offer: whole ticks in its own favour, never a step back."""
    t = len(thread.own)
    if t >= policy.concession_rounds:
        return policy.limit_price
    timed = time_dependent_price(policy, t)
    answered = tit_for_tat_price(policy, thread)
    mixed = timed
    if answered is not None:
        mixed = policy.time_weight * timed + (1 - policy.time_weight) * answered
    ticks = mixed / policy.tick_size
    favoured = (
        math.floor(ticks + _TICK_TOLERANCE)
        if policy.side is Side.BID
        else math.ceil(ticks - _TICK_TOLERANCE)
    )
    price = min(max(favoured * policy.tick_size, policy.lowest_price), policy.highest_price)
    if thread.own and policy.prefers(price, thread.own[-1]):
        price = thread.own[-1]
    return Price(price)


def respond(policy: Negotiator, thread: Thread, offer: Proposal | None) -> tuple[Answer, Thread]:
    """Return the answer to the other side's offer (None: to open) and the thread after it.

    An offer of more energy than the agent trades is answered with less, at the better of both prices.
    """
    energy_wh = policy.energy_wh
    if offer is not None:
        thread = replace(thread, heard=(*thread.heard, offer.price))
        energy_wh = Wh(min(energy_wh, offer.energy_wh))
    price = next_price(policy, thread)
    if offer is not None and policy.prefers(offer.price, price):
        if 0 < offer.energy_wh <= policy.energy_wh:
            return Answer(verdict=Verdict.ACCEPT), thread
        price = offer.price
    if len(thread.own) >= policy.max_rounds or energy_wh == 0:
        return Answer(verdict=Verdict.REJECT), thread
    proposal = Proposal(price=price, energy_wh=energy_wh)
    thread = replace(thread, own=(*thread.own, price))
    return Answer(verdict=Verdict.PROPOSE, proposal=proposal), thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A finished negotiation: every offer in order (``by_buyer``, proposal), and what was agreed, if anything."""

    offers: tuple[tuple[bool, Proposal], ...]
    agreed: Proposal | None


def negotiate(buyer: Negotiator, seller: Negotiator, *, buyer_opens: bool) -> Dialogue:
    """Return the dialogue of two policies; at most ``max_rounds`` offers of each side."""
    if buyer.side is not Side.BID or seller.side is not Side.ASK:
        raise ConfigError("negotiation: expected a buyer (bid) and a seller (ask), in this order")
    policies = {True: buyer, False: seller}
    threads = {True: Thread(), False: Thread()}
    offers: list[tuple[bool, Proposal]] = []
    turn, offer = buyer_opens, None
    while True:
        answer, threads[turn] = respond(policies[turn], threads[turn], offer)
        if answer.proposal is None:
            agreed = offer if answer.verdict is Verdict.ACCEPT else None
            return Dialogue(offers=tuple(offers), agreed=agreed)
        offer = answer.proposal
        offers.append((turn, offer))
        turn = not turn
