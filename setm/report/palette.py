"""Colours of the report, distinguishable with every common kind of colour blindness (Okabe & Ito 2008)."""

from __future__ import annotations

from itertools import chain, repeat

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREY = "#8A8F98"

DEMAND, SUPPLY = BLUE, VERMILLION
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MECHANISMS = {"negotiation": BLUE, "auction": VERMILLION}


def mechanism_colours(mechanisms: list[str]) -> dict[str, str]:
    """Return a fixed colour for each mechanism."""
    spare = chain((GREEN, PURPLE, ORANGE, SKY), repeat(GREY))
    return {name: MECHANISMS.get(name) or next(spare) for name in mechanisms}
