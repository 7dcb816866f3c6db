"""What a day costs a participant, split into what it would pay the grid, what it saves by trade, and imbalance.

Everything is the reference's bill (``setm.settlement``) in units of 1e-6 EUR::

    cost = payments - revenues + charges - credits           grid = the same without any trade
    saving = bought * retail - payments + revenues - sold * feed-in          imbalance = saving - (grid - cost)

The saving is what the trades are worth if all that was contracted is delivered. What a buyer bought and did not take it
loses the retail price for and gets the feed-in price, what a seller sold and did not deliver the other way round: the
imbalance is that energy times (retail - feed-in). Energy that was never contracted lowers the saving instead.
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
    saving: Money = Money(0)

    @property
    def imbalance(self) -> Money:
        """What of the saving was lost because forecasts were wrong."""
        return Money(self.saving - (self.grid - self.cost))

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            energy_wh=Wh(self.energy_wh + other.energy_wh),
            traded_wh=Wh(self.traded_wh + other.traded_wh),
            grid=Money(self.grid + other.grid),
            cost=Money(self.cost + other.cost),
            saving=Money(self.saving + other.saving),
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
    saved_buying = payment_up(trade.bought_wh, tariff.retail_price) - trade.payment
    saved_selling = trade.revenue - payment_down(trade.sold_wh, tariff.feed_in_price)
    return Costs(
        energy_wh=taken if side is Side.BID else fed,
        traded_wh=trade.bought_wh if side is Side.BID else trade.sold_wh,
        grid=Money(alone.charge - alone.credit),
        cost=Money(trade.payment - trade.revenue + trading.charge - trading.credit),
        saving=Money(saved_buying + saved_selling),
    )
