"""What an ordinary day does not show: disputes, cancellations, refusals, withdrawals, arrears paid later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from setm.errors import RunError
from setm.report.auction import clearings, orders
from setm.report.explain import explain
from setm.report.fold import Folded, fold
from setm.report.run import Event, MechanismRun, read_run
from tests.python.report.runs import CONFIG, CONTRACTS, FIRST_SLOT, ZERO
from tests.python.report.tampering import append_events, change_event, read_events, write_events

SLOT = FIRST_SLOT + 1
EMPTY = {
    "bidPrice": 0,
    "askPrice": 0,
    "volumeWh": 0,
    "bidMarginTick": 0,
    "bidMarginWh": 0,
    "bidMarginFilledWh": 0,
    "askMarginTick": 0,
    "askMarginWh": 0,
    "askMarginFilledWh": 0,
    "atOwnPrice": False,
    "surplus": 0,
}


def folded(folder: Path, mechanism: str) -> Folded:
    """Return one mechanism, folded."""
    return fold(read_run(folder).mechanism(mechanism))


def account(folder: Path, participant_id: int) -> dict[str, Any]:
    """Return a participant's row of the accounts after the auction."""
    accounts = folded(folder, "auction").tables["accounts"]
    return accounts.filter(pl.col("participant_id") == participant_id).row(0, named=True)


def closed(who: int, heir: str = ZERO, **amounts: int) -> tuple[str, str, dict[str, Any]]:
    """Return a movement of settlement's collateral and pool."""
    args = {"participantId": who, "venue": CONTRACTS["settlement"], "heir": heir}
    return "clearinghouse", "Closed", args | {"charged": 0, "released": 0, "paid": 0} | amounts


def record(*events: tuple[str, dict[str, Any]]) -> MechanismRun:
    """Return a chain on which only the auction has spoken."""
    return MechanismRun(
        name="auction",
        slot_seconds=900,
        contracts=CONTRACTS,
        config=CONFIG,
        participants={},
        transactions=(),
        events=tuple(
            Event(
                line=f"line {number}",
                block=number,
                timestamp=number,
                tx_hash=f"0x{number:064x}",
                log_index=0,
                contract="auction",
                name=name,
                args={"slot": SLOT, **args},
            )
            for number, (name, args) in enumerate(events, start=1)
        ),
    )


class TestOrders:
    """What can become of an order besides being opened."""

    COMMIT = ("OrderCommitted", {"participantId": 2, "side": 0, "bound": 500, "digest": "0x"})
    WORD = 2 << 128 | 0 << 112 | 40 << 96 | 500 << 48 | 7

    def test_refuses_an_opening_that_comes_twice(self) -> None:
        opened = ("OrdersOpened", {"orders": [self.WORD]})
        with pytest.raises(RunError, match=f"line 3: the order of slot {SLOT}, participant 2, is"):
            orders(record(self.COMMIT, opened, opened), {})

    def test_refuses_a_cancellation_without_an_order(self) -> None:
        cancelled = ("CommitmentCancelled", {"participantId": 2, "unbound": 500})
        with pytest.raises(RunError, match="line 1: CommitmentCancelled of slot"):
            orders(record(cancelled), {})

    def test_refuses_a_slot_that_is_cleared_twice(self) -> None:
        cleared = ("SlotCleared", {"clearer": ZERO, "clearing": EMPTY})
        with pytest.raises(RunError, match=f"line 2: slot {SLOT} is cleared a second time"):
            clearings(record(cleared, cleared))

    def test_a_cancelled_order_and_its_successor_are_two(self) -> None:
        cancelled = ("CommitmentCancelled", {"participantId": 2, "unbound": 500})
        opened = ("OrdersOpened", {"orders": [self.WORD]})
        first, second = orders(record(self.COMMIT, cancelled, self.COMMIT, opened), {})
        assert (first.number, first.state, first.energy_wh) == (1, "cancelled", None)
        assert (second.number, second.state, second.energy_wh) == (2, "opened", 7)

    def test_an_opening_that_is_not_covered_is_refused(self) -> None:
        refused = ("OpeningRefused", {"participantId": 2, "cover": 900, "bound": 500})
        (order,) = orders(record(self.COMMIT, refused), {})
        assert (order.state, order.filled_wh) == ("refused", None)

    def test_an_open_order_stands_at_once(self) -> None:
        opened = ("OrdersOpened", {"orders": [self.WORD]})
        (order,) = orders(record(opened), {})
        assert (order.state, order.tick, order.energy_wh) == ("opened", 40, 7)
        assert order.order_tx == order.open_tx


