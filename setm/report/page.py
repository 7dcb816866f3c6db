"""The page: one HTML file with everything in it, which fetches nothing."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from setm.report import schema
from setm.report.figures import Figure
from setm.report.fold import Folded
from setm.report.palette import mechanism_colours
from setm.report.run import Event, Run
from setm.report.summary import rows_of, totals_of
from setm.units import eur_per_mwh

PARTS = Path(__file__).with_name("page")
EVENT_ROWS = 200
PAIR_ROWS = 20
VALUES_LENGTH = 160
SECTIONS = (
    ("summary", "Summary", None),
    ("day", "Price and volume", None),
    ("curves", "Supply and demand", "supply_demand"),
    ("paths", "Negotiation paths", "negotiation_paths"),
    ("balance", "Energy balance", "energy_balance"),
    ("bills", "Bills", None),
    ("forecasts", "Forecasts", None),
    ("gas", "Gas", None),
    ("money", "Money", None),
    ("conduct", "Conduct", None),
    ("events", "Events", None),
    ("again", "Run it again", None),
)


def page(
    run: Run,
    mechanisms: Sequence[Folded],
    figures: Mapping[str, Figure],
    tables: Mapping[str, pl.DataFrame],
    hashes: Mapping[str, str],
) -> str:
    """Return the page; ``tables`` and ``hashes`` are by file name."""
    tariff = mechanisms[0].record.tariff
    totals = [totals_of(folded) for folded in mechanisms]
    return (
        environment(PARTS)
        .get_template("index.html.j2")
        .render(
            info=run.info,
            slots=max((total.slots for total in totals), default=0),
            minutes=run.slot_seconds // 60,
            sections=[
                (anchor, title) for anchor, title, needed in SECTIONS if needed in (None, *figures)
            ],
            colours=mechanism_colours([folded.record.name for folded in mechanisms]),
            participants=list(run.participants.values()),
            totals=totals,
            rows=rows_of(mechanisms),
            retail=eur_per_mwh(tariff.retail_price),
            feed_in=eur_per_mwh(tariff.feed_in_price),
            talks=_talks(mechanisms),
            figures=figures,
            backtest=_backtest(tables[schema.BACKTEST.name]),
            gas=_gas(mechanisms),
            money=[_money(folded) for folded in mechanisms],
            conduct=[_conduct(folded) for folded in mechanisms],
            meters=tables[schema.METERS.name].to_dicts(),
            events=[_events(folded) for folded in mechanisms],
            tables=_tables(tables, hashes),
            deployments=[
                {"mechanism": folded.record.name, "contracts": folded.record.contracts}
                for folded in mechanisms
            ],
            versions=run.info.get("versions", {}),
            seconds=run.info.get("seconds", {}),
            scenario=run.scenario,
            scenario_path=f"reports/{run.folder.name}/scenario.yaml",
            run_path=f"reports/{run.folder.name}",
            css=Markup((PARTS / "page.css").read_text()),
            script=Markup((PARTS / "page.js").read_text()),
            plotly=Markup(packed_plotly()),
            figures_json=_json({name: asdict(figure) for name, figure in figures.items()}),
        )
    )


@cache
def packed_plotly() -> str:
    """Return plotly.js, gzipped and in base64: a third of its size, and no address in clear."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()


