"""The energy columns: from text to whole Wh, exactly, with every doubtful cell named."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import polars as pl

from setm.data.series import Energies
from setm.data.table import FIRST_DATA_ROW, row_error
from setm.errors import DataError

# Contracts carry quantities below 2**30 Wh (IPricingRule).
MAX_SLOT_WH = 2**30 - 1
# Rounding to whole Wh may change the energy of a column by this share; more means a wrong unit.
MAX_ROUNDING_SHARE = Decimal("0.05")

_NUMBER = r"^[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?$"
_DECIMAL_COMMA = r"^[+-]?[\d.]*\d,\d+$"
_NOT_A_NUMBER = ("nan", "na", "n/a", "null", "none", "-", "inf", "+inf", "-inf", "infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausible:
    """What a row may hold, in Wh; ``min_peak_wh`` is what the largest row must reach at least."""

    interval_seconds: int
    max_wh: int
    min_peak_wh: int
    max_power_kw: float | None

    @classmethod
    def of(
        cls, interval: int, slot_seconds: int, max_power_kw: float | None, min_peak_kw: float
    ) -> Plausible:
        """Return the limits of one row of ``interval`` seconds for a power limit."""
        wh_per_kw = 1000 * interval / 3600
        limit = MAX_SLOT_WH // (slot_seconds // interval)
        if max_power_kw is not None:
            limit = min(limit, math.ceil(max_power_kw * wh_per_kw))
        return cls(
            interval_seconds=interval,
            max_wh=limit,
            min_peak_wh=math.floor(min_peak_kw * wh_per_kw),
            max_power_kw=max_power_kw,
        )

    def require_peak(self, path: Path, imported: Energies, exported: Energies, unit: str) -> None:
        """Refuse a file whose largest value is far too small for the participant's power."""
        peak = int(max(imported.max(), exported.max()))
        if peak and peak < self.min_peak_wh and unit == "wh":
            raise DataError(
                f"{path}: the largest value is {peak} Wh, expected at least {self.min_peak_wh} Wh for a "
                f"participant of {self.max_power_kw:g} kW; if the file holds kWh, name its columns import_kwh "
                "and export_kwh, else lower max_power_kw"
            )


def column_wh(
    path: Path, cells: pl.Series, unit: str, plausible: Plausible
) -> tuple[Energies, int]:
    """Return the column in whole Wh and how many of its values had to be rounded (half to even)."""
    text = cells.str.strip_chars()
    _refuse_cells(path, cells.name, text)
    exact = text.cast(pl.Int64, strict=False) if unit == "wh" else None
    if exact is not None and exact.null_count() == 0:
        values, rounded = exact.to_numpy().copy(), 0
    else:
        values, rounded = _rounded_wh(path, text, unit, plausible)
    _refuse_values(path, text, values, unit, plausible)
    return values, rounded


def _refuse_cells(path: Path, column: str, text: pl.Series) -> None:
    """Raise for the first cell that is empty or not a finite number."""
    is_number = text.str.contains(_NUMBER).fill_null(value=False)
    if is_number.all():
        return
    index = int((~is_number).arg_true()[0])
    others = int((~is_number).sum()) - 1
    cell = text[index]
    found = f"{column} is {cell!r}"
    remedy = "write a plain number such as 0.25"
    if not cell:
        found, remedy = f"{column} is empty", "write the energy of this row (0 if nothing flowed)"
    elif cell.lower() in _NOT_A_NUMBER:
        remedy = "write the energy of this row: a missing value must be filled before trading"
    elif pl.Series([cell]).str.contains(_DECIMAL_COMMA)[0]:
        remedy = "write decimals with a point, not a comma"
    if others:
        found += f" ({others} more rows of this column are no numbers)"
    raise row_error(path, index + FIRST_DATA_ROW, found, remedy)


def _rounded_wh(
    path: Path, text: pl.Series, unit: str, plausible: Plausible
) -> tuple[Energies, int]:
    """Return the nearest whole Wh of each cell and how many cells were not whole."""
    shift = 3 if unit == "kwh" else 0
    values = np.empty(len(text), dtype=np.int64)
    rounded, lost, total = 0, Decimal(0), Decimal(0)
    # A value beyond every limit is cut here, so that it fits the array, and refused afterwards.
    beyond = Decimal(plausible.max_wh + 1)
    for index, cell in enumerate(text):
        exact = Decimal(cell).scaleb(shift)
        if abs(exact) > beyond:
            exact = beyond.copy_sign(exact)
        if exact < 0:
            values[index] = -1
            continue
        whole = exact.to_integral_value(ROUND_HALF_EVEN)
        values[index] = int(whole)
        if whole != exact:
            rounded += 1
            lost += abs(exact - whole)
        total += exact
    if lost > total * MAX_ROUNDING_SHARE:
        raise DataError(
            f"{path}: column {text.name}: rounding to whole Wh would change its energy by "
            f"{100 * lost / total:.0f} % ({rounded} of {len(text)} values are not whole Wh); "
            + ("if these are kWh, name the column import_kwh" if unit == "wh" else "")
            + ("check the unit: the values are far below 1 Wh" if unit == "kwh" else "")
        )
    return values, rounded


def _refuse_values(
    path: Path, text: pl.Series, values: Energies, unit: str, plausible: Plausible
) -> None:
    """Raise for the first value that is negative or more than can flow."""
    bad = np.flatnonzero((values < 0) | (values > plausible.max_wh))
    if not len(bad):
        return
    index = int(bad[0])
    row, cell, name = index + FIRST_DATA_ROW, text[index], text.name
    if values[index] < 0:
        other = "export" if name.startswith("import") else "import"
        raise row_error(
            path,
            row,
            f"{name} is {cell}, negative",
            f"energy is never negative: energy in the other direction stands in {other}_{unit}",
        )
    limit = f"{plausible.max_wh} Wh in {plausible.interval_seconds} s"
    if plausible.max_power_kw is not None:
        limit += f" ({plausible.max_power_kw:g} kW)"
    remedy = "correct the value or raise max_power_kw of the participant"
    # Were the cell 1000 times smaller it would fit: the column then holds Wh.
    if unit == "kwh" and Decimal(cell) <= plausible.max_wh:
        remedy = f"if the file holds Wh, rename the column to {name.replace('_kwh', '_wh')}; else {remedy}"
    raise row_error(path, row, f"{name} is {cell} {_shown(unit)}, above {limit}", remedy)


def _shown(unit: str) -> str:
    """Return the unit as people write it."""
    return {"wh": "Wh", "kwh": "kWh"}[unit]
