"""The columns of every table: name, type, unit and meaning; the source of ``docs/data_dictionary.csv``.

Column names end in their unit: ``_wh`` energy, ``_micro_eur`` money (1e-6 EUR, the unit of the token),
``_milli_eur_per_mwh`` prices (0.001 EUR/MWh), ``_utc`` times, ``_gas`` gas. All of these are integers.
A volatile column differs from run to run of the same scenario and seed (transaction hashes, addresses, chain times,
gas): ``hashes`` leaves it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

Kind = Literal["integer", "real", "text", "time", "flag"]
Row = Mapping[str, Any]

TYPES: Mapping[Kind, pl.DataType] = {
    "integer": pl.Int64(),
    "real": pl.Float64(),
    "text": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "flag": pl.Boolean(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    is_volatile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and the columns by which its rows are sorted."""

    name: str
    meaning: str
    order: tuple[str, ...]
    columns: tuple[Column, ...]

    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]


def _text(name: str, meaning: str) -> Column:
    return Column(name=name, kind="text", unit="-", meaning=meaning)


def _number(name: str, meaning: str, unit: str = "-") -> Column:
    return Column(name=name, kind="integer", unit=unit, meaning=meaning)


def _real(name: str, unit: str, meaning: str) -> Column:
    return Column(name=name, kind="real", unit=unit, meaning=meaning)


def _flag(name: str, meaning: str) -> Column:
    return Column(name=name, kind="flag", unit="-", meaning=meaning)


def _energy(name: str, meaning: str) -> Column:
    return _number(f"{name}_wh", meaning, "Wh")


def _money(name: str, meaning: str) -> Column:
    return _number(f"{name}_micro_eur", meaning, "1e-6 EUR")


def _price(name: str, meaning: str) -> Column:
    return _number(f"{name}_milli_eur_per_mwh", meaning, "0.001 EUR/MWh")


def _chain_time(name: str, meaning: str) -> Column:
    return Column(
        name=f"{name}_utc",
        kind="time",
        unit="UTC",
        meaning=f"{meaning}, chain time",
        is_volatile=True,
    )


def _tx(name: str, meaning: str) -> Column:
    return Column(
        name=name, kind="text", unit="-", meaning=f"transaction {meaning}", is_volatile=True
    )


def _gas(name: str, meaning: str) -> Column:
    return Column(name=f"{name}_gas", kind="integer", unit="gas", meaning=meaning, is_volatile=True)


SLOT = _number("slot", "delivery slot, UTC Unix seconds // slot seconds")
START = Column(name="start_utc", kind="time", unit="UTC", meaning="start of the slot's delivery")
PARTICIPANT = _text("participant", "name of the participant")
VENUE = _text(
    "venue", "where it was traded: auction, negotiation or another venue of the deployment"
)

PARTICIPANTS = Table(
    name="participants",
    meaning="who takes part",
    order=("participant_id",),
    columns=(
        _number("participant_id", "number in the registry; 1 is the grid operator"),
        PARTICIPANT,
        _text("kind", "kind that the authority identified"),
        _text("device", "device behind the participant"),
        _number("zone", "grid zone"),
        Column(
            name="account", kind="text", unit="-", meaning="owner key's address", is_volatile=True
        ),
        _number("meter", "number of the bound meter"),
        _energy("capacity", "most energy that the meter measures in a slot"),
        _number("days_for_forecasting_days", "days of history the agent may forecast from", "d"),
        _price("min_bid", "lowest price the agent may name"),
        _price("max_bid", "highest price the agent may name"),
    ),
)

ORDERS = Table(
    name="orders",
    meaning="orders of auctions: sealed, open, or in signed schedules",
    order=("slot", "venue", "participant_id", "number"),
    columns=(
        SLOT,
        START,
        VENUE,
        _number("participant_id", "who ordered"),
        PARTICIPANT,
        _number("number", "counts the participant's orders in the slot from 1"),
        _text("side", "bid buys, ask sells"),
        _text(
            "state",
            "opened, unopened, cancelled, refused or forfeited; of a schedule signed, forced or set aside",
        ),
        _number("tick", "tick of the limit price; empty if never opened"),
        _price("limit", "limit price; empty if never opened"),
        _energy("energy", "quantity ordered; empty if never opened"),
        _energy("ahead", "quantity at the same tick that stands before the order"),
        _energy("filled", "quantity traded"),
        _money("bound", "collateral that the order bound; of a schedule what its fill bound"),
        _chain_time(
            "ordered_at", "when the order came in; of a schedule when its book was committed to"
        ),
        _tx("order_tx_hash", "that brought the order, committed to it or forced it in"),
        _tx("open_tx_hash", "that opened the order"),
    ),
)

