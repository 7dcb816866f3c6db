"""What each agent expects of the day, from its own history alone, and how good such forecasts were before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from setm.agents.types import QuantityForecast
from setm.data import MeterSeries, history_view, slots_per_day
from setm.errors import ForecastError
from setm.forecast import BacktestRow, Direction, Forecast, backtest, forecast_day
from setm.forecast.together import TOGETHER, forecast_days
from setm.slots import Slot

BACKTEST_ORIGINS = 7
# How often processes are started for what killed ones left open.
POOLS = 3
# From so many questions on, those that arrays can answer are answered together.
MANY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one agent asks of its own series before the gate closes.

    ``gate_slot`` is the slot in which the gate closes: the first that the agent does not know yet.
    """

    name: str
    series: MeterSeries
    direction: Direction
    days: int
    model: str
    gate_slot: Slot
    first_slot: Slot
    horizon_slots: int
    seed: int
    with_backtest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """The answer: a forecast of the day, and the backtest rows of the models that the history allows."""

    name: str
    direction: Direction
    forecast: Forecast
    backtest: Sequence[BacktestRow]

    def by_slot(self) -> dict[Slot, QuantityForecast]:
        """Return the forecast of each slot, as agents take it."""
        made = self.forecast
        values = zip(made.mean_wh, made.lower_wh, made.upper_wh, strict=True)
        return {
            Slot(made.first_slot + offset): QuantityForecast(
                mean_wh=float(mean),
                lower_wh=float(lower),
                upper_wh=float(upper),
                coverage=made.level,
            )
            for offset, (mean, lower, upper) in enumerate(values)
        }


def foresee(question: Question) -> Foresight:
    """Return one agent's forecast; it sees ``days`` days before the gate and nothing else."""
    history = history_view(question.series, question.gate_slot, question.days)
    gap_slots = question.first_slot - question.gate_slot
    forecast = forecast_day(
        history,
        direction=question.direction,
        horizon_slots=question.horizon_slots,
        gap_slots=gap_slots,
        model=question.model,
        seed=question.seed,
    )
    rows = _backtest(question, gap_slots) if question.with_backtest else []
    return Foresight(
        name=question.name, direction=question.direction, forecast=forecast, backtest=rows
    )


def foresee_all(
    questions: Sequence[Question], each: Callable[[str], None]
) -> dict[tuple[str, Direction], Foresight]:
    """Return all answers; each is computed in a process of its own, so no agent can look at another's data.

    Many questions to models of ``TOGETHER`` alone, without a backtest, are answered at once instead, each from its own
    row of an array and equal to the last bit. What a killed process was to answer is asked again. Raises
    ``ForecastError`` if they are killed again and again.
    """
    if len(questions) >= MANY and all(
        item.model in TOGETHER and not item.with_backtest for item in questions
    ):
        return _foresee_together(questions, each)
    answers: dict[tuple[str, Direction], Foresight] = {}
    for _ in range(POOLS):
        open_ones = [item for item in questions if (item.name, item.direction) not in answers]
        with suppress(BrokenProcessPool):
            _ask_pool(open_ones, answers, each)
            return answers
    raise ForecastError(
        f"forecasts: their processes were killed {POOLS} times (is memory short?); {len(answers)} of {len(questions)} "
        "are made; run the same command again"
    )


def _foresee_together(
    questions: Sequence[Question], each: Callable[[str], None]
) -> dict[tuple[str, Direction], Foresight]:
    """Return all answers; those over the same slots, of one model and direction, come from one array."""
    alike: dict[tuple[object, ...], list[Question]] = {}
    for item in questions:
        span = (item.days, item.gate_slot, item.first_slot, item.horizon_slots)
        key = (item.direction, item.model, item.series.slot_seconds, *span)
        alike.setdefault(key, []).append(item)
    answers: dict[tuple[str, Direction], Foresight] = {}
    for group in alike.values():
        first = group[0]
        made = forecast_days(
            [history_view(item.series, item.gate_slot, item.days) for item in group],
            direction=first.direction,
            horizon_slots=first.horizon_slots,
            gap_slots=first.first_slot - first.gate_slot,
            model=first.model,
        )
        for item, forecast in zip(group, made, strict=True):
            answers[item.name, item.direction] = Foresight(
                name=item.name, direction=item.direction, forecast=forecast, backtest=[]
            )
            each(item.name)
    return answers


