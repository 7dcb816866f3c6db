"""From order to payment in words: every explanation adds up to what was settled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from setm.errors import RunError
from setm.report.explain import explain, plain
from setm.report.fold import fold
from setm.report.run import read_run
from tests.python.report.runs import FIRST_SLOT, TRADERS

AMOUNT = re.compile(r"^(?:Bill)?\s+([+-][\d,]+)  (=?)")


def amounts(lines: list[str]) -> tuple[list[int], int]:
    """Return the amounts of the bill and the total below them."""
    parts, total = [], 0
    for line in lines:
        if found := AMOUNT.match(line):
            value = int(found[1].replace(",", ""))
            if found[2]:
                total = value
            else:
                parts.append(value)
    return parts, total


def text_of(folder: Path, mechanism: str, participant: str, slot: int | str) -> str:
    """Return an explanation as one text."""
    return "\n".join(explain(folder, mechanism, participant, slot))


@pytest.mark.parametrize("mechanism", ["negotiation", "auction"])
@pytest.mark.parametrize("offset", range(6))
def test_every_bill_adds_up_to_the_last_unit(built: Path, mechanism: str, offset: int) -> None:
    bills = {
        (bill.slot, bill.participant_id): bill
        for bill in fold(read_run(built).mechanism(mechanism)).bills
    }
    for person in TRADERS:
        lines = explain(built, mechanism, person.name, FIRST_SLOT + offset)
        parts, total = amounts(lines)
        bill = bills[FIRST_SLOT + offset, person.participant_id]
        assert sum(parts) == total == bill.bill
        assert any(line.startswith("Check") and "difference 0" in line for line in lines)
        assert f"= {bill.saving} = " in lines[-1]


def test_explains_a_price_by_its_margins(built: Path) -> None:
    text = text_of(built, "auction", "solar park", FIRST_SLOT + 3)
    assert "the worst bid filled stands at 44.100 EUR/MWh (tick 141)" in text
    assert "the worst ask filled at 40.500 EUR/MWh (tick 105)" in text
    assert "(44100 + 40500) / 2 = 42300" in text


def test_explains_a_share_at_the_margin_by_cumulative_rounding(built: Path) -> None:
    text = text_of(built, "auction", "factory", FIRST_SLOT + 5)
    assert "tick 120 is the margin: 4957 of its 7184 Wh are filled" in text
    assert "1997 Wh stand before this order" in text
    assert "floor(7184 * 4957 / 7184) - floor(1997 * 4957 / 7184) = 4957 - 1377 = 3580 Wh" in text


def test_explains_an_order_that_is_worse_than_the_margin(built: Path) -> None:
    text = text_of(built, "auction", "factory", FIRST_SLOT + 3)
    assert "tick 76 is worse than the margin (tick 141): not filled, 0 Wh" in text
    assert "none in time: the default rule assumes import 10000 Wh" in text


def test_explains_an_order_that_was_never_opened(built: Path) -> None:
    text = text_of(built, "auction", "office", FIRST_SLOT + 2)
    assert "it was never opened, so its price and quantity stay unknown: forfeited" in text
    assert "+100,000  bond of an order that was not opened" in text
    assert "could not be paid and were added to the arrears" in text


def test_explains_a_negotiation_offer_by_offer(built: Path) -> None:
    text = text_of(built, "negotiation", "office", FIRST_SLOT + 4)
    assert "office would buy from solar park" in text
    assert "round 1: office bids 39.398 EUR/MWh for 1466 Wh" in text
    assert "agreed: solar park accepts round 5, so the price is 43.447 EUR/MWh" in text
    assert len(re.findall(r"transaction 0x[0-9a-f]{64}", text)) >= 8


def test_a_slot_can_be_named_by_its_time(built: Path) -> None:
    by_number = explain(built, "auction", "factory", FIRST_SLOT + 5)
    for name in (
        str(FIRST_SLOT + 5),
        "09:15",
        "2026-06-01T09:15",
        "2026-06-01T09:15+00:00",
        "2026-06-01T11:20+02:00",
    ):
        assert explain(built, "auction", "FACTORY", name) == by_number


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Household 005 ", "household 5"),
        ("household 5", "household 5"),
        ("feeder 10.05 a0", "feeder 10.05 a0"),
        ("0 and 00", "0 and 0"),
    ],
)
def test_a_name_is_plain_without_capitals_and_zeros_before_a_number(
    name: str, expected: str
) -> None:
    assert plain(name) == expected


@pytest.mark.parametrize(
    ("mechanism", "participant", "slot", "message"),
    [
        (
            "lottery",
            "office",
            FIRST_SLOT,
            "mechanism 'lottery': expected one of negotiation, auction",
        ),
        (
            "auction",
            "nobody",
            FIRST_SLOT,
            "participant 'nobody': expected one of grid operator, home",
        ),
        ("auction", "office", 5, "slot 5: office was settled in slots"),
        ("auction", "office", "noon", "slot 'noon': expected a slot number, a UTC time"),
        ("auction", "grid operator", FIRST_SLOT, "the other side of all bills"),
    ],
)
def test_names_what_cannot_be_found(
    built: Path, mechanism: str, participant: str, slot: int | str, message: str
) -> None:
    with pytest.raises(RunError, match=message):
        explain(built, mechanism, participant, slot)
