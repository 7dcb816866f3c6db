"""What the report says of conduct: seeded manipulations are found, and undisturbed days are not accused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from setm.report import conduct
from setm.report.conduct import Meter, pairs, shares
from setm.report.records import OrderRecord, ReadingRecord, TradeRecord
from setm.types import Side

RETAIL, FEED_IN = 55_500, 30_000
SPREAD = RETAIL - FEED_IN
SLOTS = 24
BUYERS, SELLERS = (1, 2, 3, 4, 5), (6, 7, 8, 9)
SEEDS = range(30)


def agreed(
    slot: int, buyer: int, seller: int, energy_wh: int, price: int, number: int = 1
) -> Iterator[TradeRecord]:
    """Both sides of one agreement."""
    common = {"venue": "negotiation", "slot": slot, "number": number, "tx": "0x"}
    amounts = {"energy_wh": energy_wh, "price": price, "amount": energy_wh * price // 1000}
    yield TradeRecord(
        participant_id=buyer, side=Side.BID, counterparty_id=seller, **common, **amounts
    )
    yield TradeRecord(
        participant_id=seller, side=Side.ASK, counterparty_id=buyer, **common, **amounts
    )


def honest_day(seed: int, buyers: tuple[int, ...] = BUYERS) -> list[TradeRecord]:
    """A day on which buyers meet sellers by chance, at prices that both could accept."""
    rng = np.random.default_rng(seed)
    trades: list[TradeRecord] = []
    for slot in range(SLOTS):
        for buyer in buyers:
            seller = int(rng.choice(SELLERS))
            price = int(rng.uniform(38_000, 48_000))
            trades += agreed(slot, buyer, seller, int(rng.integers(50, 2_000)), price)
    return trades


def hints_of(trades: list[TradeRecord]) -> dict[tuple[int, int], str]:
    rows = pairs(trades, SPREAD)
    return {(row["buyer_id"], row["seller_id"]): row["hints"] for row in rows if row["hints"]}


@pytest.mark.parametrize("seed", SEEDS)
def test_accuses_nobody_of_an_undisturbed_day(seed: int) -> None:
    assert hints_of(honest_day(seed)) == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_energy_that_comes_back_in_the_same_slot(seed: int) -> None:
    trades = honest_day(seed)
    for slot in range(0, SLOTS, 3):
        trades += agreed(slot, 21, 22, 900, 44_000)
        trades += agreed(slot, 22, 21, 880, 44_100)
    found = hints_of(trades)
    assert found.keys() == {(21, 22), (22, 21)}
    assert all("round trip" in hints for hints in found.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_two_who_trade_with_nobody_else(seed: int) -> None:
    trades = honest_day(seed)
    for slot in range(SLOTS):
        trades += agreed(slot, 21, 22, 500, 43_000)
    assert hints_of(trades) == {(21, 22): "closed pair"}


@pytest.mark.parametrize("price", [RETAIL, FEED_IN])
@pytest.mark.parametrize("seed", SEEDS)
def test_finds_prices_that_nobody_else_pays(seed: int, price: int) -> None:
    """Money moved between two by way of energy: one of them buys far too dear, or sells far too cheap."""
    trades = [
        replace(trade, price=price)
        if {trade.participant_id, trade.counterparty_id} == {3, 7}
        else trade
        for trade in honest_day(seed)
    ]
    for slot in range(0, SLOTS, 6):
        trades += agreed(slot, 3, 7, 800, price, number=2)
    assert hints_of(trades) == {(3, 7): "price apart"}


def test_a_single_seller_closes_no_pair_with_its_largest_buyer() -> None:
    """As in the case study: where there is one seller only, everybody trades with it alone."""
    trades: list[TradeRecord] = []
    for slot in range(SLOTS):
        trades += agreed(slot, 1, 9, 5_000, 44_000)
        trades += agreed(slot, 2, 9, 300, 44_200)
    assert hints_of(trades) == {}
    row = pairs(trades, SPREAD)[0]
    assert row["expected_wh"] == row["energy_wh"] == SLOTS * 5_000


def test_the_reference_is_the_median_of_the_others_in_the_same_slots() -> None:
    trades = [
        *agreed(0, 1, 8, 100, 40_000),
        *agreed(0, 2, 9, 300, 44_000),
        *agreed(0, 3, 9, 100, 48_000),
        *agreed(1, 2, 9, 700, 50_000),
    ]
    rows = {(row["buyer_id"], row["seller_id"]): row for row in pairs(trades, SPREAD)}
    assert rows[1, 8]["reference"] == 44_000
    assert rows[3, 9]["reference"] == 44_000
    assert rows[2, 9]["price"] == (300 * 44_000 + 700 * 50_000) / 1_000
    assert rows[1, 8]["back_wh"] == 0


def test_an_auction_has_no_pairs() -> None:
    trade = next(agreed(0, 1, 8, 100, 40_000))
    assert pairs([replace(trade, counterparty_id=None, venue="auction")], SPREAD) == []


# Shares


def test_shares_of_a_side_add_up_and_concentration_is_their_squares() -> None:
    trades = [*agreed(0, 1, 8, 600, 40_000), *agreed(0, 2, 8, 400, 44_000)]
    rows = {(row["side"], row["participant_id"]): row for row in shares(trades, [])}
    assert rows[Side.BID, 1]["share_percent"] == 60
    assert rows[Side.BID, 2]["concentration"] == 60**2 + 40**2
    assert rows[Side.ASK, 8]["concentration"] == 10_000


def order(slot: int, who: int, state: str) -> OrderRecord:
    return OrderRecord(
        slot=slot,
        participant_id=who,
        number=1,
        side=Side.BID,
        state=state,
        bound=1,
        ordered_at=0,
        order_tx="0x",
    )


@pytest.mark.parametrize(
    ("withheld", "opened", "hints"),
    [(2, 0, ""), (3, 13, ""), (3, 12, "withholds orders"), (8, 0, "withholds orders"), (0, 9, "")],
)
def test_finds_who_keeps_its_orders_sealed(withheld: int, opened: int, hints: str) -> None:
    orders = [order(slot, 1, "forfeited") for slot in range(withheld)]
    orders += [order(withheld + slot, 1, "opened") for slot in range(opened)]
    orders.append(order(99, 1, "cancelled"))
    (row,) = shares([], orders)
    assert (row["orders"], row["unopened"], row["hints"]) == (withheld + opened, withheld, hints)


# Meters


def readings(values: list[tuple[int, int]]) -> list[ReadingRecord]:
    return [
        ReadingRecord(
            slot=slot,
            participant_id=1,
            meter=1,
            import_wh=taken,
            export_wh=fed,
            state="accepted",
            posted_at=0,
            tx="0x",
        )
        for slot, (taken, fed) in enumerate(values)
    ]


def house(seed: int) -> list[tuple[int, int]]:
    """A day of a house with a roof, in Wh an hour."""
    rng = np.random.default_rng(seed)
    sun = [max(0.0, float(np.sin((hour - 6) / 12 * np.pi))) * 2_500 for hour in range(SLOTS)]
    net = [float(rng.normal(600, 150)) - light * float(rng.uniform(0.6, 1)) for light in sun]
    return [(round(max(value, 0)), round(max(-value, 0))) for value in net]


def expected(values: list[tuple[int, int]]) -> dict[tuple[int, str], float]:
    """What an agent forecasts that knows such days: the lower end of its interval."""
    return {
        (slot, name): 0.7 * wh
        for slot, pair in enumerate(values)
        for name, wh in zip(("import", "export"), pair, strict=True)
    }


def hints_of_meter(
    values: list[tuple[int, int]], usual: list[tuple[int, int]], silent: int = 0
) -> str:
    found = Meter(
        capacity_wh=6_000,
        readings=readings(values),
        silent_slots=silent,
        lower_wh=expected(usual),
    )
    return str(conduct.meter(found)["hints"])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_meter_that_says_what_it_always_says_is_not_suspected(seed: int) -> None:
    usual = house(seed)
    rng = np.random.default_rng(seed + 1_000)
    today = [
        (round(a * rng.uniform(0.75, 1.4)), round(b * rng.uniform(0.75, 1.4))) for a, b in usual
    ]
    assert hints_of_meter(today, usual) == ""
    assert hints_of_meter([(0, 0)] * SLOTS, [(0, 0)] * SLOTS) == ""
    # One reading that was late is no habit.
    assert hints_of_meter(today[1:], usual[1:], silent=1) == ""


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_a_meter_that_counts_half(seed: int) -> None:
    usual = house(seed)
    assert hints_of_meter([(a // 2, b // 2) for a, b in usual], usual) == "below its history"


@pytest.mark.parametrize("seed", SEEDS)
def test_finds_a_meter_that_stands_still_or_overshoots_or_falls_silent(seed: int) -> None:
    usual = house(seed)
    stuck = [(731, 0)] * conduct.STUCK_SLOTS + usual[conduct.STUCK_SLOTS :]
    assert hints_of_meter(stuck, usual) == "stuck"
    full = [(5_500, 0), *usual[1:]]
    assert hints_of_meter(full, usual) == "at capacity"
    assert hints_of_meter(usual[3:], usual, silent=3) == "silent"


# The small run


def test_the_report_shows_the_tables_and_accuses_nobody(built: Path) -> None:
    for mechanism in ("negotiation", "auction"):
        for name in ("pairs", "shares"):
            table = pl.read_parquet(built / f"tables/{mechanism}_{name}.parquet")
            assert set(table["hints"]) <= {""}
    found = pl.read_parquet(built / "tables/negotiation_pairs.parquet")
    trades = pl.read_parquet(built / "tables/negotiation_trades.parquet")
    bought = trades.filter(pl.col("side") == "bid")
    assert found["energy_wh"].sum() == bought["energy_wh"].sum() > 0
    for side in ("bid", "ask"):
        share = pl.read_parquet(built / "tables/auction_shares.parquet")
        percents = share.filter(pl.col("side") == side)["share_percent"]
        assert percents.sum() == pytest.approx(100)
    meters = pl.read_parquet(built / "tables/meters.parquet")
    assert meters.height == 4
    page = (built / "index.html").read_text()
    assert '<section id="conduct">' in page
    assert "A hint is no proof" in page
