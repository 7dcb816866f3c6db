"""The page of ``setm bench``: one HTML file with its plots in it, which fetches nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from setm.bench import lines, peers
from setm.bench.content import Found
from setm.report.bench_schema import BENCH_TABLES
from setm.report.page import PARTS as REPORT_PARTS
from setm.report.page import environment, shown_number

PARTS = Path(__file__).with_name("page")

DAY_PLOTS = (
    ("seconds", "Seconds by stage over the number of participants, both axes logarithmic."),
    ("memory", "Peak resident memory over the number of participants."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with text, plots by name and caption, and one table."""

    anchor: str
    title: str
    text: str
    rows: Sequence[Mapping[str, Any]]
    plots: tuple[tuple[str, str], ...] = ()


def page(
    found: Found, plots: Sequence[Path], tables: Mapping[str, pl.DataFrame], command: str
) -> str:
    """Return the page; sections without rows are left out. ``command`` is what made it."""
    return (
        environment(PARTS)
        .get_template("bench.html.j2")
        .render(
            sizes=", ".join(f"{size:,}" for size in found.plan.sizes),
            networks=" and ".join(found.plan.networks),
            sections=[section for section in _sections(found) if section.rows],
            cell=_cell,
            command=command,
            tables=[(one.name, one.meaning, tables[one.name].height) for one in BENCH_TABLES],
            plots={path.stem: base64.b64encode(path.read_bytes()).decode() for path in plots},
            css=Markup((REPORT_PARTS / "page.css").read_text()),
        )
    )


def _sections(found: Found) -> list[Section]:
    compared = peers.ratios(found.venues)
    return [
        Section(
            anchor="headlines",
            title="What is promised",
            text="The worst value that was measured, and the bound that it is to keep.",
            rows=lines.headline_lines(found),
        ),
        Section(
            anchor="venues",
            title="Gas by venue",
            text="Gas per order, which is one participant's wish in one slot; steady state, one slot unless said.",
            rows=lines.venue_lines(found),
            plots=(
                ("gas", "Gas per order over the number of participants, both axes logarithmic."),
            ),
        ),
        Section(
            anchor="growth",
            title="Gas per participant-day",
            text="N^: exponent of all gas in N, linear if 1.02 at most; falls: gas per order never rises with N.",
            rows=lines.growth_lines(found),
        ),
        Section(
            anchor="peers",
            title="Peers, quoted",
            text="Their gas per order, and over ours: placed, cleared and paid, at N = 100.",
            rows=compared,
        ),
        Section(
            anchor="peers-pay",
            title="What peers do",
            text=peers.CAVEAT,
            rows=peers.notes() if compared else (),
        ),
        Section(
            anchor="scale",
            title="Many participants",
            text="By lines a + b N through the days that were measured, on chains that do nothing else.",
            rows=lines.scale_lines(found),
        ),
        Section(
            anchor="same",
            title="Counted by chains",
            text="The same calls on a chain and on the EVM in process.",
            rows=lines.same_lines(found),
        ),
        *(
            Section(
                anchor=subject.split(",")[0].replace(" ", "-"),
                title=f"Seconds and memory: {subject}",
                text="Households of scenarios/mengelkamp.yaml around noon, in a process of their own.",
                rows=rows,
                plots=DAY_PLOTS if place == 0 else (),
            )
            for place, (subject, rows) in enumerate(lines.day_lines(found).items())
        ),
        Section(
            anchor="operations",
            title="Gas of single operations",
            text="Medians over 100 in steady state, against their ceilings.",
            rows=lines.operation_lines(found.operations),
        ),
    ]


def _cell(value: object) -> str:
    return shown_number(value, 0) if isinstance(value, int) else str(value)