def _ask_pool(
    questions: Sequence[Question],
    answers: dict[tuple[str, Direction], Foresight],
    each: Callable[[str], None],
) -> None:
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        pending = [pool.submit(foresee, question) for question in questions]
        for done in as_completed(pending):
            answer = done.result()
            answers[answer.name, answer.direction] = answer
            each(answer.name)


def _backtest(question: Question, gap_slots: int) -> list[BacktestRow]:
    """Measure the models at earlier gates, as far as the series reaches back beyond the agent's window."""
    series, day = question.series, slots_per_day(question.series.slot_seconds)
    known = (question.gate_slot - series.first_slot) // day
    needed = question.days + -(-(gap_slots + question.horizon_slots) // day)
    if known < needed:
        return []
    days = min(known, needed + BACKTEST_ORIGINS - 1)
    return backtest(
        history_view(series, question.gate_slot, days),
        history_days=question.days,
        horizon_slots=question.horizon_slots,
        gap_slots=gap_slots,
        direction=question.direction,
        origins=BACKTEST_ORIGINS,
        seed=question.seed,
    )


def forecast_records(answers: Mapping[tuple[str, Direction], Foresight]) -> list[dict[str, Any]]:
    """Return one record for each participant, quantity and slot, Wh."""
    return [
        {
            "participant": name,
            "slot": slot,
            "quantity": direction,
            "mean_wh": round(value.mean_wh, 3),
            "lower_wh": round(value.lower_wh, 3),
            "upper_wh": round(value.upper_wh, 3),
            "level": value.coverage,
            "model": answer.forecast.model,
        }
        for (name, direction), answer in sorted(answers.items())
        for slot, value in answer.by_slot().items()
    ]


def backtest_records(answers: Mapping[tuple[str, Direction], Foresight]) -> list[dict[str, Any]]:
    """Return one record for each participant, quantity and model."""
    return [
        {
            "participant": name,
            "quantity": direction,
            "model": row.model,
            "model_used": row.model_used,
            "origins": row.origins,
            "mae_wh": row.mae_wh,
            "mase": row.mase,
            "pinball_wh": row.pinball_wh,
            "coverage": row.coverage,
        }
        for (name, direction), answer in sorted(answers.items())
        for row in answer.backtest
    ]


def to_json(answers: Mapping[tuple[str, Direction], Foresight]) -> str:
    """Return all answers as text that ``from_json`` turns into the same numbers, to the last bit."""
    kept = [
        {
            "name": answer.name,
            "direction": answer.direction,
            "forecast": asdict(answer.forecast),
            "backtest": [asdict(row) for row in answer.backtest],
        }
        for answer in answers.values()
    ]
    return json.dumps(kept, default=np.ndarray.tolist)


def from_json(text: str) -> dict[tuple[str, Direction], Foresight]:
    """Return what ``to_json`` was given."""
    return {
        (kept["name"], kept["direction"]): Foresight(
            name=kept["name"],
            direction=kept["direction"],
            forecast=_forecast(kept["forecast"]),
            backtest=[BacktestRow(**row) for row in kept["backtest"]],
        )
        for kept in json.loads(text)
    }


def _forecast(kept: Mapping[str, Any]) -> Forecast:
    bands = {name: np.array(kept[name]) for name in ("mean_wh", "lower_wh", "upper_wh")}
    return Forecast(**{**kept, **bands})
