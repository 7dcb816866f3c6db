"""What a rehearsed day was worth to its households, from the reference's bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from setm.compare.inequality import gini
from setm.metering import ReadingView
from setm.settlement import bill
from setm.simulation.mechanism import Day
from setm.trading import Outcome
from setm.types import Bill, GridTariff, Kind, Trade
from setm.units import MONEY_PER_EUR, PRICE_PER_EUR_PER_MWH, Wh

CONSUMERS = (Kind.PERSONAL_CONSUMER, Kind.INDUSTRIAL_CONSUMER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """A day of a community; money in EUR, energy in kWh.

    A saving is the bill with the grid operator alone less the bill with the market. ``import_cost_eur`` is the part of
    the bill with the grid operator alone that is paid for import. ``consumers`` are the households
    without a plant. The imbalance cost is what was lost on what was contracted and did not flow: bought and not
    used, it went to the grid operator at the feed-in price; sold and not delivered, it came from there at retail.
    """

    grid_only_eur: float
    import_cost_eur: float
    saving_eur: float
    consumers_grid_only_eur: float
    consumers_saving_eur: float
    imbalance_cost_eur: float
    imbalance_kwh: float
    traded_kwh: float
    local_kwh: float
    import_kwh: float
    export_kwh: float
    mean_price_eur_per_mwh: float
    savings_gini: float

    @property
    def saving_percent(self) -> float:
        """The saving, % of what import costs with the grid operator alone: that is never below zero, a bill may be."""
        return 100 * self.saving_eur / self.import_cost_eur

    @property
    def self_sufficiency_percent(self) -> float:
        """What of the households' import came from other households, %."""
        return 100 * self.local_kwh / self.import_kwh


@dataclass(slots=True)
class _Sums:
    """What is added up over slots and households; money 1e-6 EUR, energy Wh."""

    import_cost_micro: int = 0
    imbalance_micro: float = 0.0
    imbalance_wh: int = 0
    bought_wh: int = 0
    paid_micro: int = 0
    local_wh: int = 0
    import_wh: int = 0
    export_wh: int = 0


def measures_of(day: Day, outcome: Outcome) -> Measures:
    """Return what an outcome of a day was worth."""
    tariff, sums = day.market.tariff, _Sums()
    alone = [0] * len(day.people)
    savings = [0] * len(day.people)
    for place, slot in enumerate(day.slots):
        trades, used, supplied = outcome.get(slot, {}), 0, 0
        for number, person in enumerate(day.people):
            series = person.delivered
            reading = _reading(int(series.import_wh[place]), int(series.export_wh[place]))
            trade = trades.get(person.trader.name, Trade())
            one = bill(trade, reading, tariff)
            without = bill(Trade(), reading, tariff)
            sums.import_cost_micro += without.charge
            alone[number] += without.charge - without.credit
            savings[number] += without.charge - without.credit - _due(one, trade)
            used += min(one.bought_wh, one.import_wh)
            supplied += min(one.sold_wh, one.export_wh)
            _add(sums, one, trade, tariff)
        sums.local_wh += min(used, supplied)
    consumers = [number for number, person in enumerate(day.people) if person.kind in CONSUMERS]
    return _measures(sums, alone, savings, consumers)


def _reading(import_wh: int, export_wh: int) -> ReadingView:
    return ReadingView(
        import_wh=Wh(import_wh), export_wh=Wh(export_wh), is_measured=True, is_final=True
    )


def _due(one: Bill, trade: Trade) -> int:
    return trade.payment - trade.revenue + one.charge - one.credit


def _add(sums: _Sums, one: Bill, trade: Trade, tariff: GridTariff) -> None:
    unused, missing = (
        max(one.bought_wh - one.import_wh, 0),
        max(one.sold_wh - one.export_wh, 0),
    )
    if unused:
        sums.imbalance_micro += unused * (
            trade.payment / one.bought_wh - tariff.feed_in_price / PRICE_PER_EUR_PER_MWH
        )
    if missing:
        sums.imbalance_micro += missing * (
            tariff.retail_price / PRICE_PER_EUR_PER_MWH - trade.revenue / one.sold_wh
        )
    sums.imbalance_wh += unused + missing
    sums.bought_wh += one.bought_wh
    sums.paid_micro += trade.payment
    sums.import_wh += one.import_wh
    sums.export_wh += one.export_wh


def _measures(
    sums: _Sums, alone: Sequence[int], savings: Sequence[int], consumers: Sequence[int]
) -> Measures:
    # One millionth of a euro for a Wh is one EUR/MWh.
    price = sums.paid_micro / sums.bought_wh if sums.bought_wh else float("nan")
    spread = gini(savings)
    return Measures(
        grid_only_eur=sum(alone) / MONEY_PER_EUR,
        import_cost_eur=sums.import_cost_micro / MONEY_PER_EUR,
        saving_eur=sum(savings) / MONEY_PER_EUR,
        consumers_grid_only_eur=sum(alone[number] for number in consumers) / MONEY_PER_EUR,
        consumers_saving_eur=sum(savings[number] for number in consumers) / MONEY_PER_EUR,
        imbalance_cost_eur=sums.imbalance_micro / MONEY_PER_EUR,
        imbalance_kwh=sums.imbalance_wh / 1000,
        traded_kwh=sums.bought_wh / 1000,
        local_kwh=sums.local_wh / 1000,
        import_kwh=sums.import_wh / 1000,
        export_kwh=sums.export_wh / 1000,
        mean_price_eur_per_mwh=price,
        savings_gini=float("nan") if spread is None else float(spread),
    )
