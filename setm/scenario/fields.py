"""The values that fields of a scenario take: exact prices, names, dates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from setm.errors import ConfigError
from setm.forecast import MODEL_NAMES
from setm.units import price_from_eur_per_mwh


def _plain_number(value: object) -> object:
    """Take a YAML number for what its digits say, not for its nearest binary fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("expected a number")
    return Decimal(str(value))


def _exact_price(value: Decimal) -> Decimal:
    try:
        price_from_eur_per_mwh(value)
    except ConfigError as error:
        raise ValueError("expected at most 3 decimals") from error
    return value


def _date_text(value: object) -> object:
    """Take a quoted date for a date, as YAML takes an unquoted one."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("expected a date such as 2016-11-18") from error


EurPerMwh = Annotated[
    Decimal,
    Field(ge=0, le=4_000_000),
    AfterValidator(_exact_price),
    BeforeValidator(_plain_number),
]
Eur = Annotated[Decimal, Field(ge=0, le=1_000_000), BeforeValidator(_plain_number)]
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w][\w .-]*$")]
KindName = Literal["personal consumer", "industrial consumer", "generation", "prosumer"]
Quantities = Literal["forecast", "delivered"]
# Each is a mechanism of setm.trading, which stands above scenarios.
Mechanism = Literal[
    "negotiation",
    "auction",
    "vickrey",
    "pay_as_bid",
    "mcafee",
    "supply_demand",
    "day_ahead",
    "tariff",
    "distributed",
    "conditional",
    "anonymous",
]


def _known_model(value: str) -> str:
    if value not in MODEL_NAMES:
        raise ValueError(f"expected one of {', '.join(MODEL_NAMES)}")
    return value


Day = Annotated[date, BeforeValidator(_date_text)]
ModelName = Annotated[str, AfterValidator(_known_model)]