class TestReadings:
    """Readings that were disputed."""

    def test_refuses_a_dispute_without_a_reading(self, run_folder: Path) -> None:
        dispute = {"meter": 1, "slot": SLOT, "byParticipantId": 2}
        added = [("meters", "ReadingDisputed", dispute)]
        append_events(run_folder, "auction", added, before="ReadingsPosted")
        with pytest.raises(RunError, match=f"slot {SLOT}: ReadingDisputed without a reading"):
            folded(run_folder, "auction")

    def test_refuses_a_reading_of_a_meter_that_nobody_has(self, run_folder: Path) -> None:
        change_event(
            run_folder, "auction", "ReadingsPosted", lambda args: args.update(readings=[9 << 96])
        )
        with pytest.raises(RunError, match="meter 9 was never bound"):
            folded(run_folder, "auction")

    def test_refuses_a_second_reading_of_a_slot(self, run_folder: Path) -> None:
        change_event(
            run_folder,
            "auction",
            "ReadingsPosted",
            lambda args: args.update(readings=args["readings"] * 2),
        )
        with pytest.raises(RunError, match=r"slot \d+: a second reading of meter 1"):
            folded(run_folder, "auction")

    def test_a_resolved_dispute_replaces_the_values(self, run_folder: Path) -> None:
        events = read_events(run_folder, "auction")
        posted = next(event for event in events if event["event"] == "ReadingsPosted")
        word = posted["args"]["readings"][0]
        posted["args"]["readings"][0] = word + (5 << 32)
        write_events(run_folder, "auction", events)
        with pytest.raises(RunError, match="but the reading says"):
            folded(run_folder, "auction")
        key = {"meter": 1, "slot": FIRST_SLOT}
        values = {"importWh": word >> 32 & 0xFFFFFFFF, "exportWh": word & 0xFFFFFFFF}
        added = [
            ("meters", "ReadingDisputed", key | {"byParticipantId": 2}),
            ("meters", "ReadingResolved", key | values),
        ]
        place = [event["event"] for event in events].index("ReadingsPosted")
        after = events[place + 1]["event"]
        append_events(run_folder, "auction", added, before=after)
        reading = folded(run_folder, "auction").tables["readings"].row(0, named=True)
        assert (reading["state"], reading["import_wh"]) == ("resolved", values["importWh"])


class TestPenalties:
    """Meters that signed two values."""

    def charge(self, folder: Path, amount: int) -> None:
        """Raise the last charge of a slot that cost something, and let it be owed."""

        def change(args: dict[str, Any]) -> None:
            args["bill"]["charge"] += amount
            args["arrearsChange"] += amount

        change_event(folder, "auction", "SlotSettled", change, SLOT)

    def test_refuses_a_penalty_without_a_proof(self, run_folder: Path) -> None:
        self.charge(run_folder, 5_000_000)
        with pytest.raises(RunError, match=f"slot {SLOT}, participant . *: the bill says"):
            folded(run_folder, "auction")

    def test_a_proved_fraud_is_billed(self, run_folder: Path) -> None:
        self.charge(run_folder, 5_000_000)
        events = read_events(run_folder, "auction")
        settled = [event for event in events if event["args"].get("slot") == SLOT][-1]
        assert settled["event"] == "SlotSettled"
        who = settled["args"]["participantId"]
        proof = {"meter": who - 1, "slot": SLOT, "prover": ZERO}
        append_events(run_folder, "auction", [("meters", "EquivocationProved", proof)])
        payments = folded(run_folder, "auction").tables["payments"]
        punished = payments.filter(pl.col("penalty_micro_eur") > 0).row(0, named=True)
        assert (punished["slot"], punished["participant_id"]) == (SLOT, who)
        assert punished["penalty_micro_eur"] == 5_000_000
        text = "\n".join(explain(run_folder, "auction", punished["participant"], SLOT))
        assert "+5,000,000  penalty: the meter signed two values" in text


