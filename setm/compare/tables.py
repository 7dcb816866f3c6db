"""The comparison's tables as frames; their columns stand in ``setm.report.comparison``."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from setm.compare.content import Comparison, Entry
from setm.compare.figures import grid_only
from setm.compare.public import FACTS
from setm.compare.workload import Workload
from setm.report import comparison as columns
from setm.report.schema import Row, frame

UNITS = {column.name: column.unit for column in columns.MEASURES}


def tables(content: Comparison) -> dict[str, pl.DataFrame]:
    """Return every table by file name; those of the chain are empty if there was none."""
    rows = {
        columns.SEEDS: list(_seeds(content)),
        columns.MEANS: [row for entry in content.entries for row in _means(entry)],
        columns.SAVINGS: list(_savings(content)),
        columns.EFFORT: [row for entry in content.entries for row in _effort(entry)],
        columns.PUBLIC: [row for entry in content.entries for row in _public(entry)],
    }
    return {table.name: frame(table, found) for table, found in rows.items()}


def _seeds(content: Comparison) -> Iterator[Row]:
    for entry in content.entries:
        for one in entry.rehearsals:
            yield {"mechanism": entry.name, "seed": one.seed, **one.measures}


def _means(entry: Entry) -> Iterator[Row]:
    for figure, one in entry.intervals.items():
        yield {
            "mechanism": entry.name,
            "figure": figure,
            "unit": UNITS[figure],
            "seeds": one.count,
            "mean": one.mean,
            "low": one.low,
            "high": one.high,
            "lowest": one.lowest,
            "highest": one.highest,
        }


def _savings(content: Comparison) -> Iterator[Row]:
    for entry in content.entries:
        for name, saving in entry.own.figures.savings_micro.items():
            yield {
                "mechanism": entry.name,
                "participant": name,
                "grid_only_micro_eur": _grid_only(content.workload, name),
                "saving_micro_eur": saving,
            }


def _grid_only(workload: Workload, name: str) -> int:
    slots = workload.readings.values()
    return sum(grid_only(readings[name], workload.tariff) for readings in slots)


def _effort(entry: Entry) -> Iterator[Row]:
    if entry.chain is None:
        return
    found = entry.chain.effort
    yield {
        "mechanism": entry.name,
        "expressions": found.expressions,
        "transactions": found.transactions,
        "failed": found.failed,
        "enrolment_gas": found.enrolment_gas,
        "trading_gas": found.trading_gas,
        "delivery_gas": found.delivery_gas,
        "per_expression_gas": found.per_expression_gas,
        "per_kwh_gas": found.per_kwh_gas(entry.own.figures.bought_wh / 1000),
        "run_seconds": entry.chain.seconds,
        "rehearsal_seconds": entry.own.seconds,
    }


def _public(entry: Entry) -> Iterator[Row]:
    if entry.chain is None:
        return
    for fact, meaning in FACTS.items():
        yield {
            "mechanism": entry.name,
            "fact": meaning,
            "public": fact in entry.chain.shown,
            "events": ", ".join(entry.chain.shown.get(fact, ())),
        }
