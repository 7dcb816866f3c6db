"""The comparison's page: one HTML file with its plots in it, which fetches nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from setm.compare.content import Comparison, Entry
from setm.compare.measures import NANO_PER_EUR
from setm.compare.public import FACTS
from setm.report.comparison import COMPARISON_TABLES
from setm.report.page import PARTS as REPORT_PARTS
from setm.report.page import environment, shown_number

PARTS = Path(__file__).with_name("page")
ON_CHAIN = ("public", "effort", "confirmed")
SECTIONS = (
    ("summary", "Summary"),
    ("welfare", "Welfare"),
    ("surplus", "Who gains"),
    ("price", "Price"),
    ("saving", "Saving and imbalance"),
    ("sufficiency", "Self-sufficiency"),
    ("public", "What becomes public"),
    ("effort", "What it takes"),
    ("confirmed", "Confirmed on the chain"),
    ("again", "Run it again"),
)


def page(
    content: Comparison, plots: Sequence[Path], tables: Mapping[str, pl.DataFrame], command: str
) -> str:
    """Return the page; ``plots`` are the PNG files, ``command`` is what made it."""
    sections = [one for one in SECTIONS if content.has_chain or one[0] not in ON_CHAIN]
    return (
        environment(PARTS)
        .get_template("comparison.html.j2")
        .render(
            about=content.about,
            entries=content.entries,
            slots=len(content.workload.readings),
            participants=[person.name for person in content.workload.participants],
            seeds=content.seeds,
            has_chain=content.has_chain,
            sections=sections,
            steady=_steady(content),
            mean=shown_mean,
            optimum_eur=content.optimum_nano / NANO_PER_EUR,
            facts=FACTS,
            effort=_effort(content, tables["effort"]),
            tables=[
                {"name": one.name, "meaning": one.meaning, "rows": tables[one.name].height}
                for one in COMPARISON_TABLES
            ],
            command=command,
            plots={path.stem: base64.b64encode(path.read_bytes()).decode() for path in plots},
            css=Markup((REPORT_PARTS / "page.css").read_text()),
        )
    )


def shown_mean(entry: Entry, figure: str, decimals: int) -> str:
    """Return a mean with half the width of its interval, for people; a dash if no seed has the figure."""
    one = entry.intervals[figure]
    if one.mean is None or one.high is None or one.high == one.mean:
        return shown_number(one.mean, decimals)
    half = shown_number(one.high - one.mean, decimals)
    return f"{shown_number(one.mean, decimals)} ± {half}"


def _steady(content: Comparison) -> list[str]:
    """Return the mechanisms that do not depend on chance, as far as more than one seed can tell."""
    if len(content.seeds) < 2:
        return []
    return [entry.title for entry in content.entries if not entry.has_chance]


def _effort(content: Comparison, table: pl.DataFrame) -> list[dict[str, Any]]:
    titles = {entry.name: entry.title for entry in content.entries}
    return [{**row, "title": titles[row["mechanism"]]} for row in table.to_dicts()]
