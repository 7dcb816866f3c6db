"""The comparison's plots: mechanisms from top to bottom, what is compared from left to right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from setm.compare.content import Comparison, Entry
from setm.report.canvas import INK, blank, save
from setm.report.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from setm.units import eur_per_mwh

BAR = 0.62
SMALL = 8.5
ERROR = {"ecolor": INK, "elinewidth": 1.2, "capsize": 3}


def write_plots(content: Comparison, folder: Path) -> list[Path]:
    """Draw every plot into ``folder``, those of the chain only if there was one; return the files."""
    folder.mkdir(exist_ok=True)
    drawn: dict[str, Callable[[Comparison], Figure]] = {
        "summary": _summary,
        "welfare": _welfare,
        "surplus": _surplus,
        "price": _price,
        "saving": _saving,
        "sufficiency": _sufficiency,
    }
    if content.has_chain:
        drawn["gas"] = _gas
    return [save(draw(content), folder / f"{name}.png") for name, draw in drawn.items()]


def _rows(content: Comparison, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure with a row for each mechanism, the first on top, and so many panels side by side."""
    figure = blank(9.0, 1.5 + 0.42 * len(content.entries))
    panels = figure.subplots(1, columns, sharey=True, squeeze=False)[0].tolist()
    _name_rows(panels[0], content)
    return figure, panels


def _name_rows(axes: Axes, content: Comparison) -> None:
    axes.set_yticks(range(len(content.entries)), [entry.title for entry in content.entries])
    axes.set_ylim(len(content.entries) - 0.4, -0.6)


def _means(content: Comparison, figure: str) -> tuple[list[float], list[list[float]]]:
    """Return the mean of each mechanism and how far its interval reaches to both sides; not a number if unknown."""
    nothing = float("nan")
    found = [entry.intervals[figure] for entry in content.entries]
    means = [nothing if one.mean is None else one.mean for one in found]
    reach = [0.0 if one.high is None or one.mean is None else one.high - one.mean for one in found]
    return means, [reach, reach]