def _json(content: Any) -> Markup:
    """Return JSON that cannot end the script element in which it stands."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))


def environment(parts: Path) -> Environment:
    """Return what renders the templates of a folder, with filters that write numbers for people."""
    made = Environment(
        loader=FileSystemLoader(parts), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.filters |= {
        "kwh": lambda value: shown_number(value, 3),
        "eur": lambda value: shown_number(value, 4),
        "price": lambda value: shown_number(value, 2),
        "percent": lambda value: shown_number(value, 1),
        "decimal": lambda value: shown_number(value, 1),
        "ratio": lambda value: shown_number(value, 3),
        "count": lambda value: shown_number(value, 0),
    }
    return made


def shown_number(value: float | None, decimals: int) -> str:
    """Return a number for people: thin spaces between thousands, a true minus, a dash for nothing."""
    if value is None:
        return "–"
    text = f"{value:,.{decimals}f}".replace(",", "\u202f")
    return text.replace("-", "\u2212") if value < 0 else text


def _talks(mechanisms: Sequence[Folded]) -> dict[str, str]:
    found = {}
    for folded in mechanisms:
        outcomes = Counter(offer.outcome for offer in folded.offers if offer.outcome != "countered")
        if outcomes:
            words = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
            offers = len(folded.offers)
            found[folded.record.name] = (
                f"{sum(outcomes.values())} negotiations with {offers} offers: {words}"
            )
    return found


def _backtest(table: pl.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    best: dict[tuple[str, str], float] = {}
    for row in table.iter_rows(named=True):
        key = (row["participant"], row["quantity"])
        is_first = key not in best
        if row["mae_wh"] is not None:
            best[key] = min(best.get(key, row["mae_wh"]), row["mae_wh"])
        else:
            best.setdefault(key, float("inf"))
        share = None if row["coverage"] is None else 100 * row["coverage"]
        rows.append({**row, "is_first": is_first, "coverage_percent": share})
    for row in rows:
        row["is_best"] = row["mae_wh"] == best[row["participant"], row["quantity"]]
    return rows


def _gas(mechanisms: Sequence[Folded]) -> list[dict[str, Any]]:
    rows = [
        {**row, "mechanism": folded.record.name}
        for folded in mechanisms
        for row in folded.tables["gas"].iter_rows(named=True)
    ]
    return sorted(rows, key=lambda row: (row["action"], row["contract"]))


def _money(folded: Folded) -> dict[str, Any]:
    slots = folded.tables["conservation"]
    money = folded.money
    return {
        "mechanism": folded.record.name,
        "tokens": money.tokens,
        "free": sum(money.free.values()),
        "collateral": sum(money.collateral.values()),
        "pools": sum(money.pools.values()),
        "dust": slots["dust_micro_eur"].sum(),
        "kept": slots["bonds_kept_micro_eur"].sum(),
        "surplus": slots["surplus_micro_eur"].sum() - money.surplus_paid,
        "sum": slots["sum_micro_eur"].sum(),
        "slots": slots.height,
        "most_dust": slots["dust_micro_eur"].max() or 0,
        "accounts": folded.tables["accounts"].to_dicts(),
    }


def _conduct(folded: Folded) -> dict[str, Any]:
    """Return a mechanism's pairs and shares, the unusual pairs first and then the largest."""
    pairs = folded.tables[schema.PAIRS.name].to_dicts()
    return {
        "mechanism": folded.record.name,
        "pairs": sorted(pairs, key=lambda row: (not row["hints"], -row["energy_wh"]))[:PAIR_ROWS],
        "pair_count": len(pairs),
        "shares": folded.tables[schema.SHARES.name].to_dicts(),
    }


def _events(folded: Folded) -> dict[str, Any]:
    record = folded.record
    return {
        "mechanism": record.name,
        "total": len(record.events),
        "rows": [_event(event) for event in islice(record.events, EVENT_ROWS)],
    }


def _event(event: Event) -> dict[str, Any]:
    values = json.dumps(event.args, separators=(", ", ": "))[1:-1].replace('"', "")
    return {
        "block": event.block,
        "time": f"{datetime.fromtimestamp(event.timestamp, tz=UTC):%Y-%m-%d %H:%M:%S}",
        "contract": event.contract,
        "event": event.name,
        "args": values if len(values) <= VALUES_LENGTH else values[:VALUES_LENGTH] + " …",
        "tx": event.tx_hash,
        "short": event.tx_hash[:10] + "…",
    }


def _tables(tables: Mapping[str, pl.DataFrame], hashes: Mapping[str, str]) -> list[dict[str, Any]]:
    meanings = {table.name: table.meaning for table in schema.MECHANISM_TABLES + schema.RUN_TABLES}
    return [
        {
            "name": name,
            "rows": frame.height,
            "hash": hashes[name],
            "meaning": meanings[name.rpartition("_")[2]],
        }
        for name, frame in tables.items()
    ]
