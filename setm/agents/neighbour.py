"""The agent of distributed pricing: it knows its own limit and quantity and what its neighbours last quoted.

The paper that this stands for gives no formula (Cheng et al. 2017). Ours is an auction among neighbours, after
Bertsekas & Castanon 1989, The auction algorithm for the transportation problem, Annals of Operations Research 20,
67-96, and its second half after Bertsekas, Castanon & Tsaknakis 1993, Reverse auction and the solution of inequality
constrained assignment problems, SIAM Journal on Optimization 3(2), 268-297. All prices are integers and move in steps
of one ``tolerance``.

A seller has one price for all that it holds for somebody, and quotes what the next Wh costs:

- *raising*: what is unsold costs its price; what others hold costs one step more, and whoever bids that takes it from
  them. Once all is held at the higher price, that is its price. A buyer that lacks energy bids where the next Wh is
  cheapest, as long as that is not above its ceiling.
- *lowering*: nothing is taken from anybody. A seller with unsold energy lowers its price step by step, down to its
  floor. A buyer that lacks energy takes it, and one that holds dearer energy takes the cheaper and gives the other
  back.

Whoever has nothing left to say is content: no buyer and seller who are neighbours would both gain more than the
tolerance by trading one more Wh. Every such outcome is within tolerance * volume of the welfare optimum, and each bid
moves a price one way only, so that both halves end (docs/mechanisms_distributed.md has the proofs).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from setm.agents.quotes import Answer, Bid, Phase, Quote
from setm.agents.types import Band
from setm.errors import ConfigError, OrderRefused
from setm.units import Price, Wh


@dataclass(slots=True, kw_only=True)
class Buyer:
    """A buyer's own view: the most it pays, what it wants, the last quotes of its neighbours, what it holds of each."""

    name: str
    ceiling: Price
    energy_wh: Wh
    tolerance: Price
    quotes: dict[str, Quote] = field(default_factory=dict)
    held: dict[str, Wh] = field(default_factory=dict)

    @property
    def missing_wh(self) -> Wh:
        """What it still lacks."""
        return Wh(self.energy_wh - sum(self.held.values()))

    def hear(self, quote: Quote) -> None:
        """Take note of a quote; refuse one that is older than what it knows."""
        known = self.quotes.get(quote.seller)
        if known is not None and quote.number < known.number:
            raise _stale(quote.seller, quote.number, known.number)
        self.quotes[quote.seller] = quote

    def next_bid(self, phase: Phase) -> Bid | None:
        """Return the bid that it makes now, None if it is content."""
        offers = [quote for quote in self.quotes.values() if quote.energy_wh > 0]
        if not offers:
            return None
        best = min(offers, key=lambda quote: (quote.ask, -quote.energy_wh, quote.seller))
        if best.ask > self.ceiling:
            return None
        wanted_wh = self.missing_wh
        if wanted_wh <= 0 and phase is Phase.LOWERING:
            wanted_wh = self.dearer_wh(best.ask)
        if wanted_wh <= 0:
            return None
        return Bid(
            buyer=self.name,
            seller=best.seller,
            number=best.number,
            price=best.ask,
            energy_wh=Wh(min(wanted_wh, best.energy_wh)),
        )

    def stays(self, challenge: Quote) -> bool:
        """Whether it pays the ask of a challenge for what it holds, rather than lose some of it to another buyer.

        If not, it takes the challenge for the seller's quote: what it loses could be had again at that price.
        """
        cheaper = any(
            quote.energy_wh > 0 and quote.ask <= challenge.ask - self.tolerance
            for quote in self.quotes.values()
            if quote.seller != challenge.seller
        )
        if challenge.ask <= self.ceiling and not cheaper:
            return True
        self.hear(challenge)
        return False

    def dearer_wh(self, ask: Price) -> Wh:
        """Return how much it holds at its dearest seller, if that is at least one step dearer than ``ask``."""
        dearest = self.dearest()
        if dearest is None or self.quotes[dearest].price < ask + self.tolerance:
            return Wh(0)
        return self.held[dearest]

    def dearest(self) -> str | None:
        """Return the seller of the dearest energy that it holds."""
        if not self.held:
            return None
        return max(self.held, key=lambda seller: (self.quotes[seller].price, seller))

    def take(self, seller: str, answer: Answer) -> dict[str, Wh]:
        """Note what a bid came to; return what it gives back to whom, because it now holds more than it wants."""
        self.hear(answer.quote)
        if answer.taken_wh:
            self.held[seller] = Wh(self.held.get(seller, 0) + answer.taken_wh)
        returned: dict[str, Wh] = {}
        while (excess := -self.missing_wh) > 0 and (dearest := self.dearest()) is not None:
            returned[dearest] = Wh(min(excess, self.held[dearest]))
            self.lose(dearest, returned[dearest])
        return returned

    def lose(self, seller: str, energy_wh: Wh) -> None:
        """Note that it no longer holds ``energy_wh`` of a seller."""
        _reduce(self.held, seller, energy_wh)