def _label(axes: Axes, content: Comparison, figure: str, form: str) -> None:
    """Write each mean with half the width of its interval right of its bar."""
    for row, entry in enumerate(content.entries):
        one = entry.intervals[figure]
        if one.mean is None:
            axes.text(0, row, "  –", va="center", fontsize=SMALL, color=GREY)
            continue
        half = 0.0 if one.high is None else one.high - one.mean
        width = format(half, form)
        text = format(one.mean, form) + (f" ± {width}" if float(width) else "")
        axes.annotate(
            text,
            (max(one.mean + half, 0), row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    axes.margins(x=0.22)


def _bars(axes: Axes, content: Comparison, figure: str, colour: str, form: str) -> None:
    means, reach = _means(content, figure)
    axes.barh(range(len(means)), means, height=BAR, color=colour, xerr=reach, error_kw=ERROR)
    axes.axvline(0, color="#9aa1ab", lw=0.8)
    _label(axes, content, figure, form)


def _welfare(content: Comparison) -> Figure:
    figure, (axes,) = _rows(content)
    _bars(axes, content, "welfare_share_percent", BLUE, ".1f")
    axes.axvline(100, color=INK, ls="--", lw=1.2, label="optimum with perfect foresight")
    axes.set_xlabel(f"welfare, % of the optimum; mean and 95 % interval of {_seeds(content)}")
    figure.legend(loc="outside upper right", fontsize=SMALL, frameon=False)
    return figure


def _surplus(content: Comparison) -> Figure:
    figure, (axes,) = _rows(content)
    factor, unit = _money_unit(
        [entry.intervals["buyers_surplus_eur"].mean or 0.0 for entry in content.entries]
    )
    rows = range(len(content.entries))
    left = [0.0] * len(content.entries)
    parts = (
        ("buyers_surplus_eur", BLUE, "buyers' surplus"),
        ("sellers_surplus_eur", ORANGE, "sellers' surplus"),
        ("pool_eur", PURPLE, "left between both (pool)"),
    )
    for name, colour, label in parts:
        values = [factor * (entry.intervals[name].mean or 0.0) for entry in content.entries]
        axes.barh(rows, values, height=BAR, left=left, color=colour, label=label)
        left = [start + value for start, value in zip(left, values, strict=True)]
    costs = [-factor * (entry.intervals["imbalance_eur"].mean or 0.0) for entry in content.entries]
    axes.barh(rows, costs, height=BAR, color=GREY, label="imbalance cost")
    worth = [factor * (entry.intervals["welfare_eur"].mean or 0.0) for entry in content.entries]
    axes.plot(worth, rows, ls="", marker="D", ms=6, color=INK, mfc="white", label="welfare")
    axes.axvline(0, color="#9aa1ab", lw=0.8)
    axes.set_xlabel(f"{unit} on the day, mean of {_seeds(content)}")
    figure.legend(loc="outside upper center", ncols=5, fontsize=SMALL, frameon=False)
    return figure


def _price(content: Comparison) -> Figure:
    figure, (axes,) = _rows(content)
    _draw_prices(axes, content)
    axes.set_xlabel(f"EUR/MWh; mean and 95 % interval of {_seeds(content)}; band: ± 1 spread")
    figure.legend(loc="outside upper center", ncols=5, fontsize=SMALL, frameon=False)
    return figure


def _draw_prices(axes: Axes, content: Comparison) -> None:
    tariff = content.workload.tariff
    means, _ = _means(content, "buyers_price_eur_per_mwh")
    spreads, _ = _means(content, "spread_eur_per_mwh")
    rows = list(range(len(content.entries)))
    axes.barh(
        rows,
        [2 * spread for spread in spreads],
        left=[mean - spread for mean, spread in zip(means, spreads, strict=True)],
        height=BAR,
        color=SKY,
        alpha=0.35,
        label="spread",
    )
    for name, shift, marker, colour, label in (
        ("buyers_price_eur_per_mwh", -0.12, "<", BLUE, "buyers pay"),
        ("sellers_price_eur_per_mwh", 0.12, ">", VERMILLION, "sellers get"),
    ):
        values, reach = _means(content, name)
        places = [row + shift for row in rows]
        axes.errorbar(
            values,
            places,
            xerr=reach,
            ls="",
            marker=marker,
            ms=6,
            color=colour,
            elinewidth=1.2,
            capsize=3,
            label=label,
        )
    feed_in, retail = eur_per_mwh(tariff.feed_in_price), eur_per_mwh(tariff.retail_price)
    axes.axvline(feed_in, color=GREY, ls=":", lw=1.4, label=f"feed-in {feed_in:g}")
    axes.axvline(retail, color=GREY, ls="--", lw=1.4, label=f"retail {retail:g}")
    for row, entry in enumerate(content.entries):
        if entry.intervals["buyers_price_eur_per_mwh"].mean is None:
            axes.text(feed_in, row, "  no trade", va="center", fontsize=SMALL, color=GREY)


def _saving(content: Comparison) -> Figure:
    figure, (costs, savings) = _rows(content, 2)
    _bars(costs, content, "imbalance_eur", GREY, ".3f")
    costs.set_xlabel("imbalance cost, EUR on the day")
    _bars(savings, content, "saving_eur", GREEN, ".3f")
    savings.set_xlabel("saved against the grid only, EUR on the day")
    return figure


def _sufficiency(content: Comparison) -> Figure:
    figure, (left, right) = _rows(content, 2)
    _bars(left, content, "self_sufficiency_percent", BLUE, ".1f")
    left.set_xlabel("self-sufficiency, % of all import")
    _bars(right, content, "self_consumption_percent", ORANGE, ".1f")
    right.set_xlabel("self-consumption, % of all export")
    return figure


def _gas(content: Comparison) -> Figure:
    figure, (order, energy) = _rows(content, 2)
    _log_bars(order, content.entries, _per_expression, VERMILLION)
    order.set_xlabel("gas for each order or offer")
    _log_bars(energy, content.entries, _per_kwh, PURPLE)
    energy.set_xlabel("gas for each kWh, settlement included")
    return figure


def _log_bars(
    axes: Axes, entries: Sequence[Entry], of: Callable[[Entry], float | None], colour: str
) -> None:
    values = [float("nan") if (value := of(entry)) is None else value for entry in entries]
    axes.barh(range(len(values)), values, height=BAR, color=colour)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    known = [value for value in values if value == value]
    if known:
        axes.set_xlim(10 ** (len(str(int(min(known)))) - 2), 12 * max(known))
    for row, value in enumerate(values):
        if value == value:
            axes.annotate(
                f"{value:,.0f}",
                (value, row),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )


def _per_expression(entry: Entry) -> float | None:
    return entry.chain.effort.per_expression_gas if entry.chain else None


def _per_kwh(entry: Entry) -> float | None:
    traded = entry.own.figures.bought_wh / 1000
    return entry.chain.effort.per_kwh_gas(traded) if entry.chain else None


def _summary(content: Comparison) -> Figure:
    figure = blank(11.0, 2.0 + 0.7 * len(content.entries))
    panels = figure.subplots(2, 2, sharey=True).ravel().tolist()
    _name_rows(panels[0], content)
    _bars(panels[0], content, "welfare_share_percent", BLUE, ".0f")
    panels[0].axvline(100, color=INK, ls="--", lw=1.2)
    _bars(panels[1], content, "saving_share_percent", GREEN, ".0f")
    panels[1].axvline(100, color=INK, ls="--", lw=1.2)
    _draw_prices(panels[2], content)
    if content.has_chain:
        _log_bars(panels[3], content.entries, _per_expression, VERMILLION)
    else:
        _bars(panels[3], content, "imbalance_eur", GREY, ".3f")
    titles = (
        "Welfare, % of the optimum",
        "Saving, % of the largest possible",
        "Price between feed-in and retail, EUR/MWh",
        "Gas for each order or offer" if content.has_chain else "Imbalance cost, EUR",
    )
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, fontsize=10.5, loc="left", fontweight="bold")
    handles, labels = panels[2].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=5, fontsize=SMALL, frameon=False
    )
    return figure


def _seeds(content: Comparison) -> str:
    count = len(content.seeds)
    return "1 seed" if count == 1 else f"{count} seeds"


def _money_unit(values: Sequence[float]) -> tuple[float, str]:
    """Return the factor and unit in which EUR values read best.

    >>> _money_unit([0.25])
    (100.0, 'ct')
    """
    return (100.0, "ct") if max(map(abs, values), default=0.0) < 1 else (1.0, "EUR")
