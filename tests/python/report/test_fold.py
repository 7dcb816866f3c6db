"""The fold over events alone: tables equal what happened, and contradictions are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from setm.errors import RunError
from setm.report.fold import Folded, fold, run_tables
from setm.report.run import read_run
from setm.units import payment_down, payment_up
from tests.python.report.runs import FEED_IN, FIRST_SLOT, RETAIL
from tests.python.report.tampering import change_event, drop_event, read_events, write_events

MECHANISMS = ("negotiation", "auction")


def folded(folder: Path, mechanism: str) -> Folded:
    """Return one mechanism, folded."""
    return fold(read_run(folder).mechanism(mechanism))


def set_to(**values: Any) -> Any:
    """Return a change that sets arguments."""
    return lambda args: args.update(values)


class TestContradictions:
    """Whoever changes an event is found out, and the message says where."""

    def test_names_the_slot_whose_clearing_has_another_volume(self, run_folder: Path) -> None:
        slot = FIRST_SLOT + 5
        change_event(
            run_folder,
            "auction",
            "SlotCleared",
            lambda args: args["clearing"].update(volumeWh=args["clearing"]["volumeWh"] + 1),
            slot,
        )
        with pytest.raises(RunError, match=f"slot {slot}: SlotCleared says"):
            folded(run_folder, "auction")

    def test_names_the_slot_whose_clearing_has_another_price(self, run_folder: Path) -> None:
        slot = FIRST_SLOT + 5
        change_event(
            run_folder,
            "auction",
            "SlotCleared",
            lambda args: args["clearing"].update(bidPrice=40_000),
            slot,
        )
        with pytest.raises(RunError, match=f"slot {slot}, participant 2: by agreements"):
            folded(run_folder, "auction")

    def test_names_the_slot_of_an_agreement_that_is_not_the_last_offer(
        self, run_folder: Path
    ) -> None:
        change_event(run_folder, "negotiation", "AgreementReached", set_to(price=30_001))
        with pytest.raises(RunError, match=r"slot \d+, negotiation \d+: the agreement is not"):
            folded(run_folder, "negotiation")

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_names_the_slot_of_another_payment(self, run_folder: Path, mechanism: str) -> None:
        slot = FIRST_SLOT + 5
        change_event(
            run_folder,
            mechanism,
            "TradeCollected",
            lambda args: args.update(payment=args["payment"] + 1),
            slot,
        )
        with pytest.raises(RunError, match=f"slot {slot}, participant 5: .*TradeCollected"):
            folded(run_folder, mechanism)

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_names_the_slot_of_a_trade_that_was_never_closed(
        self, run_folder: Path, mechanism: str
    ) -> None:
        slot = FIRST_SLOT + 5
        drop_event(run_folder, mechanism, "TradeClosed", slot)
        with pytest.raises(RunError, match=f"slot {slot}, participant 5: .*sold 0 Wh for 0"):
            folded(run_folder, mechanism)

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_names_the_slot_of_a_trade_that_was_never_settled(
        self, run_folder: Path, mechanism: str
    ) -> None:
        slot = FIRST_SLOT + 5
        drop_event(run_folder, mechanism, "SlotSettled", slot)
        with pytest.raises(RunError, match=f"slot {slot}, participant . *"):
            folded(run_folder, mechanism)

    def test_names_the_slot_of_a_bill_that_does_not_follow_from_its_quantities(
        self, run_folder: Path
    ) -> None:
        slot = FIRST_SLOT + 1
        change_event(
            run_folder,
            "auction",
            "SlotSettled",
            lambda args: args["bill"].update(charge=args["bill"]["charge"] - 1),
            slot,
        )
        with pytest.raises(RunError, match=f"slot {slot}, participant . *: the bill says"):
            folded(run_folder, "auction")

    def test_names_the_slot_of_a_reading_that_was_not_settled(self, run_folder: Path) -> None:
        slot = FIRST_SLOT + 1
        events = read_events(run_folder, "auction")
        for event in events:
            if event["event"] == "ReadingsPosted":
                event["args"]["readings"] = [
                    word + 1 if word >> 64 & 0xFFFFFFFF == slot else word
                    for word in event["args"]["readings"]
                ]
        write_events(run_folder, "auction", events)
        with pytest.raises(RunError, match=f"slot {slot}, participant 2: settled with import"):
            folded(run_folder, "auction")

    def test_refuses_money_that_appears(self, run_folder: Path) -> None:
        change_event(run_folder, "auction", "Deposited", set_to(amount=100_000_001))
        with pytest.raises(RunError, match="the clearinghouse owes 500000001 but Transfer"):
            folded(run_folder, "auction")

    def test_refuses_a_balance_below_zero(self, run_folder: Path) -> None:
        change_event(run_folder, "auction", "CollateralLocked", set_to(amount=200_000_000))
        with pytest.raises(RunError, match="participant 5 with a free balance of -"):
            folded(run_folder, "auction")

    def test_refuses_money_that_goes_to_somebody_else(self, run_folder: Path) -> None:
        events = read_events(run_folder, "negotiation")
        paid = [
            event
            for event in events
            if event["event"] == "Closed" and event["args"]["paid"] and not event["args"]["charged"]
        ][-1]
        paid["args"]["participantId"] = 2 if paid["args"]["participantId"] != 2 else 3
        write_events(run_folder, "negotiation", events)
        with pytest.raises(RunError, match=r"participant \d"):
            folded(run_folder, "negotiation")

    def test_refuses_arrears_that_are_forgiven(self, run_folder: Path) -> None:
        events = read_events(run_folder, "auction")
        owing = [
            event
            for event in events
            if event["event"] == "SlotSettled" and event["args"]["arrearsChange"] > 0
        ][-1]
        owing["args"]["arrearsChange"] = 0
        write_events(run_folder, "auction", events)
        with pytest.raises(RunError, match="arrears explain"):
            folded(run_folder, "auction")

    def test_refuses_a_slot_settled_twice(self, run_folder: Path) -> None:
        events = read_events(run_folder, "auction")
        twice = dict(events[-1], block=events[-1]["block"] + 1)
        assert twice["event"] in ("SlotSettled", "Closed")
        settled = [event for event in events if event["event"] == "SlotSettled"][-1]
        events.append(dict(settled, block=twice["block"], log_index=0))
        write_events(run_folder, "auction", events)
        with pytest.raises(RunError, match=r"slot \d+: participant \d is settled twice"):
            folded(run_folder, "auction")


class TestTables:
    """The tables say what the market did."""

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_trades_equal_what_settlement_says(self, built: Path, mechanism: str) -> None:
        tables = folded(built, mechanism).tables
        assert tables["trades"].height > 10
        sums = (
            tables["trades"]
            .group_by("slot", "participant_id")
            .agg(
                pl.col("energy_wh").filter(pl.col("side") == "bid").sum().alias("bought_wh"),
                pl.col("energy_wh").filter(pl.col("side") == "ask").sum().alias("sold_wh"),
                pl.col("amount_micro_eur").filter(pl.col("side") == "bid").sum().alias("payment"),
                pl.col("amount_micro_eur").filter(pl.col("side") == "ask").sum().alias("revenue"),
            )
        )
        joined = tables["payments"].join(sums, on=["slot", "participant_id"], suffix="_traded")
        assert joined.height == sums.height
        for ours, settled in (
            ("bought_wh_traded", "bought_wh"),
            ("sold_wh_traded", "sold_wh"),
            ("payment", "payment_micro_eur"),
            ("revenue", "revenue_micro_eur"),
        ):
            assert joined[ours].to_list() == joined[settled].to_list()

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_all_payments_sum_to_zero(self, built: Path, mechanism: str) -> None:
        tables = folded(built, mechanism).tables
        slots = tables["conservation"]
        assert slots["sum_micro_eur"].to_list() == [0] * 12
        received = slots["operator_income_micro_eur"] + slots["dust_micro_eur"]
        paid = tables["payments"]["bill_micro_eur"].sum()
        assert paid == received.sum() + slots["bonds_kept_micro_eur"].sum()
        assert tables["accounts"]["unexplained_micro_eur"].to_list() == [0] * 5

    @pytest.mark.parametrize("mechanism", MECHANISMS)
    def test_saving_compares_with_a_bill_without_trade(self, built: Path, mechanism: str) -> None:
        for row in folded(built, mechanism).tables["payments"].iter_rows(named=True):
            alone = payment_up(row["import_wh"], RETAIL) - payment_down(row["export_wh"], FEED_IN)
            assert row["grid_only_bill_micro_eur"] == alone
            assert row["saving_micro_eur"] == alone - row["bill_micro_eur"]

    def test_nobody_loses_by_trading_what_it_delivers(self, built: Path) -> None:
        payments = folded(built, "negotiation").tables["payments"]
        exact = payments.filter(pl.col("grid_bought_wh") == 0, pl.col("grid_sold_wh") == 0)
        assert (exact["saving_micro_eur"] >= 0).all()

    def test_a_rationed_tick_is_shared_to_the_last_wh(self, built: Path) -> None:
        tables = folded(built, "auction").tables
        slot = FIRST_SLOT + 5
        bids = tables["orders"].filter(pl.col("slot") == slot, pl.col("side") == "bid")
        assert bids["tick"].unique().to_list() == [120]
        cleared = tables["prices"].filter(pl.col("slot") == slot).row(0, named=True)
        assert bids["filled_wh"].sum() == cleared["volume_wh"] == cleared["bid_margin_filled_wh"]
        assert bids["energy_wh"].sum() == cleared["bid_margin_wh"] > cleared["volume_wh"]
        assert bids["ahead_wh"].to_list() == [0, *bids["energy_wh"].cum_sum().to_list()[:-1]]

    def test_an_order_that_is_not_opened_costs_its_bond(self, built: Path) -> None:
        tables = folded(built, "auction").tables
        silent = tables["orders"].filter(pl.col("state") != "opened").row(0, named=True)
        assert (silent["participant"], silent["state"]) == ("office", "forfeited")
        assert silent["tick"] is None
        assert silent["energy_wh"] is None
        bill = tables["payments"].filter(
            pl.col("slot") == silent["slot"], pl.col("participant") == "office"
        )
        assert bill["bond_forfeited_micro_eur"].item() == 100_000
        slot = tables["conservation"].filter(pl.col("slot") == silent["slot"])
        assert slot["compensations_micro_eur"].item() == 100_000

    def test_the_default_rule_bills_a_silent_meter(self, built: Path) -> None:
        payments = folded(built, "auction").tables["payments"]
        silent = payments.filter(~pl.col("is_measured"))
        assert silent["participant"].to_list() == ["factory"]
        assert silent["import_wh"].to_list() == [10_000]

    def test_an_offer_says_what_became_of_it(self, built: Path) -> None:
        offers = folded(built, "negotiation").tables["offers"]
        for _, talk in offers.group_by("negotiation_id", maintain_order=True):
            assert talk["round"].to_list() == list(range(1, talk.height + 1))
            assert talk["outcome"].to_list()[:-1] == ["countered"] * (talk.height - 1)
            assert talk["outcome"].to_list()[-1] in ("agreed", "rejected")

    def test_an_error_that_is_not_defined_is_empty(self, built: Path) -> None:
        backtest = run_tables(read_run(built))["backtest"]
        undefined = backtest.filter(pl.col("participant") == "office")
        assert undefined["mase"].to_list() == [None, None]
        assert undefined["model_used"].to_list() == ["lightgbm", "seasonal naive"]

    def test_gas_counts_every_transaction(self, built: Path) -> None:
        record = read_run(built).mechanism("auction")
        gas = fold(record).tables["gas"]
        assert gas["transactions"].sum() == len(record.transactions)
        assert gas["total_gas"].sum() == sum(sent.gas_used for sent in record.transactions)