class TestMoney:
    """Money that moves outside of a slot's settlement."""

    def test_a_withdrawal_leaves_the_clearinghouse(self, run_folder: Path) -> None:
        before = account(run_folder, 5)
        added = [
            ("clearinghouse", "Withdrawn", {"participantId": 5, "to": ZERO, "amount": 1_000}),
            ("token", "Transfer", {"from": CONTRACTS["clearinghouse"], "to": ZERO, "value": 1_000}),
        ]
        append_events(run_folder, "auction", added)
        after = account(run_folder, 5)
        assert after["withdrawn_micro_eur"] == 1_000
        assert after["free_micro_eur"] == before["free_micro_eur"] - 1_000

    def test_released_collateral_is_free(self, run_folder: Path) -> None:
        before = account(run_folder, 5)
        release = {"participantId": 5, "venue": CONTRACTS["auction"], "amount": 700}
        append_events(run_folder, "auction", [("clearinghouse", "CollateralReleased", release)])
        after = account(run_folder, 5)
        assert after["free_micro_eur"] == before["free_micro_eur"] + 700
        assert after["collateral_micro_eur"] == before["collateral_micro_eur"] - 700

    def test_arrears_paid_later_are_no_longer_owed(self, run_folder: Path) -> None:
        owed = account(run_folder, 3)["owed_micro_eur"]
        assert owed > 0
        locked = {"participantId": 3, "venue": CONTRACTS["settlement"], "amount": owed}
        added = [
            ("clearinghouse", "CollateralLocked", locked),
            ("settlement", "ArrearsPaid", {"participantId": 3, "amount": owed}),
            closed(3, charged=owed),
            closed(1, heir=CONTRACTS["settlement"], paid=owed),
        ]
        append_events(run_folder, "auction", added)
        assert account(run_folder, 3)["owed_micro_eur"] == 0
        assert account(run_folder, 1)["owed_micro_eur"] == 0

    def test_money_left_in_settlements_pool_is_found(self, run_folder: Path) -> None:
        owed = account(run_folder, 3)["owed_micro_eur"]
        locked = {"participantId": 3, "venue": CONTRACTS["settlement"], "amount": owed}
        added = [
            ("clearinghouse", "CollateralLocked", locked),
            ("settlement", "ArrearsPaid", {"participantId": 3, "amount": owed}),
            closed(3, charged=owed),
        ]
        append_events(run_folder, "auction", added)
        with pytest.raises(RunError, match=f"pools hold {owed + 6} but .* explain 6"):
            folded(run_folder, "auction")


class TestNegotiations:
    """Negotiations that did not end with an agreement."""

    @pytest.mark.parametrize(
        ("state", "words"),
        [(3, "rejected by "), (4, "withdrawn by solar park"), (5, "expired (transaction")],
    )
    def test_says_how_it_ended(self, run_folder: Path, state: int, words: str) -> None:
        talk = {"negotiationId": 999, "buyerId": 3, "sellerId": 5}
        terms = {"firstSlot": SLOT, "slotCount": 2, "energyWh": 10, "price": 45_000}
        offer = talk | terms | {"byBuyer": False, "round": 1, "expiresAt": 2_000_000_000}
        ended = {"negotiationId": 999, "byParticipantId": 0, "state": state}
        added = [("negotiation", "OfferMade", offer), ("negotiation", "NegotiationEnded", ended)]
        append_events(run_folder, "negotiation", added)
        text = "\n".join(explain(run_folder, "negotiation", "office", SLOT))
        assert f"no agreement: {words}" in text
        assert "office would buy from solar park in each of 2 slots" in text

    def test_refuses_a_round_that_is_missing(self, run_folder: Path) -> None:
        events = read_events(run_folder, "negotiation")
        second = next(event for event in events if event["args"].get("round") == 2)
        events.remove(second)
        write_events(run_folder, "negotiation", events)
        record_path = run_folder / "negotiation/transactions.jsonl"
        kept = [
            line for line in record_path.read_text().splitlines() if second["tx_hash"] not in line
        ]
        record_path.write_text("\n".join(kept) + "\n")
        with pytest.raises(RunError, match=r"slot \d+, negotiation 1, round 3 follows round 1"):
            folded(run_folder, "negotiation")

    def test_refuses_an_end_without_a_beginning(self, run_folder: Path) -> None:
        ended = {"negotiationId": 999, "byParticipantId": 3, "state": 3}
        append_events(run_folder, "negotiation", [("negotiation", "NegotiationEnded", ended)])
        with pytest.raises(RunError, match="negotiation 999 ends without an offer"):
            folded(run_folder, "negotiation")
