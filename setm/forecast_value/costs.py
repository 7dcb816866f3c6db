"""What a day costs a participant, split into what it would pay the grid, what it saves by trade, and imbalance.

Everything is the reference's bill (``setm.settlement``) in units of 1e-6 EUR. With bought b for payment P, sold s for
revenue R, import i and export e::

    cost = P - R + charge - credit                            grid = the same without any trade
    imbalance = (b - i)+ (P / b - feed-in) + (s - e)+ (retail - R / s)         saving = grid - cost + imbalance

The imbalance, as in docs/comparison.md, is what is lost on energy that was bought and not taken, or sold and not
delivered. The saving is what the rest, which was used, is worth against the grid's prices. Energy that was never
contracted lowers the saving and is no imbalance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from setm.data import MeterSeries
from setm.metering import ReadingView
from setm.settlement import bill
from setm.slots import Slot
from setm.trading import Outcome
from setm.types import GridTariff, Side, Trade
from setm.units import Money, Wh, payment_down, payment_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """One participant's day, or a sum of such days: money 1e-6 EUR, energy Wh.

    ``energy_wh`` is what was delivered on the side on which it trades.
    """

    energy_wh: Wh = Wh(0)
    traded_wh: Wh = Wh(0)
    grid: Money = Money(0)
    cost: Money = Money(0)
    imbalance: Money = Money(0)

    @property
    def saving(self) -> Money:
        """What the trades that were used saved, before imbalance."""
        return Money(self.grid - self.cost + self.imbalance)

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            energy_wh=Wh(self.energy_wh + other.energy_wh),
            traded_wh=Wh(self.traded_wh + other.traded_wh),
            grid=Money(self.grid + other.grid),
            cost=Money(self.cost + other.cost),
            imbalance=Money(self.imbalance + other.imbalance),
        )


def costs_of(
    outcome: Outcome,
    delivered: Mapping[str, MeterSeries],
    sides: Mapping[str, Side],
    tariff: GridTariff,
) -> dict[str, Costs]:
    """Return everybody's costs of a day; ``delivered`` holds the slots of the day and nothing else."""
    found: dict[str, Costs] = {}
    for name, series in delivered.items():
        total = Costs()
        for place in range(series.slot_count):
            slot = Slot(series.first_slot + place)
            trade = outcome.get(slot, {}).get(name, Trade())
            total += _slot_costs(trade, series, place, sides[name], tariff)
        found[name] = total
    return found


def _slot_costs(
    trade: Trade, series: MeterSeries, place: int, side: Side, tariff: GridTariff
) -> Costs:
    taken, fed = Wh(int(series.import_wh[place])), Wh(int(series.export_wh[place]))
    reading = ReadingView(import_wh=taken, export_wh=fed, is_measured=True, is_final=True)
    alone, trading = bill(Trade(), reading, tariff), bill(trade, reading, tariff)
    return Costs(
        energy_wh=taken if side is Side.BID else fed,
        traded_wh=trade.bought_wh if side is Side.BID else trade.sold_wh,
        grid=Money(alone.charge - alone.credit),
        cost=Money(trade.payment - trade.revenue + trading.charge - trading.credit),
        imbalance=_imbalance(trade, taken, fed, tariff),
    )


def _imbalance(trade: Trade, taken: Wh, fed: Wh, tariff: GridTariff) -> Money:
    """Return what was lost on what was not taken or not delivered, to the nearest unit below."""
    lost = 0
    if (untaken := trade.bought_wh - taken) > 0:
        paid = trade.payment * untaken // trade.bought_wh
        lost += paid - payment_down(untaken, tariff.feed_in_price)
    if (missing := trade.sold_wh - fed) > 0:
        earned = -(-trade.revenue * missing // trade.sold_wh)
        lost += payment_up(missing, tariff.retail_price) - earned
    return Money(lost)
