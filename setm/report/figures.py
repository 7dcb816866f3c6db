"""The interactive plots as Plotly data; the page's script adds the colours of its theme.

``@ink`` stands for the text colour of the theme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from setm.report.palette import CYCLE, DEMAND, GREY, ORANGE, SKY, SUPPLY, mechanism_colours
from setm.report.prepare import Balance, Curves, Path, Paths, Prepared, slot_label

Trace = dict[str, Any]
Layout = dict[str, Any]
INK = "@ink"
# Above the plot, growing upwards: it never covers an axis, however many lines it needs.
LEGEND: Layout = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a plot with a selector."""

    label: str
    data: list[Trace]
    layout: Layout = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One plot of the page: `chosen` is shown first; `png` is its still twin."""

    name: str
    title: str
    caption: str
    layout: Layout
    options: list[Option]
    chosen: int = 0
    selector: str = ""
    height: int = 420

    @property
    def png(self) -> str:
        """The file with the same plot."""
        return f"plots/{self.name}.png"


def figures(prepared: Prepared) -> dict[str, Figure]:
    """Return every plot that has something to show, by name."""
    found = [_price_volume(prepared), _bills(prepared), _savings(prepared), _gas(prepared)]
    if prepared.curves:
        found.append(_curves(prepared))
    if prepared.paths:
        found.append(_paths(prepared))
    if prepared.balances:
        found.append(_balances(prepared))
    return {figure.name: figure for figure in found}


def unit_of(values: Sequence[float | None]) -> tuple[float, str]:
    """Return the factor and unit in which kWh values read best.

    >>> unit_of([0.25, None])
    (1000.0, 'Wh')
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    return (1000.0, "Wh") if largest < 1 else (1.0, "kWh")


def stepped(
    starts: Sequence[datetime], values: Sequence[float | None], slot_hours: float
) -> tuple[list[datetime], list[float | None]]:
    """Return the corners of a step line that holds each value until the slot's end."""
    if not starts:
        return [], []
    end = starts[-1] + timedelta(hours=slot_hours)
    return [*starts, end], [*values, values[-1]]


def _times(starts: Sequence[datetime]) -> list[str]:
    return [f"{start:%Y-%m-%dT%H:%M:%S}" for start in starts]


def _step_trace(
    prepared: Prepared, values: Sequence[float | None], factor: float = 1.0, **style: Any
) -> Trace:
    starts, held = stepped(prepared.starts, values, prepared.slot_hours)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _times(starts),
        "y": [None if value is None else round(value * factor, 3) for value in held],
        "line": {"shape": "hv", **style.pop("line", {})},
        **style,
    }


def _price_volume(prepared: Prepared) -> Figure:
    day, colours = prepared.day, mechanism_colours(prepared.mechanisms)
    middles = [start + timedelta(hours=day.slot_hours / 2) for start in day.starts]
    data: list[Trace] = []
    for name, price in (("grid retail", day.retail), ("grid feed-in", day.feed_in)):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name} {price:g}",
                "x": _times([middles[0], middles[-1]]) if middles else [],
                "y": [price, price],
                "line": {
                    "color": GREY,
                    "dash": "dash" if "retail" in name else "dot",
                    "width": 1.5,
                },
                "hoverinfo": "skip",
            }
        )
    for index, series in enumerate(day.series):
        spread = [
            (high - mean, mean - low)
            if mean is not None and low is not None and high is not None
            else (0.0, 0.0)
            for mean, low, high in zip(series.mean, series.low, series.high, strict=True)
        ]
        shared: Trace = {"legendgroup": series.mechanism}
        data.append(
            shared
            | {
                "type": "scatter",
                "mode": "markers+lines",
                "name": series.mechanism,
                "x": _times(middles),
                "y": [None if mean is None else round(mean, 3) for mean in series.mean],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [round(up, 3) for up, _ in spread],
                    "arrayminus": [round(down, 3) for _, down in spread],
                    "thickness": 1,
                    "width": 2,
                },
                "marker": {"symbol": ("circle", "diamond")[index % 2], "size": 7},
                "line": {"color": colours[series.mechanism], "width": 1.5},
                "connectgaps": False,
                "hovertemplate": "%{x|%H:%M} UTC<br>%{y:.3f} EUR/MWh<extra>"
                + series.mechanism
                + "</extra>",
            }
        )
        data.append(
            shared
            | {
                "type": "bar",
                "name": series.mechanism,
                "showlegend": False,
                "x": _times(middles),
                "y": series.volume_kwh,
                "marker": {"color": colours[series.mechanism]},
                "yaxis": "y2",
                "hovertemplate": "%{x|%H:%M} UTC<br>%{y:.3f} kWh<extra>"
                + series.mechanism
                + "</extra>",
            }
        )
    return Figure(
        name="price_volume",
        title="Price and volume over the day",
        caption="Above: energy-weighted mean price of each slot; bars span the lowest and highest price of its "
        "agreements. Below: energy traded between participants.",
        height=520,
        layout={
            "barmode": "group",
            "xaxis": {"title": {"text": "start of delivery, UTC"}, "type": "date", "anchor": "y2"},
            "yaxis": {"title": {"text": "price, EUR/MWh"}, "domain": [0.42, 1]},
            "yaxis2": {"title": {"text": "energy, kWh per slot"}, "domain": [0, 0.34]},
            "legend": {**LEGEND},
        },
        options=[Option(label="", data=data)],
    )


