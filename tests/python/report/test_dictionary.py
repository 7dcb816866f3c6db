"""The data dictionary covers every column of every table and every field of every event."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import polars as pl

from setm.report import schema
from setm.report.comparison import COMPARISON_TABLES
from setm.report.dictionary import EVENTS, dictionary_csv, event_fields
from setm.report.value_schema import VALUE_TABLES

ROOT = Path(__file__).parents[3]
ENUMS = ("Side", "Kind", "State", "Phase", "Source", "Fault")
UNIT_ENDINGS = {
    "_wh": "Wh",
    "_micro_eur": "1e-6 EUR",
    "_milli_eur_per_mwh": "0.001 EUR/MWh",
    "_eur_per_mwh": "EUR/MWh",
    "_eur": "EUR",
    "_kwh": "kWh",
    "_seconds": "s",
    "_utc": "UTC",
    "_gas": "gas",
    "_days": "d",
    "_percent": "%",
}


def declared() -> dict[str, dict[str, str]]:
    """Return every event of the interfaces with its fields' types; structs by their fields."""
    structs: dict[str, list[tuple[str, str]]] = {}
    texts = {path.stem: path.read_text() for path in (ROOT / "interfaces").glob("*.sol")}
    for text in texts.values():
        for name, body in re.findall(r"struct (\w+) \{(.*?)\}", text, re.DOTALL):
            structs[name] = re.findall(r"^\s*(\w+) (\w+);", body, re.MULTILINE)
    events: dict[str, dict[str, str]] = {}
    for interface, text in texts.items():
        for name, body in re.findall(r"event (\w+)\((.*?)\);", text, re.DOTALL):
            fields: dict[str, str] = {}
            for parameter in filter(None, map(str.strip, body.split(","))):
                kind, *_, field = parameter.split()
                kind = kind.rpartition(".")[2]
                if kind in structs:
                    fields |= {f"{field}.{inner}": of for of, inner in structs[kind]}
                else:
                    fields[field] = "uint8" if kind in ENUMS else kind
            events[f"{interface}.{name}"] = fields
    return events


def test_covers_every_field_of_every_event_with_its_type() -> None:
    described = {
        f"{interface}.{event}": {name: kind for name, (kind, _, _) in event_fields(parts).items()}
        for interface, events in EVENTS.items()
        if (ROOT / f"interfaces/{interface}.sol").is_file()
        for event, parts in events.items()
    }
    assert described == declared()


def test_covers_every_column_of_every_table(built: Path) -> None:
    described = {(row["where"], row["name"]) for row in documented()}
    for path in (built / "tables").glob("*.parquet"):
        table = path.stem.rpartition("_")[2]
        for column in pl.read_parquet(path).columns:
            assert (table, column) in described


def documented() -> list[dict[str, str]]:
    """Return the rows of the documented dictionary."""
    text = (ROOT / "docs/data_dictionary.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def test_every_row_says_type_unit_and_meaning() -> None:
    for row in documented():
        assert all(row.values()), row


def test_the_documented_dictionary_is_the_one_of_the_code() -> None:
    written = (ROOT / "docs/data_dictionary.csv").read_text()
    assert written == dictionary_csv(), (
        "run `python -m setm.report.dictionary > docs/data_dictionary.csv`"
    )


def test_column_names_end_in_their_unit() -> None:
    own = (*schema.MECHANISM_TABLES, *schema.RUN_TABLES)
    for table in (*own, *VALUE_TABLES, *COMPARISON_TABLES):
        for column in table.columns:
            ending = next((end for end in UNIT_ENDINGS if column.name.endswith(end)), None)
            assert column.unit == (UNIT_ENDINGS[ending] if ending else "-"), column