OFFERS = Table(
    name="offers",
    meaning="offers and counter-offers of the negotiations, in order",
    order=("negotiation_id", "round"),
    columns=(
        _number("negotiation_id", "number of the negotiation"),
        _number("round", "counts the offers of a negotiation from 1"),
        _number("first_slot", "first delivery slot"),
        START,
        _number("slot_count", "how many slots in a row"),
        _text("buyer", "who would buy"),
        _text("seller", "who would sell"),
        _text("by", "who made the offer"),
        _text("side", "bid if the buyer offered, ask if the seller did"),
        _energy("energy", "quantity in each slot"),
        _price("price", "price offered"),
        _text("outcome", "countered, agreed, rejected, withdrawn, expired or open"),
        _chain_time("made_at", "when the offer was made"),
        _chain_time("expires_at", "until when the offer stood"),
        _tx("tx_hash", "of the offer"),
        _tx("end_tx_hash", "that accepted, rejected, withdrew or expired it"),
    ),
)

TRADES = Table(
    name="trades",
    meaning="both sides of every trade, one row for each slot, participant and agreement or order",
    order=("slot", "venue", "negotiation_id", "participant_id", "number", "side"),
    columns=(
        SLOT,
        START,
        VENUE,
        _number("participant_id", "who traded"),
        PARTICIPANT,
        _number("number", "counts the participant's trades in the slot and venue from 1"),
        _text("side", "bid bought, ask sold"),
        _text("counterparty", "the other side of an agreement; empty in the auction"),
        _number("negotiation_id", "number of the negotiation; 0 if agreed off chain or by auction"),
        _energy("energy", "quantity traded"),
        _price("price", "price"),
        _money("amount", "paid (bid, rounded up) or earned (ask, rounded down)"),
        _tx("tx_hash", "that fixed the trade: agreement or clearing"),
    ),
)

READINGS = Table(
    name="readings",
    meaning="readings of the meters",
    order=("slot", "participant_id"),
    columns=(
        SLOT,
        START,
        _number("participant_id", "whose meter"),
        PARTICIPANT,
        _number("meter", "number of the meter"),
        _energy("import", "taken from the grid"),
        _energy("export", "fed into the grid"),
        _text("state", "accepted, disputed or resolved"),
        _chain_time("posted_at", "when the reading was posted"),
        _tx("tx_hash", "that posted the reading"),
    ),
)

PAYMENTS = Table(
    name="payments",
    meaning="one bill for each participant and slot; positive bills are paid, negative ones received",
    order=("slot", "participant_id"),
    columns=(
        SLOT,
        START,
        _number("participant_id", "whose bill"),
        PARTICIPANT,
        _energy("bought", "bought from other participants"),
        _energy("sold", "sold to other participants"),
        _energy("import", "taken from the grid, as settled"),
        _energy("export", "fed into the grid, as settled"),
        _energy("grid_bought", "bought from the grid operator"),
        _energy("grid_sold", "sold to the grid operator"),
        _money("payment", "paid for what was bought from participants"),
        _money("revenue", "earned by what was sold to participants"),
        _money("bond_forfeited", "bond lost for an order that was not opened"),
        _money("compensation", "share received of the other side's forfeited bonds"),
        _money("charge", "owed to the grid operator, penalty included"),
        _money("penalty", "part of the charge that punishes two signed values"),
        _money("credit", "owed by the grid operator"),
        _money("arrears_change", "growth of the debt to the grid operator"),
        _money("bill", "payment - revenue + bond forfeited - compensation + charge - credit"),
        _money(
            "grid_only_bill", "import at retail, rounded up, less export at feed-in, rounded down"
        ),
        _money("saving", "grid-only bill less bill"),
        _flag("is_measured", "false if no reading came in time and the default rule applied"),
        _text(
            "settled_as",
            "slot; or day: charge and credit are what the day's, rounded once, grow by in the slot",
        ),
        _tx("tx_hash", "that settled the slot or its day"),
    ),
)