def _curve_trace(curves: Curves, side: str, colour: str) -> Trace:
    steps = curves.demand if side == "demand" else curves.supply
    xs: list[float] = []
    ys: list[float] = []
    texts: list[str] = []
    for step in steps:
        xs += [step.from_kwh, step.to_kwh]
        ys += [step.price, step.price]
        text = (
            f"{step.participant}: {1000 * (step.to_kwh - step.from_kwh):.0f} Wh at {step.price:.3f} EUR/MWh, "
            f"filled {step.filled_wh} Wh"
        )
        texts += [_escaped(text)] * 2
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": side,
        "x": xs,
        "y": ys,
        "text": texts,
        "hovertemplate": "%{text}<extra>" + side + "</extra>",
        "marker": {"size": 4},
        "line": {"color": colour, "width": 2.5},
    }


def _curves(prepared: Prepared) -> Figure:
    options = []
    for curves in prepared.curves:
        data = [_curve_trace(curves, "demand", DEMAND), _curve_trace(curves, "supply", SUPPLY)]
        if curves.price is not None:
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [0, curves.volume_kwh, curves.volume_kwh],
                    "y": [curves.price, curves.price, min(_prices(prepared, curves))],
                    "line": {"color": INK, "dash": "dot", "width": 1.2},
                    "hoverinfo": "skip",
                    "showlegend": False,
                }
            )
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": f"clearing: {curves.volume_kwh:.3f} kWh at {curves.price:.3f} EUR/MWh",
                    "x": [curves.volume_kwh],
                    "y": [curves.price],
                    "marker": {
                        "size": 13,
                        "symbol": "star",
                        "color": ORANGE,
                        "line": {"color": INK, "width": 1},
                    },
                    "hovertemplate": "clearing<br>%{x:.3f} kWh at %{y:.3f} EUR/MWh<extra></extra>",
                }
            )
        traded = "no trade" if curves.price is None else f"{curves.volume_kwh:.3f} kWh"
        options.append(
            Option(
                label=f"{slot_label(curves.start, prepared.slot_hours)} (slot {curves.slot}): {traded}",
                data=data,
            )
        )
    lines = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": price,
            "y1": price,
            "line": {"color": GREY, "dash": dash, "width": 1},
        }
        for price, dash in ((prepared.day.retail, "dash"), (prepared.day.feed_in, "dot"))
    ]
    return Figure(
        name="supply_demand",
        title="Supply and demand of a slot",
        caption="The auction's bids from the highest price down, its asks from the lowest up. The star is where the "
        "slot cleared; grey lines are the grid operator's retail (dashed) and feed-in price (dotted).",
        layout={
            "xaxis": {"title": {"text": "energy in the slot, kWh"}, "rangemode": "tozero"},
            "yaxis": {"title": {"text": "price, EUR/MWh"}},
            "shapes": lines,
            "legend": {**LEGEND},
        },
        options=options,
        chosen=prepared.chosen_curves,
        selector="slot",
    )


def _prices(prepared: Prepared, curves: Curves) -> list[float]:
    return [prepared.day.feed_in, *(step.price for step in [*curves.demand, *curves.supply])]


def _path_traces(path: Path, colour: str) -> list[Trace]:
    pair = _escaped(f"{path.buyer} ← {path.seller}")
    traces: list[Trace] = []
    for side, offers, symbol, dash in (
        ("bid", path.bids, "triangle-up", "solid"),
        ("ask", path.asks, "triangle-down", "dot"),
    ):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": pair,
                "legendgroup": pair,
                "showlegend": side == "bid",
                "x": [number for number, _ in offers],
                "y": [price for _, price in offers],
                "marker": {"symbol": symbol, "size": 8},
                "line": {"color": colour, "dash": dash, "width": 1.8},
                "hovertemplate": f"{pair}<br>round %{{x}}: {side} %{{y:.3f}} EUR/MWh<extra></extra>",
            }
        )
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": pair,
            "legendgroup": pair,
            "showlegend": False,
            "x": [path.end[0]],
            "y": [path.end[1]],
            "marker": {
                "symbol": "star" if path.outcome == "agreed" else "x-thin",
                "size": 15,
                "color": colour,
                "line": {"color": INK, "width": 1 if path.outcome == "agreed" else 2},
            },
            "hovertemplate": f"{pair}<br>{path.outcome} at %{{y:.3f}} EUR/MWh, {path.energy_wh} Wh<extra></extra>",
        }
    )
    return traces


