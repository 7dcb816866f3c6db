"""The report: self-contained, complete and the same again for the same scenario and seed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from setm.report import schema
from setm.report.build import build
from setm.report.hashes import canonical_csv
from tests.python.report.runs import write_run
from tests.python.report.tampering import read_events, write_events

PLOTS = (
    "price_volume",
    "supply_demand",
    "negotiation_paths",
    "energy_balance",
    "bills",
    "savings",
    "gas",
)
MIB = 1024 * 1024


class References(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "href", "data", "action", "srcset") and value:
                self.found.append(value)
            if name == "id" and value:
                self.ids.add(value)


def test_the_page_names_no_external_address(built: Path) -> None:
    text = (built / "index.html").read_text()
    assert not re.search(r"""(src|href|action)\s*=\s*["']?\s*(https?:)?//""", text)
    assert not re.search(r"url\(\s*['\"]?(https?:)?//", text)
    assert "https://" not in text
    assert "http://" not in text
    assert "default-src 'none'" in text


def test_every_reference_of_the_page_is_in_the_folder(built: Path) -> None:
    page = References()
    page.feed((built / "index.html").read_text())
    assert len(page.found) > 40
    for reference in page.found:
        if reference.startswith("#"):
            assert reference[1:] in page.ids
        else:
            assert (built / reference).is_file(), reference


def test_the_page_is_of_reasonable_size(built: Path) -> None:
    assert (built / "index.html").stat().st_size < 8 * MIB


def test_names_cannot_break_out_of_the_page(built: Path) -> None:
    text = (built / "index.html").read_text()
    assert "home &lt;solar&gt;" in text
    assert "<solar>" not in text


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_on_the_page_and_a_file(built: Path, name: str) -> None:
    assert f'data-figure="{name}"' in (built / "index.html").read_text()
    assert (built / f"plots/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_table_is_written_as_csv_and_parquet(built: Path) -> None:
    names = [table.name for table in schema.RUN_TABLES]
    names += [
        f"{mechanism}_{table.name}"
        for mechanism in ("negotiation", "auction")
        for table in schema.MECHANISM_TABLES
    ]
    for name in names:
        columns = pl.read_parquet(built / f"tables/{name}.parquet").columns
        header = (built / f"tables/{name}.csv").read_text().splitlines()[0]
        assert header.split(",") == columns
    written = {path.stem for path in (built / "tables").glob("*.parquet")}
    assert written == set(names)
    assert set(json.loads((built / "hashes.json").read_text())["tables"]) == set(names)


def test_the_same_events_give_the_same_files(built: Path, run_folder: Path) -> None:
    for path in (run_folder / "tables").iterdir():
        path.unlink()
    build(run_folder)
    for folder in ("tables", "plots"):
        for path in (built / folder).iterdir():
            assert path.read_bytes() == (run_folder / folder / path.name).read_bytes(), path.name
    assert (built / "index.html").read_bytes() == (run_folder / "index.html").read_bytes()


def test_another_chain_and_clock_give_the_same_hashes(built: Path, run_folder: Path) -> None:
    for mechanism in ("negotiation", "auction"):
        events = read_events(run_folder, mechanism)
        for event in events:
            event["tx_hash"] = "0xf" + event["tx_hash"][3:]
            event["timestamp"] += 77
            event["block"] += 1000
        write_events(run_folder, mechanism, events)
        sent = run_folder / mechanism / "transactions.jsonl"
        sent.write_text(sent.read_text().replace('"tx_hash": "0x0', '"tx_hash": "0xf'))
    build(run_folder)
    assert (run_folder / "hashes.json").read_text() == (built / "hashes.json").read_text()
    tables = "tables/auction_trades.csv"
    assert (run_folder / tables).read_text() != (built / tables).read_text()


def test_another_seed_gives_other_hashes(built: Path, tmp_path: Path) -> None:
    other = write_run(tmp_path / "small", seed=8)
    build(other)
    ours = json.loads((built / "hashes.json").read_text())["tables"]
    theirs = json.loads((other / "hashes.json").read_text())["tables"]
    assert ours["auction_trades"] != theirs["auction_trades"]


def test_a_fingerprint_leaves_out_what_differs_from_run_to_run(built: Path) -> None:
    frame = pl.read_parquet(built / "tables/auction_orders.parquet")
    header = canonical_csv(schema.ORDERS, frame).splitlines()[0].split(",")
    assert "energy_wh" in header
    assert not [name for name in header if "tx_hash" in name or name == "ordered_at_utc"]
