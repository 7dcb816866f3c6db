"""The result of one check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from setm.errors import SetmError

Outcome = Literal["ok", "failed", "warning"]
# So many differences are told; the rest is counted.
TOLD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, how it came out, and why."""

    area: str
    name: str
    outcome: Outcome
    why: str


def found(area: str, name: str, faults: Iterable[str], *, good: str | Callable[[], str]) -> Check:
    """Return a check that fails if there is a fault; ``good`` says what was seen otherwise.

    Looking for faults may itself fail, when what answers is another contract or a record contradicts itself: a fault.
    """
    listed: list[str] = []
    try:
        listed.extend(faults)
    except SetmError as error:
        listed.append(str(error))
    if not listed:
        why = good if isinstance(good, str) else good()
        return Check(area=area, name=name, outcome="ok", why=why)
    more = f"; and {len(listed) - TOLD} more" if len(listed) > TOLD else ""
    return Check(area=area, name=name, outcome="failed", why="; ".join(listed[:TOLD]) + more)


def equal(area: str, name: str, expected: object, ask: Callable[[], object]) -> Check:
    """Return a check that the answer is the expected one; no answer is a fault."""
    answers: list[object] = []

    def faults() -> Iterator[str]:
        answers.append(ask())
        if answers[0] != expected:
            yield f"expected {expected}, found {answers[0]}"

    checked = found(area, name, faults(), good="")
    return replace(checked, why=str(answers[0])) if checked.outcome == "ok" else checked


def warning(area: str, name: str, why: str) -> Check:
    """Return a warning: nothing is wrong, but somebody should know."""
    return Check(area=area, name=name, outcome="warning", why=why)