def paths_label(prepared: Prepared, group: Paths) -> str:
    """Return the negotiations of a slot in words."""
    agreed = sum(path.outcome == "agreed" for path in group.paths)
    span = slot_label(group.start, prepared.slot_hours, group.slot_count)
    return f"{span} (slot {group.slot}): {agreed} of {len(group.paths)} agreed"


def _paths(prepared: Prepared) -> Figure:
    options = []
    for group in prepared.paths:
        data: list[Trace] = []
        for index, path in enumerate(group.paths):
            data += _path_traces(path, CYCLE[index % len(CYCLE)])
        options.append(Option(label=paths_label(prepared, group), data=data))
    return Figure(
        name="negotiation_paths",
        title="Negotiation paths",
        caption="Each pair's offers, round by round: the buyer's bids (▲, solid) rise, the seller's asks (▼, dotted) "
        "fall. ★ agreed at the last offer, ✕ ended without agreement. A ← B: A would buy from B.",
        layout={
            "xaxis": {"title": {"text": "round"}, "tickformat": "d"},
            "yaxis": {"title": {"text": "price offered, EUR/MWh"}},
            "legend": {**LEGEND},
        },
        options=options,
        chosen=prepared.chosen_paths,
        selector="slot",
        height=460,
    )


def balance_values(balance: Balance) -> list[float | None]:
    """Return every value of a balance, for its unit."""
    contracted = [value for values in balance.contracted.values() for value in values]
    return [*balance.upper, *balance.mean, *balance.delivered, *contracted]


def _balances(prepared: Prepared) -> Figure:
    colours = mechanism_colours(prepared.mechanisms)
    options = []
    for balance in prepared.balances:
        factor, unit = unit_of(balance_values(balance))
        level = f" {100 * balance.level:.0f} %" if balance.level is not None else ""
        data = [
            _step_trace(
                prepared,
                balance.upper,
                factor,
                line={"width": 0},
                showlegend=False,
                hoverinfo="skip",
            ),
            _step_trace(
                prepared,
                balance.lower,
                factor,
                line={"width": 0},
                fill="tonexty",
                fillcolor="rgba(86,180,233,0.28)",
                name=f"forecast, interval{level}",
                hoverinfo="skip",
            ),
            _step_trace(
                prepared,
                balance.mean,
                factor,
                line={"color": SKY, "width": 1.5, "dash": "dot"},
                name="forecast, mean",
            ),
        ]
        for mechanism, values in balance.contracted.items():
            data.append(
                _step_trace(
                    prepared,
                    values,
                    factor,
                    line={"color": colours[mechanism], "width": 2},
                    name=f"contracted, {mechanism}",
                )
            )
        data.append(
            _step_trace(
                prepared,
                balance.delivered,
                factor,
                line={"color": INK, "width": 2, "dash": "dash"},
                name="delivered",
            )
        )
        for trace in data:
            trace.setdefault("hovertemplate", f"%{{x|%H:%M}} UTC: %{{y:.3~f}} {unit}")
        axis = {"title": {"text": f"{balance.quantity}, {unit} per slot"}, "rangemode": "tozero"}
        options.append(
            Option(
                label=f"{balance.participant}: {balance.quantity}",
                data=data,
                layout={"yaxis": axis},
            )
        )
    return Figure(
        name="energy_balance",
        title="Energy balance of a participant",
        caption="What its agent forecast, what each mechanism contracted, and what the meter delivered. The gap "
        "between contracted and delivered is bought from or sold to the grid operator.",
        layout={
            "xaxis": {"title": {"text": "start of delivery, UTC"}, "type": "date"},
            "legend": {**LEGEND, "traceorder": "normal"},
            "hovermode": "x unified",
        },
        options=options,
        selector="participant",
        height=460,
    )


