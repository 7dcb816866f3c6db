"""The CSV file as text: cells, rows as an editor counts them, and which columns mean what."""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from setm.errors import DataError

FIRST_DATA_ROW = 2
TIME_COLUMN = "start_at"
UNITS = ("wh", "kwh")
_EXAMPLE_HEADER = "start_at,import_wh,export_wh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns the file uses; ``export`` is None if it has none. ``unit`` is wh or kwh."""

    imported: str
    exported: str | None
    unit: str


def row_error(path: Path, row: int, found: str, remedy: str) -> DataError:
    """Return the error for one row, counted from 1 with the header, as an editor shows it."""
    return DataError(f"{path}, row {row}: {found}; {remedy}")


def read_table(path: Path) -> pl.DataFrame:
    """Return every cell as text; row i of the frame is row i + 2 of the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise row_error(
            path,
            row,
            f"byte 0x{content[error.start]:02x} is not UTF-8",
            "save the file as UTF-8 CSV",
        ) from error
    if not content.strip():
        raise DataError(
            f"{path}: the file is empty; expected the header {_EXAMPLE_HEADER} and rows"
        )
    header = content.split(b"\n", 1)[0].decode("utf-8-sig").strip()
    if ";" in header and "," not in header:
        raise row_error(
            path,
            1,
            f"the columns are separated by semicolons ({header!r})",
            "save the file with commas between columns and points as decimal marks",
        )
    try:
        table = pl.read_csv(io.BytesIO(content), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _shape_error(path, content, error) from error
    return _without_empty_rows(path, table)


def _shape_error(path: Path, content: bytes, error: Exception) -> DataError:
    """Return the error for the first row with more cells than the header."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    width = len(next(rows))
    for cells in rows:
        if len(cells) > width:
            return row_error(
                path,
                rows.line_num,
                f"{len(cells)} cells, the header has {width}",
                "remove the surplus cells or commas; write decimals with a point",
            )
    summary = str(error).splitlines()[0]
    return DataError(f"{path}: not a comma-separated table ({summary}); check quotes and commas")


def _without_empty_rows(path: Path, table: pl.DataFrame) -> pl.DataFrame:
    """Return the table without empty rows at its end; an empty row before that is an error."""
    is_empty = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not is_empty.any():
        return table
    last = (~is_empty).arg_true()
    end = 0 if last.is_empty() else int(last[-1]) + 1
    inner = is_empty.head(end).arg_true()
    if not inner.is_empty():
        raise row_error(path, int(inner[0]) + FIRST_DATA_ROW, "the row is empty", "delete it")
    return table.head(end)


def find_columns(path: Path, names: list[str]) -> Columns:
    """Return the columns in use; refuse missing, misspelt and mixed ones."""
    known = {TIME_COLUMN} | {f"{flow}_{unit}" for flow in ("import", "export") for unit in UNITS}
    for name in names:
        if name not in known and name.strip().lower().startswith(("import", "export", "start")):
            raise row_error(
                path, 1, f"unknown column {name!r}", _column_remedy(name, sorted(known))
            )
    if TIME_COLUMN not in names:
        raise row_error(
            path,
            1,
            f"no column {TIME_COLUMN} among {', '.join(names)}",
            f"expected {_EXAMPLE_HEADER}",
        )
    imported = [unit for unit in UNITS if f"import_{unit}" in names]
    exported = [unit for unit in UNITS if f"export_{unit}" in names]
    if len(set(imported) | set(exported)) > 1:
        mixed = [name for name in names if name.startswith(("import_", "export_"))]
        raise row_error(
            path,
            1,
            f"units are mixed: {', '.join(mixed)}",
            "write all energies in Wh or all in kWh",
        )
    if not imported:
        raise row_error(
            path,
            1,
            f"no column import_wh or import_kwh among {', '.join(names)}",
            "add it; write 0 in each row if nothing is ever taken",
        )
    unit = imported[0]
    return Columns(
        imported=f"import_{unit}", exported=f"export_{unit}" if exported else None, unit=unit
    )


def _column_remedy(name: str, known: list[str]) -> str:
    """Return what to call a column whose name is nearly right."""
    plain = name.strip().lower()
    if plain.endswith(("_kw", "_w", "_mw")):
        return "power is not energy: multiply by the hours of a row and name the column import_kwh"
    close = difflib.get_close_matches(plain, known, n=1, cutoff=0.6)
    return f"rename it to {close[0]}" if close else f"expected names are {', '.join(known)}"
