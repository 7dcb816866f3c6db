"""The same plots as PNG files, drawn without a display."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path as FilePath

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from setm.report.canvas import INK, blank, save
from setm.report.figures import balance_values, paths_label, stepped, unit_of
from setm.report.palette import CYCLE, DEMAND, GREY, ORANGE, SKY, SUPPLY, mechanism_colours
from setm.report.prepare import Balance, Bills, Prepared, Step, slot_label

# More bars in a small panel than have room for their names side by side.
CROWDED_BARS = 4


def write_plots(prepared: Prepared, folder: FilePath) -> list[FilePath]:
    """Draw every plot that has something to show into ``folder``; return the files."""
    folder.mkdir(exist_ok=True)
    drawn: dict[str, Callable[[Prepared], Figure]] = {
        "price_volume": _price_volume,
        "bills": _bills,
        "savings": _savings,
        "gas": _gas,
    }
    if prepared.curves:
        drawn["supply_demand"] = _curves
    if prepared.paths:
        drawn["negotiation_paths"] = _paths
    if prepared.balances:
        drawn["energy_balance"] = _balances
    files = []
    for name, draw in drawn.items():
        files.append(save(draw(prepared), folder / f"{name}.png"))
    return files


def _time_axis(axes: Axes, starts: Sequence[datetime], is_labelled: bool = True) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    if is_labelled and starts:
        axes.set_xlabel(f"start of delivery on {starts[0]:%Y-%m-%d}, UTC")


def _times(starts: Sequence[datetime]) -> NDArray[np.datetime64]:
    """Return UTC times without a zone, which Matplotlib shows as they are."""
    return np.array([start.replace(tzinfo=None) for start in starts], dtype="datetime64[s]")


def _floats(values: Sequence[float | None], factor: float = 1.0) -> list[float]:
    return [float("nan") if value is None else value * factor for value in values]


def _price_volume(prepared: Prepared) -> Figure:
    day, colours = prepared.day, mechanism_colours(prepared.mechanisms)
    figure = blank(10, 5.8)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    above.axhline(day.retail, color=GREY, ls="--", lw=1.2, label=f"grid retail {day.retail:g}")
    above.axhline(day.feed_in, color=GREY, ls=":", lw=1.2, label=f"grid feed-in {day.feed_in:g}")
    width = np.timedelta64(round(3600 * day.slot_hours * 0.8 / max(1, len(day.series))), "s")
    for index, series in enumerate(day.series):
        colour = colours[series.mechanism]
        middles = _times([start + timedelta(hours=day.slot_hours / 2) for start in day.starts])
        mean, low, high = map(_floats, (series.mean, series.low, series.high))
        above.errorbar(
            middles,
            mean,
            yerr=[
                [m - lo for m, lo in zip(mean, low, strict=True)],
                [hi - m for m, hi in zip(mean, high, strict=True)],
            ],
            color=colour,
            marker="oD"[index % 2],
            ms=4,
            lw=1.2,
            elinewidth=0.8,
            capsize=1.5,
            label=series.mechanism,
        )
        offset = width * (index - (len(day.series) - 1) / 2)
        below.bar(middles + offset, series.volume_kwh, width=width, color=colour)
    above.set_ylabel("price, EUR/MWh")
    above.legend(ncols=4, fontsize=8.5, frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
    below.set_ylabel("energy, kWh per slot")
    _time_axis(below, prepared.starts)
    return figure


def _draw_steps(axes: Axes, steps: Sequence[Step], colour: str, label: str) -> None:
    xs = [x for step in steps for x in (step.from_kwh, step.to_kwh)]
    ys = [y for step in steps for y in (step.price, step.price)]
    axes.plot(xs, ys, color=colour, lw=2, marker=".", ms=4, label=label)


def _curves(prepared: Prepared) -> Figure:
    curves = prepared.curves[prepared.chosen_curves]
    figure = blank(8, 5)
    axes = figure.subplots()
    _draw_steps(axes, curves.demand, DEMAND, "demand")
    _draw_steps(axes, curves.supply, SUPPLY, "supply")
    axes.axhline(prepared.day.retail, color=GREY, ls="--", lw=1, label="grid retail")
    axes.axhline(prepared.day.feed_in, color=GREY, ls=":", lw=1, label="grid feed-in")
    if curves.price is not None:
        axes.plot(
            [0, curves.volume_kwh, curves.volume_kwh],
            [curves.price, curves.price, prepared.day.feed_in],
            color=INK,
            ls=":",
            lw=1,
        )
        axes.plot(
            curves.volume_kwh,
            curves.price,
            ls="",
            marker="*",
            ms=15,
            color=ORANGE,
            mec=INK,
            mew=0.8,
            label=f"clearing: {curves.volume_kwh:.3f} kWh at {curves.price:.3f} EUR/MWh",
        )
    axes.set_xlim(left=0)
    axes.set_xlabel("energy in the slot, kWh")
    axes.set_ylabel("price, EUR/MWh")
    label = slot_label(curves.start, prepared.slot_hours)
    axes.set_title(f"{curves.start:%Y-%m-%d} {label}, slot {curves.slot}", fontsize=10, loc="left")
    figure.legend(loc="outside lower center", ncols=3, fontsize=8.5, frameon=False)
    return figure


def _paths(prepared: Prepared) -> Figure:
    group = prepared.paths[prepared.chosen_paths]
    figure = blank(8, 5.2)
    axes = figure.subplots()
    for index, path in enumerate(group.paths):
        colour = CYCLE[index % len(CYCLE)]
        axes.plot(
            [number for number, _ in path.bids],
            [price for _, price in path.bids],
            color=colour,
            marker="^",
            ms=5,
            lw=1.4,
            label=f"{path.buyer} ← {path.seller}: {path.outcome}",
        )
        axes.plot(
            [number for number, _ in path.asks],
            [price for _, price in path.asks],
            color=colour,
            marker="v",
            ms=5,
            lw=1.4,
            ls=":",
        )
        is_agreed = path.outcome == "agreed"
        axes.plot(
            *path.end,
            marker="*" if is_agreed else "x",
            ms=14 if is_agreed else 9,
            mew=0.8 if is_agreed else 2,
            color=colour,
            mec=INK,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("round (▲ bids of the buyer, ▼ asks of the seller, ★ agreed)")
    axes.set_ylabel("price offered, EUR/MWh")
    axes.set_title(
        f"{group.start:%Y-%m-%d} {paths_label(prepared, group)}", fontsize=10, loc="left"
    )
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def _grid(count: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of at most three panels a row, as many as asked."""
    columns = min(3, count)
    rows = -(-count // columns)
    figure = blank(width * columns, height * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def _balances(prepared: Prepared) -> Figure:
    figure, panels = _grid(len(prepared.balances), 4.4, 2.9)
    for axes, balance in zip(panels, prepared.balances, strict=True):
        _balance(axes, prepared, balance)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5, fontsize=8.5, frameon=False)
    if prepared.starts:
        figure.supxlabel(f"start of delivery on {prepared.starts[0]:%Y-%m-%d}, UTC", fontsize=9)
    return figure


def _balance(axes: Axes, prepared: Prepared, balance: Balance) -> None:
    colours = mechanism_colours(prepared.mechanisms)
    factor, unit = unit_of(balance_values(balance))

    def held(values: Sequence[float | None]) -> tuple[NDArray[np.datetime64], list[float]]:
        starts, stepped_values = stepped(prepared.starts, values, prepared.slot_hours)
        return _times(starts), _floats(stepped_values, factor)

    starts, upper = held(balance.upper)
    _, lower = held(balance.lower)
    axes.fill_between(
        starts, lower, upper, step="post", color=SKY, alpha=0.3, lw=0, label="forecast, interval"
    )
    axes.step(*held(balance.mean), where="post", color=SKY, ls=":", lw=1.2, label="forecast, mean")
    for mechanism, values in balance.contracted.items():
        axes.step(
            *held(values),
            where="post",
            color=colours[mechanism],
            lw=1.5,
            label=f"contracted, {mechanism}",
        )
    axes.step(*held(balance.delivered), where="post", color=INK, ls="--", lw=1.2, label="delivered")
    axes.set_ylim(bottom=0)
    axes.set_ylabel(f"{balance.quantity}, {unit} per slot", fontsize=8.5)
    axes.set_title(balance.participant, fontsize=10, loc="left")
    _time_axis(axes, prepared.starts, is_labelled=False)


def _bills(prepared: Prepared) -> Figure:
    figure, panels = _grid(max(1, len(prepared.bills)), 3.2, 2.6)
    for axes, bills in zip(panels, prepared.bills, strict=False):
        _bill(axes, bills, prepared)
    figure.supylabel("bill over the run, EUR (negative: received)", fontsize=9)
    return figure


def _bill(axes: Axes, bills: Bills, prepared: Prepared) -> None:
    colours = {"grid only": GREY} | mechanism_colours(prepared.mechanisms)
    values = {"grid only": bills.grid_only} | dict(bills.by_mechanism)
    bars = axes.bar(list(values), list(values.values()), color=[colours[name] for name in values])
    is_crowded = len(values) > CROWDED_BARS
    axes.bar_label(bars, fmt="%#.4g", fontsize=5 if is_crowded else 8, padding=2)
    if is_crowded:
        axes.tick_params(axis="x", labelrotation=90, labelsize=7)
    axes.axhline(0, color="#9aa1ab", lw=0.8)
    axes.margins(y=0.18)
    axes.set_title(bills.participant, fontsize=10, loc="left")


def _savings(prepared: Prepared) -> Figure:
    colours = mechanism_colours(prepared.mechanisms)
    figure = blank(10, 4.2)
    axes = figure.subplots()
    width = 0.8 / max(1, len(prepared.mechanisms))
    for index, mechanism in enumerate(prepared.mechanisms):
        offset = width * (index - (len(prepared.mechanisms) - 1) / 2)
        bars = axes.bar(
            [place + offset for place in range(len(prepared.bills))],
            _floats([bills.saving_percent(mechanism) for bills in prepared.bills]),
            width=width,
            color=colours[mechanism],
            label=mechanism,
        )
        axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
    axes.axhline(0, color="#9aa1ab", lw=0.8)
    axes.margins(y=0.12)
    names = [bills.participant.replace(" ", "\n", 1) for bills in prepared.bills]
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("saving, % of the grid-only bill")
    axes.legend(fontsize=8.5, frameon=False)
    return figure


def _gas(prepared: Prepared) -> Figure:
    colours = mechanism_colours(prepared.mechanisms)
    bars = list(reversed(prepared.gas))
    figure = blank(10, 1.6 + 0.34 * len(bars))
    panels = figure.subplots(1, 2, sharey=True)
    width = 0.8 / max(1, len(prepared.mechanisms))
    for axes, position, label in (
        (panels[0], 0, "median of one transaction, gas"),
        (panels[1], 2, "all transactions, gas"),
    ):
        for index, mechanism in enumerate(prepared.mechanisms):
            values = [bar.by_mechanism.get(mechanism, (0, 0, 0))[position] for bar in bars]
            offset = width * ((len(prepared.mechanisms) - 1) / 2 - index)
            axes.barh(
                [row + offset for row in range(len(bars))],
                values,
                height=width,
                color=colours[mechanism],
                label=mechanism,
            )
        axes.set_xlabel(label)
        axes.xaxis.set_major_formatter(EngFormatter())
    panels[0].set_yticks(range(len(bars)), [bar.action for bar in bars])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, fontsize=8.5, frameon=False)
    return figure
