"""What a mechanism's day was worth: pure integers until the last division.

Worths are 1e-9 EUR, which is one Wh at one price unit (0.001 EUR/MWh), so that nothing is rounded; payments are 1e-6
EUR as on the chain. ``docs/comparison.md`` has the definitions in words and formulas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from setm.compare.inequality import gini
from setm.compare.workload import (
    NONE_WHOLE,
    Bills,
    Delivered,
    Participant,
    Workload,
    bills_of,
    trade_in,
)
from setm.slots import Slot
from setm.trading import Outcome, WholeDays
from setm.types import Bill, GridTariff, Side, Trade
from setm.units import payment_down, payment_up

WORTH_PER_MONEY = 1000
"""1e-9 EUR in a unit of money (1e-6 EUR)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One mechanism's day in sums over slots and participants; energy Wh, ``_nano`` 1e-9 EUR, ``_micro`` 1e-6 EUR.

    ``buyers_nano``, ``sellers_nano`` and ``pool_nano`` are what was gained on energy that was really used or delivered,
    and what no seller got of it; less ``imbalance_nano`` they are the welfare, exactly.
    """

    bought_wh: int
    sold_wh: int
    consumed_wh: int
    supplied_wh: int
    local_wh: int
    import_wh: int
    export_wh: int
    slots_with_trade: int
    slots: int
    welfare_nano: int
    optimum_nano: int
    possible_wh: int
    buyers_nano: int
    sellers_nano: int
    pool_nano: int
    imbalance_nano: int
    paid_micro: int
    earned_micro: int
    import_cost_micro: int
    savings_micro: Mapping[str, int]
    prices: Sequence[tuple[int, int]]

    @property
    def saving_micro(self) -> int:
        """What the community saves against having traded with the grid operator only."""
        return sum(self.savings_micro.values())

    @property
    def savings_gini(self) -> Fraction | None:
        """How unequally the savings are spread over the participants; see ``gini``."""
        return gini(list(self.savings_micro.values()))

    @property
    def price_spread(self) -> float | None:
        """Standard deviation of what buyers pay for a Wh, by energy, over slots and buyers; 0.001 EUR/MWh."""
        if not self.bought_wh:
            return None
        mean = Fraction(WORTH_PER_MONEY * self.paid_micro, self.bought_wh)
        squares = sum(
            (Fraction((WORTH_PER_MONEY * payment) ** 2, energy) for payment, energy in self.prices),
            Fraction(0),
        )
        return math.sqrt(squares / self.bought_wh - mean**2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one participant's trade of one slot was worth, 1e-9 EUR; see ``worth_of``."""

    welfare: int
    gain_bought: int
    gain_sold: int
    imbalance: int


def figures(
    workload: Workload, outcome: Outcome, optimum_nano: int, whole: WholeDays = NONE_WHOLE
) -> Figures:
    """Return the figures of an outcome; ``optimum_nano`` is the largest welfare that the readings allow, 1e-9 EUR.

    The days of ``whole`` are settled as a whole.
    """
    bills = bills_of(workload, outcome, whole)
    worths = [
        worth_of(person, trade, measured, workload.tariff)
        for person, _, trade, measured in _rows(workload, outcome)
    ]
    traded = [(trade, measured) for _, _, trade, measured in _rows(workload, outcome)]
    paid = sum(trade.payment for trade, _ in traded)
    earned = sum(trade.revenue for trade, _ in traded)
    busy = {
        slot for _, slot, trade, _ in _rows(workload, outcome) if trade.bought_wh or trade.sold_wh
    }
    return Figures(
        bought_wh=sum(trade.bought_wh for trade, _ in traded),
        sold_wh=sum(trade.sold_wh for trade, _ in traded),
        consumed_wh=sum(min(trade.bought_wh, measured.import_wh) for trade, measured in traded),
        supplied_wh=sum(min(trade.sold_wh, measured.export_wh) for trade, measured in traded),
        local_wh=sum(_local_wh(slot_bills) for slot_bills in bills.values()),
        import_wh=sum(measured.import_wh for _, measured in traded),
        export_wh=sum(measured.export_wh for _, measured in traded),
        slots_with_trade=len(busy),
        slots=len(workload.readings),
        welfare_nano=sum(worth.welfare for worth in worths),
        optimum_nano=optimum_nano,
        possible_wh=sum(_possible_wh(workload, slot) for slot in workload.readings),
        buyers_nano=sum(worth.gain_bought for worth in worths),
        sellers_nano=sum(worth.gain_sold for worth in worths),
        pool_nano=WORTH_PER_MONEY * (paid - earned),
        imbalance_nano=sum(worth.imbalance for worth in worths),
        paid_micro=paid,
        earned_micro=earned,
        import_cost_micro=sum(
            payment_up(measured.import_wh, workload.tariff.retail_price) for _, measured in traded
        ),
        savings_micro=savings(workload, outcome, bills),
        prices=[(trade.payment, trade.bought_wh) for trade, _ in traded if trade.bought_wh],
    )


