"""What every mechanism is given alike: who takes part within which prices, what the meters say, what the grid asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from setm.data import MeterSeries
from setm.days import DayReading, slot_bills
from setm.metering import ReadingView
from setm.settlement import bill
from setm.simulation.mechanism import Day
from setm.slots import Slot
from setm.trading import Outcome, WholeDays
from setm.types import Bill, GridTariff, Side, Trade
from setm.units import Price, Wh

Bills = Mapping[Slot, Mapping[str, Bill]]
NONE_WHOLE: WholeDays = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A participant by name: on which sides it trades during the day, and the two ends of its price band.

    A buyer's energy is worth its ``ceiling`` to it, a seller gives its energy for its ``floor`` at least.
    """

    name: str
    sides: frozenset[Side]
    floor: Price
    ceiling: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a meter measured in one slot."""

    import_wh: Wh = Wh(0)
    export_wh: Wh = Wh(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A day that all mechanisms trade: ``readings`` has every participant in every slot."""

    participants: tuple[Participant, ...]
    tariff: GridTariff
    readings: Mapping[Slot, Mapping[str, Delivered]]


def workload_of(day: Day) -> Workload:
    """Return what a day gives to every mechanism alike, whatever its seed."""
    return Workload(
        participants=tuple(
            Participant(
                name=person.trader.name,
                sides=frozenset({person.trader.side, *person.trader.sides.values()}),
                floor=person.trader.band.min_bid,
                ceiling=person.trader.band.max_bid,
            )
            for person in day.people
        ),
        tariff=day.market.tariff,
        readings={
            slot: {person.trader.name: _measured(person.delivered, slot) for person in day.people}
            for slot in day.slots
        },
    )


def _measured(series: MeterSeries, slot: Slot) -> Delivered:
    place = slot - series.first_slot
    return Delivered(
        import_wh=Wh(int(series.import_wh[place])), export_wh=Wh(int(series.export_wh[place]))
    )


def trade_in(outcome: Outcome, slot: Slot, name: str) -> Trade:
    """Return what a participant traded in a slot; nothing if the outcome does not name it."""
    return outcome.get(slot, {}).get(name, Trade())


def bills_of(workload: Workload, outcome: Outcome, whole: WholeDays = NONE_WHOLE) -> Bills:
    """Return the reference's bill of each slot and participant, whether it traded or not.

    A day of ``whole`` is rounded once, and its slots have their parts of it. What venues hand over to settlement
    besides revenue (released cover) is not known here: ``trade_credit`` is 0.
    """
    found = {
        slot: {
            name: bill(trade_in(outcome, slot, name), _view(measured), workload.tariff)
            for name, measured in readings.items()
        }
        for slot, readings in workload.readings.items()
    }
    for name, days in whole.items():
        for slots in days:
            fills = [_fill(trade_in(outcome, slot, name)) for slot in slots]
            parts = slot_bills(fills, _day_reading(workload, name, slots), workload.tariff)
            for slot, part in zip(slots, parts, strict=True):
                found[slot][name] = part
    return found


def _fill(trade: Trade) -> int:
    return trade.bought_wh - trade.sold_wh


def _day_reading(workload: Workload, name: str, slots: Sequence[Slot]) -> DayReading:
    measured = [workload.readings[slot][name] for slot in slots]
    return DayReading(
        meter=0,
        day=slots[0] // len(slots),
        imports_wh=tuple(one.import_wh for one in measured),
        exports_wh=tuple(one.export_wh for one in measured),
    )


def _view(measured: Delivered) -> ReadingView:
    return ReadingView(
        import_wh=measured.import_wh, export_wh=measured.export_wh, is_measured=True, is_final=True
    )