@dataclass(slots=True, kw_only=True)
class Seller:
    """A seller's own view: the least it takes, what it offers, its price, and what it holds for whom.

    ``level`` is held at ``price``, ``above`` at one step more.
    """

    name: str
    floor: Price
    energy_wh: Wh
    tolerance: Price
    price: Price
    number: int = 1
    level: dict[str, Wh] = field(default_factory=dict)
    above: dict[str, Wh] = field(default_factory=dict)

    @property
    def held(self) -> dict[str, Wh]:
        """What it holds for whom, at either price."""
        names = self.level.keys() | self.above.keys()
        return {name: Wh(self.level.get(name, 0) + self.above.get(name, 0)) for name in names}

    @property
    def free_wh(self) -> Wh:
        """What is unsold."""
        return Wh(self.energy_wh - sum(self.level.values()) - sum(self.above.values()))

    @property
    def can_lower(self) -> bool:
        """Whether it has something to sell and a lower price at which it still would."""
        return self.free_wh > 0 and self.price - self.tolerance >= self.floor

    def quote(self, phase: Phase, reader: str) -> Quote:
        """Return its newest quote to a neighbour.

        Who holds all of it already is offered nothing: it could only raise its own price.
        """
        energy_wh, ask = self.free_wh, self.price
        if energy_wh == 0:
            ask = Price(self.price + self.tolerance)
            if phase is Phase.RAISING and self.level.keys() | self.above.keys() != {reader}:
                energy_wh = Wh(sum(self.level.values()))
        return Quote(
            seller=self.name, number=self.number, price=self.price, ask=ask, energy_wh=energy_wh
        )

    def challenges(self, bid: Bid, phase: Phase) -> dict[str, Quote]:
        """Return whom a bid would take energy from unless they pay its price too, and what they are asked.

        Refuses a bid on an older quote, and one that is not what was quoted; nothing is changed then.
        """
        quote = self.quote(phase, bid.buyer)
        if bid.number != quote.number:
            raise _stale(self.name, bid.number, quote.number)
        if bid.price < quote.ask or not 0 < bid.energy_wh <= quote.energy_wh:
            raise OrderRefused(
                f"bid of {bid.energy_wh} Wh at {bid.price} to {self.name}: expected 1 to {quote.energy_wh} Wh at "
                f"{quote.ask} or more; bid what it quotes"
            )
        if quote.is_free:
            return {}
        return {
            buyer: replace(quote, number=self.number + 1, energy_wh=energy_wh)
            for buyer, energy_wh in self.level.items()
            if buyer != bid.buyer
        }

    def answer(self, bid: Bid, phase: Phase, staying: Collection[str] = ()) -> Answer:
        """Let a bid take what it asks for, but not from those who stay at its price."""
        self.challenges(bid, phase)
        is_free = self.free_wh > 0
        self.number += 1
        if is_free:
            self.level[bid.buyer] = Wh(self.level.get(bid.buyer, 0) + bid.energy_wh)
            return Answer(taken_wh=bid.energy_wh, released={}, quote=self.quote(phase, bid.buyer))
        # Whoever asks for more at a price pays it for what it holds already.
        for buyer in {*staying, bid.buyer} & self.level.keys():
            self.above[buyer] = Wh(self.above.get(buyer, 0) + self.level.pop(buyer))
        released = self._release(bid.energy_wh)
        taken_wh = Wh(sum(released.values()))
        if taken_wh:
            self.above[bid.buyer] = Wh(self.above.get(bid.buyer, 0) + taken_wh)
        if not self.level:
            self.price = Price(self.price + self.tolerance)
            self.level, self.above = self.above, {}
        return Answer(taken_wh=taken_wh, released=released, quote=self.quote(phase, bid.buyer))

    def _release(self, energy_wh: Wh) -> dict[str, Wh]:
        """Take energy held at the lower price, first from those who hold most of it."""
        released: dict[str, Wh] = {}
        for buyer, held_wh in sorted(self.level.items(), key=lambda item: (-item[1], item[0])):
            taken_wh = Wh(min(energy_wh - sum(released.values()), held_wh))
            if taken_wh > 0:
                released[buyer] = taken_wh
                _reduce(self.level, buyer, taken_wh)
        return released

    def take_back(self, buyer: str, energy_wh: Wh) -> None:
        """Note that a buyer gives energy back."""
        self.number += 1
        _reduce(self.level, buyer, energy_wh)

    def begin_lowering(self) -> None:
        """Ask one price of everybody: the lower of the two."""
        self.number += 1
        for buyer, energy_wh in self.above.items():
            self.level[buyer] = Wh(self.level.get(buyer, 0) + energy_wh)
        self.above = {}

    def lower(self) -> None:
        """Lower its price by one step, for everybody."""
        self.number += 1
        self.price = Price(self.price - self.tolerance)


def buyer_of(name: str, band: Band, energy_wh: Wh, tolerance: Price) -> Buyer:
    """Return a buyer that pays at most the upper end of its band."""
    _require_tolerance(tolerance)
    return Buyer(name=name, ceiling=band.max_bid, energy_wh=energy_wh, tolerance=tolerance)


def seller_of(name: str, band: Band, energy_wh: Wh, tolerance: Price) -> Seller:
    """Return a seller that takes at least the lower end of its band and opens in the middle of it.

    Its floor and its price are whole steps, its floor the lowest inside the band.
    """
    _require_tolerance(tolerance)
    floor = -(-band.min_bid // tolerance) * tolerance
    middle = (band.min_bid + band.max_bid) // 2 // tolerance * tolerance
    return Seller(
        name=name,
        floor=Price(floor),
        energy_wh=energy_wh,
        tolerance=tolerance,
        price=Price(max(floor, middle)),
    )


def _reduce(held: dict[str, Wh], name: str, energy_wh: Wh) -> None:
    held[name] = Wh(held[name] - energy_wh)
    if held[name] == 0:
        del held[name]


def _require_tolerance(tolerance: Price) -> None:
    if tolerance < 1:
        raise ConfigError(f"tolerance {tolerance}: expected at least 1, in 0.001 EUR/MWh")


def _stale(seller: str, number: int, newest: int) -> OrderRefused:
    return OrderRefused(
        f"quote {number} of {seller} is stale: expected {newest}, its newest; bid on that one"
    )