def worth_of(person: Participant, trade: Trade, measured: Delivered, tariff: GridTariff) -> Worth:
    """Return what a trade was worth to everybody, and how much of it its owner gained.

    With b bought, s sold, i imported, e exported, payment P and revenue R ::

        welfare   = ceiling min(b, i) + feed-in (b - i)+ - floor min(s, e) - retail (s - e)+
        imbalance = (b - i)+ (P / b - feed-in) + (s - e)+ (retail - R / s)
        gains     = welfare - P + R + imbalance

    What was bought and not used goes to the grid operator at the feed-in price, what was sold and not delivered comes
    from it at the retail price: the imbalance is what that cost against having contracted what then flowed.
    """
    unused = max(trade.bought_wh - measured.import_wh, 0)
    missing = max(trade.sold_wh - measured.export_wh, 0)
    got = person.ceiling * (trade.bought_wh - unused) + tariff.feed_in_price * unused
    gave = person.floor * (trade.sold_wh - missing) + tariff.retail_price * missing
    unused_cost = _part(trade.payment, unused, trade.bought_wh) - tariff.feed_in_price * unused
    missing_cost = tariff.retail_price * missing - _part(trade.revenue, missing, trade.sold_wh)
    return Worth(
        welfare=got - gave,
        gain_bought=got - WORTH_PER_MONEY * trade.payment + unused_cost,
        gain_sold=WORTH_PER_MONEY * trade.revenue - gave + missing_cost,
        imbalance=unused_cost + missing_cost,
    )


def savings(workload: Workload, outcome: Outcome, bills: Bills) -> dict[str, int]:
    """Return by how much each participant's bill is lower than with the grid operator only, 1e-6 EUR."""
    return {
        person.name: sum(
            grid_only(readings[person.name], workload.tariff)
            - _due(bills[slot][person.name], trade_in(outcome, slot, person.name))
            for slot, readings in workload.readings.items()
        )
        for person in workload.participants
    }


def grid_only(measured: Delivered, tariff: GridTariff) -> int:
    """Return the bill of a slot without any trade, 1e-6 EUR; negative: received."""
    paid = payment_up(measured.import_wh, tariff.retail_price)
    return paid - payment_down(measured.export_wh, tariff.feed_in_price)


def _due(bill: Bill, trade: Trade) -> int:
    return trade.payment - trade.revenue + bill.charge - bill.credit


def _part(amount: int, energy_wh: int, whole_wh: int) -> int:
    """Return the part of an amount of money that belongs to a part of its energy, 1e-9 EUR, rounded down."""
    return WORTH_PER_MONEY * amount * energy_wh // whole_wh if energy_wh else 0


def _local_wh(bills: Mapping[str, Bill]) -> int:
    """Return how much of a slot's trade was used and delivered, Wh: the lesser of both."""
    used = sum(min(bill.bought_wh, bill.import_wh) for bill in bills.values())
    delivered = sum(min(bill.sold_wh, bill.export_wh) for bill in bills.values())
    return min(used, delivered)


def _possible_wh(workload: Workload, slot: Slot) -> int:
    """Return how much could flow from those who sell to those who buy in a slot, Wh."""
    readings = workload.readings[slot]
    buyers = [person.name for person in workload.participants if Side.BID in person.sides]
    sellers = [person.name for person in workload.participants if Side.ASK in person.sides]
    taken = sum(readings[name].import_wh for name in buyers)
    return min(taken, sum(readings[name].export_wh for name in sellers))


def _rows(
    workload: Workload, outcome: Outcome
) -> Iterator[tuple[Participant, Slot, Trade, Delivered]]:
    for slot, readings in workload.readings.items():
        for person in workload.participants:
            yield person, slot, trade_in(outcome, slot, person.name), readings[person.name]
