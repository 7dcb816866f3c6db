"""Forecasts on all cores, each made once: what was made is kept in a folder under the hash of what it was made from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np

import setm.forecast
from setm.data import MeterSeries
from setm.files import write_whole
from setm.forecast import Forecast
from setm.simulation.foresight import Foresight, Question, foresee
from setm.slots import Slot

ARRAYS = ("mean_wh", "lower_wh", "upper_wh")


def answer_all(
    questions: Sequence[Question], cache: Path, each: Callable[[], None]
) -> list[Foresight]:
    """Return the answers in the order of the questions; ``each`` hears of every one."""
    cache.mkdir(parents=True, exist_ok=True)
    code = _code()
    paths = [cache / f"{_key(question, code)}.json" for question in questions]
    found = [_read(path, question) for path, question in zip(paths, questions, strict=True)]
    for answer in found:
        if answer is not None:
            each()
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        pending = {
            pool.submit(foresee, question): place
            for place, question in enumerate(questions)
            if found[place] is None
        }
        for done in as_completed(pending):
            place = pending[done]
            answer = found[place] = done.result()
            write_whole(paths[place], _text(answer))
            each()
    return [answer for answer in found if answer is not None]


def perfect(name: str, series: MeterSeries, question: Question) -> Foresight:
    """Return what will flow as a forecast without any doubt."""
    values = series.import_wh if question.direction == "import" else series.export_wh
    start = question.first_slot - series.first_slot
    known = values[start : start + question.horizon_slots].astype(np.float64)
    forecast = Forecast(
        first_slot=question.first_slot,
        slot_seconds=series.slot_seconds,
        mean_wh=known,
        lower_wh=known,
        upper_wh=known,
        level=0.8,
        model="perfect",
    )
    return Foresight(name=name, direction=question.direction, forecast=forecast, backtest=[])


def _key(question: Question, code: str) -> str:
    """Return the hash of all that an answer depends on: the history, the question and the code of the models."""
    values = asdict(question)
    series = values.pop("series")
    digest = hashlib.sha256(code.encode())
    digest.update(json.dumps(values, sort_keys=True).encode())
    digest.update(f"{series['first_slot']} {series['slot_seconds']}".encode())
    for name in ("import_wh", "export_wh"):
        digest.update(np.ascontiguousarray(series[name]).tobytes())
    return digest.hexdigest()


def _code() -> str:
    folder = Path(str(setm.forecast.__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _text(answer: Foresight) -> str:
    made = answer.forecast
    arrays = {name: getattr(made, name).tolist() for name in ARRAYS}
    return json.dumps({"level": made.level, "model": made.model, **arrays})


def _read(path: Path, question: Question) -> Foresight | None:
    """Return a kept answer, None if there is none; JSON repeats every float to its last bit."""
    if not path.is_file():
        return None
    kept = json.loads(path.read_text())
    forecast = Forecast(
        first_slot=Slot(question.first_slot),
        slot_seconds=question.series.slot_seconds,
        level=kept["level"],
        model=kept["model"],
        **{name: np.array(kept[name]) for name in ARRAYS},
    )
    return Foresight(
        name=question.name, direction=question.direction, forecast=forecast, backtest=[]
    )
