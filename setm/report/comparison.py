"""The columns of a comparison's tables, beside those of a run in ``setm.report.schema``."""

from __future__ import annotations

from setm.report.schema import Column, Kind, Table


def _column(
    name: str, unit: str, meaning: str, kind: Kind = "real", *, volatile: bool = False
) -> Column:
    return Column(name=name, kind=kind, unit=unit, meaning=meaning, is_volatile=volatile)


MECHANISM = _column("mechanism", "-", "name of the mechanism", "text")
SEED = _column("seed", "-", "seed of all draws of the agents", "integer")

# In the order of docs/comparison.md, which defines each. All are over one day of one mechanism.
MEASURES: tuple[Column, ...] = (
    _column("traded_kwh", "kWh", "energy bought from other participants by contract"),
    _column("consumed_kwh", "kWh", "the part of it that its buyers used"),
    _column("supplied_kwh", "kWh", "energy sold by contract that its sellers delivered"),
    _column("slots_percent", "%", "slots with trade, of all slots"),
    _column("welfare_eur", "EUR", "worth to the buyers less cost to the sellers; 0 without trade"),
    _column("welfare_share_percent", "%", "welfare, of the largest that the meter readings allow"),
    _column("buyers_surplus_eur", "EUR", "ceilings less payments on what was bought and used"),
    _column("sellers_surplus_eur", "EUR", "revenues less floors on what was sold and delivered"),
    _column("pool_eur", "EUR", "paid by buyers and received by no seller, rounding included"),
    _column("imbalance_eur", "EUR", "what it cost that contracts were not what then flowed"),
    _column("saving_eur", "EUR", "bills of all participants below those with the grid only"),
    _column("saving_percent", "%", "saving, of what all import costs with the grid only"),
    _column("saving_share_percent", "%", "saving, of the largest that the meter readings allow"),
    _column("buyers_price_eur_per_mwh", "EUR/MWh", "mean price paid by buyers, by energy"),
    _column("sellers_price_eur_per_mwh", "EUR/MWh", "mean price received by sellers, by energy"),
    _column(
        "spread_eur_per_mwh",
        "EUR/MWh",
        "standard deviation of the price paid, by energy, over slots and buyers",
    ),
    _column("self_sufficiency_percent", "%", "energy traded and delivered, of all import"),
    _column("self_consumption_percent", "%", "energy traded and delivered, of all export"),
    _column(
        "savings_gini", "-", "inequality of savings: 0 everybody the same, 1 one has everything"
    ),
)

SEEDS = Table(
    name="seeds",
    meaning="the figures of every mechanism for every seed, by the reference",
    order=("mechanism", "seed"),
    columns=(MECHANISM, SEED, *MEASURES),
)

MEANS = Table(
    name="means",
    meaning="mean and 95 % interval (Student's t) of every figure over the seeds",
    order=(),
    columns=(
        MECHANISM,
        _column("figure", "-", "name of the figure, a column of the table seeds", "text"),
        _column("unit", "-", "unit of mean, low and high", "text"),
        _column("seeds", "-", "seeds in which the figure exists", "integer"),
        _column("mean", "-", "arithmetic mean over these seeds"),
        _column("low", "-", "lower end of the 95 % interval of the mean"),
        _column("high", "-", "upper end of the 95 % interval of the mean"),
        _column("lowest", "-", "smallest value of a seed"),
        _column("highest", "-", "largest value of a seed"),
    ),
)

SAVINGS = Table(
    name="savings",
    meaning="each participant's bill under each mechanism, for the scenario's own seed",
    order=(),
    columns=(
        MECHANISM,
        _column("participant", "-", "name of the participant", "text"),
        _column(
            "grid_only_micro_eur", "1e-6 EUR", "bill without trade; negative: received", "integer"
        ),
        _column("saving_micro_eur", "1e-6 EUR", "by how much its bill is lower", "integer"),
    ),
)

EFFORT = Table(
    name="effort",
    meaning="what each mechanism's day took on the chain, for the scenario's own seed",
    order=(),
    columns=(
        MECHANISM,
        _column("expressions", "-", "orders, offers and other expressions of will", "integer"),
        _column("transactions", "-", "transactions of the whole day", "integer"),
        _column("failed", "-", "those of them that were reverted", "integer"),
        _column("enrolment_gas", "gas", "joining, money and meters", "integer", volatile=True),
        _column("trading_gas", "gas", "transactions to the venue", "integer", volatile=True),
        _column("delivery_gas", "gas", "readings and settlement", "integer", volatile=True),
        _column(
            "per_expression_gas", "gas", "trading gas for each expression of will", volatile=True
        ),
        _column(
            "per_kwh_gas",
            "gas",
            "gas of trading, readings and settlement for each kWh",
            volatile=True,
        ),
        _column("run_seconds", "s", "wall time of the day on the chain", volatile=True),
        _column("rehearsal_seconds", "s", "wall time of the day in the reference", volatile=True),
    ),
)

PUBLIC = Table(
    name="public",
    meaning="what anyone can read on the chain, and in which event",
    order=(),
    columns=(
        MECHANISM,
        _column("fact", "-", "what an observer may want to know", "text"),
        _column("public", "-", "whether the events of the mechanism show it", "flag"),
        _column("events", "-", "contract, event and field that show it on this day", "text"),
    ),
)

COMPARISON_TABLES: tuple[Table, ...] = (SEEDS, MEANS, SAVINGS, EFFORT, PUBLIC)
