"""The terminal's table says the same as the payments table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest

from setm.report.summary import mechanism_totals, summary_rows
from tests.python.report.runs import TRADERS


def test_has_a_row_for_each_trader_and_mechanism(built: Path) -> None:
    rows = [(row.participant, row.mechanism) for row in summary_rows(built)]
    assert rows == [
        (person.name, mechanism) for person in TRADERS for mechanism in ("negotiation", "auction")
    ]


def test_agrees_with_the_payments(built: Path) -> None:
    for row in summary_rows(built):
        payments = pl.read_parquet(built / f"tables/{row.mechanism}_payments.parquet").filter(
            pl.col("participant") == row.participant
        )
        assert row.bought_kwh == payments["bought_wh"].sum() / 1000
        assert row.sold_kwh == payments["sold_wh"].sum() / 1000
        assert row.bill_eur == payments["bill_micro_eur"].sum() / 1e6
        assert row.saving_eur == pytest.approx(row.grid_only_bill_eur - row.bill_eur)
        assert row.gas > 0


def test_mean_price_lies_between_feed_in_and_retail(built: Path) -> None:
    for row in summary_rows(built):
        assert row.mean_price_eur_per_mwh is not None
        assert 30 <= row.mean_price_eur_per_mwh <= 55.5
        assert row.local_share_percent is not None
        assert 0 <= row.local_share_percent <= 100


def test_totals_sum_the_rows(built: Path) -> None:
    for total in mechanism_totals(built):
        rows = [row for row in summary_rows(built) if row.mechanism == total.mechanism]
        assert total.traded_kwh == pytest.approx(sum(row.bought_kwh for row in rows))
        assert total.traded_kwh == pytest.approx(sum(row.sold_kwh for row in rows))
        assert total.saving_eur == pytest.approx(sum(row.saving_eur for row in rows))


def test_rows_become_json(built: Path) -> None:
    assert list(asdict(summary_rows(built)[0]))[:3] == ["participant", "mechanism", "bought_kwh"]
