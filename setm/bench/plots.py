"""Gas and seconds over the number of participants, both axes logarithmic: a straight line is a power of N."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from setm.bench.content import Found
from setm.bench.day import STAGES, TimedDay
from setm.bench.measured import Measured
from setm.files import storing
from setm.report.canvas import blank, save
from setm.report.palette import BLUE, CYCLE, GREEN, GREY, INDIGO, OLIVE, TEAL, WINE

COLOURS = (*CYCLE, INDIGO, OLIVE, WINE, TEAL, GREY)
MARKERS = "oDs^vPX<>*h"
SMALL = 8.5
SHARES: tuple[tuple[str, Callable[[Measured], float]], ...] = (
    ("placed and cleared, gas per order", lambda one: one.traded_per_order),
    ("with reading and payment, gas per order", lambda one: one.gas_per_order),
)


def write_plots(found: Found, folder: Path) -> list[Path]:
    """Draw what was measured into ``folder``; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    if found.venues:
        drawn["gas"] = _gas(found)
    if found.days:
        drawn["seconds"] = _seconds(found)
        drawn["memory"] = _memory(found)
    files = []
    for name, figure in drawn.items():
        with storing(folder / f"{name}.png"):
            files.append(save(figure, folder / f"{name}.png"))
    return files


def _gas(found: Found) -> Figure:
    figure = blank(10, 4.6)
    kinds = list(dict.fromkeys((one.venue, one.slots) for one in found.venues))
    panels: list[Axes] = list(figure.subplots(1, len(SHARES), sharey=True))
    for axes, (label, share) in zip(panels, SHARES, strict=True):
        for place, kind in enumerate(kinds):
            rows = [one for one in found.venues if (one.venue, one.slots) == kind]
            name = kind[0] if kind[1] == 1 else f"{kind[0]}, {kind[1]} slots"
            _line(axes, [one.participants for one in rows], list(map(share, rows)), place, name)
        axes.set_ylabel(label)
        _scale(axes, found.plan.sizes)
        low, high = axes.get_ylim()
        if high < 10 * low:
            # Less than a decade has hardly a tick of its own.
            axes.yaxis.set_minor_formatter(EngFormatter())
            axes.tick_params(axis="y", which="minor", labelsize=SMALL)
    _legend(figure, panels[0])
    return figure


def _seconds(found: Found) -> Figure:
    groups = _groups(found.days)
    figure = blank(10, 4.6)
    panels: list[Axes] = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0].tolist()
    for axes, (title, days) in zip(panels, groups.items(), strict=True):
        sizes = [one.plan.participants for one in days]
        for place, stage in enumerate(STAGES):
            _line(axes, sizes, [one.seconds.get(stage, 0.0) for one in days], place, stage)
        axes.set_title(title, fontsize=10, loc="left")
        _scale(axes, found.plan.sizes)
    panels[0].set_ylabel("seconds")
    _legend(figure, panels[0])
    return figure


def _memory(found: Found) -> Figure:
    groups = _groups(found.days)
    figure = blank(10, 4.2)
    panels: list[Axes] = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0].tolist()
    for axes, (title, days) in zip(panels, groups.items(), strict=True):
        sizes = [one.plan.participants for one in days]
        axes.plot(sizes, [one.program_mib for one in days], "o-", color=BLUE, label="program")
        told = [(n, one.chain_mib) for n, one in zip(sizes, days, strict=True) if one.chain_mib]
        if told:
            axes.plot(*zip(*told, strict=True), "D-", color=GREEN, label="chain")
        axes.set_title(title, fontsize=10, loc="left")
        _scale(axes, found.plan.sizes)
    panels[0].set_ylabel("peak memory, MiB")
    _legend(figure, panels[0])
    return figure


def _groups(days: Sequence[TimedDay]) -> dict[str, list[TimedDay]]:
    groups: dict[str, list[TimedDay]] = {}
    for one in days:
        title = f"{one.plan.mechanism}, {one.plan.slots} slots, {one.plan.network}"
        groups.setdefault(title, []).append(one)
    return groups


def _line(
    axes: Axes, sizes: Sequence[int], values: Sequence[float], place: int, label: str
) -> None:
    colour = COLOURS[place % len(COLOURS)]
    marker = MARKERS[place % len(MARKERS)]
    axes.plot(sizes, values, color=colour, marker=marker, ms=4.5, lw=1.4, label=label)


def _scale(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(sizes), [f"{size:,}" for size in sizes])
    axes.xaxis.set_minor_formatter("")
    axes.yaxis.set_minor_formatter("")
    axes.yaxis.set_major_formatter(EngFormatter())
    axes.set_xlabel("participants")


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=6, fontsize=SMALL, frameon=False)
