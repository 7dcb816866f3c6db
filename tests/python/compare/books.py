"""Random days for the figures of a comparison: participants with bands, readings, and what they traded."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from setm.compare.record import participant
from setm.compare.workload import Delivered, Participant, Workload
from setm.report.run import Event, MechanismRun
from setm.slots import Slot
from setm.trading import Outcome
from setm.types import GridTariff, Side, Trade
from setm.units import Price, Wh, payment_down, payment_up

TARIFF = GridTariff(retail_price=Price(55_500), feed_in_price=Price(30_000))
# A busy machine may take its time.
patient = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
NAMES = ("alice", "bob", "carol", "dave", "erin")
FIRST_SLOT = 411_000
quantities = st.integers(0, 3_000)


@st.composite
def bands(draw, lowest: int = 30_000, highest: int = 55_500):
    """A band within the tariff, unless asked otherwise."""
    low, high = sorted((draw(st.integers(lowest, highest)), draw(st.integers(lowest, highest))))
    return Price(low), Price(high)


@st.composite
def people(draw):
    """Two to five participants on both sides."""
    count = draw(st.integers(2, len(NAMES)))
    found = []
    for place, name in enumerate(NAMES[:count]):
        sides = {Side(place)} if place < 2 else draw(st.sets(st.sampled_from(Side), min_size=1))
        floor, ceiling = draw(bands())
        found.append(Participant(name=name, sides=frozenset(sides), floor=floor, ceiling=ceiling))
    return tuple(found)


@st.composite
def workloads(draw):
    """One to three slots in which everybody takes in and feeds in something or nothing."""
    participants = draw(people())
    readings = {
        Slot(FIRST_SLOT + place): {
            person.name: Delivered(import_wh=Wh(draw(quantities)), export_wh=Wh(draw(quantities)))
            for person in participants
        }
        for place in range(draw(st.integers(1, 3)))
    }
    return Workload(participants=participants, tariff=TARIFF, readings=readings)


@st.composite
def days(draw):
    """A workload and an outcome in which sellers meet buyers at any prices, as much sold as bought in each slot."""
    workload = draw(workloads())
    return workload, {slot: draw(_slot_trades(workload)) for slot in workload.readings}


@st.composite
def _slot_trades(draw, workload: Workload):
    sums: dict[str, list[int]] = {person.name: [0, 0, 0, 0] for person in workload.participants}
    buyers = [item.name for item in workload.participants if Side.BID in item.sides]
    sellers = [item.name for item in workload.participants if Side.ASK in item.sides]
    for _ in range(draw(st.integers(0, 4))):
        energy = draw(st.integers(1, 2_000))
        low, high = draw(bands())
        buyer, seller = draw(st.sampled_from(buyers)), draw(st.sampled_from(sellers))
        sums[buyer][0] += energy
        sums[buyer][2] += payment_up(energy, high)
        sums[seller][1] += energy
        sums[seller][3] += payment_down(energy, low)
    return {
        name: Trade(bought_wh=Wh(bought), sold_wh=Wh(sold), payment=paid, revenue=earned)
        for name, (bought, sold, paid, earned) in sums.items()
    }


def reordered(workload: Workload, outcome: Outcome) -> tuple[Workload, Outcome]:
    """Return the same day with participants and slots told in another order."""
    turned = Workload(
        participants=workload.participants[::-1],
        tariff=workload.tariff,
        readings={
            slot: dict(reversed(readings.items()))
            for slot, readings in reversed(workload.readings.items())
        },
    )
    return turned, {slot: dict(reversed(trades.items())) for slot, trades in outcome.items()}


def record_of(name="auction", *, names=None, events=(), transactions=()) -> MechanismRun:
    """A record of which only names, events and transactions count."""
    return MechanismRun(
        name=name,
        slot_seconds=900,
        contracts={},
        config={},
        participants={number: participant(number, who) for number, who in (names or {}).items()},
        events=tuple(events),
        transactions=tuple(transactions),
    )


def event_of(contract: str, name: str, args, line: str = "") -> Event:
    """An event of which only contract, name and arguments count."""
    return Event(
        line=line,
        block=1,
        timestamp=0,
        tx_hash="",
        log_index=0,
        contract=contract,
        name=name,
        args=args,
    )
