"""What the parts of the model share."""

from __future__ import annotations

from typing import Any

from tests.audit.machine.world import World


class Refusal(Exception):
    """A contract refuses; the text is ``Name(argument=value, ...)``, ``Name(*)`` or ``*``."""


def require(condition: bool, name: str, **values: Any) -> None:
    """Refuse with an error and its values."""
    if not condition:
        listed = ", ".join(f"{key}={value}" for key, value in values.items())
        raise Refusal(f"{name}({listed})")


def require_any(condition: bool, pattern: str) -> None:
    """Refuse with an error of which only the pattern is foreseen."""
    if not condition:
        raise Refusal(pattern)


class Side:
    """A part of the model."""

    world: World
    now: int
