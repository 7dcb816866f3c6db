"""What was found as frames, one for each table of ``setm.report.bench_schema``."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from setm.bench.content import Found
from setm.bench.day import STAGES, DayPlan
from setm.report import bench_schema as columns
from setm.report.schema import Row, frame


def tables(found: Found) -> dict[str, pl.DataFrame]:
    """Return every table by its name; one of a section that was left out is empty."""
    rows = {
        columns.HEADLINES: _headlines(found),
        columns.OPERATIONS: _operations(found),
        columns.VENUES: _venues(found),
        columns.STAGES: _stages(found),
        columns.SAME_GAS: _same(found),
        columns.SECONDS: _seconds(found),
        columns.MEMORY: _memory(found),
        columns.GROWTH: _growth(found),
        columns.SCALE: _scale(found),
    }
    return {table.name: frame(table, list(made)) for table, made in rows.items()}


def _headlines(found: Found) -> Iterator[Row]:
    for one in found.headlines:
        yield {
            "figure": one.name,
            "value": float(one.value),
            "bound": float(one.bound),
            "unit": one.unit,
            "is_floor": one.is_floor,
            "is_met": one.is_met,
        }


def _operations(found: Found) -> Iterator[Row]:
    for one in found.operations:
        yield {
            "contract": one.contract,
            "operation": one.scenario,
            "median_gas": one.median_gas,
            "ceiling_gas": one.ceiling_gas,
            "transactions": one.transactions,
            "is_met": one.is_met,
        }


def _venues(found: Found) -> Iterator[Row]:
    for one in found.venues:
        yield {
            "venue": one.venue,
            "participants": one.participants,
            "slots": one.slots,
            "orders": one.orders,
            "transactions": one.transactions,
            "total_gas": one.gas_of(),
            "largest_gas": one.largest_gas,
            "placed_per_order_gas": one.placed_per_order,
            "cleared_per_order_gas": one.cleared_per_order,
            "metered_per_order_gas": one.metered_per_order,
            "paid_per_order_gas": one.paid_per_order,
            "total_per_order_gas": one.gas_per_order,
            "total_per_participant_day_gas": one.gas_per_participant_day,
        }


def _stages(found: Found) -> Iterator[Row]:
    for one in found.venues:
        for stage in one.stages:
            yield {
                "venue": one.venue,
                "participants": one.participants,
                "slots": one.slots,
                "stage": stage.stage,
                "transactions": stage.transactions,
                "total_gas": stage.gas,
                "largest_gas": stage.largest_gas,
                "input_bytes": stage.input_bytes,
            }


def _same(found: Found) -> Iterator[Row]:
    for one in found.same:
        yield {
            "venue": one.venue,
            "network": one.network,
            "participants": one.participants,
            "slots": one.slots,
            "stage": one.stage,
            "transactions": one.transactions,
            "total_gas": one.gas,
            "chain_total_gas": one.chain_gas,
            "difference_gas": one.difference,
        }


def _day(plan: DayPlan) -> Row:
    return {
        "mechanism": plan.mechanism,
        "network": plan.network,
        "participants": plan.participants,
        "slots": plan.slots,
    }


def _seconds(found: Found) -> Iterator[Row]:
    for one in found.days:
        for stage in STAGES:
            yield {**_day(one.plan), "stage": stage, "duration_s": one.seconds.get(stage, 0.0)}


def _memory(found: Found) -> Iterator[Row]:
    for one in found.days:
        yield {
            **_day(one.plan),
            "transactions": one.transactions,
            "program_mib": one.program_mib,
            "chain_mib": one.chain_mib,
        }


def _growth(found: Found) -> Iterator[Row]:
    for one in found.growth:
        yield {
            "subject": one.subject,
            "slots": one.slots,
            "quantity": one.quantity,
            "sizes": " ".join(map(str, one.sizes)),
            "exponent": one.exponent,
            "is_linear": one.is_linear,
            "is_share_falling": one.is_share_falling,
        }


def _scale(found: Found) -> Iterator[Row]:
    for one in found.scale:
        yield {
            "venue": one.venue,
            "slots": one.slots,
            "participants": one.participants,
            "chain": one.chain.name,
            "block_gas": one.chain.block_gas,
            "block_s": float(one.chain.block_seconds),
            "stage": one.stage,
            "total_gas": one.gas,
            "input_bytes": one.input_bytes,
            "transactions": one.transactions,
            "blocks": one.blocks,
            "duration_s": float(one.seconds),
            "day_share": one.day_share,
            "fit_error": one.fit_error,
        }
