"""The columns of ``setm bench``'s tables; see ``setm.report.schema``."""

from __future__ import annotations

from setm.report.schema import Column, Kind, Table


def _column(name: str, unit: str, meaning: str, kind: Kind = "real") -> Column:
    return Column(name=name, kind=kind, unit=unit, meaning=meaning)


def _text(name: str, meaning: str) -> Column:
    return _column(name, "-", meaning, "text")


def _count(name: str, meaning: str) -> Column:
    return _column(name, "-", meaning, "integer")


def _gas(name: str, meaning: str, kind: Kind = "integer") -> Column:
    return _column(f"{name}_gas", "gas", meaning, kind)


def _flag(name: str, meaning: str) -> Column:
    return _column(name, "-", meaning, "flag")


VENUE = _text("venue", "venue that is measured")
NETWORK = _text("network", "anvil or ganache")
PARTICIPANTS = _count("participants", "participants, each with one meter")
SLOTS = _count("slots", "slots of the day that are traded")
TRANSACTIONS = _count("transactions", "transactions")
STAGE = _text("stage", "part of the day, see docs/benchmarks.md")

OPERATIONS = Table(
    name="operations",
    meaning="gas of single operations against their ceilings",
    order=(),
    columns=(
        _text("contract", "group of contracts"),
        _text("operation", "what is done"),
        _gas("median", "median over the transactions"),
        _gas("ceiling", "what it is to cost at most; empty if nothing was promised"),
        TRANSACTIONS,
        _flag("is_met", "whether the median is within the ceiling; empty without one"),
    ),
)
VENUES = Table(
    name="venues",
    meaning="gas per order and participant-day by venue and number of participants",
    order=(),
    columns=(
        VENUE,
        PARTICIPANTS,
        SLOTS,
        _count("orders", "orders: one participant's wish in one slot"),
        TRANSACTIONS,
        _gas("total", "all transactions of the day"),
        _gas("largest", "the dearest transaction"),
        _gas("placed_per_order", "orders posted, or committed and opened, per order", "real"),
        _gas("cleared_per_order", "clearing per order", "real"),
        _gas("metered_per_order", "meter readings per order", "real"),
        _gas("paid_per_order", "settlement per order", "real"),
        _gas("total_per_order", "everything, per order", "real"),
        _gas("total_per_participant_day", "everything, per participant", "real"),
    ),
)
STAGES = Table(
    name="stages",
    meaning="gas of each stage of each venue's day",
    order=(),
    columns=(
        VENUE,
        PARTICIPANTS,
        SLOTS,
        STAGE,
        TRANSACTIONS,
        _gas("total", "all transactions of the stage"),
        _gas("largest", "the dearest transaction"),
        _column("input_bytes", "B", "input of all transactions", "integer"),
    ),
)
SAME_GAS = Table(
    name="same_gas",
    meaning="the same calls on a chain and on the EVM in process",
    order=(),
    columns=(
        VENUE,
        NETWORK,
        PARTICIPANTS,
        SLOTS,
        STAGE,
        TRANSACTIONS,
        _gas("total", "all transactions of the stage, in process"),
        _gas("chain_total", "all transactions of the stage, on the chain"),
        _gas("difference", "the chain's less ours"),
    ),
)
DAY = (_text("mechanism", "mechanism that is traded"), NETWORK, PARTICIPANTS, SLOTS)
SECONDS = Table(
    name="seconds",
    meaning="seconds of each stage of a day on a chain",
    order=(),
    columns=(*DAY, STAGE, _column("duration_s", "s", "wall time")),
)
MEMORY = Table(
    name="memory",
    meaning="the most memory in use in a day on a chain",
    order=(),
    columns=(
        *DAY,
        TRANSACTIONS,
        _column("program_mib", "MiB", "peak of the program's resident memory"),
        _column("chain_mib", "MiB", "peak of the chain's; empty where the system does not tell"),
    ),
)
GROWTH = Table(
    name="growth",
    meaning="exponents of cost in the number of participants",
    order=(),
    columns=(
        _text("subject", "venue, or mechanism and network"),
        SLOTS,
        _text("quantity", "gas, or the seconds of a stage"),
        _text("sizes", "numbers of participants of the fit"),
        _column("exponent", "-", "b of a N^b, least squares of the logarithms"),
        _flag("is_linear", "gas only: whether the exponent is 1.02 at most"),
        _flag("is_share_falling", "gas only: whether gas per order never rises with N"),
    ),
)
SCALE = Table(
    name="scale",
    meaning="what many participants would cost, by the lines fitted to the days that were measured",
    order=(),
    columns=(
        VENUE,
        SLOTS,
        PARTICIPANTS,
        _text("chain", "chain that does nothing else"),
        _gas("block", "what a block holds"),
        _column("block_s", "s", "from one block to the next"),
        STAGE,
        _gas("total", "all transactions of the stage"),
        _column("input_bytes", "B", "input of all transactions", "integer"),
        _count("transactions", "transactions, by gas (EIP-7825) and by input (128 KiB)"),
        _count("blocks", "blocks that they fill"),
        _column("duration_s", "s", "how long they fill the chain's blocks"),
        _column("day_share", "-", "of all blocks of a day, those that they fill"),
        _column("fit_error", "-", "largest relative difference between line and measurement"),
    ),
)
HEADLINES = Table(
    name="headlines",
    meaning="what is promised, what was measured",
    order=(),
    columns=(
        _text("figure", "what is promised"),
        _column("value", "unit", "what was measured"),
        _column("bound", "unit", "ceiling, or floor if is_floor"),
        _text("unit", "unit of value and bound"),
        _flag("is_floor", "whether the value is to be at least the bound"),
        _flag("is_met", "whether the promise holds"),
    ),
)
BENCH_TABLES = (
    HEADLINES,
    OPERATIONS,
    VENUES,
    STAGES,
    SAME_GAS,
    SECONDS,
    MEMORY,
    GROWTH,
    SCALE,
)