PRICES = Table(
    name="prices",
    meaning="price and volume of each slot and venue",
    order=("slot", "venue"),
    columns=(
        SLOT,
        START,
        VENUE,
        _energy("volume", "energy traded"),
        _number("trades", "trades: filled orders of both sides, or agreements"),
        _price("low", "lowest price of the slot; empty without trade"),
        _price("high", "highest price of the slot; empty without trade"),
        _real("mean_price_eur_per_mwh", "EUR/MWh", "mean price weighted by energy"),
        _number("bid_margin_tick", "tick of the worst filled bid; auctions of one zone only"),
        _price("bid_margin", "price of the worst filled bid; auctions of one zone only"),
        _energy("bid_margin", "quantity of all bids at that tick"),
        _energy("bid_margin_filled", "how much of it was filled"),
        _number("ask_margin_tick", "tick of the worst filled ask; auctions of one zone only"),
        _price("ask_margin", "price of the worst filled ask; auctions of one zone only"),
        _energy("ask_margin", "quantity of all asks at that tick"),
        _energy("ask_margin_filled", "how much of it was filled"),
        _money("surplus", "what buyers pay beyond what sellers get; auctions of one zone only"),
        _tx("clear_tx_hash", "that cleared the slot; auctions of one zone only"),
    ),
)

CONSERVATION = Table(
    name="conservation",
    meaning="the money of each slot: everything paid is received, to the last unit",
    order=("slot",),
    columns=(
        SLOT,
        START,
        _money("paid_by_buyers", "payments for trades"),
        _money("earned_by_sellers", "revenues of trades"),
        _money("surplus", "what the auction's rule leaves over for the grid operator"),
        _money("dust", "rounding that stays in the venue: payments less revenues and surplus"),
        _money("bonds_forfeited", "bonds of unopened orders"),
        _money("compensations", "paid to the other side out of these bonds"),
        _money("bonds_kept", "bonds that stay in the venue: forfeited less compensations"),
        _money("charges", "owed to the grid operator"),
        _money("credits", "owed by the grid operator"),
        _money("operator_income", "what the grid operator is owed on balance"),
        _money("arrears_change", "part of it that was not paid at once"),
        _money("sum", "all amounts received less all amounts paid: zero"),
    ),
)

ACCOUNTS = Table(
    name="accounts",
    meaning="the money of each participant over the run, explained by its bills",
    order=("participant_id",),
    columns=(
        _number("participant_id", "whose money"),
        PARTICIPANT,
        _money("deposited", "paid in"),
        _money("withdrawn", "paid out"),
        _money("bills", "sum of the bills; for the grid operator less its income from them"),
        _money("owed", "arrears: owed to the grid operator and not paid"),
        _money("surplus", "surplus of the auction's rule, paid out; grid operator only"),
        _money("free", "free balance at the end"),
        _money("collateral", "collateral at the end, all venues"),
        _money(
            "unexplained",
            "free + collateral - (deposited - withdrawn - bills + owed + surplus): zero",
        ),
    ),
)

MOVEMENTS = Table(
    name="movements",
    meaning="every movement of money in the clearinghouse, in the order of the chain",
    order=("number",),
    columns=(
        _number("number", "counts the movements from 1"),
        _text("movement", "deposited, withdrawn, locked, released or closed"),
        _number("participant_id", "whose money"),
        PARTICIPANT,
        _text("venue", "contract for which collateral was locked"),
        _text("heir", "contract that received released and paid; empty: free balance"),
        _money("amount", "amount of a deposit, withdrawal, lock or release"),
        _money("charged", "moved from collateral into the venue's pool"),
        _money("released", "collateral set free or handed on"),
        _money("paid", "paid from the venue's pool"),
        _money("free", "free balance of the participant after the movement"),
        _chain_time("moved_at", "when it moved"),
        _tx("tx_hash", "of the movement"),
    ),
)

GAS = Table(
    name="gas",
    meaning="gas by action",
    order=("action", "contract"),
    columns=(
        _text("action", "what was done"),
        _text("contract", "contract that was called"),
        _number("transactions", "how many were sent"),
        _number("failed", "how many of them were reverted"),
        _gas("median", "median of one transaction"),
        _gas("lowest", "cheapest transaction"),
        _gas("highest", "dearest transaction"),
        _gas("total", "sum of all"),
    ),
)

FORECASTS = Table(
    name="forecasts",
    meaning="what each agent expected when it traded; its private knowledge, not on chain",
    order=("slot", "participant", "quantity"),
    columns=(
        SLOT,
        START,
        PARTICIPANT,
        _text("quantity", "import or export"),
        _real("mean_wh", "Wh", "expected energy"),
        _real("lower_wh", "Wh", "lower end of the interval"),
        _real("upper_wh", "Wh", "upper end of the interval"),
        _real("level", "-", "probability that the interval holds the value"),
        _text("model", "forecast model"),
    ),
)

