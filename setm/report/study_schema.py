"""The columns of the studies' tables, for the data dictionary; money in EUR and energy in kWh, rounded to 6 places."""

from __future__ import annotations

from collections.abc import Iterator

from setm.report.schema import Column, Table

CONDITION = (
    ("supply", "balanced, oversupplied or undersupplied"),
    (
        "bidder",
        "zero intelligence: quantity as expected; forecast: quantity of least expected cost",
    ),
    ("quantities", "delivered: what the meter will count is known; forecast: it is forecast"),
)
MEASURES = (
    ("saving_eur", "EUR", "bills with the grid operator alone less bills with the market"),
    ("saving_percent", "%", "saving in % of what import costs with the grid operator alone"),
    ("consumers_saving_eur", "EUR", "saving of the households without a plant"),
    ("imbalance_cost_eur", "EUR", "lost on energy that was contracted and did not flow"),
    ("imbalance_kwh", "kWh", "contracted and not flown, bought and sold"),
    ("traded_kwh", "kWh", "bought in the market"),
    ("mean_price_eur_per_mwh", "EUR/MWh", "what buyers paid for a unit; none without trade"),
    ("self_sufficiency_percent", "%", "import that was bought from other households and delivered"),
    ("savings_gini", "-", "inequality of the households' savings; 0: equal, 1: one has all"),
)
SHARES = (
    ("lost_percent", "saving that forecast errors eat, % of the saving with perfect quantities"),
    ("imbalance_percent", "imbalance cost, % of the saving with perfect quantities"),
    ("consumers_lost_percent", "the same as lost_percent for the households without a plant"),
)


def _condition() -> Iterator[Column]:
    for name, meaning in CONDITION:
        yield Column(name=name, kind="text", unit="-", meaning=meaning)


def _real(name: str, unit: str, meaning: str) -> Column:
    return Column(name=name, kind="real", unit=unit, meaning=meaning)


def _estimate(name: str, unit: str, meaning: str) -> Iterator[Column]:
    """Yield a mean over seeds and the ends of its interval."""
    yield _real(name, unit, f"{meaning}; over all seeds")
    for end in ("low", "high"):
        yield _real(f"{name}_{end}", unit, f"{end} end of the 95 % interval of {name}")


STUDY_DAYS = Table(
    name="study days",
    meaning="one community's day in one condition",
    order=("supply", "bidder", "quantities", "seed"),
    columns=(
        *_condition(),
        Column(name="seed", kind="integer", unit="-", meaning="seed of the prices that were drawn"),
        Column(name="day", kind="text", unit="-", meaning="traded day, ISO 8601"),
        _real("grid_only_eur", "EUR", "bills with the grid operator alone; below 0: received"),
        *(_real(*measure) for measure in MEASURES),
        _real(
            "consumers_grid_only_eur", "EUR", "bills of the households without a plant, grid alone"
        ),
        _real("local_kwh", "kWh", "traded, used and delivered"),
        _real("import_kwh", "kWh", "taken through the households' meters"),
        _real("export_kwh", "kWh", "fed in through the households' meters"),
    ),
)
STUDY_SUMMARY = Table(
    name="study summary",
    meaning="one condition over all seeds",
    order=("supply", "bidder", "quantities"),
    columns=(
        *_condition(),
        Column(name="seeds", kind="integer", unit="-", meaning="how many communities and days"),
        *(column for measure in MEASURES for column in _estimate(*measure)),
        *(column for name, meaning in SHARES for column in _estimate(name, "%", meaning)),
        Column(
            name="published_lost_percent",
            kind="text",
            unit="%",
            meaning="lost_percent according to Kostmann & Härdle 2019",
        ),
    ),
)
STUDY_TABLES = (STUDY_DAYS, STUDY_SUMMARY)
