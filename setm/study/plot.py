"""The study in one picture: what the market saves, with and without forecast errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from setm.files import storing
from setm.report.palette import BLUE, GREY, ORANGE, VERMILLION
from setm.study.mengelkamp import BIDDERS, SUPPLIES
from setm.study.summary import PERFECT, Row

DPI = 130
PANELS = (("saving_eur", "all households"), ("consumers_saving_eur", "households without a plant"))
BARS = (
    (BIDDERS[0], PERFECT, GREY, "perfect quantities"),
    (BIDDERS[0], "forecast", BLUE, "forecasts, zero intelligence"),
    (BIDDERS[1], "forecast", VERMILLION, "forecasts, forecast bidders"),
)
WIDTH = 0.26
ENDS = ("", "_low", "_high")


def write_plot(summary: Sequence[Row], folder: Path) -> Path:
    """Draw the savings of each supply into ``savings.png`` and return its path."""
    figure = Figure(figsize=(10, 4.4), layout="constrained", facecolor="white")
    panels: list[Axes] = list(figure.subplots(1, len(PANELS)))
    for axes, (name, title) in zip(panels, PANELS, strict=True):
        _draw(axes, summary, name)
        axes.set_title(title, fontsize=10, loc="left")
    panels[0].set_ylabel("saved against the grid alone, EUR a day")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=8.5, frameon=False)
    path = folder / "savings.png"
    FigureCanvasAgg(figure)
    with storing(path):
        # Without the program's name and version the same plot is the same file.
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return path


def _draw(axes: Axes, summary: Sequence[Row], name: str) -> None:
    for place, (bidder, quantities, colour, label) in enumerate(BARS):
        rows = [_row(summary, supply, bidder, quantities) for supply in SUPPLIES]
        xs = [number + WIDTH * (place - 1) for number in range(len(rows))]
        values, lows, highs = ([_number(row, f"{name}{end}") for row in rows] for end in ENDS)
        axes.bar(xs, values, width=WIDTH, color=colour, label=label)
        below = [value - low for value, low in zip(values, lows, strict=True)]
        above = [high - value for value, high in zip(values, highs, strict=True)]
        axes.errorbar(xs, values, yerr=[below, above], fmt="none", ecolor=ORANGE, capsize=3)
    axes.axhline(0, color="#9aa1ab", lw=0.8)
    axes.set_xticks(range(len(SUPPLIES)), list(SUPPLIES))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#d9dde3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, color="#9aa1ab")


def _row(summary: Sequence[Row], supply: str, bidder: str, quantities: str) -> Row:
    wanted = (supply, bidder, quantities)
    return next(
        row for row in summary if (row["supply"], row["bidder"], row["quantities"]) == wanted
    )


def _number(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else 0.0
