"""The fast path of the reference: one slot's book, or a whole day's, as arrays; for any rule, equal to the unit.

Orders are never sorted. A histogram gives the ladders, the rule clears them, and only the orders at a margin are
cumulated. The functions of this folder stay the definition: ``tests/python/reference/test_fast.py`` demands the same
clearing and the same fill of every order on random books.

Everything is exact. Floating point adds whole Wh below 2**53, where doubles hold every integer, and guesses quotients
that integers then correct (``_cumulated_share``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from setm.errors import OrderRefused
from setm.pricing.ladder import LADDER_TICKS
from setm.pricing.rules import PricingRule
from setm.types import Clearing, Grid, Side

Integers = npt.NDArray[np.integer]
Energies = npt.NDArray[np.int64]

# What an order's uint32 holds; with so few orders a slot's total stays below 2**53 Wh.
MAX_ORDER_WH = (1 << 32) - 1
MAX_ORDERS = 1 << 21
# So many orders at a time fit the processor's cache.
CHUNK = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """The clearing of one slot and the fill of each order, Wh, int64, in the order given."""

    clearing: Clearing
    fills_wh: Energies


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayOutcome:
    """The clearing of each slot and the fills, Wh, int64, of shape (participants, slots)."""

    clearings: tuple[Clearing, ...]
    fills_wh: Energies


def clear_orders(
    rule: PricingRule,
    grid: Grid,
    *,
    side: Integers,
    tick: Integers,
    energy_wh: Integers,
    tick_count: int = LADDER_TICKS,
) -> Outcome:
    """Return clearing and fills of one slot's orders, given as three arrays of one length.

    ``side`` is 0 for a bid and 1 for an ask (``Side``), ``tick`` counts from the floor price, ``energy_wh`` may be 0.
    At a margin the orders are served as ``fill_of`` does, each with those before it in the arrays ahead of it: give
    them in ascending order of participants. uint8 sides and ticks and int32 energies are fastest. Raises
    ``OrderRefused`` for arrays of unequal shape and for values outside side, band or uint32.
    """
    if np.ndim(energy_wh) != 1:
        raise OrderRefused(f"orders of shape {np.shape(energy_wh)}: expected one dimension")
    if not np.shape(side) == np.shape(tick) == np.shape(energy_wh):
        raise OrderRefused(
            f"sides, ticks and energies of shapes {np.shape(side)}, {np.shape(tick)} and {np.shape(energy_wh)}: "
            "expected one shape"
        )
    day = _clear(rule, grid, side[:, None], tick[:, None], energy_wh[:, None], tick_count)
    return Outcome(clearing=day.clearings[0], fills_wh=day.fills_wh[:, 0])


def clear_day(
    rule: PricingRule,
    grid: Grid,
    *,
    side: Integers,
    tick: Integers,
    energy_wh: Integers,
    tick_count: int = LADDER_TICKS,
) -> DayOutcome:
    """Return clearings and fills of a day: arrays of shape (participants, slots), each column a book of its own.

    An order of 0 Wh is none. Otherwise as ``clear_orders``, slot by slot.
    """
    if np.ndim(energy_wh) != 2:
        raise OrderRefused(f"orders of shape {np.shape(energy_wh)}: expected (participants, slots)")
    return _clear(rule, grid, side, tick, energy_wh, tick_count)


def sides_of(signed_wh: Integers) -> tuple[npt.NDArray[np.uint8], Energies]:
    """Return sides and energies of signed quantities, Wh: what is positive is bid, what is negative is asked.

    >>> [values.tolist() for values in sides_of(np.array([5, -3, 0]))]
    [[0, 1, 0], [5, 3, 0]]
    """
    signed = signed_wh.astype(np.int64)
    return (signed < 0).astype(np.uint8), np.abs(signed)


def _clear(
    rule: PricingRule,
    grid: Grid,
    side: Integers,
    tick: Integers,
    energy_wh: Integers,
    tick_count: int,
) -> DayOutcome:
    """Return the outcome of each column."""
    _require_book(side, tick, energy_wh, tick_count)
    slots = energy_wh.shape[1]
    rungs = 2 * tick_count
    kind = np.dtype(np.uint16 if slots * rungs <= 1 << 16 else np.int32)
    # The rung of an order among those of all slots: bids of slot 0, asks of slot 0, bids of slot 1, ...
    rung: Integers = np.multiply(side, tick_count, dtype=kind, casting="unsafe")
    np.add(rung, tick, out=rung, casting="unsafe")
    if slots > 1:
        np.add(rung, np.arange(slots, dtype=kind) * rungs, out=rung, casting="unsafe")
    ladders = _histogram(rung, energy_wh, slots * rungs).reshape(slots, 2, tick_count)
    clearings = tuple(rule.clear(grid, bids, asks) for bids, asks in ladders.tolist())
    fills = _whole(clearings, rung, energy_wh, tick_count)
    for side_of_book in Side:
        _share_margin(fills, clearings, side_of_book, rung, energy_wh, tick_count)
    return DayOutcome(clearings=clearings, fills_wh=fills)


def _require_book(side: Integers, tick: Integers, energy_wh: Integers, tick_count: int) -> None:
    """Refuse what is not a book; every bound of the arithmetic below rests on it."""
    if not 1 <= tick_count <= LADDER_TICKS:
        raise OrderRefused(f"{tick_count} ticks: expected 1 to {LADDER_TICKS}")
    if not side.shape == tick.shape == energy_wh.shape:
        raise OrderRefused(
            f"sides, ticks and energies of shapes {side.shape}, {tick.shape} and {energy_wh.shape}: expected one shape"
        )
    if len(side) > MAX_ORDERS:
        raise OrderRefused(f"{len(side)} orders in a slot: expected at most {MAX_ORDERS}")
    for name, values, largest in (
        ("side", side, len(Side) - 1),
        ("tick", tick, tick_count - 1),
        ("energy in Wh", energy_wh, MAX_ORDER_WH),
    ):
        if not np.issubdtype(values.dtype, np.integer):
            raise OrderRefused(f"{name} as {values.dtype}: expected whole numbers")
        if values.size and not (values.min() >= 0 and values.max() <= largest):
            raise OrderRefused(
                f"{name} from {values.min()} to {values.max()}: expected 0 to {largest}"
            )


def _histogram(rung: Integers, energy_wh: Integers, rungs: int) -> Energies:
    """Return the Wh at each rung; sums of whole numbers below 2**53 are exact in doubles."""
    rows = max(1, CHUNK // max(1, rung.shape[1]))
    held = np.zeros(rungs)
    for start in range(0, len(rung), rows):
        part = slice(start, start + rows)
        held += np.bincount(rung[part].ravel(), energy_wh[part].ravel(), minlength=rungs)
    return held.astype(np.int64)


def _whole(
    clearings: Sequence[Clearing], rung: Integers, energy_wh: Integers, tick_count: int
) -> Energies:
    """Return the energy of each order that fills whole, 0 for all others; margins without rationing fill whole."""
    ticks = np.arange(tick_count)
    is_whole = np.zeros((len(clearings), 2, tick_count), dtype=np.bool_)
    for whole, found in zip(is_whole, clearings, strict=True):
        if found.volume_wh:
            whole[Side.BID] = ticks > found.bid_margin_tick
            whole[Side.ASK] = ticks < found.ask_margin_tick
            whole[Side.BID, found.bid_margin_tick] = not _rationed(found, Side.BID)
            whole[Side.ASK, found.ask_margin_tick] = not _rationed(found, Side.ASK)
    lookup = is_whole.ravel()
    fills = np.empty(rung.shape, dtype=np.int64)
    rows = max(1, CHUNK // max(1, rung.shape[1]))
    for start in range(0, len(rung), rows):
        part = slice(start, start + rows)
        np.multiply(energy_wh[part], lookup[rung[part]], out=fills[part], casting="unsafe")
    return fills


def _share_margin(
    fills: Energies,
    clearings: Sequence[Clearing],
    side: Side,
    rung: Integers,
    energy_wh: Integers,
    tick_count: int,
) -> None:
    """Write the shares of the orders at one side's margins into ``fills``, in the order of the rows.

    All slots are cumulated at once: a slot's orders at its margin hold T and get R, so what came before a slot is the
    sum of the T of the earlier ones, and what they got the sum of their R.
    """
    slots, rungs = len(clearings), 2 * tick_count
    # No order stands at a rung of -1: a slot whose margin is not rationed has none to share.
    at = np.full(slots, -1)
    held, filled = np.zeros((2, slots), dtype=np.int64)
    for slot, found in enumerate(clearings):
        if _rationed(found, side):
            tick, held[slot], filled[slot] = _margin(found, side)
            at[slot] = slot * rungs + side * tick_count + tick
    column: npt.NDArray[np.int64] | int
    if slots == 1:
        column, order = 0, np.flatnonzero(rung == at[0])
    else:
        column, row = np.nonzero((rung == at).T)
        order = row * slots + column
    if not len(order):
        return
    before, got = np.cumsum(held) - held, np.cumsum(filled) - filled
    cumulated = np.cumsum(energy_wh.ravel()[order], dtype=np.int64) - before[column]
    shared = np.empty_like(cumulated)
    for start in range(0, len(order), CHUNK):
        part = slice(start, start + CHUNK)
        of = column if isinstance(column, int) else column[part]
        shared[part] = _cumulated_share(cumulated[part], filled[of], held[of]) + got[of]
    fills.reshape(-1)[order] = np.diff(shared, prepend=0)


def _margin(found: Clearing, side: Side) -> tuple[int, int, int]:
    """Return tick, Wh and filled Wh of a side's margin."""
    if side is Side.BID:
        return found.bid_margin_tick, found.bid_margin_wh, found.bid_margin_filled_wh
    return found.ask_margin_tick, found.ask_margin_wh, found.ask_margin_filled_wh


def _rationed(found: Clearing, side: Side) -> bool:
    """Return whether a side's margin fills in part only."""
    _, held, filled = _margin(found, side)
    return filled < held


def _cumulated_share(
    cumulated: Energies, filled: Energies | np.int64, held: Energies | np.int64
) -> Energies:
    """Return ``floor(cumulated * filled / held)`` exactly, although the product may exceed 64 bits.

    All values are below 2**53 and ``cumulated <= held``, so the quotient is at most ``filled`` < 2**53. Two roundings
    of doubles move the guess by less than 2.01, cutting it off by less than 1: the remainder lies within 4 ``held``,
    which is less than 2**56, so that integers that wrap around at 2**64 give it without error.
    """
    guess: Energies = (cumulated.astype(np.float64) * filled / held).astype(np.int64)
    guess += (cumulated * filled - guess * held) // held
    return guess
