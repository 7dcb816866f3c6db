"""Neighbours at work: who hears whom, in which order they act, and what they agree on in the end.

Nobody leads: agents act one after the other, in an order drawn anew each round, on what they have heard so far. A
message arrives in the next round, or one round later. Each half of the procedure (see ``setm.agents.neighbour``) ends
when nobody has said anything for as long as a message can be under way and be answered; in the field a clock ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from setm.agents.neighbour import Buyer, Seller
from setm.agents.quotes import Bid, Phase, Quote
from setm.errors import ConfigError, OrderRefused
from setm.units import Price, Wh

Links = Mapping[str, frozenset[str]]
"""For each agent the names of its neighbours."""

# A message arrives after two rounds at the latest and is answered in the same round.
PATIENCE_ROUNDS = 3


class Network(Enum):
    """Who is whose neighbour."""

    EVERYBODY = "everybody"
    RING = "ring"
    LINE = "line"
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a buyer and a seller co-sign: energy of one slot, Wh, and its price, 0.001 EUR/MWh."""

    buyer: str
    seller: str
    energy_wh: Wh
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """What neighbours came to.

    ``is_settled`` says whether they had nothing left to say, or ran out of rounds. ``messages`` counts quotes, bids,
    answers, releases and returns; ``stale`` those of the bids that came too late and were refused.
    """

    agreements: tuple[Agreement, ...]
    is_settled: bool
    rounds: int
    messages: int
    stale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """How long neighbours talk at most, and the share of messages that take a round longer."""

    max_rounds: int = 10_000
    late_share: float = 0.1

    def __post_init__(self) -> None:
        if self.max_rounds < 1 or not 0 <= self.late_share <= 1:
            raise ConfigError(
                f"procedure of {self.max_rounds} rounds, late share {self.late_share}: expected at least 1 round and "
                "a share from 0 to 1"
            )


def links_of(network: Network, names: Sequence[str], rng: np.random.Generator) -> Links:
    """Return who can hear whom: all, the next in a circle or line, or a drawn network in which all are connected.

    A drawn network is a random tree (each joins one who is there already) with as many links again drawn among all.
    """
    count = len(names)
    if network is Network.EVERYBODY:
        pairs = [(one, other) for one in range(count) for other in range(one)]
    elif network is Network.RANDOM:
        order = rng.permutation(count)
        pairs = [(int(order[at]), int(order[rng.integers(at)])) for at in range(1, count)]
        more = rng.integers(count, size=(max(count - 1, 0), 2))
        pairs += [(int(one), int(other)) for one, other in more]
    else:
        pairs = [(at, at + 1) for at in range(count - 1)]
        pairs += [(count - 1, 0)] if network is Network.RING and count > 1 else []
    heard: dict[str, set[str]] = {name: set() for name in names}
    for one, other in pairs:
        if one != other:
            heard[names[one]].add(names[other])
            heard[names[other]].add(names[one])
    return {name: frozenset(others) for name, others in heard.items()}


def converge(
    buyers: Sequence[Buyer],
    sellers: Sequence[Seller],
    links: Links,
    rng: np.random.Generator,
    procedure: Procedure | None = None,
) -> Consensus:
    """Return what neighbours agree on in one slot; the same source of chance gives the same agreements.

    The agents are used up: they hold what was agreed.
    """
    names = [*(buyer.name for buyer in buyers), *(seller.name for seller in sellers)]
    if len(set(names)) < len(names):
        raise ConfigError(f"neighbours {', '.join(sorted(names))}: expected one agent a name")
    talk = _Talk(
        buyers={buyer.name: buyer for buyer in buyers},
        sellers={seller.name: seller for seller in sellers},
        links=links,
        rng=rng,
        procedure=procedure or Procedure(),
    )
    is_settled = talk.raise_prices() and talk.lower_prices()
    return Consensus(
        agreements=talk.agreements(),
        is_settled=is_settled,
        rounds=talk.round,
        messages=talk.messages,
        stale=talk.stale,
    )


