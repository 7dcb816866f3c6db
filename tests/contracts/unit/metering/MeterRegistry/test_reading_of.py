"""MeterRegistry.readingOf and meterOf"""

NOTHING = (0, 0, 0, False)


def test_knows_no_meter_of_somebody_who_has_none(meters, ids, over, windows, wait_until):
    assert meters.meterOf(ids.carol) == 0
    assert meters.readingOf(ids.carol, over) == (*NOTHING, False, False, 0)
    wait_until((over + 1) * windows.slot_seconds + windows.reading_window)
    assert meters.readingOf(ids.carol, over) == (*NOTHING, True, False, 0)


def test_leaves_a_silent_meter_to_the_default_rule_after_the_window(
    meters, ids, over, windows, wait_until
):
    assert meters.readingOf(ids.alice, over) == (*NOTHING, False, False, 5_000)
    wait_until((over + 1) * windows.slot_seconds + windows.reading_window)
    assert meters.readingOf(ids.alice, over) == (*NOTHING, True, False, 5_000)


def test_reads_a_retired_meter_in_the_slots_before(
    meters, posted, bound, ids, alice, binding, bind, windows, wait_until, devices
):
    meters.retireMeter(bound.alice, {"from": alice})
    wait_until((posted + 3) * windows.slot_seconds)
    message = binding(participant_id=ids.alice, capacity_wh=9, device_key=devices[3].address)
    bind(message, sender=alice)
    assert meters.readingOf(ids.alice, posted)[:4] == (1, 300, 20, True)
    assert meters.readingOf(ids.alice, posted + 1)[6] == 5_000
    assert meters.readingOf(ids.alice, posted + 2)[6] == 0
    assert meters.readingOf(ids.alice, posted + 4)[6] == 9
