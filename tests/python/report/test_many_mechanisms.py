"""A run of many mechanisms is as readable as one of two: nothing is cut at 80 columns, no two look alike."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from setm.cli import summary
from setm.report.palette import GREY, mechanism_colours
from setm.report.summary import MechanismTotals, SummaryRow
from setm.trading import MECHANISMS

NAMES = tuple(MECHANISMS)
PEOPLE = ("industrial consumer 1", "generation 1")


def row(participant: str, mechanism: str) -> SummaryRow:
    return SummaryRow(
        participant=participant,
        mechanism=mechanism,
        bought_kwh=1066.29,
        sold_kwh=0.0,
        mean_price_eur_per_mwh=48.07,
        local_share_percent=60.0,
        bill_eur=5.2,
        grid_only_bill_eur=6.0,
        saving_eur=0.8,
        saving_percent=13.3,
        gas=1_000_000,
    )


def total(mechanism: str) -> MechanismTotals:
    return MechanismTotals(
        mechanism=mechanism,
        traded_kwh=1066.292,
        mean_price_eur_per_mwh=48.07,
        slots_with_trade=96,
        slots=96,
        saving_eur=12.4419,
        dust_eur=0.000028,
        transactions=1_576,
        failed_transactions=0,
        gas=1_586_661_093,
    )


@pytest.mark.parametrize("count", [1, 2, 3, len(NAMES)])
def test_nothing_is_cut_at_80_columns(count, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(summary, "console", Console(file=screen, width=80))
    names = NAMES[:count]
    rows = [row(person, name) for person in PEOPLE for name in names]
    summary.print_summary("many", rows, [total(name) for name in names])
    shown = screen.getvalue()

    assert "…" not in shown
    for text in (*PEOPLE, *names, "1,066.29", "48.07", "1,586,661,093"):
        assert text in shown, text
    assert shown.count("kWh traded between participants") == 1


def test_each_mechanism_has_a_colour_of_its_own():
    colours = mechanism_colours([*NAMES, "grid"])
    assert len(set(colours.values())) == len(NAMES) + 1
    assert colours["grid"] == GREY
    assert mechanism_colours(NAMES[3:]) == {name: colours[name] for name in NAMES[3:]}
