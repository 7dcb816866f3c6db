"""What becomes public: which facts about participants anyone can read in the events of a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from setm.compare.public import BACKGROUND, FACTS, FIELDS, PUBLIC
from setm.errors import RunError
from setm.report.run import MechanismRun


def shown(record: MechanismRun) -> dict[str, list[str]]:
    """Return each public fact with the fields that show it on this day, as ``contract.Event.field``.

    Raise ``RunError`` if an event shows what is said to stay private, or has a field that is not described.
    """
    if record.name not in PUBLIC:
        raise RunError(
            f"{record.name}: nothing says what it makes public; expected a line in PUBLIC of "
            "setm/compare/public.py"
        )
    found: dict[str, list[str]] = {fact: [] for fact in PUBLIC[record.name]}
    for contract, event, field in _fields(record):
        name = f"{contract}.{event}.{field}"
        if field not in FIELDS.get(event, {}):
            raise RunError(
                f"{record.name}: {name} is in the events, but nothing says what it shows; expected a line in "
                "FIELDS of setm/compare/public.py"
            )
        for fact in FIELDS[event][field].split():
            if fact not in found:
                raise RunError(
                    f"{record.name}: {name} shows {FACTS[fact]}, which is said to stay private; expected only "
                    f"{', '.join(sorted(found))}: correct the contract, or PUBLIC in setm/compare/public.py"
                )
            found[fact].append(name)
    if told := told_names(record):
        raise RunError(f"{record.name}: an event holds the name {told[0]!r}; expected none")
    return {fact: found[fact] for fact in FACTS if fact in found}


def told_names(record: MechanismRun) -> list[str]:
    """Return the participants' names that stand in any event; there should be none."""
    texts = {
        value for event in record.events for value in _values(event.args) if isinstance(value, str)
    }
    return sorted(
        one.name for one in record.participants.values() if any(one.name in text for text in texts)
    )


def _fields(record: MechanismRun) -> list[tuple[str, str, str]]:
    met = {
        (event.contract, event.name, field): None
        for event in record.events
        if event.contract not in BACKGROUND
        for field in event.args
    }
    return list(met)


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner)
    else:
        yield value
