"""The reference of whole days: what a daily meter signs, what is kept of it, and a day's bill.

A day is ``day_slots`` slots; its values are packed eight to a word, slot i at bits 32 * (i % 8), as fills of schedules
are.
Energy is Wh, money 1e-6 EUR. Source: interfaces/IDayReadings.sol, interfaces/ISettlement.sol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from setm.errors import DataError
from setm.messages import METER_DOMAIN, Domain, Fields
from setm.schedules import pack_fills, words_hash
from setm.signatures import Digest, digest_of, keccak
from setm.types import Bill, GridTariff
from setm.units import Money, Wh, payment_down, payment_up

DAY_RING = 32
"""How many days of a participant have a storage place; a later day takes the place of the one this many before it."""
MAX_DAY_SLOTS = 96
SECONDS_A_DAY = 86_400
MAX_VALUE_WH = Wh((1 << 31) - 1)
HASH_BITS = 176

DAY_READING: Fields = (
    ("uint32", "meter"),
    ("uint32", "day"),
    ("uint256[]", "importsWh"),
    ("uint256[]", "exportsWh"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReading:
    """What a daily meter measured in each slot of a day."""

    meter: int
    day: int
    imports_wh: tuple[Wh, ...]
    exports_wh: tuple[Wh, ...]

    def words(self) -> tuple[list[int], list[int]]:
        """Return the words of import and of export; raise ``DataError`` for a value of no 31 bits."""
        for value in (*self.imports_wh, *self.exports_wh):
            if not 0 <= value <= MAX_VALUE_WH:
                raise DataError(f"{value} Wh in a slot: expected 0 to {MAX_VALUE_WH}")
        return pack_fills(self.imports_wh), pack_fills(self.exports_wh)


def slots_a_day(slot_seconds: int) -> int:
    """Return how many slots a day has: those of 24 hours, at most 96, at least one.

    >>> [slots_a_day(seconds) for seconds in (60, 900, 3600, 100_000)]
    [96, 96, 24, 1]
    """
    return max(1, min(SECONDS_A_DAY // slot_seconds, MAX_DAY_SLOTS))


def day_digest(domain: Domain) -> Digest:
    """Return the function from meter, day and words of import and export to the 32 bytes that the meter signs."""
    return digest_of(METER_DOMAIN, domain, "DayReading", DAY_READING)


def posted_words(reading: DayReading, signature: bytes) -> list[int]:
    """Return a day as ``postDays`` takes it; ``signature`` is r and vs."""
    imports, exports = reading.words()
    r, vs = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    return [reading.meter << 32 | reading.day, r, vs, *imports, *exports]


def values_hash(imports: Sequence[int], exports: Sequence[int]) -> int:
    """Return what the record of a day keeps of its words: the upper 176 bits of a hash."""
    whole = keccak(words_hash(imports) + words_hash(exports))
    return int.from_bytes(whole, "big") >> 256 - HASH_BITS


def told_word(reading: DayReading) -> int:
    """Return what DaysPosted tells of a day: meter 32, day 32, zero 16, hash 176."""
    return reading.meter << 224 | reading.day << 192 | values_hash(*reading.words())


def imbalance(
    fills: Sequence[int], imports_wh: Sequence[int], exports_wh: Sequence[int]
) -> tuple[Wh, Wh]:
    """Return what a day leaves to be bought from and sold to the grid; fills are Wh, negative if sold.

    >>> imbalance([3, -4], [5, 0], [1, 1])
    (5, 1)
    """
    bought_wh = sold_wh = 0
    for fill, taken, fed in zip(fills, imports_wh, exports_wh, strict=True):
        bought, sold = max(fill, 0), max(-fill, 0)
        bought_wh += max(taken - bought, 0) + max(sold - fed, 0)
        sold_wh += max(bought - taken, 0) + max(fed - sold, 0)
    return Wh(bought_wh), Wh(sold_wh)


def day_bill(
    fills: Sequence[int],
    reading: DayReading,
    tariff: GridTariff,
    *,
    trade_credit: Money = Money(0),
    penalty: Money = Money(0),
) -> Bill:
    """Return the bill of a whole day, rounded once: less than a unit a slot away from the sum of its slots' bills.

    ``penalty`` is zero unless the day is flagged; ``trade_credit`` is revenue and released cover.
    """
    grid_bought, grid_sold = imbalance(fills, reading.imports_wh, reading.exports_wh)
    return Bill(
        bought_wh=Wh(sum(max(fill, 0) for fill in fills)),
        sold_wh=Wh(sum(max(-fill, 0) for fill in fills)),
        import_wh=Wh(sum(reading.imports_wh)),
        export_wh=Wh(sum(reading.exports_wh)),
        grid_bought_wh=grid_bought,
        grid_sold_wh=grid_sold,
        trade_credit=trade_credit,
        charge=Money(payment_up(grid_bought, tariff.retail_price) + penalty),
        credit=payment_down(grid_sold, tariff.feed_in_price),
    )


def slot_bills(
    fills: Sequence[int], reading: DayReading, tariff: GridTariff, *, penalty: Money = Money(0)
) -> list[Bill]:
    """Return each slot's part of a day's bill: what charge and credit, rounded once for the day, grow by in it.

    The parts of all slots sum to ``day_bill``. A penalty is charged once, with the last slot; ``trade_credit`` is 0.
    """
    found, bought_wh, sold_wh = [], 0, 0
    for place, values in enumerate(zip(fills, reading.imports_wh, reading.exports_wh, strict=True)):
        fill, taken, fed = values
        grid_bought, grid_sold = imbalance([fill], [taken], [fed])
        charge = _growth(payment_up, bought_wh, grid_bought, tariff.retail_price)
        credit = _growth(payment_down, sold_wh, grid_sold, tariff.feed_in_price)
        bought_wh, sold_wh = bought_wh + grid_bought, sold_wh + grid_sold
        is_last = place == len(fills) - 1
        found.append(
            Bill(
                bought_wh=Wh(max(fill, 0)),
                sold_wh=Wh(max(-fill, 0)),
                import_wh=taken,
                export_wh=fed,
                grid_bought_wh=grid_bought,
                grid_sold_wh=grid_sold,
                trade_credit=Money(0),
                charge=Money(charge + (penalty if is_last else 0)),
                credit=credit,
            )
        )
    return found


def _growth(
    rounded: Callable[[int, int], Money], before_wh: int, more_wh: int, price: int
) -> Money:
    return Money(rounded(before_wh + more_wh, price) - rounded(before_wh, price))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledDay:
    """What DaysSettled tells of a participant; ``arrears_change`` is negative if its debt shrank."""

    participant_id: int
    grid_bought_wh: Wh
    grid_sold_wh: Wh
    trade_credit: Money
    arrears_change: Money
    is_fraud: bool


def settled_day(word: int) -> SettledDay:
    """Return what a word of DaysSettled says.

    >>> settled_day(7 << 224 | 3 << 184 | 4 << 144 | 5 << 80 | (2**64 - 6) << 16 | 1).arrears_change
    -6
    """
    change = word >> 16 & (1 << 64) - 1
    return SettledDay(
        participant_id=word >> 224,
        grid_bought_wh=Wh(word >> 184 & (1 << 40) - 1),
        grid_sold_wh=Wh(word >> 144 & (1 << 40) - 1),
        trade_credit=Money(word >> 80 & (1 << 64) - 1),
        arrears_change=Money(change - (change >> 63 << 64)),
        is_fraud=bool(word & 1),
    )
