"""How every PNG plot looks, and how it is written: the same plot is the same file."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#1b1f24"
LINE = "#d9dde3"
DPI = 130


def blank(width: float, height: float) -> Figure:
    """Return an empty white figure of so many inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def save(figure: Figure, path: Path) -> Path:
    """Give all axes the same look and write the figure; return its path."""
    for axes in figure.axes:
        _tidy(axes)
    FigureCanvasAgg(figure)
    # Without the program's name and version the same plot is the same file.
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return path


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, color="#9aa1ab")
