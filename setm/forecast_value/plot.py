"""The plot of the study: saving and what imbalance leaves of it, by days of history, one panel a mechanism."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import polars as pl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from setm.report.palette import BLUE, GREEN, GREY, VERMILLION
from setm.trading import MECHANISMS

NAME = "forecast_value"
DPI = 130


def draw(values: pl.DataFrame, folder: Path) -> list[Path]:
    """Write the plot as PNG and SVG; the same values give the same files."""
    figure = _figure(values)
    FigureCanvasAgg(figure)
    png, svg = folder / f"{NAME}.png", folder / f"{NAME}.svg"
    figure.savefig(png, dpi=DPI, metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": NAME}):
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    return [png, svg]


def _figure(values: pl.DataFrame) -> Figure:
    names = values["mechanism"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(3.9 * len(names) + 0.6, 4.4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        rows = values.filter(pl.col("mechanism") == name)
        _panel(axes, rows)
        axes.set_title(MECHANISMS[name].title, fontsize=10.5)
    panels[0].set_ylabel("EUR per MWh consumed")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5, frameon=False)
    days, seeds = values["trading_days"][0], values["seeds"][0]
    figure.suptitle(
        f"What trade saves the community, by days of history (mean of {days} days, seeds: {seeds})",
        fontsize=11.5,
    )
    return figure


def _panel(axes: Axes, rows: pl.DataFrame) -> None:
    known = rows.filter(pl.col("history_days").is_not_null())
    perfect = rows.filter(pl.col("history_days").is_null())["net_eur_per_mwh"].item()
    places = list(range(len(known)))
    saving, net = known["saving_eur_per_mwh"].to_list(), known["net_eur_per_mwh"].to_list()
    behind, low, high = (
        known[f"behind{end}_eur_per_mwh"].to_list() for end in ("", "_low", "_high")
    )
    axes.axhline(perfect, color=GREEN, ls="--", lw=1.4, label="perfect foresight")
    axes.fill_between(places, net, saving, color=VERMILLION, alpha=0.25, lw=0, label="imbalance")
    axes.plot(places, saving, color=GREY, lw=1.2, label="saving before imbalance")
    axes.errorbar(
        places,
        net,
        yerr=[
            [end - middle for middle, end in zip(behind, high, strict=True)],
            [middle - end for middle, end in zip(behind, low, strict=True)],
        ],
        color=BLUE,
        marker="o",
        ms=4.5,
        lw=1.6,
        elinewidth=0.8,
        capsize=2,
        label="saving less imbalance (95 % of the distance to perfect foresight)",
    )
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_xticks(places, [f"{days:,}" for days in known["history_days"].to_list()])
    axes.set_xlabel("days of history")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#d9dde3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, color="#9aa1ab")
