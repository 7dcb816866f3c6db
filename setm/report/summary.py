"""Who bought and sold how much, at what price, and what it saved against the grid tariff."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from setm.report.fold import Folded, fold
from setm.report.records import BillRecord, TradeRecord
from setm.report.run import OPERATOR_ID, read_run
from setm.types import Side
from setm.units import eur


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One participant under one mechanism. A positive bill is paid, a negative one received."""

    participant: str
    mechanism: str
    bought_kwh: float
    sold_kwh: float
    mean_price_eur_per_mwh: float | None
    local_share_percent: float | None
    bill_eur: float
    grid_only_bill_eur: float
    saving_eur: float
    saving_percent: float | None
    gas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismTotals:
    """One mechanism over the whole run."""

    mechanism: str
    traded_kwh: float
    mean_price_eur_per_mwh: float | None
    slots_with_trade: int
    slots: int
    saving_eur: float
    dust_eur: float
    transactions: int
    failed_transactions: int
    gas: int


def summary_rows(run_dir: Path) -> list[SummaryRow]:
    """Return a row for each participant (the grid operator aside) and mechanism, by participant number."""
    folded = [fold(record) for record in read_run(run_dir).mechanisms.values()]
    return rows_of(folded)


def mechanism_totals(run_dir: Path) -> list[MechanismTotals]:
    """Return a row for each mechanism."""
    return [totals_of(fold(record)) for record in read_run(run_dir).mechanisms.values()]


def rows_of(mechanisms: Sequence[Folded]) -> list[SummaryRow]:
    """Return the rows of folded mechanisms."""
    if not mechanisms:
        return []
    traders = [who for who in sorted(mechanisms[0].record.participants) if who != OPERATOR_ID]
    listed = [(folded, *_by_participant(folded)) for folded in mechanisms]
    return [
        _row(folded, who, bills.get(who, []), trades.get(who, []), gas)
        for who in traders
        for folded, bills, trades, gas in listed
    ]


def _by_participant(
    folded: Folded,
) -> tuple[dict[int, list[BillRecord]], dict[int, list[TradeRecord]], Counter[str]]:
    """Return bills and trades by participant, and gas by sender."""
    bills: dict[int, list[BillRecord]] = defaultdict(list)
    trades: dict[int, list[TradeRecord]] = defaultdict(list)
    gas = Counter[str]()
    for bill in folded.bills:
        bills[bill.participant_id].append(bill)
    for trade in folded.trades:
        trades[trade.participant_id].append(trade)
    for sent in folded.record.transactions:
        gas[sent.participant] += sent.gas_used
    return dict(bills), dict(trades), gas


def _row(
    folded: Folded,
    who: int,
    own: Sequence[BillRecord],
    trades: Sequence[TradeRecord],
    gas: Counter[str],
) -> SummaryRow:
    bill = sum(record.bill for record in own)
    grid_only = sum(record.grid_only_bill for record in own)
    name = folded.name(who)
    return SummaryRow(
        participant=name,
        mechanism=folded.record.name,
        bought_kwh=sum(record.bought_wh for record in own) / 1000,
        sold_kwh=sum(record.sold_wh for record in own) / 1000,
        mean_price_eur_per_mwh=_mean_price([(trade.energy_wh, trade.price) for trade in trades]),
        local_share_percent=_local_share(own),
        bill_eur=eur(bill),
        grid_only_bill_eur=eur(grid_only),
        saving_eur=eur(grid_only - bill),
        saving_percent=100 * (grid_only - bill) / abs(grid_only) if grid_only else None,
        gas=gas[name],
    )


def _local_share(bills: Sequence[BillRecord]) -> float | None:
    """Return how much of what was taken from and fed into the grid was traded with other participants, %."""
    delivered = sum(bill.import_wh + bill.export_wh for bill in bills)
    local = sum(
        min(bill.bought_wh, bill.import_wh) + min(bill.sold_wh, bill.export_wh) for bill in bills
    )
    return 100 * local / delivered if delivered else None


def _mean_price(quantities: Sequence[tuple[int, int]]) -> float | None:
    energy = sum(energy_wh for energy_wh, _ in quantities)
    worth = sum(energy_wh * price for energy_wh, price in quantities)
    return worth / energy / 1000 if energy else None


def totals_of(folded: Folded) -> MechanismTotals:
    """Return the totals of one folded mechanism."""
    bought = [trade for trade in folded.trades if trade.side is Side.BID]
    sent = folded.record.transactions
    return MechanismTotals(
        mechanism=folded.record.name,
        traded_kwh=sum(trade.energy_wh for trade in bought) / 1000,
        mean_price_eur_per_mwh=_mean_price([(trade.energy_wh, trade.price) for trade in bought]),
        slots_with_trade=len({trade.slot for trade in bought}),
        slots=len({bill.slot for bill in folded.bills}),
        saving_eur=eur(sum(bill.saving for bill in folded.bills)),
        dust_eur=eur(sum(folded.tables["conservation"]["dust_micro_eur"].to_list())),
        transactions=len(sent),
        failed_transactions=sum(not transaction.ok for transaction in sent),
        gas=sum(transaction.gas_used for transaction in sent),
    )