@dataclass(slots=True, kw_only=True)
class _Talk:
    """A slot's conversation: the agents, and the messages under way as actions by the round in which they arrive."""

    buyers: Mapping[str, Buyer]
    sellers: Mapping[str, Seller]
    links: Links
    rng: np.random.Generator
    procedure: Procedure
    phase: Phase = Phase.RAISING
    round: int = 0
    spoken: int = 0
    messages: int = 0
    stale: int = 0
    mail: dict[int, list[Callable[[], None]]] = field(default_factory=dict)
    told: dict[str, int] = field(default_factory=dict)
    told_in: dict[str, int] = field(default_factory=dict)
    awake: set[str] = field(default_factory=set)

    def raise_prices(self) -> bool:
        """Let buyers bid until they are content; return whether they are before the rounds end."""
        return self._rounds()

    def lower_prices(self) -> bool:
        """Let sellers lower their prices until they are content; return whether they are before the rounds end."""
        self.phase = Phase.LOWERING
        for seller in self.sellers.values():
            seller.begin_lowering()
        # Everybody hears the new quotes before any of them is lowered.
        self.told_in.clear()
        return self._rounds()

    def agreements(self) -> tuple[Agreement, ...]:
        """Return what both sides of each pair hold for each other, at the seller's price.

        When the rounds ran out, a buyer may hold less than the seller thinks, or not know that it lost something.
        """
        return tuple(
            Agreement(
                buyer=buyer,
                seller=seller.name,
                energy_wh=Wh(min(held_wh, self.buyers[buyer].held[seller.name])),
                price=seller.price,
            )
            for seller in self.sellers.values()
            for buyer, held_wh in sorted(seller.held.items())
        )

    def _rounds(self) -> bool:
        names = [*self.buyers, *self.sellers]
        self.awake = set(self.buyers)
        self.spoken = self.round
        while self.round - self.spoken <= PATIENCE_ROUNDS:
            if self.round >= self.procedure.max_rounds:
                return False
            self.round += 1
            for deliver in self.mail.pop(self.round, ()):
                deliver()
            for at in self.rng.permutation(len(names)):
                self._act(names[at])
        return True

    def _act(self, name: str) -> None:
        if name in self.sellers:
            self._sell(self.sellers[name])
        elif name in self.awake and self._has_heard_all(self.buyers[name]):
            self.awake.discard(name)
            self._buy(self.buyers[name])

    def _has_heard_all(self, buyer: Buyer) -> bool:
        """Whether each neighbour that sells has opened: who bids before may pay too much for ever."""
        return buyer.quotes.keys() == self.links[buyer.name] & self.sellers.keys()

    def _sell(self, seller: Seller) -> None:
        quiet = self.round - self.told_in.get(seller.name, self.round)
        if self.phase is Phase.LOWERING and seller.can_lower and quiet >= PATIENCE_ROUNDS:
            seller.lower()
        if self.told.get(seller.name) == seller.number:
            return
        self.told[seller.name], self.told_in[seller.name] = seller.number, self.round
        for neighbour in sorted(self.links[seller.name] & self.buyers.keys()):
            self._post(
                neighbour, _hearing(self.buyers[neighbour], seller.quote(self.phase, neighbour))
            )

    def _buy(self, buyer: Buyer) -> None:
        while (bid := buyer.next_bid(self.phase)) is not None:
            self._bid(buyer, bid)

    def _bid(self, buyer: Buyer, bid: Bid) -> None:
        """Put a bid to its seller, who answers at once: with energy, or with its newest quote."""
        seller = self.sellers[bid.seller]
        self.spoken = self.round
        self.messages += 2
        try:
            challenges = seller.challenges(bid, self.phase)
        except OrderRefused:
            self.stale += 1
            buyer.hear(seller.quote(self.phase, buyer.name))
            return
        self.messages += 2 * len(challenges)
        staying = [name for name, asked in challenges.items() if self.buyers[name].stays(asked)]
        answer = seller.answer(bid, self.phase, staying)
        for loser, energy_wh in sorted(answer.released.items()):
            self._post(loser, _losing(self.buyers[loser], seller.name, energy_wh))
        for other, energy_wh in buyer.take(seller.name, answer).items():
            self.messages += 1
            self.sellers[other].take_back(buyer.name, energy_wh)

    def _post(self, reader: str, message: Callable[[], None]) -> None:
        """Send a message; whoever gets one has something to think about."""
        self.messages += 1
        self.spoken = self.round
        late = int(self.rng.random() < self.procedure.late_share)

        def deliver() -> None:
            message()
            self.awake.add(reader)

        self.mail.setdefault(self.round + 1 + late, []).append(deliver)


def _hearing(buyer: Buyer, quote: Quote) -> Callable[[], None]:
    def hear() -> None:
        # A quote that was overtaken by a newer one on its way says nothing any more.
        known = buyer.quotes.get(quote.seller)
        if known is None or known.number <= quote.number:
            buyer.hear(quote)

    return hear


def _losing(buyer: Buyer, seller: str, energy_wh: Wh) -> Callable[[], None]:
    return lambda: buyer.lose(seller, energy_wh)
