"""The end of a run in the terminal: who traded what, and what it was worth, mechanisms side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from setm.cli.output import console
from setm.report.summary import MechanismTotals, SummaryRow

SIDE_BY_SIDE = 2


def print_summary(
    title: str, rows: Sequence[SummaryRow], totals: Sequence[MechanismTotals]
) -> None:
    """Print a line for each participant, two mechanisms side by side, then what each came to, in 80 columns."""
    mechanisms = list(dict.fromkeys(row.mechanism for row in rows))
    for first in range(0, len(mechanisms), SIDE_BY_SIDE):
        pair = mechanisms[first : first + SIDE_BY_SIDE]
        shown = [row for row in rows if row.mechanism in pair]
        console.print(_participants(title, shown, with_caption=pair[-1] == mechanisms[-1]))
    console.print(_totals(totals) if len(totals) <= SIDE_BY_SIDE else _many_totals(totals))


def _participants(title: str, rows: Sequence[SummaryRow], *, with_caption: bool) -> Table:
    mechanisms = list(dict.fromkeys(row.mechanism for row in rows))
    found = {(row.participant, row.mechanism): row for row in rows}
    table = Table(
        title=title, title_justify="left", pad_edge=False, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("\nparticipant", no_wrap=True)
    for mechanism in mechanisms:
        table.add_column(f"{mechanism}\nkWh", justify="right", no_wrap=True)
        table.add_column("\n€/MWh", justify="right", no_wrap=True)
        table.add_column("saved\nct", justify="right", no_wrap=True)
    for name in dict.fromkeys(row.participant for row in rows):
        cells = [cell for item in mechanisms for cell in _cells(found[name, item])]
        table.add_row(name, *cells)
    if with_caption:
        table.caption = (
            "kWh traded between participants (sold: negative); saved: against the grid tariff"
        )
    return table


def _cells(row: SummaryRow) -> tuple[str, str, str]:
    price = row.mean_price_eur_per_mwh
    return (
        f"{row.bought_kwh - row.sold_kwh:,.2f}",
        "-" if price is None else f"{price:.2f}",
        f"{100 * row.saving_eur:+.1f}",
    )


def _totals(totals: Sequence[MechanismTotals]) -> Table:
    table = Table(pad_edge=False, box=box.SIMPLE_HEAD)
    table.add_column("in total", no_wrap=True)
    for item in totals:
        table.add_column(item.mechanism, justify="right")
    lines = {
        "traded, kWh": [f"{item.traded_kwh:,.3f}" for item in totals],
        "mean price, EUR/MWh": [_price(item) for item in totals],
        "slots with trade": [f"{item.slots_with_trade} of {item.slots}" for item in totals],
        "saved, EUR": [f"{item.saving_eur:+.4f}" for item in totals],
        "rounding dust, EUR": [f"{item.dust_eur:.6f}" for item in totals],
        "transactions": [f"{item.transactions:,}" for item in totals],
        "gas": [f"{item.gas:,}" for item in totals],
    }
    for name, cells in lines.items():
        table.add_row(name, *cells)
    return table


def _many_totals(totals: Sequence[MechanismTotals]) -> Table:
    """Return the same with a line for each mechanism."""
    table = Table(pad_edge=False, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("\nin total", no_wrap=True)
    for name in ("traded\nkWh", "price\n€/MWh", "slots\ntraded", "saved\n€", "sent\n", "\ngas"):
        table.add_column(name, justify="right", no_wrap=True)
    for item in totals:
        table.add_row(
            item.mechanism,
            f"{item.traded_kwh:,.3f}",
            _price(item),
            f"{item.slots_with_trade} of {item.slots}",
            f"{item.saving_eur:+.4f}",
            f"{item.transactions:,}",
            f"{item.gas:,}",
        )
    return table


def _price(item: MechanismTotals) -> str:
    price = item.mean_price_eur_per_mwh
    return "-" if price is None else f"{price:.2f}"
