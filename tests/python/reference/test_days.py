"""A day's bill, rounded once, and the parts of it that its slots have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from setm.days import DayReading, day_bill, slot_bills
from setm.metering import ReadingView
from setm.settlement import bill
from setm.types import GridTariff, Trade
from setm.units import Money, Price, Wh

energies = st.integers(0, 9_000)


@st.composite
def days(draw):
    """Fills, a reading and a tariff of a few slots."""
    slots = draw(st.integers(1, 30))
    row = st.lists(energies, min_size=slots, max_size=slots)
    fills = draw(st.lists(st.integers(-9_000, 9_000), min_size=slots, max_size=slots))
    feed_in, retail = sorted((draw(st.integers(0, 400_000)), draw(st.integers(0, 400_000))))
    reading = DayReading(
        meter=1,
        day=2,
        imports_wh=tuple(map(Wh, draw(row))),
        exports_wh=tuple(map(Wh, draw(row))),
    )
    return fills, reading, GridTariff(retail_price=Price(retail), feed_in_price=Price(feed_in))


@given(days(), st.sampled_from([0, 5_000_000]))
def test_the_parts_of_a_day_sum_to_its_bill(day, penalty):
    fills, reading, tariff = day
    whole = day_bill(fills, reading, tariff, penalty=Money(penalty))
    parts = slot_bills(fills, reading, tariff, penalty=Money(penalty))
    for name in ("bought_wh", "sold_wh", "import_wh", "export_wh", "charge", "credit"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    assert sum(part.grid_bought_wh for part in parts) == whole.grid_bought_wh
    assert sum(part.grid_sold_wh for part in parts) == whole.grid_sold_wh


@given(days())
def test_a_part_has_the_quantities_of_its_slot_and_less_than_a_unit_of_another_price(day):
    fills, reading, tariff = day
    for place, part in enumerate(slot_bills(fills, reading, tariff)):
        trade = Trade(bought_wh=Wh(max(fills[place], 0)), sold_wh=Wh(max(-fills[place], 0)))
        view = ReadingView(
            import_wh=reading.imports_wh[place],
            export_wh=reading.exports_wh[place],
            is_measured=True,
            is_final=True,
        )
        alone = bill(trade, view, tariff)
        assert (part.grid_bought_wh, part.grid_sold_wh) == (
            alone.grid_bought_wh,
            alone.grid_sold_wh,
        )
        # Rounded up alone, and as a difference of two that are rounded up.
        assert 0 <= alone.charge - part.charge <= 1
        assert -1 <= alone.credit - part.credit <= 0


def test_a_penalty_stands_with_the_last_slot():
    reading = DayReading(meter=1, day=2, imports_wh=(Wh(0),) * 3, exports_wh=(Wh(0),) * 3)
    tariff = GridTariff(retail_price=Price(10), feed_in_price=Price(5))
    parts = slot_bills([0, 0, 0], reading, tariff, penalty=Money(7))
    assert [part.charge for part in parts] == [0, 0, 7]
