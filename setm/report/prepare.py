"""What the plots show, prepared once for the interactive page and for the PNG files.

Units here are those of people: kWh or Wh per slot, EUR/MWh, EUR; times are slot starts in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from setm.report import auction
from setm.report.fold import Folded
from setm.report.records import BillRecord, Market, OfferRecord, OrderRecord
from setm.report.run import OPERATOR_ID, Run
from setm.report.schedules import SET_ASIDE
from setm.slots import slot_start
from setm.types import Side
from setm.units import eur, eur_per_mwh

# Pictures of single participants; the tables hold everybody.
MOST_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSeries:
    """One mechanism's day; prices are None in slots without trade."""

    mechanism: str
    volume_kwh: list[float]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Price and volume of every mechanism over the slots of the run."""

    starts: list[datetime]
    slot_hours: float
    retail: float
    feed_in: float
    series: list[PriceSeries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One order on a curve: from where to where it reaches, at which price."""

    participant: str
    from_kwh: float
    to_kwh: float
    price: float
    filled_wh: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Supply and demand of one slot of the auction; price is None without trade."""

    slot: int
    start: datetime
    demand: list[Step]
    supply: list[Step]
    price: float | None
    volume_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One negotiation: rounds and prices of both sides, and where it ended."""

    buyer: str
    seller: str
    bids: list[tuple[int, float]]
    asks: list[tuple[int, float]]
    energy_wh: int
    outcome: str
    end: tuple[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The negotiations that begin at one slot."""

    slot: int
    start: datetime
    slot_count: int
    paths: list[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One participant's import or export: forecast with interval, contracted by each mechanism, delivered."""

    participant: str
    quantity: str
    level: float | None
    mean: list[float | None]
    lower: list[float | None]
    upper: list[float | None]
    delivered: list[float | None]
    contracted: Mapping[str, list[float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bills:
    """One participant's bills over the run, EUR; negative: received."""

    participant: str
    grid_only: float
    by_mechanism: Mapping[str, float]
    savings: Mapping[str, float]

    def saving_percent(self, mechanism: str) -> float | None:
        """Return a mechanism's saving as a share of the grid-only bill, %; None without such a bill."""
        return 100 * self.savings[mechanism] / abs(self.grid_only) if self.grid_only else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GasBars:
    """Gas of one action by mechanism: (median, transactions, total)."""

    action: str
    by_mechanism: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that is plotted."""

    mechanisms: list[str]
    starts: list[datetime]
    slot_hours: float
    day: Day
    curves: list[Curves]
    chosen_curves: int
    paths: list[Paths]
    chosen_paths: int
    balances: list[Balance]
    bills: list[Bills]
    gas: list[GasBars]


def prepare(run: Run, mechanisms: Sequence[Folded]) -> Prepared:
    """Return the prepared data of a run; an empty list where a mechanism has nothing to show."""
    slots = sorted({bill.slot for folded in mechanisms for bill in folded.bills})
    slots = list(range(slots[0], slots[-1] + 1)) if slots else []
    starts = [slot_start(slot, run.slot_seconds) for slot in slots]
    curves = [curve for folded in mechanisms for curve in _curves(run, folded)]
    paths = [group for folded in mechanisms for group in _paths(run, folded)]
    wanted = run.info.get("chosen_slot")
    return Prepared(
        mechanisms=[folded.record.name for folded in mechanisms],
        starts=starts,
        slot_hours=run.slot_seconds / 3600,
        day=_day(run, mechanisms, slots, starts),
        curves=curves,
        chosen_curves=_choose(
            wanted,
            [curve.slot for curve in curves],
            [(curve.volume_kwh, len(curve.demand) + len(curve.supply)) for curve in curves],
        ),
        paths=paths,
        chosen_paths=_choose(
            wanted,
            [group.slot for group in paths],
            [(sum(path.outcome == "agreed" for path in group.paths), 0) for group in paths],
        ),
        balances=_balances(run, mechanisms, slots),
        bills=_bills(mechanisms),
        gas=_gas(mechanisms),
    )


def _choose(wanted: int | None, slots: Sequence[int], weights: Sequence[tuple[float, int]]) -> int:
    """Return the index of the wanted slot, else of the heaviest; 0 if there is none."""
    if wanted is not None and wanted in slots:
        return list(slots).index(wanted)
    return max(range(len(slots)), key=lambda index: weights[index], default=0)


def _day(
    run: Run, mechanisms: Sequence[Folded], slots: Sequence[int], starts: list[datetime]
) -> Day:
    series = []
    for folded in mechanisms:
        rows = {row["slot"]: row for row in folded.tables["prices"].iter_rows(named=True)}
        found = [rows.get(slot) for slot in slots]
        series.append(
            PriceSeries(
                mechanism=folded.record.name,
                volume_kwh=[row["volume_wh"] / 1000 if row else 0.0 for row in found],
                mean=[row["mean_price_eur_per_mwh"] if row else None for row in found],
                low=[_eur_per_mwh(row["low_milli_eur_per_mwh"] if row else None) for row in found],
                high=[
                    _eur_per_mwh(row["high_milli_eur_per_mwh"] if row else None) for row in found
                ],
            )
        )
    tariff = mechanisms[0].record.tariff
    return Day(
        starts=starts,
        slot_hours=run.slot_seconds / 3600,
        retail=eur_per_mwh(tariff.retail_price),
        feed_in=eur_per_mwh(tariff.feed_in_price),
        series=series,
    )


def _eur_per_mwh(price: int | None) -> float | None:
    return None if price is None else eur_per_mwh(price)


def _curves(run: Run, folded: Folded) -> list[Curves]:
    by_market: dict[Market, list[OrderRecord]] = defaultdict(list)
    for order in folded.orders:
        if order.tick is not None and order.state != SET_ASIDE:
            by_market[order.market].append(order)
    found = []
    for market, orders in sorted(by_market.items(), key=lambda one: one[0][::-1]):
        outcome, slot = folded.clearings.get(market), market[-1]
        volume = outcome.clearing.volume_wh if outcome else 0
        price = outcome.clearing.bid_price if outcome and volume else None
        bids = [order for order in orders if order.side is Side.BID]
        asks = [order for order in orders if order.side is Side.ASK]
        found.append(
            Curves(
                slot=slot,
                start=slot_start(slot, run.slot_seconds),
                demand=_steps(
                    folded, sorted(bids, key=lambda order: (-(order.tick or 0), order.ahead_wh))
                ),
                supply=_steps(
                    folded, sorted(asks, key=lambda order: (order.tick or 0, order.ahead_wh))
                ),
                price=_eur_per_mwh(price),
                volume_kwh=volume / 1000,
            )
        )
    return found


def _steps(folded: Folded, orders: Sequence[OrderRecord]) -> list[Step]:
    steps, reached = [], 0
    for order in orders:
        grid = auction.grid_of(folded.record, order.venue)
        energy = order.energy_wh or 0
        steps.append(
            Step(
                participant=folded.name(order.participant_id),
                from_kwh=reached / 1000,
                to_kwh=(reached + energy) / 1000,
                price=eur_per_mwh(grid.price(order.tick or 0)),
                filled_wh=order.filled_wh or 0,
            )
        )
        reached += energy
    return steps


def _paths(run: Run, folded: Folded) -> list[Paths]:
    talks: dict[int, list[OfferRecord]] = defaultdict(list)
    for offer in folded.offers:
        talks[offer.negotiation_id].append(offer)
    by_slot: dict[int, list[list[OfferRecord]]] = defaultdict(list)
    for talk in talks.values():
        by_slot[talk[0].first_slot].append(talk)
    return [
        Paths(
            slot=slot,
            start=slot_start(slot, run.slot_seconds),
            slot_count=max(talk[0].slot_count for talk in group),
            paths=[_path(folded, talk) for talk in group],
        )
        for slot, group in sorted(by_slot.items())
    ]


def _path(folded: Folded, talk: Sequence[OfferRecord]) -> Path:
    last = talk[-1]
    return Path(
        buyer=folded.name(last.buyer_id),
        seller=folded.name(last.seller_id),
        bids=[(offer.round, eur_per_mwh(offer.price)) for offer in talk if offer.by_buyer],
        asks=[(offer.round, eur_per_mwh(offer.price)) for offer in talk if not offer.by_buyer],
        energy_wh=last.energy_wh,
        outcome=last.outcome,
        end=(last.round, eur_per_mwh(last.price)),
    )


def _balances(run: Run, mechanisms: Sequence[Folded], slots: Sequence[int]) -> list[Balance]:
    forecasts = {(row["participant"], row["quantity"], row["slot"]): row for row in run.forecasts}
    own = [(folded.record.name, _by_participant(folded)) for folded in mechanisms]
    found = []
    for who in shown_participants(mechanisms):
        name = run.participants[who].name
        for quantity, contract in (("import", "bought_wh"), ("export", "sold_wh")):
            rows = [forecasts.get((name, quantity, slot)) for slot in slots]
            contracted: dict[str, list[float | None]] = {}
            delivered: list[float | None] = [None] * len(slots)
            for mechanism, listed in own:
                bills = {bill.slot: bill for bill in listed.get(who, [])}
                contracted[mechanism] = [
                    getattr(bills[slot], contract) / 1000 if slot in bills else None
                    for slot in slots
                ]
                for index, slot in enumerate(slots):
                    if slot in bills and (delivered[index] is None or bills[slot].is_measured):
                        delivered[index] = getattr(bills[slot], f"{quantity}_wh") / 1000
            balance = Balance(
                participant=name,
                quantity=quantity,
                level=next((row.get("level") for row in rows if row), None),
                mean=[row["mean_wh"] / 1000 if row else None for row in rows],
                lower=[row["lower_wh"] / 1000 if row else None for row in rows],
                upper=[row["upper_wh"] / 1000 if row else None for row in rows],
                delivered=delivered,
                contracted=contracted,
            )
            shown = [*balance.mean, *delivered, *(v for c in contracted.values() for v in c)]
            if any(shown):
                found.append(balance)
    return found


def _bills(mechanisms: Sequence[Folded]) -> list[Bills]:
    found = []
    everybody = {folded.record.name: _by_participant(folded) for folded in mechanisms}
    for who in shown_participants(mechanisms):
        own = {name: listed.get(who, []) for name, listed in everybody.items()}
        first = next(iter(own.values()))
        found.append(
            Bills(
                participant=mechanisms[0].name(who),
                grid_only=eur(sum(bill.grid_only_bill for bill in first)),
                by_mechanism={
                    name: eur(sum(bill.bill for bill in bills)) for name, bills in own.items()
                },
                savings={
                    name: eur(sum(bill.saving for bill in bills)) for name, bills in own.items()
                },
            )
        )
    return found


def _by_participant(folded: Folded) -> dict[int, list[BillRecord]]:
    found: dict[int, list[BillRecord]] = defaultdict(list)
    for bill in folded.bills:
        found[bill.participant_id].append(bill)
    return dict(found)


def shown_participants(mechanisms: Sequence[Folded]) -> list[int]:
    """Return who has pictures of its own: all, or of many the ``MOST_SHOWN`` whose meters counted most energy."""
    ids = sorted(who for who in mechanisms[0].record.participants if who != OPERATOR_ID)
    if len(ids) <= MOST_SHOWN:
        return ids
    counted: dict[int, int] = defaultdict(int)
    for bill in mechanisms[0].bills:
        counted[bill.participant_id] += bill.import_wh + bill.export_wh
    return sorted(sorted(ids, key=lambda who: (-counted[who], who))[:MOST_SHOWN])


def _gas(mechanisms: Sequence[Folded]) -> list[GasBars]:
    found: dict[str, dict[str, tuple[int, int, int]]] = defaultdict(dict)
    for folded in mechanisms:
        for row in folded.tables["gas"].iter_rows(named=True):
            label = f"{row['action']} ({row['contract']})" if row["contract"] else row["action"]
            found[label][folded.record.name] = (
                row["median_gas"],
                row["transactions"],
                row["total_gas"],
            )
    bars = [GasBars(action=action, by_mechanism=values) for action, values in found.items()]
    return sorted(bars, key=lambda bar: -sum(total for _, _, total in bar.by_mechanism.values()))


def slot_label(start: datetime, slot_hours: float, slot_count: int = 1) -> str:
    """Return a slot for people, such as ``12:15–12:30 UTC``."""
    end = start + timedelta(hours=slot_hours * slot_count)
    return f"{start:%H:%M}–{end:%H:%M} UTC"
