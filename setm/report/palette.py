"""Colours of the report, distinguishable with every common kind of colour blindness.

The first six are of Okabe & Ito 2008, Color Universal Design; what they do not suffice for is of P. Tol's muted scheme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
INDIGO = "#332288"
WINE = "#882255"
OLIVE = "#999933"
TEAL = "#44AA99"
STEEL = "#44607A"
GREY = "#8A8F98"

DEMAND, SUPPLY = BLUE, VERMILLION
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
MECHANISMS: Mapping[str, str] = MappingProxyType(
    {
        "negotiation": BLUE,
        "auction": VERMILLION,
        "vickrey": GREEN,
        "pay_as_bid": PURPLE,
        "mcafee": WINE,
        "supply_demand": OLIVE,
        "day_ahead": STEEL,
        "tariff": ORANGE,
        "distributed": INDIGO,
        "conditional": TEAL,
        "anonymous": SKY,
    }
)


def mechanism_colours(mechanisms: Sequence[str]) -> dict[str, str]:
    """Return the colour of each mechanism, the same in every run; grey for one that is not known."""
    return {name: MECHANISMS.get(name, GREY) for name in mechanisms}
