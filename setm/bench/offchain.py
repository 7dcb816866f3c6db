"""What SETM does off chain for many participants, and how fast: clearing, forecasts, signatures, memory.

Everything that is measured is drawn from a seed; the numbers are of the machine that runs it. Times are the best and
the median of several runs after one that does not count. Rates are per second of CPU time, that is per core, whatever
else the machine does meanwhile.
"""

from __future__ import annotations

import resource
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypedDict

import numpy as np

from setm.data import MeterSeries
from setm.errors import NotSecured
from setm.forecast.together import forecast_days
from setm.messages import AUCTION_DOMAIN, PLACE_ORDER, Domain
from setm.pricing import LADDER_TICKS, UniformPrice
from setm.pricing.fast import Integers, clear_day, clear_orders
from setm.schedules import BOOK_DOMAIN, SCHEDULE
from setm.signatures import Digest, address_of, digest_of, private_key, sign, verify_many
from setm.slots import Slot
from setm.types import Grid
from setm.units import Price

GRID = Grid(floor_price=Price(40_000), tick_size=Price(100))
DAY_SLOTS = 96
SLOT_SECONDS = 900
HISTORY_DAYS = 28
HOME = Domain(chain_id=1337, contract="0x5FbDB2315678afecb367f032d93F642f64180aa3")
MEBIBYTE = 1 << 20
MAX_CLEARING_MS = 20.0
MIN_VERIFIED_PER_SECOND = 15_000.0

Clock = Callable[[], float]


class Book(TypedDict):
    """Orders as ``clear_orders`` and ``clear_day`` take them."""

    side: Integers
    tick: Integers
    energy_wh: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured figure; ``ceiling`` or ``floor`` is what it must not pass, None if nothing was promised."""

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    floor: float | None = None

    @property
    def is_met(self) -> bool:
        """Return whether the figure keeps what was promised; one without a promise does."""
        over = self.ceiling is not None and self.value > self.ceiling
        under = self.floor is not None and self.value < self.floor
        return not over and not under


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How much is measured; the promises hold for the numbers that stand here."""

    orders: int = 1_000_000
    participants: int = 1_000
    agents: int = 400
    signatures: int = 2_000
    schedules: int = 1_000
    runs: int = 7
    seed: int = 1


def measure(work: Workload | None = None) -> list[Figure]:
    """Return all figures of a workload, in the order of a day: forecast, sign, check, clear, memory."""
    work = work or Workload()
    return [*_forecasts(work), *_signatures(work), *_clearing(work), *_memory(work)]


def _forecasts(work: Workload) -> list[Figure]:
    rng = np.random.default_rng(work.seed)
    histories = [
        MeterSeries(
            first_slot=Slot(0),
            slot_seconds=SLOT_SECONDS,
            import_wh=rng.integers(0, 2_000, HISTORY_DAYS * DAY_SLOTS),
            export_wh=np.zeros(HISTORY_DAYS * DAY_SLOTS, dtype=np.int64),
            path=Path("drawn"),
        )
        for _ in range(work.agents)
    ]
    seconds = _timed(
        lambda: forecast_days(histories, horizon_slots=DAY_SLOTS, model="seasonal_mean"), work
    )
    name = f"forecast {work.agents:,} agents x {DAY_SLOTS} slots"
    return [Figure(name=name, value=1e3 * min(seconds), unit="ms")]


def _signatures(work: Workload) -> list[Figure]:
    """Sign and check single orders and day schedules, each digest computed anew from its values."""
    rng = np.random.default_rng(work.seed)
    order = digest_of(AUCTION_DOMAIN, HOME, "PlaceOrder", PLACE_ORDER)
    orders = [
        (slot, slot % 2, slot % LADDER_TICKS, 500 + slot, slot, 1_900_000_000)
        for slot in range(work.signatures)
    ]
    schedule = digest_of(BOOK_DOMAIN, HOME, "Schedule", SCHEDULE)
    words = [int.from_bytes(rng.bytes(32), "big") for _ in range(DAY_SLOTS)]
    schedules = [(span, 7, HOME.contract, words) for span in range(work.schedules)]
    return [
        *_rates("orders", order, orders, work, MIN_VERIFIED_PER_SECOND),
        *_rates("day schedules", schedule, schedules, work, None),
    ]


def _rates(
    what: str,
    digest: Digest,
    messages: Sequence[tuple[Any, ...]],
    work: Workload,
    floor: float | None,
) -> list[Figure]:
    """Return how many messages a core signs and checks in a second."""
    keys = [private_key((place + 1).to_bytes(32, "big")) for place in range(len(messages))]
    addresses = [address_of(key.public_key) for key in keys]
    signed = [sign(key, digest(*values)) for key, values in zip(keys, messages, strict=True)]

    def sign_all() -> None:
        for key, values in zip(keys, messages, strict=True):
            sign(key, digest(*values))

    def verify_all() -> list[bool]:
        digests = (digest(*values) for values in messages)
        return verify_many(zip(digests, signed, addresses, strict=True))

    if not all(verify_all()):
        raise NotSecured(
            f"{what}: a signature made here does not verify; the native library is broken"
        )
    count, clock = len(messages), time.process_time
    signing, verifying = min(_timed(sign_all, work, clock)), min(_timed(verify_all, work, clock))
    return [
        Figure(name=f"{what} signed", value=count / signing, unit="1/s"),
        Figure(name=f"{what} verified", value=count / verifying, unit="1/s", floor=floor),
    ]


def _clearing(work: Workload) -> list[Figure]:
    book, day = _book(work, (work.orders,)), _book(work, (work.participants, DAY_SLOTS))
    rule = UniformPrice()
    cleared = _timed(lambda: clear_orders(rule, GRID, **book), work)
    whole_day = _timed(lambda: clear_day(rule, GRID, **day), work)
    name = f"clear {work.orders:,} orders, all fills"
    day_name = f"clear a day of {work.participants:,} participants x {DAY_SLOTS} slots"
    return [
        Figure(name=name, value=1e3 * min(cleared), unit="ms", ceiling=MAX_CLEARING_MS),
        Figure(name=f"{name}, median", value=1e3 * median(cleared), unit="ms"),
        Figure(name=day_name, value=1e3 * min(whole_day), unit="ms"),
    ]


def _memory(work: Workload) -> list[Figure]:
    """Return what clearing takes beyond its input, and the most that this process ever held."""
    book = _book(work, (work.orders,))
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    clear_orders(UniformPrice(), GRID, **book)
    _, peak = tracemalloc.get_traced_memory()
    if not was_tracing:
        tracemalloc.stop()
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    name = f"memory to clear {work.orders:,} orders"
    return [
        Figure(name=name, value=(peak - before) / MEBIBYTE, unit="MiB"),
        Figure(name="peak memory of the process", value=held / MEBIBYTE, unit="MiB"),
    ]


def _book(work: Workload, shape: tuple[int, ...]) -> Book:
    """Return orders anywhere in the band, in the types that are fastest."""
    rng = np.random.default_rng(work.seed)
    return Book(
        side=rng.integers(0, 2, shape, dtype=np.uint8),
        tick=rng.integers(0, LADDER_TICKS, shape, dtype=np.uint8),
        energy_wh=rng.integers(1, 5_000, shape, dtype=np.int32),
    )


def _timed(
    act: Callable[[], object], work: Workload, clock: Clock = time.perf_counter
) -> list[float]:
    """Return the seconds of each run after one that does not count."""
    act()
    seconds = []
    for _ in range(work.runs):
        start = clock()
        act()
        seconds.append(clock() - start)
    return seconds