def _bills(prepared: Prepared) -> Figure:
    """Small multiples: bills of a factory and a watch do not fit on one axis."""
    colours = {"grid only": GREY} | mechanism_colours(prepared.mechanisms)
    columns = min(4, max(1, len(prepared.bills)))
    rows = -(-len(prepared.bills) // columns)
    data: list[Trace] = []
    layout: Layout = {"showlegend": False, "annotations": []}
    for index, bills in enumerate(prepared.bills):
        suffix = "" if index == 0 else str(index + 1)
        values = {"grid only": bills.grid_only} | dict(bills.by_mechanism)
        column, row = index % columns, index // columns
        width, height = 1 / columns, 1 / rows
        left, top = column * width, 1 - row * height
        layout[f"xaxis{suffix}"] = {
            "domain": [left + 0.14 * width, left + 0.98 * width],
            "anchor": f"y{suffix}",
        }
        layout[f"yaxis{suffix}"] = {
            "domain": [max(0.0, top - height * 0.78), top - height * 0.12],
            "anchor": f"x{suffix}",
            "title": {"text": "EUR" if column == 0 else ""},
            "nticks": 4,
        }
        layout["annotations"].append(
            {
                "text": f"<b>{_escaped(bills.participant)}</b>",
                "showarrow": False,
                "x": left + 0.56 * width,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "center",
                "yanchor": "top",
            }
        )
        data.append(
            {
                "type": "bar",
                "x": list(values),
                "y": [round(value, 6) for value in values.values()],
                "text": [f"{value:#.4g}" for value in values.values()],
                "textposition": "auto",
                "marker": {"color": [colours[name] for name in values]},
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "hovertemplate": "%{x}: %{y:.6f} EUR<extra>"
                + _escaped(bills.participant)
                + "</extra>",
            }
        )
    return Figure(
        name="bills",
        title="Bills against the grid-only bill",
        caption="What each participant pays over the run (negative: receives), EUR, each on its own scale. Grid only: "
        "all import at retail, all export at feed-in, no trade.",
        layout=layout,
        options=[Option(label="", data=data)],
        height=70 + 230 * rows,
    )


def _savings(prepared: Prepared) -> Figure:
    colours = mechanism_colours(prepared.mechanisms)
    data: list[Trace] = [
        {
            "type": "bar",
            "name": mechanism,
            "x": [_escaped(bills.participant) for bills in prepared.bills],
            "y": [bills.saving_percent(mechanism) for bills in prepared.bills],
            "marker": {"color": colours[mechanism]},
            "texttemplate": "%{y:.1f}",
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{x}: %{y:.2f} %<extra>" + mechanism + "</extra>",
        }
        for mechanism in prepared.mechanisms
    ]
    return Figure(
        name="savings",
        title="Saving against the grid-only bill",
        caption="How much less each participant pays, or more it receives, than without trade, as a share of its "
        "grid-only bill. Below zero: energy bought and not used, or sold and not delivered, cost more than trade "
        "brought.",
        layout={
            "barmode": "group",
            "yaxis": {"title": {"text": "saving, % of the grid-only bill"}},
            "legend": {**LEGEND},
        },
        options=[Option(label="", data=data)],
        height=380,
    )


def _gas(prepared: Prepared) -> Figure:
    colours = mechanism_colours(prepared.mechanisms)
    bars = list(reversed(prepared.gas))
    data: list[Trace] = []
    for mechanism in reversed(prepared.mechanisms):  # bars grow upwards, the first stands on top
        values = [bar.by_mechanism.get(mechanism, (0, 0, 0)) for bar in bars]
        for panel, position in (("", 0), ("2", 2)):
            data.append(
                {
                    "type": "bar",
                    "orientation": "h",
                    "name": mechanism,
                    "legendgroup": mechanism,
                    "showlegend": panel == "",
                    "y": [bar.action for bar in bars],
                    "x": [value[position] for value in values],
                    "customdata": [value[1] for value in values],
                    "xaxis": f"x{panel}",
                    "marker": {"color": colours[mechanism]},
                    "hovertemplate": "%{y}: %{x:,} gas, %{customdata} transactions<extra>"
                    + mechanism
                    + "</extra>",
                }
            )
    return Figure(
        name="gas",
        title="Gas by action",
        caption="Left: median gas of one transaction. Right: gas of all transactions of the run.",
        layout={
            "barmode": "group",
            "xaxis": {"title": {"text": "median of one transaction, gas"}, "domain": [0, 0.47]},
            "xaxis2": {"title": {"text": "all transactions, gas"}, "domain": [0.53, 1]},
            "yaxis": {"automargin": True},
            "legend": {**LEGEND, "traceorder": "reversed"},
        },
        options=[Option(label="", data=data)],
        height=130 + 27 * len(bars),
    )


def _escaped(text: str) -> str:
    """Return text for Plotly labels, which understand a little HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
