"""Days whose slots do not fill their last word of eight, up to the largest value that a slot can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from setm.days import MAX_VALUE_WH, DayReading, day_digest, slots_a_day, values_hash
from setm.errors import Reverted
from setm.evm import Evm, Person, System, default_config, deploy_system
from setm.signatures import private_key, sign
from setm.types import Kind
from setm.units import Wh

# One, three, eleven and twelve slots a day.
SLOT_SECONDS = (86_400, 28_800, 7_800, 7_200)
DISPUTE = 3_600
# Where a record keeps the hash of its values, see DayLib.
HASH_AT = 80


@dataclass(frozen=True, slots=True)
class Meter:
    """A system of a slot length, and somebody's daily meter whose day is over."""

    system: System
    person: Person
    number: int
    day: int

    @property
    def slots(self) -> int:
        return slots_a_day(int(self.system.config["slot_seconds"]))

    def full(self) -> DayReading:
        most = (MAX_VALUE_WH,) * self.slots
        return DayReading(meter=self.number, day=self.day, imports_wh=most, exports_wh=most)

    def post(self, imports: list[int], exports: list[int]) -> Any:
        """Post words that the meter has signed, whatever they are."""
        digest = day_digest(self.system.domain(self.system.meters))
        key = private_key(bytes(self.system.meter_key(self.person).key))
        signature = sign(key, digest(self.number, self.day, imports, exports))
        r, vs = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        head = self.number << 32 | self.day
        return self.system.meters.send("postDays", [head, r, vs, *imports, *exports])


@pytest.fixture(params=SLOT_SECONDS)
def meter(request: pytest.FixtureRequest) -> Meter:
    seconds = request.param
    windows = {"reading_window": 21_600, "dispute_window": DISPUTE, "resolve_window": DISPUTE}
    evm = Evm()
    system = deploy_system(evm, default_config(slot_seconds=seconds, metering=windows))
    person = system.enrol("person", Kind.PROSUMER)
    number = system.bind_meter(person, capacity_wh=MAX_VALUE_WH, is_daily=True)
    slots = slots_a_day(seconds)
    day = evm.now // (slots * seconds) + 1
    evm.now = (day + 1) * slots * seconds
    return Meter(system, person, number, day)


def test_a_day_may_have_the_largest_value_in_every_slot(meter: Meter) -> None:
    reading = meter.full()
    imports, exports = reading.words()
    meter.post(imports, exports)
    meter.system.evm.now += DISPUTE
    meter.system.meters.send("unpackDay", meter.number, meter.day, [*imports, *exports])
    first = meter.day * meter.slots
    for slot in range(first, first + meter.slots):
        view = meter.system.meters.call("readingOf", meter.person.id, slot)
        assert view[1:3] == (MAX_VALUE_WH, MAX_VALUE_WH)


@pytest.mark.parametrize("is_export", [False, True])
def test_a_value_beyond_the_day_is_refused(meter: Meter, is_export: bool) -> None:
    beyond = range(meter.slots % 8, 8)
    for lane in beyond:
        for bit in (0, 30, 31):
            words = DayReading(
                meter=meter.number,
                day=meter.day,
                imports_wh=(Wh(1),) * meter.slots,
                exports_wh=(Wh(1),) * meter.slots,
            ).words()
            words[is_export][-1] |= 1 << 32 * lane + bit
            with pytest.raises(Reverted) as caught:
                meter.post(*words)
            assert caught.value.name == "DayNotMeasurable"


def test_a_dispute_is_resolved_by_a_day_alone(meter: Meter) -> None:
    """The authority's values are held against the day and the meter as posted ones are."""
    imports, exports = meter.full().words()
    meters, authority = meter.system.meters, meter.system.authority
    meter.post(imports, exports)
    meters.send("disputeDay", meter.number, meter.day, sender=meter.person)
    for place in (len(imports) - 1, len(imports) + len(exports) - 1):
        beyond = [*imports, *exports]
        beyond[place] |= 1 << 32 * (meter.slots % 8)
        with pytest.raises(Reverted) as caught:
            meters.send("resolveDay", meter.number, meter.day, beyond, sender=authority)
        assert caught.value.name == "DayNotMeasurable"
    values = [*imports, *exports]
    told = meters.send("resolveDay", meter.number, meter.day, values, sender=authority)
    assert told.only("DayResolved")["values"] == values
    record, _ = meters.call("dayOf", meter.person.id, meter.day)
    assert record >> HASH_AT == values_hash(imports, exports)
