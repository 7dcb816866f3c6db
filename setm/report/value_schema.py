"""The columns of ``setm forecast-value``; see ``setm.report.schema``."""

from __future__ import annotations

from setm.report.schema import PARTICIPANT, Column, Table


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, kind="text", unit="-", meaning=meaning)


def _days(name: str, meaning: str) -> Column:
    return Column(name=f"{name}_days", kind="integer", unit="d", meaning=meaning)


def _count(name: str, meaning: str) -> Column:
    return Column(name=name, kind="integer", unit="-", meaning=meaning)


def _energy(name: str, meaning: str) -> Column:
    return Column(name=f"{name}_wh", kind="integer", unit="Wh", meaning=f"{meaning}, mean per day")


def _money(name: str, meaning: str) -> Column:
    return Column(
        name=f"{name}_micro_eur",
        kind="integer",
        unit="1e-6 EUR",
        meaning=f"{meaning}, mean per day",
    )


def _price(name: str, meaning: str) -> Column:
    return Column(
        name=f"{name}_eur_per_mwh",
        kind="real",
        unit="EUR/MWh",
        meaning=f"{meaning}, per energy delivered",
    )


MECHANISM = _text("mechanism", "how it was traded")
HISTORY = _days("history", "days of history asked for; empty for perfect foresight")
AMOUNTS = (
    _energy("traded", "energy bought, or sold by a seller"),
    _money("grid", "cost without any trade"),
    _money("cost", "cost with trade, imbalance included"),
    _money("saving", "what the trades that were used saved, before imbalance"),
    _money("imbalance", "what was lost on energy bought and not taken, or sold and not delivered"),
)

VALUES = Table(
    name="values",
    meaning="what a history is worth to the community",
    order=("mechanism", "history_days"),
    columns=(
        MECHANISM,
        HISTORY,
        _days("trading", "days that were traded"),
        _count("seeds", "seeds under which each was traded"),
        _energy("consumed", "energy that all buyers took"),
        *AMOUNTS,
        _price("grid", "cost without any trade"),
        _price("cost", "cost with trade, imbalance included"),
        _price("saving", "saving before imbalance"),
        _price("imbalance", "imbalance"),
        _price("net", "saving less imbalance"),
        _price("behind", "how far that is behind perfect foresight"),
        _price("behind_low", "lower end of its 95 % interval over the days (Student's t)"),
        _price("behind_high", "upper end of its 95 % interval over the days (Student's t)"),
    ),
)

PARTICIPANT_VALUES = Table(
    name="participant_values",
    meaning="what a history is worth to each participant",
    order=("mechanism", "participant", "history_days"),
    columns=(
        MECHANISM,
        PARTICIPANT,
        HISTORY,
        _days("used", "days of history that its data allow instead; empty for perfect foresight"),
        Column(
            name="error_wh",
            kind="real",
            unit="Wh",
            meaning="mean absolute error of its forecast of a slot",
        ),
        _text("models", "models that made its forecasts"),
        _energy("delivered", "energy that it took, or fed in as a seller"),
        *AMOUNTS,
        _price("net", "saving less imbalance"),
    ),
)

VALUE_TABLES = (VALUES, PARTICIPANT_VALUES)