BACKTEST = Table(
    name="backtest",
    meaning="how well each model forecast the days before; private, not on chain",
    order=("participant", "quantity", "model"),
    columns=(
        PARTICIPANT,
        _text("quantity", "import or export"),
        _text("model", "forecast model"),
        _text("model_used", "what the model auto chose; else the model"),
        _number("origins", "how many forecasts were compared"),
        _real("mae_wh", "Wh", "mean absolute error"),
        _real("mase", "-", "error over that of a daily seasonal naive forecast in the history"),
        _real("pinball_wh", "Wh", "mean pinball loss at the ends of the interval"),
        _real("coverage", "-", "share of values inside the interval"),
    ),
)

PAIRS = Table(
    name="pairs",
    meaning="who agreed with whom: how much more than sizes explain, at which price beside the others'",
    order=("buyer_id", "seller_id"),
    columns=(
        _number("buyer_id", "who bought"),
        _text("buyer", "name of the buyer"),
        _number("seller_id", "who sold"),
        _text("seller", "name of the seller"),
        _number("slots", "slots in which the two traded"),
        _energy("energy", "quantity traded"),
        _real("expected_wh", "Wh", "quantity if everybody met everybody else by size alone"),
        _real("buyer_share_percent", "%", "part of all that the buyer bought by agreement"),
        _real("seller_share_percent", "%", "part of all that the seller sold by agreement"),
        _real("mean_price_eur_per_mwh", "EUR/MWh", "mean price weighted by energy"),
        _real(
            "reference_price_eur_per_mwh",
            "EUR/MWh",
            "median by energy of all other pairs in the same slots; empty if there was none",
        ),
        _energy("back", "energy that flowed the other way between the two in the same slots"),
        _text("hints", "closed pair, price apart, round trip; empty if nothing is unusual"),
    ),
)

SHARES = Table(
    name="shares",
    meaning="each participant's part of what a venue's side traded, and how concentrated the side is",
    order=("venue", "side", "participant_id"),
    columns=(
        VENUE,
        _text("side", "bid bought, ask sold"),
        _number("participant_id", "who traded"),
        PARTICIPANT,
        _energy("energy", "quantity traded"),
        _real("share_percent", "%", "part of the side"),
        _real(
            "concentration", "-", "Herfindahl-Hirschman index of the side; 10000 is one participant"
        ),
        _number("orders", "orders of the auction that were not cancelled"),
        _number("unopened", "those of them that were never opened"),
        _text("hints", "withholds orders; empty if nothing is unusual"),
    ),
)

METERS = Table(
    name="meters",
    meaning="whether each meter says what can be: against its capacity and its own history",
    order=("participant_id",),
    columns=(
        _number("participant_id", "whose meter"),
        PARTICIPANT,
        _number("slots", "slots of the run"),
        _number("silent_slots", "slots without a reading in time"),
        _energy("highest", "largest reading, import or export"),
        _real("capacity_percent", "%", "that reading as a part of the meter's capacity"),
        _number("full_slots", "slots with 90 % of the capacity or more"),
        _number("repeated_slots", "longest row of equal readings, zeros aside"),
        _real(
            "below_percent",
            "%",
            "readings below the interval that the agent forecast from the meter's history",
        ),
        _text(
            "hints", "silent, at capacity, stuck, below its history; empty if nothing is unusual"
        ),
    ),
)

MECHANISM_TABLES: tuple[Table, ...] = (
    PARTICIPANTS,
    ORDERS,
    OFFERS,
    TRADES,
    READINGS,
    PAYMENTS,
    PRICES,
    CONSERVATION,
    ACCOUNTS,
    MOVEMENTS,
    GAS,
    PAIRS,
    SHARES,
)
RUN_TABLES: tuple[Table, ...] = (FORECASTS, BACKTEST, METERS)


def frame(table: Table, rows: Sequence[Row]) -> pl.DataFrame:
    """Return rows as a frame with exactly the table's columns and types, in the table's order if it has one."""
    schema = {column.name: TYPES[column.kind] for column in table.columns}
    made = pl.DataFrame(rows, schema=schema, orient="row", strict=True)
    return made.sort(table.order, nulls_last=True, maintain_order=True) if table.order else made
