"""A reading is accepted, disputed and resolved in its windows only, and what is final stays so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setm import metering
from setm.errors import DataError
from setm.metering import RING, Meter, ReadingState, ReadingView, Record, Windows
from setm.slots import Slot
from setm.types import Reading
from setm.units import Wh

WINDOWS = Windows(slot_seconds=900, reading_window=600, dispute_window=300, resolve_window=1200)
METER = Meter(number=7, capacity_wh=Wh(1000), valid_from_slot=Slot(10), valid_until_slot=Slot(5000))
SLOT = 20
END = 21 * 900


def reading(slot=SLOT, import_wh=400, export_wh=30):
    return Reading(meter=7, slot=Slot(slot), import_wh=Wh(import_wh), export_wh=Wh(export_wh))


def accepted(at=END):
    return metering.kept({}, metering.accept({}, METER, reading(), WINDOWS, at))


def disputed(at=END + 10):
    records = accepted()
    return metering.kept(records, metering.dispute(records, METER, SLOT, WINDOWS, at))


@pytest.mark.parametrize("now", [END - 1, END + 600])
def test_refuses_a_reading_before_its_slot_is_over_and_after_the_window(now):
    expected = (
        rf"^OutsideReadingWindow\(slot=20, opensAt={END}, closesAt={END + 600}, nowAt={now}\)"
    )
    with pytest.raises(DataError, match=expected):
        metering.accept({}, METER, reading(), WINDOWS, now)


@pytest.mark.parametrize("slot", [9, 5000])
def test_refuses_a_reading_of_a_slot_in_which_the_key_is_not_valid(slot):
    expected = (
        rf"^MeterNotValidInSlot\(meter=7, slot={slot}, validFromSlot=10, validUntilSlot=5000\)"
    )
    with pytest.raises(DataError, match=expected):
        metering.accept({}, METER, reading(slot), WINDOWS, (slot + 1) * 900)


def test_refuses_a_second_reading():
    with pytest.raises(DataError, match=r"^ReadingExists\(meter=7, slot=20\)"):
        metering.accept(accepted(), METER, reading(import_wh=401), WINDOWS, END + 1)


@pytest.mark.parametrize("values", [(1001, 0), (0, 1001)])
def test_refuses_more_than_the_meter_can_measure(values):
    with pytest.raises(
        DataError, match=r"^CapacityExceeded\(meter=7, energyWh=1001, capacityWh=1000\)"
    ):
        metering.accept({}, METER, reading(SLOT, *values), WINDOWS, END)
    with pytest.raises(DataError, match=r"^CapacityExceeded"):
        metering.resolve(
            disputed(), METER, SLOT, WINDOWS, END + 20, import_wh=values[0], export_wh=values[1]
        )


def test_refuses_a_reading_by_a_key_that_signed_two():
    with pytest.raises(DataError, match=r"^ForgedReading\(meter=7, slot=20\)"):
        metering.accept({}, replace(METER, has_key=False), reading(), WINDOWS, END)


def test_refuses_a_dispute_of_what_is_not_accepted_or_no_longer_open():
    with pytest.raises(DataError, match=r"^ReadingStateMismatch\(meter=7, slot=20, found=0\)"):
        metering.dispute({}, METER, SLOT, WINDOWS, END)
    with pytest.raises(DataError, match=r"^ReadingStateMismatch\(meter=7, slot=20, found=2\)"):
        metering.dispute(disputed(), METER, SLOT, WINDOWS, END)
    with pytest.raises(
        DataError, match=rf"^WindowClosed\(closedAt={END + 300}, nowAt={END + 300}\)"
    ):
        metering.dispute(accepted(), METER, SLOT, WINDOWS, END + 300)


def test_refuses_to_resolve_what_is_not_disputed_or_too_late():
    values = {"import_wh": 1, "export_wh": 2}
    with pytest.raises(DataError, match=r"^ReadingStateMismatch\(meter=7, slot=20, found=1\)"):
        metering.resolve(accepted(), METER, SLOT, WINDOWS, END, **values)
    with pytest.raises(DataError, match=rf"^WindowClosed\(closedAt={END + 1210}"):
        metering.resolve(disputed(), METER, SLOT, WINDOWS, END + 1210, **values)


def test_shows_an_accepted_reading_and_makes_it_final_with_the_dispute_window():
    for now, final in ((END + 299, False), (END + 300, True)):
        found = metering.reading_view(accepted(), METER, SLOT, WINDOWS, now)
        assert found == ReadingView(
            state=ReadingState.ACCEPTED,
            import_wh=Wh(400),
            export_wh=Wh(30),
            is_measured=True,
            is_final=final,
            capacity_wh=Wh(1000),
        )


def test_makes_a_disputed_reading_final_with_the_resolve_window():
    for now, final in ((END + 1209, False), (END + 1210, True)):
        found = metering.reading_view(disputed(), METER, SLOT, WINDOWS, now)
        assert (found.state, found.import_wh, found.is_final) == (ReadingState.DISPUTED, 400, final)


def test_makes_a_resolved_reading_final_at_once():
    record = metering.resolve(
        disputed(), METER, SLOT, WINDOWS, END + 20, import_wh=Wh(5), export_wh=Wh(6)
    )
    found = metering.reading_view(metering.kept({}, record), METER, SLOT, WINDOWS, END + 20)
    assert (found.import_wh, found.export_wh, found.is_final) == (5, 6, True)


@pytest.mark.parametrize(("meter", "capacity"), [(METER, 1000), (None, 0)])
def test_makes_a_missing_reading_final_with_the_reading_window(meter, capacity):
    for now, final in ((END + 599, False), (END + 600, True)):
        found = metering.reading_view({}, meter, SLOT, WINDOWS, now)
        assert found == ReadingView(is_final=final, capacity_wh=Wh(capacity))


def test_forgets_a_reading_whose_place_a_later_slot_took():
    later = Record(slot=Slot(SLOT + RING), state=ReadingState.ACCEPTED)
    records = metering.kept(accepted(), later)
    assert metering.record_of(records, SLOT) == Record(slot=Slot(SLOT))
    assert metering.record_of(records, SLOT + RING) == later


def test_ends_a_meter_with_the_running_slot_once():
    ended = metering.retired(METER, WINDOWS, 30 * 900)
    assert ended.valid_until_slot == 31
    assert metering.retired(ended, WINDOWS, 40 * 900) == ended


def test_finds_the_meter_that_was_valid_in_the_slot():
    first = replace(METER, valid_until_slot=Slot(15))
    second = replace(METER, number=8, valid_from_slot=Slot(15), valid_until_slot=Slot(18))
    history = (first, second)
    found = [metering.meter_in(history, slot) for slot in (9, 10, 14, 15, 17, 18)]
    assert found == [None, first, first, second, second, None]


def test_flags_a_fraud_while_the_reading_is_not_final_and_keeps_what_was_accepted():
    record, meter = metering.prove_equivocation(accepted(), METER, SLOT, WINDOWS, END + 299)
    assert (record.is_fraud, record.import_wh, record.state) == (True, 400, ReadingState.ACCEPTED)
    assert (meter.has_key, meter.valid_until_slot) == (False, 22)
    late, meter = metering.prove_equivocation(accepted(), METER, SLOT, WINDOWS, END + 300)
    assert (late.is_fraud, meter.has_key) == (False, False)


def test_flags_a_slot_without_a_reading_but_none_to_come():
    record, _ = metering.prove_equivocation({}, METER, SLOT, WINDOWS, END)
    assert metering.reading_view(metering.kept({}, record), METER, SLOT, WINDOWS, END).is_fraud
    record, meter = metering.prove_equivocation({}, METER, SLOT, WINDOWS, END - 1)
    assert (record.is_fraud, meter.has_key) == (False, False)


def test_refuses_a_proof_that_changes_nothing():
    record, meter = metering.prove_equivocation({}, METER, SLOT, WINDOWS, END)
    with pytest.raises(DataError, match=r"^NoEquivocation\(\)"):
        metering.prove_equivocation(metering.kept({}, record), meter, SLOT, WINDOWS, END)
    second, _ = metering.prove_equivocation({}, meter, SLOT + 1, WINDOWS, END + 900)
    assert second.is_fraud


@given(
    st.lists(
        st.tuples(st.sampled_from(("accept", "dispute", "resolve", "prove")), st.integers(0, 800)),
        max_size=8,
    )
)
def test_never_changes_a_final_view_and_makes_every_reading_final(steps):
    records, meter, now = {}, METER, END - 100
    settled = None
    for action, wait in steps:
        now += wait
        try:
            if action == "accept":
                record = metering.accept(records, meter, reading(), WINDOWS, now)
            elif action == "dispute":
                record = metering.dispute(records, meter, SLOT, WINDOWS, now)
            elif action == "resolve":
                record = metering.resolve(
                    records, meter, SLOT, WINDOWS, now, import_wh=Wh(1), export_wh=Wh(2)
                )
            else:
                record, meter = metering.prove_equivocation(records, meter, SLOT, WINDOWS, now)
            records = metering.kept(records, record)
        except DataError:
            pass
        view = metering.reading_view(records, meter, SLOT, WINDOWS, now)
        assert settled in (None, view)
        settled = view if view.is_final else None
    at_last = END + WINDOWS.final_after()
    assert metering.reading_view(records, meter, SLOT, WINDOWS, max(at_last, now)).is_final
