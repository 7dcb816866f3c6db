"""The study as tables: CSV and Parquet, with a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import t as student

from setm.files import make_folder, storing, write_whole
from setm.forecast_value.costs import Costs
from setm.forecast_value.plot import draw
from setm.forecast_value.study import History, Study
from setm.report.schema import frame
from setm.report.value_schema import PARTICIPANT_VALUES, VALUES

Floats = npt.NDArray[np.float64]

LEVEL = 0.95


def tables(study: Study, consumers: frozenset[str]) -> dict[str, pl.DataFrame]:
    """Return both tables by name; ``consumers`` are those whose energy is the community's consumption."""
    return {
        VALUES.name: frame(VALUES, list(_values(study, consumers))),
        PARTICIPANT_VALUES.name: frame(PARTICIPANT_VALUES, list(_participants(study))),
    }


def write(found: dict[str, pl.DataFrame], folder: Path) -> list[Path]:
    """Write every table as CSV and Parquet and the plot as PNG and SVG; return the files."""
    make_folder(folder)
    files = []
    for name, table in found.items():
        path = folder / f"{name}.csv"
        write_whole(path, table.write_csv(float_precision=6))
        packed = BytesIO()
        table.write_parquet(packed)
        parquet = folder / f"{name}.parquet"
        with storing(parquet):
            parquet.write_bytes(packed.getvalue())
        files += [path, parquet]
    return files + draw(found[VALUES.name], folder)


def _values(study: Study, consumers: frozenset[str]) -> Iterator[dict[str, Any]]:
    best: dict[str, Floats] = {}
    for mechanism, history in _cases(study):
        by_day = [study.costs[mechanism, history, day] for day in study.plan.days]
        everybody = [sum(each.values(), Costs()) for each in by_day]
        energy_wh = sum(each[name].energy_wh for each in by_day for name in consumers)
        bought_wh = sum(each[name].traded_wh for each in by_day for name in consumers)
        total = sum(everybody, Costs())
        # 1e-6 EUR for a Wh is one EUR/MWh.
        nets = _nets(everybody) * len(by_day) / energy_wh
        behind = best.setdefault(mechanism, nets) - nets
        low, high = _interval(behind)
        yield {
            "mechanism": mechanism,
            "history_days": history,
            "trading_days": len(study.plan.days),
            "seeds": study.options.seeds,
            "consumed_wh": _mean(study, energy_wh),
            **_amounts(study, total),
            "traded_wh": _mean(study, bought_wh),
            "grid_eur_per_mwh": total.grid / energy_wh,
            "cost_eur_per_mwh": total.cost / energy_wh,
            "saving_eur_per_mwh": total.saving / energy_wh,
            "imbalance_eur_per_mwh": total.imbalance / energy_wh,
            "net_eur_per_mwh": (total.grid - total.cost) / energy_wh,
            "behind_eur_per_mwh": float(behind.mean()),
            "behind_low_eur_per_mwh": low,
            "behind_high_eur_per_mwh": high,
        }


def _participants(study: Study) -> Iterator[dict[str, Any]]:
    for mechanism, history in _cases(study):
        for name in study.plan.allowed:
            total = sum(
                (study.costs[mechanism, history, day][name] for day in study.plan.days), Costs()
            )
            used = None if history is None else study.plan.used(name, history)
            accuracy = None if used is None else study.accuracy[name, used]
            yield {
                "mechanism": mechanism,
                "participant": name,
                "history_days": history,
                "used_days": used,
                "error_wh": 0.0 if accuracy is None else accuracy.error_wh,
                "models": "perfect" if accuracy is None else ", ".join(accuracy.models),
                "delivered_wh": _mean(study, total.energy_wh),
                **_amounts(study, total),
                "net_eur_per_mwh": (total.grid - total.cost) / max(total.energy_wh, 1),
            }


def _cases(study: Study) -> Iterator[tuple[str, History]]:
    """Yield each mechanism on perfect foresight, which the others are held against, and on each history."""
    for mechanism in study.options.mechanisms:
        for history in (None, *study.plan.histories):
            yield mechanism, history


def _nets(costs: Sequence[Costs]) -> Floats:
    return np.array([one.grid - one.cost for one in costs], dtype=np.float64)


def _amounts(study: Study, total: Costs) -> dict[str, int]:
    return {
        "traded_wh": _mean(study, total.traded_wh),
        "grid_micro_eur": _mean(study, total.grid),
        "cost_micro_eur": _mean(study, total.cost),
        "saving_micro_eur": _mean(study, total.saving),
        "imbalance_micro_eur": _mean(study, total.imbalance),
    }


def _mean(study: Study, total: int) -> int:
    """Return the mean of a day under a seed."""
    return round(total / (len(study.plan.days) * study.options.seeds))


def _interval(values: Floats) -> tuple[float, float]:
    """Return the interval of the mean, Student's t."""
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, mean
    half = student.ppf((1 + LEVEL) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count)
    return float(mean - half), float(mean + half)
