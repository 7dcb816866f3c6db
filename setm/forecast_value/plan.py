"""Which days are traded, and from how much history each participant may forecast them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from setm.data import history_view, slots_per_day
from setm.errors import ConfigError, ForecastError
from setm.forecast.models import AUTO, MODELS
from setm.scenario import ParticipantSpec, times_of
from setm.simulation.foresight import Question
from setm.simulation.settings import Loaded
from setm.slots import slot_start

HISTORIES = (1, 4, 8, 9, 18, 90, 342, 1393)
"""Days of history: those of the case study's agents, and one, ninety."""

# A history that leaves fewer days to trade than this would leave no choice of days.
LEAST_SPAN_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The days to trade and, for each participant, the histories that its data allow on all of them."""

    days: Sequence[date]
    histories: Sequence[int]
    allowed: Mapping[str, Sequence[int]]

    def used(self, name: str, history: int) -> int:
        """Return the history that a participant uses where ``history`` is asked for: the longest allowed up to it."""
        return max(days for days in self.allowed[name] if days <= history)


def plan(loaded: Loaded, days: int, histories: Sequence[int] = HISTORIES) -> Plan:
    """Return ``days`` trading days, evenly spread over those on which everybody has its longest history.

    A history is allowed to a participant if its data leave at least four weeks to trade after it; raises
    ``ForecastError`` if somebody's data allow none of them.
    """
    if days < 1:
        raise ConfigError(f"days {days}: expected at least 1")
    wanted = sorted(set(histories))
    if not wanted or wanted[0] < 1:
        raise ConfigError(f"histories {list(histories)}: expected days of at least 1")
    end = min(_last_day(loaded, name) for name in loaded.series)
    allowed: dict[str, list[int]] = {}
    for name in loaded.series:
        latest = end - timedelta(days=LEAST_SPAN_DAYS - 1)
        allowed[name] = [one for one in wanted if _first_day(loaded, name, one) <= latest]
        if not allowed[name]:
            raise ForecastError(
                f"{name}: {loaded.series[name].path} has too few days for a history of {wanted[0]} days and "
                f"{LEAST_SPAN_DAYS} days to trade; choose a shorter one"
            )
    first = max(_first_day(loaded, name, each[-1]) for name, each in allowed.items())
    span = (end - first).days
    if days > span + 1:
        raise ConfigError(f"days {days}: expected at most {span + 1}, from {first} to {end}")
    offsets = np.linspace(0, span, days).round().astype(int)
    return Plan(
        days=[first + timedelta(days=int(offset)) for offset in offsets],
        histories=wanted,
        allowed=allowed,
    )


def at(loaded: Loaded, day: date) -> Loaded:
    """Return the scenario on another day."""
    scenario = loaded.scenario.model_copy(update={"day": day})
    return Loaded(scenario=scenario, times=times_of(scenario), series=loaded.series)


def questions(loaded: Loaded, made: Plan, model: str | None) -> Iterator[tuple[date, Question]]:
    """Yield every forecast that is needed, as the participant asks it of its own history alone.

    ``model`` is the same for all; None leaves each its own model from the scenario.
    """
    for day in made.days:
        there = at(loaded, day)
        for item in loaded.scenario.participants:
            for history in made.allowed[item.name]:
                yield day, _question(there, item, history, model)


def _question(loaded: Loaded, item: ParticipantSpec, history: int, model: str | None) -> Question:
    times = loaded.times
    return Question(
        name=item.name,
        series=history_view(loaded.series[item.name], times.gate_slot, history),
        direction="export" if item.sells else "import",
        days=history,
        model=_model(model or item.model, history),
        gate_slot=times.gate_slot,
        first_slot=times.first_slot,
        horizon_slots=len(times.slots),
        seed=loaded.scenario.seed % 2**31,
        with_backtest=False,
    )


def _model(name: str, history: int) -> str:
    """Return the model, or ``auto`` where the history is too short for it."""
    return AUTO if name in MODELS and MODELS[name].min_days > history else name


def _first_day(loaded: Loaded, name: str, history: int) -> date:
    """Return the first day for which the gate leaves ``history`` whole days before it."""
    series, times = loaded.series[name], loaded.times
    lead_slots = times.first_slot - times.gate_slot
    first = series.first_slot + history * slots_per_day(series.slot_seconds) + lead_slots
    start = slot_start(first, series.slot_seconds)
    whole = start.hour == start.minute == start.second == 0
    return start.date() if whole else start.date() + timedelta(days=1)


def _last_day(loaded: Loaded, name: str) -> date:
    """Return the last whole day of a series."""
    series = loaded.series[name]
    return slot_start(series.end_slot, series.slot_seconds).date() - timedelta(days=1)
